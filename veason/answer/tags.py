"""Cut arriving text at the think and answer tags, also where a tag comes in pieces."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

TagName = Literal["think", "answer"]

_NAMES = ("think", "thinking", "answer")
_TAG = re.compile(rf"<\s{{0,4}}(/?)\s{{0,4}}({'|'.join(_NAMES)})\s{{0,4}}>", re.IGNORECASE)
_BEGINNINGS = "|".join(sorted({name[:length] for name in _NAMES for length in range(1, len(name))}))
_BEGUN = re.compile(rf"<\s{{0,4}}/?\s{{0,4}}(?:{_BEGINNINGS}|(?:{'|'.join(_NAMES)})\s{{0,4}})?\Z", re.IGNORECASE)
_LONGEST_BEGUN = 22


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of the text. `is_plain` tells that it was written just so, for example `</think>`."""

    name: TagName
    is_closing: bool
    is_plain: bool


class TagSplitter:
    """Turn pieces of text into text and tags; what may still become a tag is held back.

    >>> splitter = TagSplitter()
    >>> splitter.feed("so.</thi"), splitter.feed("nk>")
    (['so.'], [Tag(name='think', is_closing=True, is_plain=True)])
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> list[str | Tag]:
        """Return the text and the tags that are certain by now, in order. A begun tag at the very end never is."""
        text = self._held + text
        parts: list[str | Tag] = []
        done = 0
        for match in _TAG.finditer(text):
            parts += [text[done : match.start()], _tag(match)]
            done = match.end()
        begun = _BEGUN.search(text, max(done, len(text) - _LONGEST_BEGUN))
        stop = begun.start() if begun else len(text)
        self._held = text[stop:]
        parts.append(text[done:stop])
        return [part for part in parts if part]


def _tag(match: re.Match[str]) -> Tag:
    name: TagName = "answer" if match[2].lower() == "answer" else "think"
    return Tag(name, bool(match[1]), match[0] == f"<{match[1]}{name}>")
