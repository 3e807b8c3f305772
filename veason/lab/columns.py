"""The columns of a run's table of cases: their names, types and meanings, for storing, querying and reading alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from veason.lab.flags import FLAGS

Kind = Literal["text", "number", "whole", "flag", "indices", "boxes"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of cases.

    Attributes:
        name: as it is written in a query.
        kind: "text", "number" (float), "whole" (integer), "flag" (true, false or not known), "indices" (a list of frame
            indices) or "boxes" (a list of xyxy boxes in source pixels).
        meaning: a sentence for people.
        is_long: True for texts that are read only when a single case is looked at or the query names them.
    """

    name: str
    kind: Kind
    meaning: str
    is_long: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("key", "text", "name of the case, unique in the dataset"),
    Column("video", "text", "name of the video"),
    Column("expression", "text", "name of the expression within its video"),
    Column("instruction", "text", "what was asked"),
    Column("type", "text", "referring, reasoning or absent; null where the benchmark does not tell"),
    Column("words", "whole", "number of words of the instruction"),
    Column("num_frames", "whole", "frames that are scored, or frames of the video where nothing is"),
    Column("absent", "flag", "the target is not in the video, by the ground truth"),
    Column("said_absent", "flag", "the answer says that the target is not in the video"),
    Column("empty", "flag", "the masks are empty on every scored frame"),
    Column("missing", "whole", "scored frames without a saved picture, which count as empty"),
    Column("keyframe", "whole", "absolute index of the frame that the answer chose"),
    Column("boxes", "whole", "number of boxes in the answer"),
    Column("prominence", "number", "area of the target on the keyframe over its largest area, 0 to 1"),
    Column("j", "number", "region similarity J in percent"),
    Column("f", "number", "contour accuracy F in percent"),
    Column("jf", "number", "mean of J and F in percent"),
    Column("r_legacy", "number", "robustness R in percent as the published tool computes it: a false pixel weighs 255"),
    Column("r_binary", "number", "robustness R in percent where a false pixel weighs 1"),
    Column("agreement", "number", "share of further answers to the same question that agree, 0 to 1"),
    Column("object_score", "number", "mean object score of the masks that are not empty, 0 to 1 after a sigmoid"),
    Column("reward_format", "number", "the reward for form"),
    Column("reward_keyframe", "number", "the reward for the keyframe, Rk"),
    Column("reward_boxes", "number", "the reward for the boxes"),
    Column("reward_tracks", "number", "the reward for the masks over all frames, Ru"),
    Column("statements", "whole", "statements of the reasoning that were measured against the clip"),
    Column("false_statements", "whole", "those of them that are false of the clip"),
    *(Column(flag.name, "flag", flag.meaning) for flag in FLAGS),
    Column("shown", "indices", "absolute indices of the frames that the policy saw"),
    Column("boxes_xyxy", "boxes", "boxes of the answer on the keyframe, in source pixels", is_long=True),
    Column("why_not", "text", "why there is no usable answer", is_long=True),
    Column("thought", "text", "the reasoning", is_long=True),
    Column("text", "text", "everything that the policy wrote", is_long=True),
)

BY_NAME = {column.name: column for column in COLUMNS}

CASE_FIGURES = (
    "j",
    "f",
    "jf",
    "r_legacy",
    "r_binary",
    "reward_format",
    "reward_keyframe",
    "reward_boxes",
    "reward_tracks",
)
"""Columns that say how good a case came out, larger is better."""
