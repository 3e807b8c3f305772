"""Splitting streamed text at the think and answer tags, also if a tag arrives in parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

TagName = Literal["think", "answer"]

_NAMES = ("think", "thinking", "answer")
_TAG = re.compile(rf"<\s{{0,4}}(/?)\s{{0,4}}({'|'.join(_NAMES)})\s{{0,4}}>", re.IGNORECASE)
_PREFIXES = "|".join(sorted({name[:length] for name in _NAMES for length in range(1, len(name))}))
_PARTIAL_TAG = re.compile(rf"<\s{{0,4}}/?\s{{0,4}}(?:{_PREFIXES}|(?:{'|'.join(_NAMES)})\s{{0,4}})?\Z", re.IGNORECASE)
_MAX_PARTIAL_TAG = 22


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of the text. `is_plain` means exact spelling, for example `</think>`."""

    name: TagName
    is_closing: bool
    is_plain: bool


class TagSplitter:
    """A splitter of streamed text into text and tags. A possible start of a tag is kept until the next call.

    >>> splitter = TagSplitter()
    >>> splitter.feed("so.</thi"), splitter.feed("nk>")
    (['so.'], [Tag(name='think', is_closing=True, is_plain=True)])
    """

    def __init__(self) -> None:
        self._pending = ""

    def feed(self, text: str) -> list[str | Tag]:
        """Return the text and tags that are complete, in order, without a possible start of a tag at the end."""
        text = self._pending + text
        parts: list[str | Tag] = []
        done = 0
        for match in _TAG.finditer(text):
            parts += [text[done : match.start()], _tag(match)]
            done = match.end()
        partial = _PARTIAL_TAG.search(text, max(done, len(text) - _MAX_PARTIAL_TAG))
        stop = partial.start() if partial else len(text)
        self._pending = text[stop:]
        parts.append(text[done:stop])
        return [part for part in parts if part]


def _tag(match: re.Match[str]) -> Tag:
    name: TagName = "answer" if match[2].lower() == "answer" else "think"
    return Tag(name, bool(match[1]), match[0] == f"<{match[1]}{name}>")
