"""Finding the keyframe and the boxes in the tokens of an answer block."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from veason.answer.box_text import WrittenBox, boxes_in_string, read_number
from veason.answer.characters import to_ascii
from veason.answer.context import AnswerContext
from veason.answer.coordinates import COORDINATES, POINTS, box_of, box_of_points, normalize_name
from veason.answer.draft import Draft
from veason.answer.keys import BOXES_ALIASES, KEYFRAME_ALIASES, LOOSE_BOXES, NO_PLACES, is_numbered_box
from veason.answer.tokens import Token, Tokenizer
from veason.answer.wording import load_json
from veason.types import BoxClosed, KeyframeChosen, Note

_Role = Literal["keyframe", "box frame", "boxes", "loose", "other"]
"""What the value of a key is; "loose" is a box if nothing else in the object is one."""

_DEEPEST, _MOST_TOKENS, _DEEPEST_TEXT = 100, 20_000, 2

_SECONDS = frozenset({"s", "sec", "secs", "second", "seconds"})

BodyEvent = KeyframeChosen | BoxClosed


@dataclass(slots=True, eq=False)
class _Open:
    """A bracket that is not closed yet. `key` waits for its value, `word` may turn out to be a key.

    `name` is the key it is the value of; `named` are coordinates of an object by `COORDINATES`, `points` pairs of
    numbers in a list, `loose` what may be boxes; `is_orphan` tells that it has no key although it should,
    `has_box` that a box came from inside.
    """

    is_object: bool
    role: _Role
    name: str = ""
    is_whole_list: bool = False
    is_orphan: bool = False
    key: _Role | None = None
    key_name: str = ""
    coordinate: str | None = None
    word: str | None = None
    is_exact: dict[_Role, bool] = field(default_factory=dict)
    numbers: list[float] = field(default_factory=list)
    is_fraction: bool = False
    named: dict[str, float] = field(default_factory=dict)
    points: list[tuple[float, float]] = field(default_factory=list)
    loose: list[WrittenBox] = field(default_factory=list)
    has_children: bool = False
    has_box: bool = False

    def forget_key(self) -> None:
        """Drop the key and word that have no value yet."""
        self.key = self.coordinate = self.word = None


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
        self._has_keyed_boxes = False
        self._num_tokens = 0
        self._has_given_up = False
        self._text_depth = 0
        self._held_keyframe: str | None = None

    @property
    def has_content(self) -> bool:
        """True if a key for the keyframe or the boxes was found."""
        return self._has_known_key

    @property
    def is_complete(self) -> bool:
        """True if all brackets are closed."""
        return len(self._stack) == 1 and self._stack[0].key is None and not self._has_given_up

    def feed(self, text: str) -> list[BodyEvent]:
        """Add text of the block; return the events that it completes."""
        self._text.append(text)
        events: list[BodyEvent] = []
        if self._has_given_up:
            return events
        plain = to_ascii(text)
        if plain != text:
            self._tokenizer.repairs["characters of another keyboard"] = None
        for token in self._tokenizer.feed(plain):
            events += self._take(token)
            if self._has_given_up:
                break
        return events

    def close(self) -> list[BodyEvent]:
        """End the block at a tag: complete the last number and close open brackets. Return the resulting events."""
        events: list[BodyEvent] = []
        if self._has_given_up:
            return events
        for token in self._tokenizer.close():
            events += self._take(token)
        if self._held_keyframe is not None:
            events += self._take_keyframe(self._held_keyframe)
            self._held_keyframe = None
        while len(self._stack) > 1:
            events += self._pop()
        self._stack[0].key = None
        return events

    def finish(self) -> Draft:
        """Return the draft with the notes on its JSON. Call it once, at the end of the text."""
        draft = self.draft
        is_list_open = any("boxes" in (opened.role, opened.key) for opened in self._stack)
        draft.is_cut_short = not self.is_complete and (is_list_open or not draft.has_boxes)
        repairs = ", ".join(sorted(self._tokenizer.repairs))
        if not self.is_complete:
            draft.note(Note("cut_off", "the text ends before the answer is closed; what was complete is kept"))
        if repairs or (self.is_complete and not isinstance(load_json("".join(self._text)), dict)):
            draft.note(
                Note("json_repaired", f"the answer is not a plain JSON object: {repairs or 'brackets or commas'}")
            )
        return draft

    # --- tokens

    def _take(self, token: Token) -> list[BodyEvent]:
        top = self._stack[-1]
        self._num_tokens += 1
        events: list[BodyEvent] = []
        if self._held_keyframe is not None:
            is_unit = token.kind in ("bare", "string") and token.value.lower() in _SECONDS
            events, self._held_keyframe = self._take_keyframe(f"{self._held_keyframe}{'s' * is_unit}"), None
            if is_unit:
                return events
        if token.kind == "open":
            self._push(token.value == "{")
        elif token.kind == "close":
            events += self._close_bracket(is_object=token.value == "{")
        elif token.kind == "colon":
            self._start_value(top)
        elif token.kind == "comma":
            top.forget_key()
        elif top.is_object and top.key is None:
            top.word = token.value
        else:
            events += self._take_scalar(top, token)
        self._tokenizer.is_outermost = len(self._stack) == 1 and self._stack[0].key is None
        self._has_given_up = len(self._stack) > _DEEPEST or self._num_tokens > _MOST_TOKENS
        return events

    def _push(self, is_object: bool) -> None:
        parent = self._stack[-1]
        role = (parent.key or "other") if parent.is_object else parent.role
        name = parent.key_name if parent.is_object else parent.name
        is_whole_list = not is_object and parent.is_object and role == "boxes"
        is_orphan = parent.is_object and parent.key is None
        parent.has_children = True
        parent.forget_key()
        if is_whole_list:
            self.draft.has_boxes = True
        self._stack.append(_Open(is_object, role, name, is_whole_list, is_orphan))

    def _close_bracket(self, *, is_object: bool) -> list[BodyEvent]:
        if not any(opened.is_object == is_object for opened in self._stack[1:]):
            return []
        events: list[BodyEvent] = []
        while True:
            is_match = self._stack[-1].is_object == is_object
            events += self._pop()
            if is_match:
                return events

    def _take_text(self, text: str) -> list[BodyEvent]:
        """Read a string that contains JSON, like the arguments of a tool call."""
        self._text_depth += 1
        base = len(self._stack)
        tokenizer, events = Tokenizer(), list[BodyEvent]()
        tokenizer.is_outermost = False
        for token in (*tokenizer.feed(text), *tokenizer.close()):
            if not (token.kind == "close" and len(self._stack) <= base):
                events += self._take(token)
            if self._has_given_up:
                break
        while len(self._stack) > base:
            events += self._pop()
        self._text_depth -= 1
        return events

    # --- keys

    def _start_value(self, top: _Open) -> None:
        if not top.is_object or top.word is None:
            return
        word, top.word = top.word, None
        top.key_name = name = normalize_name(word)
        is_outermost = top is self._stack[0]
        if name in COORDINATES and not is_outermost:
            top.key, top.coordinate = "other", COORDINATES[name]
            return
        top.coordinate = None
        role, is_exact = self._role_of(word, name)
        if role == "other" and top.role == "boxes" and name not in POINTS:
            if NO_PLACES.search(name) is None:
                role = "loose"
            self.draft.take_key_of_box(word)
        top.key = None if is_outermost and not is_exact else role
        if top.key in ("keyframe", "boxes"):
            top.key = self._claim(top, word, top.key, is_exact=is_exact)

    def _role_of(self, word: str, name: str) -> tuple[_Role, bool]:
        if word in (self._context.keyframe_key, self._context.boxes_key):
            return ("keyframe" if word == self._context.keyframe_key else "boxes"), True
        if name in KEYFRAME_ALIASES:
            return "keyframe", False
        is_box = name in BOXES_ALIASES or is_numbered_box(name)
        return ("boxes" if is_box else "loose" if name in LOOSE_BOXES else "other"), False

    def _claim(self, top: _Open, word: str, role: _Role, *, is_exact: bool) -> _Role:
        """Resolve a second key for the same value: an exact key replaces an alias, else the last one counts."""
        is_known_exact = self._is_exact_keyframe if role == "keyframe" else top.is_exact.get(role, False)
        self._has_known_key = True
        if role == "boxes" and not self._has_keyed_boxes:
            self._has_keyed_boxes = True
            self.draft.forget_boxes()  # those without a key of their own
        if is_known_exact and not is_exact:
            return "box frame" if role == "keyframe" and top.role == "boxes" else "other"
        if not is_exact:
            self.draft.note(Note("key_renamed", f"{word[:40]!r} was read as {self._wanted(role)!r}"))
        elif len(self._stack) > 2:
            self._note_repair(f"{word!r} stood deeper than in the object itself")
        is_better = is_exact and role == "keyframe" and not self._is_exact_keyframe
        if (role in top.is_exact and not is_numbered_box(top.key_name)) or is_better:
            if top.is_exact.get(role) == is_exact:
                self._note_repair(f"{self._wanted(role)!r} is given twice, the last one counts")
            (self.draft.forget_keyframe if role == "keyframe" else self.draft.forget_boxes)()
        top.is_exact[role] = is_exact
        self._is_exact_keyframe |= is_exact and role == "keyframe"
        return role

    def _wanted(self, role: _Role) -> str:
        return self._context.keyframe_key if role == "keyframe" else self._context.boxes_key

    def _note_repair(self, message: str) -> None:
        self.draft.note(Note("json_repaired", message))

    # --- values

    def _take_scalar(self, top: _Open, token: Token) -> list[BodyEvent]:
        role = top.key if top.is_object else top.role
        coordinate, top.key, top.coordinate = top.coordinate, None, None
        if top.role == "boxes" and role in ("keyframe", "box frame"):
            self.draft.take_frame_of_box(token.value)
        if role == "box frame":
            return []
        if role == "keyframe":
            if token.kind == "string" or not top.is_object:
                self._note_repair(f"the keyframe is a {'string' if top.is_object else 'list'}, not a plain number")
            if token.kind == "bare" and "." in token.value:
                self._held_keyframe = token.value  # seconds may follow
                return []
            return self._take_keyframe(token.value)
        number = read_number(token.value)
        if coordinate is not None and math.isfinite(number):
            top.named[coordinate] = number
            top.is_fraction |= "." in token.value
        elif role == "boxes":
            return self._take_box_scalar(top, token, number)
        elif token.kind == "string" and "{" in token.value and self._text_depth < _DEEPEST_TEXT:
            return self._take_text(token.value)
        elif top.is_object:
            written = boxes_in_string(token.value) if role == "loose" else []
            top.loose += written if len(written) == 1 else []
        elif not math.isnan(number):
            top.numbers.append(number)
            top.is_fraction |= "." in token.value
        return []

    def _take_keyframe(self, written: str) -> list[BodyEvent]:
        return list(self.draft.take_keyframe(written))

    def _take_box_scalar(self, top: _Open, token: Token, number: float) -> list[BodyEvent]:
        if top.is_object or math.isnan(number):
            return self._mark(top, list(self.draft.take_box_text(token.value)))
        if token.kind == "string":
            self._note_repair("numbers of a box were written as strings")
        top.numbers.append(number)
        top.is_fraction |= "." in token.value
        return []

    def _pop(self) -> list[BodyEvent]:
        closed, parent = self._stack.pop(), self._stack[-1]
        events = self._pop_object(closed, parent) if closed.is_object else self._pop_list(closed, parent)
        parent.has_box |= closed.has_box
        return events

    def _pop_list(self, closed: _Open, parent: _Open) -> list[BodyEvent]:
        if len(closed.numbers) == 2 and not closed.has_children and not closed.is_whole_list:
            point = (closed.numbers[0], closed.numbers[1])
            if parent.is_object and closed.name in POINTS:
                parent.named |= dict(zip(POINTS[closed.name], point, strict=True))
                parent.is_fraction |= closed.is_fraction
                return []
            if not parent.is_object:
                parent.points.append(point)
                parent.is_fraction |= closed.is_fraction
                return []
        if closed.role == "boxes":
            return self._pop_boxes(closed)
        if closed.role == "loose":
            numbers = box_of_points(closed.points) if closed.points else tuple(closed.numbers)
            found = [WrittenBox(numbers, closed.is_fraction)] if numbers and len(numbers) == 4 else []
            parent.loose += [*closed.loose, *found]
        if closed.role == "other" and (closed.is_orphan or closed.name in BOXES_ALIASES) and len(closed.numbers) == 4:
            told = ", ".join(f"{number:g}" for number in closed.numbers)
            self.draft.note(Note("box_dropped", f"[{told}] stands beside the list of boxes and was left out"))
        return []

    def _pop_boxes(self, closed: _Open) -> list[BodyEvent]:
        if closed.points:
            is_list = closed.is_whole_list and closed.name.endswith(("list", "boxes", "bboxes"))
            numbers = None if is_list or closed.numbers else box_of_points(closed.points)
            self._note_repair("a box was written as corner points")
            return self._take_box(closed, numbers or (math.nan,))
        if closed.numbers:
            if closed.has_children or closed.is_whole_list:
                self._note_repair("a box stood outside a list of its own")
            return self._take_box(closed, tuple(closed.numbers))
        return [] if closed.has_children or closed.is_whole_list else self._take_box(closed, ())

    def _pop_object(self, closed: _Open, parent: _Open) -> list[BodyEvent]:
        if parent.is_object and closed.name in POINTS and {"x", "y"} <= closed.named.keys():
            parent.named |= dict(zip(POINTS[closed.name], (closed.named["x"], closed.named["y"]), strict=True))
            parent.is_fraction |= closed.is_fraction
            return []
        if closed.has_box or (self._has_keyed_boxes and closed.role != "boxes"):
            return []
        if (numbers := box_of(closed.named)) is not None:
            self._note_repair("a box was written with named corners")
            written = WrittenBox(numbers, closed.is_fraction, is_named=True)
            return self._mark(closed, list(self.draft.take_written(written)))
        events: list[BodyEvent] = []
        for written in closed.loose:
            self.draft.note(
                Note("key_renamed", f"four numbers without a known key were read as {self._wanted('boxes')!r}")
            )
            events += self._mark(closed, list(self.draft.take_written(written)))
        if closed.role == "boxes" and not closed.loose and len(closed.named) > 1:
            return self._take_box(closed, (math.nan,))
        return events

    def _take_box(self, closed: _Open, numbers: tuple[float, ...]) -> list[BodyEvent]:
        return self._mark(closed, list(self.draft.take_box(numbers, is_fraction=closed.is_fraction)))

    def _mark(self, opened: _Open, events: list[BoxClosed]) -> list[BodyEvent]:
        opened.has_box = True
        return list(events)
