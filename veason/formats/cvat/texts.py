"""Instructions in an attribute of CVAT, one a line; what XML cannot hold is replaced."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape

from veason.annotation.state import runs_of
from veason.formats.labels.made_with import POLICY, SEGMENTER

MODELS = {POLICY: "policies", SEGMENTER: "segmenters"}
"""The attributes that name the models that labelled the instructions of an object, a line an instruction."""

UNNAMED = "-"
"""The line where no model is known."""

ABSENT = "absent"
"""The attribute with the frames on which an object was marked absent, such as "34-43, 50"; `outside` tells no such
thing, for CVAT itself ends every shape with it."""

_RUNS = re.compile(r"\d{1,9}(?:-\d{1,9})?(?:, \d{1,9}(?:-\d{1,9})?)*", re.ASCII)

_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def join_instructions(instructions: list[str]) -> str:
    r"""Return instructions as lines.

    >>> join_instructions(["the dog", "two\nlines"])
    'the dog\ntwo\\nlines'
    """
    return "\n".join(each.replace("\\", "\\\\").replace("\n", "\\n") for each in instructions)


def split_instructions(text: str) -> list[str]:
    r"""Return the instructions of `join_instructions`.

    >>> split_instructions('the dog\ntwo\\nlines')
    ['the dog', 'two\nlines']
    """
    return [re.sub(r"\\(n|\\)", _unescaped, line) for line in text.split("\n") if line]


def join_frames(frames: Iterable[int]) -> str:
    """Return frames as runs.

    >>> join_frames([34, 35, 36, 50])
    '34-36, 50'
    """
    return ", ".join(f"{start}-{stop - 1}" if stop - start > 1 else str(start) for start, stop in runs_of(frames))


def split_frames(text: str, num_frames: int) -> frozenset[int] | None:
    """Return those of the frames of `join_frames` that are below a number, None where the text is no runs that ascend.

    >>> sorted(split_frames("34-36, 50", 36)), split_frames("in the rain", 36), split_frames("5-9, 7", 36)
    ([34, 35], None, None)
    """
    if not _RUNS.fullmatch(text):
        return None
    ends = [[int(end) for end in run.split("-")] for run in text.split(", ")]
    runs = [(each[0], each[-1] + 1) for each in ends]
    edges = [edge for run in runs for edge in run]
    if edges != sorted(set(edges)):
        return None
    return frozenset(at for start, stop in runs for at in range(start, min(stop, num_frames)))


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else "\\"


def xml_text(text: str) -> str:
    """Return text as the content of an element; characters that XML cannot hold become U+FFFD."""
    return escape(fit_for_xml(text), {"\r": "&#13;"})


def fit_for_xml(text: str) -> str:
    """Return text with U+FFFD for what XML cannot hold, control characters and halves of characters."""
    return _UNFIT.sub("\ufffd", text)
