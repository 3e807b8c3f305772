"""A corpus that is looked at: its rows with their faults, and the examples that were not kept, with every attempt."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from veason.corpus.rows import check_rows, labels_in, read_rows, readable_answer
from veason.errors import DataError, OptionError
from veason.evaluate.journal import JOURNAL_FILE, read_journal
from veason.profile import Profile

ENTRY_KINDS = ("all", "faults", "absent", "not kept")
"""What can be looked at: everything, rows with faults, rows without a target, examples that are no rows."""

ENTRIES_AT_ONCE = 120
"""Entries that are told at once."""

_MOST_LETTERS, _MOST_BYTES = 400, 40 << 20
_PICTURES = (b"\xff\xd8", b"\x89PNG")


class CorpusView:
    """What a page asks of a corpus. Entries are counted from 0: the rows of the file, then what was not kept.

    Args:
        path: a folder that `corpus make` or an export wrote, or a file of rows.
        profile: of the policy that would be trained on it.

    Raises:
        DataError: there is no corpus.
    """

    def __init__(self, path: Path, profile: Profile) -> None:
        self.path, self.profile = path, profile
        self.rows = read_rows(path)
        folder = path if path.is_dir() else path.parent
        self.not_kept = _not_kept(folder / JOURNAL_FILE)
        self.card = _card(folder / "card.json")

    @cached_property
    def faults(self) -> dict[int, list[str]]:
        """What is wrong with rows, by their place."""
        return check_rows(self.rows, self.profile)

    @cached_property
    def entries(self) -> list[dict[str, Any]]:
        """All entries, each in short."""
        rows = [self._row(place) for place in range(len(self.rows))]
        return rows + [
            {"place": len(rows) + place, "state": str(one.get("state")), "asked": one["key"], "absent": False,
             "faults": [str(one.get("why", ""))] if one.get("why") else _last_faults(one)}
            for place, one in enumerate(self.not_kept)
        ]  # fmt: skip

    @cached_property
    def texts(self) -> list[str]:
        """What the search looks through, by place: all that is written in an entry, in lower case."""
        whole = [row.get("conversations") for row in self.rows] + list(map(str, self.not_kept))
        return [
            f"{entry['asked']} {entry['faults']} {text}".casefold()
            for entry, text in zip(self.entries, whole, strict=True)
        ]

    def about(self) -> dict[str, Any]:
        """Return what the page shows before any entry: names and counts."""
        counts = Counter(kind for entry in self.entries for kind in ENTRY_KINDS if _is_of(entry, kind))
        kinds = [{"name": kind, "count": counts[kind]} for kind in ENTRY_KINDS]
        return {"name": self.path.name, "profile": self.profile.name, "kinds": kinds, "card": self.card}

    def find(self, params: Mapping[str, str]) -> dict[str, Any]:
        """Return the entries of a kind whose question, reasoning or faults hold a text, some from a place on."""
        kind, text = params.get("kind") or "all", params.get("text", "").strip().casefold()
        if kind not in ENTRY_KINDS:
            raise OptionError(f"kind is one of {', '.join(ENTRY_KINDS)}, got {kind!r}")
        start = _number(params, "start")
        found = [
            entry for entry in self.entries if _is_of(entry, kind) and (not text or text in self.texts[entry["place"]])
        ]
        return {"total": len(found), "entries": found[start : start + ENTRIES_AT_ONCE]}

    def entry(self, params: Mapping[str, str]) -> dict[str, Any]:
        """Return all that is known of the entry at `place`: what was asked and answered, or the attempts."""
        place = self._place(params)
        entry = self.entries[place]
        if place >= len(self.rows):
            return entry | {"attempts": self.not_kept[place - len(self.rows)]["attempts"]}
        row = self.rows[place]
        human, gpt = ((one.get("value", "") if isinstance(one, dict) else "") for one in _turns(row))
        return entry | {
            "question": str(human),
            "answer": str(gpt),
            "labels": self._labels(row),
            "system": row.get("system"),
        }

    def picture(self, params: Mapping[str, str]) -> bytes:
        """Return the picture `number` of the row at `place`.

        Raises:
            DataError: there is none, or it lies outside of the corpus.
        """
        place, number = self._place(params), _number(params, "number")
        names = self.rows[place].get("images") if place < len(self.rows) else None
        if not isinstance(names, list) or number >= len(names):
            raise DataError(f"entry {place} has no picture {number}")
        folder = Path(self.rows[place]["folder"]).resolve()
        try:
            file = (folder / str(names[number])).resolve()
            if not file.is_relative_to(folder) or file.stat().st_size > _MOST_BYTES:
                raise DataError(
                    f"the picture {names[number]!r} lies outside of the corpus, or is larger than any frame"
                )
            content = file.read_bytes()
        except (OSError, ValueError) as error:
            raise DataError(f"the picture {names[number]!r} is missing") from error
        if not content.startswith(_PICTURES):
            raise DataError(f"{names[number]!r} is no JPEG and no PNG")
        return content

    def _row(self, place: int) -> dict[str, Any]:
        row, faults = self.rows[place], self.faults.get(place, [])
        human, _ = _turns(row)
        asked = str(human.get("value", "")) if isinstance(human, dict) else ""
        words = asked.rpartition(">")[2].strip() or asked
        told = {"place": place, "state": "row", "asked": words[:_MOST_LETTERS], "faults": faults, "absent": False}
        answer = readable_answer(row, self.profile)
        if answer is None:
            return told | {"keyframe": None, "boxes": [], "number": 0}
        width, height = self.profile.size_wh
        boxes = [[box.x1 / width, box.y1 / height, box.x2 / width, box.y2 / height] for box in answer.boxes]
        labels = self._labels(row)
        number = labels.index(answer.keyframe) if answer.keyframe in labels else 0
        return told | {"keyframe": answer.keyframe, "boxes": boxes, "number": number, "absent": not boxes}

    def _labels(self, row: Mapping[str, Any]) -> list[int]:
        human, _ = _turns(row)
        return labels_in(str(human.get("value", "")), self.profile) if isinstance(human, dict) else []

    def _place(self, params: Mapping[str, str]) -> int:
        place = _number(params, "place")
        if place >= len(self.entries):
            raise DataError(f"there are {len(self.entries)} entries, from 0; got {place}")
        return place


def _turns(row: Mapping[str, Any]) -> tuple[Any, Any]:
    turns = row.get("conversations")
    return (turns[0], turns[1]) if isinstance(turns, list) and len(turns) > 1 else ({}, {})


def _is_of(entry: Mapping[str, Any], kind: str) -> bool:
    is_row = entry["state"] == "row"
    if kind == "all":
        return True
    return (
        not is_row if kind == "not kept" else is_row and bool(entry["faults"] if kind == "faults" else entry["absent"])
    )


def _number(params: Mapping[str, str], name: str) -> int:
    text = params.get(name, "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise OptionError(f"{name} is a number from 0, got {text[:40]!r}")
    return int(text)


def _not_kept(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    rows = read_journal(file)[1].values()
    return [row for row in rows if row.get("state") != "kept" and isinstance(row.get("attempts"), list)]


def _last_faults(row: Mapping[str, Any]) -> list[str]:
    last = row["attempts"][-1] if row["attempts"] else {}
    faults = last.get("faults", []) if isinstance(last, dict) else []
    return [str(fault) for fault in faults] if isinstance(faults, list) else []


def _card(file: Path) -> dict[str, Any] | None:
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return card if isinstance(card, dict) else None
