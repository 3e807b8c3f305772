"""Answers in Markdown tables: one row per object with a column per number, or one row per key."""

from __future__ import annotations

from collections.abc import Iterator

from veason.answer.box_text import read_number
from veason.answer.coordinates import COORDINATES, box_of, normalize_name
from veason.answer.draft import Draft
from veason.answer.keys import BOXES_ALIASES, KEYFRAME_ALIASES, LOOSE_BOXES
from veason.types import Note

_MAX_ROWS = 1000


def read_table(text: str, draft: Draft, keyframe_key: str, boxes_key: str) -> bool:
    """Read the first table of a text into the draft; return whether it has any known column or key."""
    rows = list(_rows(text))
    roles = [_role(cell, keyframe_key, boxes_key) for cell in rows[0]] if rows else []
    if sum(role is not None for role in roles) >= 2:
        for cells in rows[1:]:
            _take_row([(role, cell) for role, cell in zip(roles, cells, strict=False) if role], draft)
    else:
        pairs = [(_role(cells[0], keyframe_key, boxes_key), cells[1]) for cells in rows if len(cells) == 2]
        known = [(role, cell) for role, cell in pairs if role]
        if not known:
            return False
        _take_row(known, draft)
    draft.note(Note("json_repaired", "the answer was read from a table"))
    return True


def _rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row, without the separator line below the header."""
    count = 0
    for line in text.splitlines():
        line = line.strip()
        if not line.startswith("|") or line.count("|") < 3:
            if count:
                return
            continue
        cells = [cell.strip().strip("*`_ ") for cell in line.strip("|").split("|")]
        if all(set(cell) <= set("-: ") for cell in cells):
            continue
        yield cells
        count += 1
        if count > _MAX_ROWS:
            return


def _role(cell: str, keyframe_key: str, boxes_key: str) -> str | None:
    name = normalize_name(cell)
    if cell == keyframe_key or name in KEYFRAME_ALIASES:
        return "keyframe"
    if cell == boxes_key or name in BOXES_ALIASES | LOOSE_BOXES:
        return "boxes"
    return COORDINATES.get(name)


def _take_row(cells: list[tuple[str, str]], draft: Draft) -> None:
    named = {role: read_number(cell) for role, cell in cells if role not in ("keyframe", "boxes")}
    for role, cell in cells:
        if role == "keyframe":
            draft.take_keyframe(cell)
        elif role == "boxes":
            draft.take_box_text(cell)
    if (numbers := box_of(named)) is not None:
        draft.take_box(numbers, is_fraction=any("." in cell for _, cell in cells), is_named=True)
