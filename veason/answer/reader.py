"""Read the tokens of an answer block: which number is the keyframe, and which list is a box."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from veason.answer.context import AnswerContext
from veason.answer.draft import Draft, read_number
from veason.answer.tokens import Token, Tokenizer
from veason.answer.wording import load_json
from veason.types import BoxClosed, KeyframeChosen, Note

Role = Literal["keyframe", "boxes", "other"]

KEYFRAME_ALIASES = frozenset(
    {"keyframe_timestamp", "keyframe", "key_frame", "keyframe_index", "timestamp", "frame", "frame_index", "time"}
)
"""Keys under which models write the keyframe when they forget the one they were told."""

BOXES_ALIASES = frozenset({"bbox_2d_list", "bbox_2d", "bbox_list", "bboxes", "bbox", "boxes", "box", "box_2d"})
"""The same for boxes; `bbox_2d` is what Qwen2.5-VL learnt for grounding."""

_CORNERS = {
    name: place for place, names in enumerate(("x1 xmin", "y1 ymin", "x2 xmax", "y2 ymax")) for name in names.split()
}
_DEEPEST, _MOST_TOKENS = 100, 20_000

BodyEvent = KeyframeChosen | BoxClosed


@dataclass(slots=True, eq=False)
class _Open:
    """A bracket that is not closed yet. `key` waits for its value, `word` may turn out to be a key."""

    is_object: bool
    role: Role
    is_whole_list: bool = False
    key: Role | None = None
    corner: int | None = None
    word: str | None = None
    is_exact: dict[Role, bool] = field(default_factory=dict)
    numbers: list[float] = field(default_factory=list)
    corners: dict[int, float] = field(default_factory=dict)
    has_children: bool = False


class BodyReader:
    """Read one answer block as it arrives. Depth does not matter: a key counts wherever it stands.

    Outside every bracket only the two exact keys count, so that prose around the JSON does no harm.
    """

    def __init__(self, context: AnswerContext, sample: int = 0) -> None:
        self.draft = Draft(context, sample)
        self._context = context
        self._tokenizer = Tokenizer()
        self._stack = [_Open(is_object=True, role="other")]
        self._text: list[str] = []
        self._has_known_key = False
        self._is_exact_keyframe = False
        self._num_tokens = 0
        self._has_given_up = False

    @property
    def has_content(self) -> bool:
        """True once a key for the keyframe or for the boxes was seen."""
        return self._has_known_key

    @property
    def is_complete(self) -> bool:
        """True where every bracket is closed (outside of them no string is ever open)."""
        return len(self._stack) == 1 and self._stack[0].key is None and not self._has_given_up

    def feed(self, text: str) -> list[BodyEvent]:
        """Take more of the block and return what it completes."""
        self._text.append(text)
        events: list[BodyEvent] = []
        if self._has_given_up:
            return events
        for token in self._tokenizer.feed(text):
            events += self._take(token)
            if self._has_given_up:
                break
        return events

    def close(self) -> list[BodyEvent]:
        """Take the end of the block: a tag stands there, so the last number is complete and open brackets close."""
        events: list[BodyEvent] = []
        if self._has_given_up:
            return events
        for token in self._tokenizer.close():
            events += self._take(token)
        while len(self._stack) > 1:
            events += self._pop()
        self._stack[0].key = None
        return events

    def finish(self) -> Draft:
        """Return the draft with the notes on its JSON. Call it once, at the end of the text."""
        draft = self.draft
        is_list_open = any("boxes" in (opened.role, opened.key) for opened in self._stack)
        draft.is_cut_short = not self.is_complete and (is_list_open or not draft.has_boxes)
        repairs = ", ".join(self._tokenizer.repairs)
        if not self.is_complete:
            draft.note(Note("cut_off", "the text ends before the answer is closed; what was complete is kept"))
        if repairs or (self.is_complete and not isinstance(load_json("".join(self._text)), dict)):
            draft.note(
                Note("json_repaired", f"the answer is not a plain JSON object: {repairs or 'brackets or commas'}")
            )
        return draft

    def _take(self, token: Token) -> list[BodyEvent]:
        top = self._stack[-1]
        self._num_tokens += 1
        events: list[BodyEvent] = []
        if token.kind == "open":
            self._push(token.value == "{")
        elif token.kind == "close":
            events = self._close_bracket(is_object=token.value == "{")
        elif token.kind == "colon":
            self._start_value(top)
        elif token.kind == "comma":
            top.key = top.corner = top.word = None
        elif top.is_object and top.key is None:
            top.word = token.value
        else:
            events = self._take_scalar(top, token)
        self._tokenizer.is_outermost = len(self._stack) == 1 and self._stack[0].key is None
        self._has_given_up = len(self._stack) > _DEEPEST or self._num_tokens > _MOST_TOKENS
        return events

    def _push(self, is_object: bool) -> None:
        parent = self._stack[-1]
        role = (parent.key or "other") if parent.is_object else parent.role
        is_whole_list = not is_object and parent.is_object and role == "boxes"
        parent.has_children = True
        parent.key = parent.corner = parent.word = None
        if is_whole_list:
            self.draft.has_boxes = True
        self._stack.append(_Open(is_object, role, is_whole_list))

    def _close_bracket(self, *, is_object: bool) -> list[BodyEvent]:
        if not any(opened.is_object == is_object for opened in self._stack[1:]):
            return []
        events: list[BodyEvent] = []
        while True:
            is_match = self._stack[-1].is_object == is_object
            events += self._pop()
            if is_match:
                return events

    def _pop(self) -> list[BodyEvent]:
        closed = self._stack.pop()
        if closed.role != "boxes":
            return []
        if closed.is_object:
            corners = [closed.corners[place] for place in sorted(closed.corners)]
            if len(corners) < 4:
                return []
            self._note_repair("a box was written with named corners")
            return list(self.draft.take_box(corners))
        if closed.numbers:
            if closed.has_children or closed.is_whole_list:
                self._note_repair("a box stood outside a list of its own")
            return list(self.draft.take_box(closed.numbers))
        return [] if closed.has_children or closed.is_whole_list else list(self.draft.take_box([]))

    def _start_value(self, top: _Open) -> None:
        if not top.is_object or top.word is None:
            return
        word, top.word = top.word, None
        name = word.strip().lower().replace("-", "_").replace(" ", "_")
        if top.role == "boxes" and name in _CORNERS:
            top.key, top.corner = "other", _CORNERS[name]
            return
        top.corner = None
        role, is_exact = self._role_of(word, name)
        is_outermost = top is self._stack[0]
        top.key = None if is_outermost and not is_exact else role
        if top.key in ("keyframe", "boxes"):
            top.key = self._claim(top, word, top.key, is_exact=is_exact)

    def _role_of(self, word: str, name: str) -> tuple[Role, bool]:
        if word in (self._context.keyframe_key, self._context.boxes_key):
            return ("keyframe" if word == self._context.keyframe_key else "boxes"), True
        return ("keyframe" if name in KEYFRAME_ALIASES else "boxes" if name in BOXES_ALIASES else "other"), False

    def _claim(self, top: _Open, word: str, role: Role, *, is_exact: bool) -> Role:
        """Decide what a second key for the same thing means: the exact one beats an alias, then the last one counts."""
        is_known_exact = self._is_exact_keyframe if role == "keyframe" else top.is_exact.get(role, False)
        self._has_known_key = True
        if is_known_exact and not is_exact:
            return "other"
        if not is_exact:
            self.draft.note(Note("key_renamed", f"{word[:40]!r} was read as {self._wanted(role)!r}"))
        elif len(self._stack) > 2:
            self._note_repair(f"{word!r} stood deeper than in the object itself")
        is_better = is_exact and role == "keyframe" and not self._is_exact_keyframe
        if role in top.is_exact or is_better:
            if top.is_exact.get(role) == is_exact:
                self._note_repair(f"{self._wanted(role)!r} is given twice, the last one counts")
            (self.draft.forget_keyframe if role == "keyframe" else self.draft.forget_boxes)()
        top.is_exact[role] = is_exact
        self._is_exact_keyframe |= is_exact and role == "keyframe"
        return role

    def _wanted(self, role: Role) -> str:
        return self._context.keyframe_key if role == "keyframe" else self._context.boxes_key

    def _note_repair(self, message: str) -> None:
        self.draft.note(Note("json_repaired", message))

    def _take_scalar(self, top: _Open, token: Token) -> list[BodyEvent]:
        role = top.key if top.is_object else top.role
        corner, top.key, top.corner = top.corner, None, None
        if role == "keyframe":
            if token.kind == "string" or not top.is_object:
                self._note_repair(f"the keyframe is a {'string' if top.is_object else 'list'}, not a plain number")
            return list(self.draft.take_keyframe(token.value))
        if corner is not None:
            top.corners[corner] = read_number(token.value)
        elif role == "boxes":
            return self._take_box_scalar(top, token)
        return []

    def _take_box_scalar(self, top: _Open, token: Token) -> list[BodyEvent]:
        number = read_number(token.value)
        if top.is_object or math.isnan(number):
            return list(self.draft.take_box_text(token.value))
        if token.kind == "string":
            self._note_repair("numbers of a box were written as strings")
        top.numbers.append(number)
        return []
