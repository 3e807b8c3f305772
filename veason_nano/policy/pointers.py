"""Where a speaker of a text looks: for each name and coordinate, the picture cell of the object that is spoken of.

Told where to look, the language model learns within minutes to say what the eye sees there; left alone it went on
guessing names after an hour (18 % of a nat a word over a whole path, but 1.8 a name).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from veason_nano.language.claims import shown_places
from veason_nano.language.records import COUNT
from veason_nano.world.view import View

_PATH = re.compile(rf"(?:{'|'.join(COUNT)}) ([a-z]+ [a-z]+)((?: frame \d+ (?:-|\d+/\d+))+)([^,]*)")
_STEP = re.compile(r"(?<=\d )(?:-|\d+/\d+)")
_SEEN = re.compile(r"\b(?:plain|striped|spotted|small|large)\b|(?<=size )\d+")
_BOX = r"\[(\d+), (\d+), (\d+), (\d+)\]"
_ANSWER = re.compile(r'"keyframe_timestamp": (\d+), .*?: \[(.*)\]')


Label = tuple[int, int]
"""The number of a frame: its thousands, and the token of its rest."""


@dataclass(frozen=True, slots=True)
class SpokenCell:
    """Characters `start` to `stop` of a text speak of an object on the shown frame at `place`."""

    start: int
    stop: int
    place: int
    actor: int


def find_spoken_cells(view: View, text: str, labels: Sequence[int] | None = None) -> list[SpokenCell]:
    """Return what each part of a thought or answer speaks of; boxes without a frame are on `place`.

    `labels` are the numbers by which the shown frames are called, by default their absolute indices.
    """
    labels = view.shown if labels is None else labels
    names = {view.facts.name(actor): actor for actor in view.facts.scene.objects}
    cells = []
    for found in _PATH.finditer(text):
        actor = names[found[1]]
        cells.append(SpokenCell(found.start(1), found.end(1), shown_places(view, actor)[0], actor))
        last = shown_places(view, actor)[-1]
        for number, step in enumerate(_STEP.finditer(found[2])):
            if step[0] != "-":
                cells.append(SpokenCell(found.start(2) + step.start(), found.start(2) + step.end(), number, actor))
        cells += [
            SpokenCell(found.start(3) + word.start(), found.start(3) + word.end(), last, actor)
            for word in _SEEN.finditer(found[3])
        ]
    for found in re.finditer(rf"frame (\d+) {_BOX}", text):
        cells += _spoken_box(view, found, labels.index(int(found[1])), 2)
    for found in _ANSWER.finditer(text):
        for box in re.finditer(_BOX, found[2]):
            cells += _spoken_box(view, box, labels.index(int(found[1])), 1, found.start(2))
    return cells


def _spoken_box(view: View, found: re.Match, place: int, group: int, shift: int = 0) -> list[SpokenCell]:
    """Return the cell of a box, none where no object has that box."""
    wanted = [int(found[group + side]) for side in range(4)]
    for actor in view.facts.scene.objects:
        if view.is_there(actor, place) and view.boxes[actor, place].astype(int).tolist() == wanted:
            return [SpokenCell(shift + found.start(group), shift + found.end(group + 3), place, actor)]
    return []


@dataclass(frozen=True, slots=True)
class Marks:
    """Token ids by which a thought is taken apart: words of names, object numbers, those of `policy_model.MARKS`.

    `word_forms` holds, for each word that tells how an object looks, the forms of it that a question may have. `worths`
    holds, for each rank by its words, the word of a record after which the compared number stands, and how far after.
    `forms` holds, for each token that the number of a frame follows, its forms by the thousands of that number
    (`veason_nano.policy.model.labelled_forms`), `thousands` these for each of the forms. `led_by_zero` is the first of
    the tokens for the rest of such a number that begin with a zero.
    """

    colours: Sequence[int]
    shapes: Sequence[int]
    numbers: Sequence[int]
    word_forms: Mapping[int, Sequence[int]]
    worths: Mapping[tuple[int, ...], tuple[int, int]]
    forms: Mapping[int, Sequence[int]]
    thousands: Mapping[int, int]
    led_by_zero: int
    ranking: int
    judging: int
    verdict: int
    verdict_end: int
    record_end: int
    frame: int
    keyframe: int
    yes: int
    no: int
    negation: int
    space: int
    opening: int

    def label_at(self, ids: np.ndarray, at: int) -> Label:
        """Return the number of a frame whose rest stands at `at`."""
        return self.thousands.get(int(ids[at - 1]), 0), int(ids[at])

    def labels_after(self, ids: np.ndarray, word: int) -> np.ndarray:
        """Return the places of what follows a token of `forms`, in any of its forms."""
        return np.flatnonzero(np.isin(ids[:-1], self.forms[word])) + 1


@dataclass(frozen=True, slots=True, eq=False)
class TokenSources:
    """What the tokens of a branch are read from, -1 for none, each `(T,)`.

    `back` is the place of the earlier token that a token says again; `bind` is, for a word that is said of an object,
    the place of the object's number, and `noun` in a record that of the shape it is called by. `match` is, for the last
    word of what an object is asked for, the place of that word in the object's record, that of the object's number
    where the record does not have it, or where the object that is ahead stands. A coordinate is bound to its frame's
    number and to the shape that was named last; `is_box` marks these. `item` is, for a word that tells
    whether something fits an object, the place of the object's number.
    """

    back: np.ndarray
    bind: np.ndarray
    noun: np.ndarray
    match: np.ndarray
    item: np.ndarray
    is_box: np.ndarray


def find_judging(ids: np.ndarray, start: int, marks: Marks) -> int:
    """Return where the objects begin to be judged in an answer that begins at `start`, -1 where they are not."""
    return _find(ids, marks.judging, start)


def find_reading(
    ids: np.ndarray, is_number: np.ndarray, start: int, marks: Marks, labels: Mapping[Label, int] = MappingProxyType({})
) -> TokenSources:
    """Return what each token of an answer is read from.

    The number of a frame is read from where the object before, the target, or the sentence before has it, else from
    the prompt; who is ahead from the number that puts it there; what is wanted from the question, and again for every
    object; an object's number in the verdict from the word that judged it, its name from where it was said last; the
    keyframe's number from the last frame that the thought has named; the answer's boxes from those in the thought.

    Args:
        ids: `(T,)` token ids of question and answer.
        is_number: `(T,)` the coordinates among them.
        start: where the answer starts.
        marks: what the tokens are.
        labels: where the prompt says the numbers of frames: places of their rest, below -1.
    """
    back, bind, noun, match, item = np.full((5, len(ids)), -1, np.int64)
    reading = TokenSources(back, bind, noun, match, item, np.zeros(len(ids), bool))
    is_name = np.isin(ids[:-1], marks.colours) & np.isin(ids[1:], marks.shapes)
    _bind_boxes(reading, ids, is_name, start, marks)
    judging = find_judging(ids, start, marks)
    ranking = _find(ids, marks.ranking, start) if judging >= 0 else len(ids)
    records, frames, said = _read_records(reading, ids, is_name, (start, ranking), labels, marks)
    if judging < 0:
        if not records:
            _read_frames(reading.back, ids, (start, len(ids)), labels, marks)
        return reading
    verdict = _find(ids, marks.verdict, judging)
    ranks = _read_ranks(reading.back, ids, (ranking + 1, judging), records, marks)
    wanted, *items = _parts(ids, judging + 1, verdict + 1, marks)
    _read_wanted(reading.back, ids, wanted, start, records, marks)
    judged = _read_items(reading, ids, wanted, items, records, ranks, marks)
    told = {**labels, **next((frames[number] for number in judged), next(iter(frames.values()), {}))}
    _read_frames(reading.back, ids, (verdict, len(ids)), told, marks)
    for at in (int(at) for at in np.flatnonzero(is_name) if at > verdict):
        if _name(ids, at) in said:
            reading.back[at : at + 2] = said[_name(ids, at)], said[_name(ids, at)] + 1
            said[_name(ids, at)] = at
            if int(ids[at - 1]) in judged:
                reading.back[at - 1] = judged[int(ids[at - 1])]
    _read_answer(reading.back, ids, is_number, verdict, marks)
    return reading


def _bind_boxes(reading: TokenSources, ids: np.ndarray, is_name: np.ndarray, start: int, marks: Marks) -> None:
    """Bind what stands before the coordinates of "frame 12 [1, 2, 3, 4]" to the 12 and to the name before."""
    names = np.flatnonzero(is_name)
    for at in (int(at) for at in np.flatnonzero(ids[start:] == marks.opening) + start):
        before = names[names < at]
        if ids[at - 1] == marks.space and len(before):
            reading.bind[at : at + 7], reading.noun[at : at + 7] = at - 2, before[-1] + 1
            reading.is_box[at + 1 : at + 8 : 2] = True


Records = dict[int, tuple[int, int]]
"""Where the record of each object begins and ends, by the token of its number."""


def _read_records(
    reading: TokenSources,
    ids: np.ndarray,
    is_name: np.ndarray,
    span: tuple[int, int],
    labels: Mapping[Label, int],
    marks: Marks,
) -> tuple[Records, dict[int, dict[Label, int]], dict[tuple[int, int], int]]:
    """Return the records, where each says the numbers of its frames, and where each name is said."""
    records: Records = {}
    frames: dict[int, dict[Label, int]] = {}
    said: dict[tuple[int, int], int] = {}
    for begin, end in _parts(ids, *span, marks):
        named = np.flatnonzero(is_name[begin:end] & np.isin(np.roll(ids, 1)[begin:end], marks.numbers))
        if len(named):
            first = begin + int(named[0])
            reading.bind[first : end + 1] = reading.noun[first : end + 1] = first - 1
            reading.noun[first + 1 : end + 1] = first + 1
            before = {**labels, **next(reversed(frames.values()), {})}
            records[int(ids[first - 1])] = first - 1, end
            frames[int(ids[first - 1])] = _read_frames(reading.back, ids, (first, end), before, marks)
            said[_name(ids, first)] = first
    return records, frames, said


def _read_frames(
    back: np.ndarray, ids: np.ndarray, span: tuple[int, int], told: Mapping[Label, int], marks: Marks
) -> dict[Label, int]:
    """Return where the number of each frame is said first; what is said again is read from there, or from `told`."""
    said: dict[Label, int] = {}
    for at in (int(at) for at in marks.labels_after(ids, marks.frame) if span[0] < at < span[1]):
        label = marks.label_at(ids, at)
        _read_label(back, at, label, said.get(label, told.get(label, -1)))
        said.setdefault(label, at)
    return said


def _read_label(back: np.ndarray, at: int, label: Label, source: int) -> None:
    """Read the number of a frame at `at`, and the word with its thousands before, from where they stand already."""
    back[at] = source
    if label[0] and source != -1:
        back[at - 1] = source - 1


def _read_ranks(
    back: np.ndarray, ids: np.ndarray, span: tuple[int, int], records: Records, marks: Marks
) -> dict[tuple[int, ...], int]:
    """Return where the number that is ahead stands, by the words of the rank."""
    ranks, begin = {}, span[0]
    for at in range(*span):
        if int(ids[at]) in records:
            words = tuple(int(token) for token in ids[begin:at])
            ranks[words] = at
            begin = at + 1
            if words in marks.worths:
                word, after = marks.worths[words]
                place = _find(ids, word, *records[int(ids[at])])
                back[at] = place + after if place >= 0 else -1
    return ranks


def _read_wanted(
    back: np.ndarray, ids: np.ndarray, wanted: tuple[int, int], start: int, records: Records, marks: Marks
) -> None:
    for at in range(*wanted):
        token = int(ids[at])
        if token in marks.word_forms:
            asked = np.flatnonzero(np.isin(ids[:start], marks.word_forms[token]))
            back[at] = asked[0] if len(asked) else -1
        elif token in records:
            back[at] = records[token][0]


def _read_items(
    reading: TokenSources,
    ids: np.ndarray,
    wanted: tuple[int, int],
    items: Sequence[tuple[int, int]],
    records: Records,
    ranks: Mapping[tuple[int, ...], int],
    marks: Marks,
) -> dict[int, int]:
    """Return where the word stands that tells that an object fits, by the token of its number."""
    judged = {}
    for begin, end in items:
        reading.bind[begin + 1 : end] = reading.noun[begin + 1 : end] = begin
        source, term = wanted[0] + 1, []
        for at in range(begin + 1, end):
            if int(ids[at]) not in (marks.yes, marks.no):
                reading.back[at] = source
                source += 1
                term += [int(ids[at])] if int(ids[at]) != marks.negation else []
                continue
            reading.item[at] = begin
            if tuple(term) in ranks:
                reading.match[at - 1] = ranks[tuple(term)]
            elif term[-1] not in records:
                first, last = records[int(ids[begin])]
                found = [place for place in range(first, last) if list(ids[place : place + len(term)]) == term]
                reading.match[at - 1] = found[0] + len(term) - 1 if found else first
            term = []
        if int(ids[end - 1]) == marks.yes:
            judged[int(ids[begin])] = end - 1
    return judged


def _find(ids: np.ndarray, token: int, start: int, stop: int | None = None) -> int:
    """Return the first place of a token from `start` on, -1 where there is none."""
    found = np.flatnonzero(ids[start:stop] == token)
    return start + int(found[0]) if len(found) else -1


def _name(ids: np.ndarray, at: int) -> tuple[int, int]:
    return int(ids[at]), int(ids[at + 1])


def _parts(ids: np.ndarray, begin: int, end: int, marks: Marks) -> list[tuple[int, int]]:
    """Return where each part between commas begins and where the comma (or the last token) after it stands."""
    ends = [int(at) for at in np.flatnonzero(ids[begin:end] == marks.record_end) + begin]
    ends += [end - 1] if not ends or ends[-1] != end - 1 else []
    return [(first, last) for first, last in zip([begin, *(at + 1 for at in ends)], ends, strict=False) if first < last]


def _read_answer(back: np.ndarray, ids: np.ndarray, is_number: np.ndarray, verdict: int, marks: Marks) -> None:
    named = (int(at) for at in marks.labels_after(ids, marks.frame) if at > verdict + 1)
    frames, after = {marks.label_at(ids, at): at for at in named}, len(ids)
    for at in (int(at) for at in marks.labels_after(ids, marks.keyframe) if at > verdict + 1):
        label = marks.label_at(ids, at)
        _read_label(back, at, label, frames.get(label, -1))
        after = at + 1
    boxes = np.flatnonzero(is_number & (np.arange(len(ids)) > verdict))
    told, answered = boxes[boxes < after], boxes[boxes >= after]
    if len(told) == len(answered):
        back[answered] = told


def cell_of(box: np.ndarray, side: int, cells: int) -> int:
    """Return the number of the picture cell, row by row, that holds the middle of an xyxy box."""
    column, row = (min(int((box[axis] + box[axis + 2]) / 2 / side * cells), cells - 1) for axis in (0, 1))
    return row * cells + column
