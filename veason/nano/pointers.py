"""Where a speaker of a text looks: for each name and coordinate, the picture cell of the object that is spoken of.

Told where to look, the language model learns within minutes to say what the eye sees there; left alone it went on
guessing names after an hour (18 % of a nat a word over a whole path, but 1.8 a name).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from veason.nano.claims import shown_places
from veason.nano.view import View

_PATH = re.compile(r"the ([a-z ]+?)((?: -| \d+/\d+)+)(?=[,;])")
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


def find_returns(
    ids: np.ndarray, start: int, colours: Sequence[int], shapes: Sequence[int], marks: tuple[int, int, int]
) -> np.ndarray:
    """Return, for each token of a branch, the place of the earlier token that it says again, -1 for none.

    A name (colour, shape) after the list of paths says again the name in the list; the keyframe's number says again the
    last frame that the thought has named.

    Args:
        ids: `(T,)` token ids of question and answer.
        start: where the answer starts.
        colours: token ids of the colours.
        shapes: token ids of the shapes.
        marks: token ids of the list's end, of what stands before a frame's number, and before the keyframe's number.
    """
    back = np.full(len(ids), -1, np.int64)
    ends = np.flatnonzero(ids[start:] == marks[0])
    if not len(ends):
        return back
    end = start + int(ends[0])
    is_name = np.isin(ids[:-1], colours) & np.isin(ids[1:], shapes)
    listed = {(int(ids[at]), int(ids[at + 1])): at for at in np.flatnonzero(is_name) if start <= at < end}
    for at in np.flatnonzero(is_name):
        known = listed.get((int(ids[at]), int(ids[at + 1]))) if at > end else None
        if known is not None:
            back[at : at + 2] = known, known + 1
    frames = {int(ids[at + 1]): at + 1 for at in np.flatnonzero(ids[:-1] == marks[1]) if at > end}
    for at in np.flatnonzero(ids[:-1] == marks[2]):
        back[at + 1] = frames.get(int(ids[at + 1]), -1) if at > end else -1
    return back


def cell_of(box: np.ndarray, side: int, cells: int) -> int:
    """Return the number of the picture cell, row by row, that holds the middle of an xyxy box."""
    column, row = (min(int((box[axis] + box[axis + 2]) / 2 / side * cells), cells - 1) for axis in (0, 1))
    return row * cells + column
