"""Instructions in an attribute of CVAT, one a line; what XML cannot hold is replaced."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from veason.formats.labels.made_with import POLICY, SEGMENTER

MODELS = {POLICY: "policies", SEGMENTER: "segmenters"}
"""The attributes that name the models that labelled the instructions of an object, a line an instruction."""

UNNAMED = "-"
"""The line where no model is known."""

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


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else "\\"


def xml_text(text: str) -> str:
    """Return text as the content of an element; characters that XML cannot hold become U+FFFD."""
    return escape(fit_for_xml(text), {"\r": "&#13;"})


def fit_for_xml(text: str) -> str:
    """Return text with U+FFFD for what XML cannot hold, control characters and halves of characters."""
    return _UNFIT.sub("\ufffd", text)
