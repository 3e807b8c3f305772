"""Where a speaker of a text looks: for each name and coordinate, the picture cell of the object that is spoken of.

Told where to look, the language model learns within minutes to say what the eye sees there; left alone it went on
guessing names after an hour (18 % of a nat a word over a whole path, but 1.8 a name).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from veason.nano.claims import shown_places
from veason.nano.records import COUNT
from veason.nano.view import View

_PATH = re.compile(rf"(?:{'|'.join(COUNT)}) ([a-z]+ [a-z]+)((?: -| \d+/\d+)+)(?=[, ])")
_STEP = re.compile(r"-|\d+/\d+")
_BOX = r"\[(\d+), (\d+), (\d+), (\d+)\]"
_ANSWER = re.compile(r'"keyframe_timestamp": (\d+), .*?: \[(.*)\]')


@dataclass(frozen=True, slots=True)
class Look:
    """Characters `start` to `stop` of a text speak of an object on the shown frame at `place`."""

    start: int
    stop: int
    place: int
    actor: int


def find_looks(view: View, text: str, place: int | None = None, labels: Sequence[int] | None = None) -> list[Look]:
    """Return what each part of a thought or answer speaks of; boxes without a frame are on `place`.

    `labels` are the numbers by which the shown frames are called, by default their absolute indices.
    """
    labels = view.shown if labels is None else labels
    names = {view.facts.name(actor): actor for actor in view.facts.scene.objects}
    looks = []
    for found in _PATH.finditer(text):
        actor = names[found[1]]
        looks.append(Look(found.start(1), found.end(1), shown_places(view, actor)[0], actor))
        for number, step in enumerate(_STEP.finditer(found[2])):
            if step[0] != "-":
                looks.append(Look(found.start(2) + step.start(), found.start(2) + step.end(), number, actor))
    for found in re.finditer(rf"frame (\d+) {_BOX}", text):
        looks += _box_look(view, found, labels.index(int(found[1])), 2)
    if place is not None:
        for found in re.finditer(rf"(?:([a-z ]+) )?{_BOX}", text):
            boxes = _box_look(view, found, place, 2)
            looks += boxes
            if found[1] is not None:
                looks += [Look(found.start(1), found.end(1), place, box.actor) for box in boxes]
    for found in _ANSWER.finditer(text):
        for box in re.finditer(_BOX, found[2]):
            looks += _box_look(view, box, labels.index(int(found[1])), 1, found.start(2))
    return looks


def _box_look(view: View, found: re.Match, place: int, group: int, shift: int = 0) -> list[Look]:
    """Return the look of a box, none where no object has that box."""
    wanted = [int(found[group + side]) for side in range(4)]
    for actor in view.facts.scene.objects:
        if view.is_there(actor, place) and view.boxes[actor, place].astype(int).tolist() == wanted:
            return [Look(shift + found.start(group), shift + found.end(group + 3), place, actor)]
    return []


@dataclass(frozen=True, slots=True)
class Marks:
    """Token ids by which a thought is taken apart: words of names, object numbers, those of `policy_model.MARKS`.

    `looks` holds, for each word that tells how an object looks, the forms of it that a question may have.
    """

    colours: Sequence[int]
    shapes: Sequence[int]
    numbers: Sequence[int]
    looks: Mapping[int, Sequence[int]]
    judging: int
    verdict: int
    verdict_end: int
    record_end: int
    frame: int
    keyframe: int


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the tokens of a branch are read from, -1 for none, each `(T,)`.

    `back` is the place of the earlier token that a token says again; `bind` is, for a word that is said of an object,
    the place of the object's number. `match` is, for a word by which a judged object looks, the place of the same word
    in the question, 0 where the question does not have it. `item` is, for a word that tells whether an object fits, the
    place where the object begins to be judged.
    """

    back: np.ndarray
    bind: np.ndarray
    match: np.ndarray
    item: np.ndarray


def find_judging(ids: np.ndarray, start: int, marks: Marks) -> int:
    """Return where the objects begin to be judged in an answer that begins at `start`, -1 where they are not."""
    found = np.flatnonzero(ids[start:] == marks.judging)
    return start + int(found[0]) if len(found) else -1


