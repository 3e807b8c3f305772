"""Edits of whole objects: what becomes of all that is said about single masks and prompts of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from veason.session import Duplicated

Said = TypeVar("Said")


def by_hand_after(edit: Duplicated, by_hand: frozenset[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """Return the (object id, frame index) of prompts by hand after the edit."""
    return frozenset(said_after(edit, dict.fromkeys(by_hand, True)))


def said_after(edit: Duplicated, said: Mapping[tuple[int, int], Said]) -> dict[tuple[int, int], Said]:
    """Return what is said of masks, by (object id, frame index), after the edit.

    >>> said_after(Duplicated(1, 3), {(1, 7): "verified", (2, 7): "absent"})
    {(1, 7): 'verified', (2, 7): 'absent', (3, 7): 'verified'}
    """
    copies = {(edit.object_id, frame): word for (one, frame), word in said.items() if one == edit.source_id}
    return {**said, **copies}
