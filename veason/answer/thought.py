"""The streamed reasoning: its trimmed text and the frames it mentions."""

from __future__ import annotations

import re

from veason.answer.context import AnswerContext
from veason.types import FrameMention, ThoughtDelta

_NUMBER = re.compile(r"(?<![\w.,])(?<!\s-)[0-9]{1,9}(?![0-9]|[.,][0-9])")
_FRAME_WORDS = frozenset(
    {
        f"{word}{plural}"
        for word in ("frame", "keyframe", "timestamp", "image", "second", "time")
        for plural in ("", "s")
    }
)
_LINKS = frozenset({"number", "index", "no", "no.", "at", "is"})
_LAST_LETTERS = tuple({end for word in _FRAME_WORDS | _LINKS for end in (word[-1], word[-1].upper())})
_SIGNS = "([<*#:=`'\"⟨"
_SECONDS_AFTER = re.compile(r"\s?s(?:ec(?:ond)?s?)?\b", re.IGNORECASE)
_BRACKETS = {"<": ">", "⟨": "⟩"}
_CHARS_BEFORE, _CHARS_AFTER = 40, 12


def find_mentions(thought: str, context: AnswerContext) -> list[FrameMention]:
    """Return the frames that a complete reasoning mentions, the same as those found while it was streamed."""
    reader = Thought(context)
    return [event for event in [*reader.feed(thought), *reader.pause()] if isinstance(event, FrameMention)]


class Thought:
    """A collector of the streamed reasoning that trims white space and finds frame numbers.

    The deltas always add up to `text`: trailing white space is kept until more text follows.
    """

    def __init__(self, context: AnswerContext, sample: int = 0) -> None:
        self._context = context
        self._sample = sample
        self._pieces: list[str] = []
        self._spaces: list[str] = []
        self._tail = ""
        self._tail_start = 0
        self._searched = 0

    @property
    def text(self) -> str:
        """The reasoning so far."""
        return "".join(self._pieces)

    def feed(self, text: str) -> list[ThoughtDelta | FrameMention]:
        """Add text; return it as a delta, followed by the mentions that are complete."""
        trimmed = text.rstrip() if self._pieces else text.strip()
        if not trimmed:
            if self._pieces:
                self._spaces.append(text)
            return []
        after = text[len(text.rstrip()) :]
        trimmed, self._spaces = "".join((*self._spaces, trimmed)), [after]
        self._pieces.append(trimmed)
        self._tail += trimmed
        return [ThoughtDelta(trimmed, self._sample), *self._mentions(is_over=False)]

    def pause(self) -> list[FrameMention]:
        """Return the mentions at the end of a section of reasoning; later text starts on a new line."""
        if self._pieces:
            self._spaces.append("\n")
        return self._mentions(is_over=True)

    def _mentions(self, *, is_over: bool) -> list[FrameMention]:
        found: list[FrameMention] = []
        certain = len(self._tail) - (0 if is_over else _CHARS_AFTER)
        for match in _NUMBER.finditer(self._tail, self._searched):
            if match.end() > certain:
                break
            frame_index = self._context.frame_of(int(match[0]))
            if frame_index is not None and self._names_a_frame(match):
                span = self._tail_start + match.start(), self._tail_start + match.end()
                found.append(FrameMention(frame_index, *span, self._sample))
            self._searched = match.end()
        # A number may start up to its own length before the part that is not certain yet.
        self._searched = max(self._searched, certain - _CHARS_AFTER * 2)
        cut = max(self._searched - _CHARS_BEFORE, 0)
        self._tail, self._tail_start, self._searched = self._tail[cut:], self._tail_start + cut, self._searched - cut
        return found

    def _names_a_frame(self, number: re.Match[str]) -> bool:
        before = self._tail[max(number.start() - _CHARS_BEFORE, 0) : number.start()]
        after = self._tail[number.end() : number.end() + _CHARS_AFTER]
        closing = _BRACKETS.get(before[-1:])
        if closing is not None and after.removeprefix("s").startswith(closing):
            return True
        if _SECONDS_AFTER.match(after):
            return True
        before = before.rstrip(f"{_SIGNS} ")
        if not before.endswith(_LAST_LETTERS):
            return False
        words = [word.strip(_SIGNS) for word in before.lower().split()[-2:]]
        if words and words[-1] in _LINKS:
            words.pop()
        return bool(words) and words[-1] in _FRAME_WORDS