def find_reading(ids: np.ndarray, is_number: np.ndarray, start: int, marks: Marks) -> Reading:
    """Return what each token of an answer is read from.

    In a record the name after the path says again the name before it; a judgement says again what the record says. An
    object's number in the verdict is read from the word that judged it, its name from where it was said last; the
    keyframe's number from the last frame that the thought has named; the answer's boxes from those in the thought.

    Args:
        ids: `(T,)` token ids of question and answer.
        is_number: `(T,)` the coordinates among them.
        start: where the answer starts.
        marks: what the tokens are.
    """
    reading = Reading(*np.full((4, len(ids)), -1, np.int64))
    judging = find_judging(ids, start, marks)
    if judging < 0:
        return reading
    is_name = np.isin(ids[:-1], marks.colours) & np.isin(ids[1:], marks.shapes)
    verdict = judging + int(np.flatnonzero(ids[judging:] == marks.verdict)[0])
    described: dict[int, tuple[int, int]] = {}
    for begin, end in _parts(ids, start, judging, marks):
        names = [int(at) for at in np.flatnonzero(is_name[begin:end]) + begin]
        again = next((at for at in names[1:] if _name(ids, at) == _name(ids, names[0])), None)
        if again is not None:
            first = names[0]
            described[int(ids[first - 1])] = first, again
            reading.back[again : again + 2] = first, first + 1
            reading.bind[first : end + 1] = first - 1
    judged: dict[int, int] = {}
    said: dict[tuple[int, int], int] = {}
    for begin, end in _parts(ids, judging + 1, verdict + 1, marks):
        if int(ids[begin]) in described:
            first, again = described[int(ids[begin])]
            same = 0
            while begin + 3 + same < end - 1 and ids[begin + 3 + same] == ids[again + 2 + same]:
                same += 1
            reading.back[begin + 1 : begin + 3 + same] = [first, first + 1, *range(again + 2, again + 2 + same)]
            reading.bind[begin + 1 : end] = begin
            judged[int(ids[begin])] = end - 1
            reading.item[end - 1] = begin
            for at in range(begin + 1, end - 1):
                if int(ids[at]) in marks.looks:
                    found = np.flatnonzero(np.isin(ids[:start], marks.looks[int(ids[at])]))
                    reading.match[at] = found[0] if len(found) else 0
            said[_name(ids, begin + 1)] = begin + 1
    for at in (int(at) for at in np.flatnonzero(is_name) if at > verdict):
        if _name(ids, at) in said:
            reading.back[at : at + 2] = said[_name(ids, at)], said[_name(ids, at)] + 1
            said[_name(ids, at)] = at
            if int(ids[at - 1]) in judged:
                reading.back[at - 1] = judged[int(ids[at - 1])]
    _read_answer(reading.back, ids, is_number, verdict, marks)
    return reading


def _name(ids: np.ndarray, at: int) -> tuple[int, int]:
    return int(ids[at]), int(ids[at + 1])


def _parts(ids: np.ndarray, begin: int, end: int, marks: Marks) -> list[tuple[int, int]]:
    """Return where each part between commas begins and where the comma (or the last token) after it stands."""
    ends = [int(at) for at in np.flatnonzero(ids[begin:end] == marks.record_end) + begin]
    ends += [end - 1] if not ends or ends[-1] != end - 1 else []
    return [(first, last) for first, last in zip([begin, *(at + 1 for at in ends)], ends, strict=False) if first < last]


def _read_answer(back: np.ndarray, ids: np.ndarray, is_number: np.ndarray, verdict: int, marks: Marks) -> None:
    frames = {int(ids[at + 1]): at + 1 for at in np.flatnonzero(ids[:-1] == marks.frame) if at > verdict}
    after = len(ids)
    for at in np.flatnonzero(ids[:-1] == marks.keyframe):
        if at > verdict:
            back[at + 1], after = frames.get(int(ids[at + 1]), -1), int(at) + 2
    boxes = np.flatnonzero(is_number & (np.arange(len(ids)) > verdict))
    told, answered = boxes[boxes < after], boxes[boxes >= after]
    if len(told) == len(answered):
        back[answered] = told


def cell_of(box: np.ndarray, side: int, cells: int) -> int:
    """Return the number of the picture cell, row by row, that holds the middle of an xyxy box."""
    column, row = (min(int((box[axis] + box[axis + 2]) / 2 / side * cells), cells - 1) for axis in (0, 1))
    return row * cells + column
