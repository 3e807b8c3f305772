"""Parsing of a policy's text, complete or streamed. The result is an Answer or an AnswerError.

The rules, in order:

1. The content of an answer block is read as JSON, even if damaged; the last closed block counts.
2. Without an answer tag, an object that starts with a quoted key outside the think block is read the same way.
3. If neither was found at the end, an object with a known key anywhere in the text is read.
4. Otherwise the text is prose: it counts only if it names exactly one frame and at least one box.

All other text is reasoning. Every repair adds a Note; no value is invented.
"""

from __future__ import annotations

import re
from typing import Literal

from veason.answer.characters import to_ascii
from veason.answer.context import AnswerContext
from veason.answer.draft import Draft
from veason.answer.keys import BOXES_ALIASES, KEYFRAME_ALIASES
from veason.answer.prose import read_prose
from veason.answer.reader import BodyReader
from veason.answer.tags import Tag, TagSplitter
from veason.answer.thought import Thought
from veason.answer.wording import ANSWER_CLOSE, is_box, load_json, split_blocks
from veason.errors import AnswerError
from veason.types import Answer, AnswerEvent, Note

Zone = Literal["outside", "think", "answer"]

_QUOTES = "\"“”'‘’"
_BODY_START = re.compile(rf"(?:```[a-z]{{0,8}}\s{{0,4}})?(?:\[\s{{0,8}})?\{{\s{{0,16}}[{_QUOTES}]")
_PARTIAL_BODY_START = re.compile(
    r"(?:`{1,2}|```(?:[a-z]{0,8}|[a-z]{0,8}\s{1,4}(?:\[\s{0,8})?|[a-z]{0,8}\[\s{0,8}|[a-z]{0,8}\s{0,4}(?:\[\s{0,8})?\{\s{0,16})"
    r"|\[\s{0,8}|(?:\[\s{0,8})?\{\s{0,16})\Z"
)
_MAX_PARTIAL_START = 48


def parse_answer(text: str, context: AnswerContext, *, strict: bool = False) -> Answer:
    """Parse the complete text of an answer.

    Args:
        text: any text of a model.
        context: the frames shown and the coordinate spaces.
        strict: allow no repairs; the text must be a think block, white space and an answer block with valid JSON.

    Raises:
        AnswerError: the text has no usable answer; the message says why.

    >>> context = AnswerContext(shown=(0, 128), num_frames=300, source_wh=(1120, 560))
    >>> answer = parse_answer("<think>See (128s).</think><answer>{'keyframe': 128, 'bbox': [10, 20, 30, 40]", context)
    >>> answer.keyframe, answer.boxes
    (128, (Box(x1=20.0, y1=20.0, x2=60.0, y2=40.0),))
    """
    if strict:
        return _read_strictly(text, context)
    parser = AnswerParser(context)
    parser.feed(text)
    return parser.finish()


