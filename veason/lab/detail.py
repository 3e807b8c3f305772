"""One case in detail: the claims of its reasoning judged, its rewards explained, the answers that were drawn to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from veason.errors import OptionError
from veason.lab.claims import ReadClaim, read_claims
from veason.lab.groups import explain_group, read_group
from veason.lab.pictures import BOXED, TRUTH, CasePictures, DrawnBox
from veason.lab.rewarding import Explained, explain_rewards, profile_of_run
from veason.types import Answer, Box

MATCHED = "matched"
"""What is asked for to have the boxes drawn that the rewards compare, instead of the number of a drawn answer."""


def judged_claims(pictures: CasePictures, row: Mapping[str, Any]) -> tuple[ReadClaim, ...]:
    """Return the claims of the reasoning of a case, none where no answer was saved."""
    if row["thought"] is None:
        return ()
    answer = _answer(row)
    keyframe = pictures.keyframe(row)
    size_wh = (keyframe.shape[1], keyframe.shape[0]) if keyframe is not None else None
    return read_claims(answer, row["shown"] or (), pictures.samples[row["key"]].size_wh or size_wh, keyframe)


def explained(pictures: CasePictures, row: Mapping[str, Any]) -> Explained | None:
    """Return the four rewards of a case with what they come from, None where they cannot be told."""
    if not row["shown"]:
        return None
    run = pictures.run
    return explain_rewards(
        pictures.samples[row["key"]],
        None if row["why_not"] else _answer(row),
        row["text"] or "",
        row["shown"],
        profile=profile_of_run(run.info.made_by),
        masks=pictures.predicted(row["key"]) if run.info.has_masks else None,
    )


def _answer(row: Mapping[str, Any]) -> Answer:
    return Answer(row["thought"] or "", row["keyframe"], tuple(Box(*box) for box in row["boxes_xyxy"] or ()))


def group_of(pictures: CasePictures, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the answers that were drawn to a question, each with its cluster, rewards and advantage."""
    run = pictures.run
    members = explain_group(read_group(run, row["key"]), pictures.samples[row["key"]], profile_of_run(run.info.made_by))
    told = []
    for member in members:
        answer = member.drawn.saved.answer
        told.append({
            "cluster": member.cluster,
            "keyframe": answer.keyframe if answer else None,
            "boxes": None if answer is None else [list(box.xyxy) for box in answer.boxes],
            "thought": answer.thought if answer else member.drawn.saved.unanswered,
            "rewards": member.rewards and member.rewards.as_values(),
            "advantage": member.advantage,
        })  # fmt: skip
    return told


def boxes_to_draw(pictures: CasePictures, row: Mapping[str, Any], wanted: str, frame: int) -> list[DrawnBox] | None:
    """Return the boxes that are asked for on a frame, None for those that are drawn anyway.

    Args:
        pictures: those of the case's run.
        row: the case.
        wanted: `MATCHED`, the number of an answer that was drawn to the question, or "".
        frame: the frame that is drawn.

    Raises:
        OptionError: there is no such answer.
    """
    if not wanted:
        return None
    if wanted != MATCHED:
        group = read_group(pictures.run, row["key"])
        number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else len(group)
        if not 0 <= number < len(group):
            raise OptionError(
                f"boxes is matched, or the number of an answer from 0 to {len(group) - 1}, got {wanted[:40]!r}"
            )
        answer = group[number].saved.answer
        return [DrawnBox(box.xyxy) for box in answer.boxes] if answer and answer.keyframe == frame else []
    found = explained(pictures, row) if frame == row["keyframe"] else None
    if found is None:
        return None
    boxes = found.terms["boxes"]
    words = {pair.predicted: f"IoU {pair.iou:.2f}" for pair in boxes.pairs} if boxes else {}
    true = [DrawnBox(box.xyxy, TRUTH) for box in found.true_boxes]
    mine = [
        DrawnBox(tuple(box), BOXED, words.get(number, "no match")) for number, box in enumerate(row["boxes_xyxy"] or ())
    ]
    return [*true, *mine]