class AnswerParser:
    """Read one answer while it arrives: `feed` every piece, then call `finish` once.

    A `BoxClosed` with number 0 starts the list of boxes again (a later answer block takes the place of an earlier one).
    """

    def __init__(self, context: AnswerContext, *, strict: bool = False, sample: int = 0) -> None:
        self._context = context
        self._is_strict = strict
        self._sample = sample
        self._text: list[str] = []
        self._splitter = TagSplitter()
        self._thought = Thought(context, sample)
        self._reader: BodyReader | None = None
        self._best_reader: BodyReader | None = None
        self._num_found = 0
        self._zone: Zone = "outside"
        self._has_answer_begun = False
        self._pending = ""

    @property
    def thought(self) -> str:
        """The reasoning so far: the joined text of all `ThoughtDelta` events."""
        return self._thought.text

    def feed(self, text: str) -> list[AnswerEvent]:
        """Add text; return the events that are certain. Never raises."""
        self._text.append(text)
        events: list[AnswerEvent] = []
        for part in self._splitter.feed(text):
            events += self._take_tag(part) if isinstance(part, Tag) else self._take_text(part)
        return events

    def finish(self) -> Answer:
        """Return the answer of the whole text.

        Raises:
            AnswerError: the text has no usable answer; the error's `text` is the whole text.
        """
        text = "".join(self._text)
        if self._is_strict:
            return _read_strictly(text, self._context)
        draft, notes = self._final_draft(text)
        return draft.to_answer(self.thought, text, notes)

    def _take_tag(self, tag: Tag) -> list[AnswerEvent]:
        events: list[AnswerEvent] = []
        if self._pending:
            events += self._thought.feed(self._pending)
            self._pending = ""
        if self._reader is not None:
            events += self._reader.close()
            self._finish_reader()
        else:
            events += self._thought.pause()
        self._zone = "outside" if tag.is_closing else tag.name
        self._has_answer_begun |= self._zone == "answer"
        return events

    def _take_text(self, text: str) -> list[AnswerEvent]:
        if self._zone == "think":
            return list(self._thought.feed(text))
        if self._zone == "answer":
            self._reader = self._reader or BodyReader(self._context, self._sample)
            return list(self._reader.feed(text))
        return [] if self._has_answer_begun else self._find_body(text)

    def _find_body(self, text: str) -> list[AnswerEvent]:
        text = self._pending + text
        self._pending = ""
        if start := _BODY_START.search(to_ascii(text)):
            events: list[AnswerEvent] = [*self._thought.feed(text[: start.start()]), *self._thought.pause()]
            self._zone, self._has_answer_begun = "answer", True
            return events + self._take_text(text[start.start() :])
        partial = _PARTIAL_BODY_START.search(to_ascii(text), max(len(text) - _MAX_PARTIAL_START, 0))
        stop = partial.start() if partial else len(text)
        self._pending = text[stop:]
        return list(self._thought.feed(text[:stop]))

    def _finish_reader(self) -> None:
        """Keep the current reader if its answer is complete, or if no complete one was found before."""
        reader, self._reader = self._reader, None
        if reader is None or not reader.has_content:
            return
        self._num_found += 1
        if self._best_reader is None or reader.is_complete or not self._best_reader.is_complete:
            self._best_reader = reader

    def _final_draft(self, text: str) -> tuple[Draft, list[Note]]:
        self._finish_reader()
        may_be_cut = self._best_reader is None or not self._best_reader.is_complete
        notes: list[Note] = []
        if not _is_tagged(text, may_be_cut=may_be_cut):
            notes.append(Note("tags_repaired", "the think and answer tags are not where they should be"))
        if self._num_found > 1:
            message = f"the text holds {self._num_found} answers, the last one that is closed counts"
            notes.append(Note("repeated_answer", message))
        return (self._best_reader.finish() if self._best_reader else self._search_whole_text(text)), notes

    def _search_whole_text(self, text: str) -> Draft:
        text = "\n".join(part for part in TagSplitter().feed(text) if isinstance(part, str))
        start = _known_key(self._context).search(to_ascii(text))
        if start is not None:
            reader = BodyReader(self._context)
            reader.feed(text[start.start() :])
            if reader.has_content:
                return reader.finish()
        return read_prose(text, self._context, "".join(self._text))


def _read_strictly(text: str, context: AnswerContext) -> Answer:
    blocks = split_blocks(text)
    if blocks is None:
        raise AnswerError("the text must be a think block, white space and an answer block, each tag once", text)
    body = load_json(blocks[1])
    if not isinstance(body, dict):
        raise AnswerError("the answer block must hold a plain JSON object", text)
    keyframe, boxes = body.get(context.keyframe_key), body.get(context.boxes_key)
    if not isinstance(boxes, list) or not all(is_box(box) for box in boxes):
        message = f"{context.boxes_key!r} must be a list of lists of four numbers, got {_describe_value(boxes)}"
        raise AnswerError(message, text)
    is_null = keyframe is None and context.keyframe_key in body and not boxes
    if not is_null and (not isinstance(keyframe, int) or isinstance(keyframe, bool)):
        raise AnswerError(f"{context.keyframe_key!r} must be an integer, got {_describe_value(keyframe)}", text)
    draft = Draft(context)
    draft.has_boxes = True
    if not is_null:
        draft.take_keyframe(str(keyframe))
    for box in boxes:
        draft.take_box(box)
    if any(note.kind == "box_scaled" for note in draft.notes):
        raise AnswerError(f"the boxes must be in pixels of {context.space_wh}, got shares of the picture", text)
    return draft.to_answer(blocks[0].strip(), text)


def _is_tagged(text: str, *, may_be_cut: bool) -> bool:
    text = text.strip()
    if may_be_cut and ANSWER_CLOSE not in text:
        text += ANSWER_CLOSE
    return split_blocks(text) is not None


def _describe_value(value: object) -> str:
    """Describe a JSON value without printing a long or deeply nested one."""
    return type(value).__name__ if isinstance(value, list | dict | str) else f"{value}"[:40]


def _known_key(context: AnswerContext) -> re.Pattern[str]:
    exact = "|".join(re.escape(key) for key in (context.keyframe_key, context.boxes_key))
    aliases = "|".join(sorted(KEYFRAME_ALIASES | BOXES_ALIASES, key=len, reverse=True))
    quote = rf"[{_QUOTES}]?\s{{0,2}}"
    return re.compile(
        rf"(?:\[\s{{0,8}})?\{{\s{{0,16}}{quote}(?:{exact}|{aliases}){quote}\s{{0,4}}[:=]|(?:{exact}){quote}[:=]"
    )
