"""Edits of whole objects: what becomes of all that is said about single masks and prompts of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from veason.session import Duplicated, Merged, Session

Said = TypeVar("Said")
Place = tuple[int, int]


def by_hand_after(
    edit: Duplicated | Merged, by_hand: frozenset[Place], before: Session, after: Session
) -> frozenset[Place]:
    """Return the (object id, frame index) of prompts by hand after the edit; a union that became a prompt is one."""
    if isinstance(edit, Duplicated):
        return frozenset(_copied(edit, dict.fromkeys(by_hand, True)))
    source, target = edit.source_id, edit.target_id
    found = {place for place in by_hand if place[0] not in (source, target)}
    for (object_id, at), prompt in after.prompts.items():
        theirs = before.prompts.get((source, at))
        if object_id != target:
            continue
        if prompt == before.prompts.get((target, at)):
            is_by_hand = (target, at) in by_hand
        elif theirs is not None and prompt == replace(theirs, object_id=target):
            is_by_hand = (source, at) in by_hand
        else:
            is_by_hand = True
        found |= {(target, at)} if is_by_hand else set()
    return frozenset(found)


def said_after(
    edit: Duplicated | Merged, said: Mapping[Place, Said], before: Session, after: Session
) -> dict[Place, Said]:
    """Return what is said of masks, by (object id, frame index), after the edit.

    What was said of a mask goes where the mask goes; of a union of two nothing has been said yet.
    """
    if isinstance(edit, Duplicated):
        return _copied(edit, said)
    source, target = edit.source_id, edit.target_id
    kept = {place: word for place, word in said.items() if place[0] not in (source, target)}
    for (one, at), word in said.items():
        mask, own = after.mask_at((target, at)), before.mask_at((target, at))
        if one == target and mask is own:
            kept[target, at] = word
        elif one == source and mask is before.mask_at((source, at)) and (mask is not own or mask is None):
            kept.setdefault((target, at), word)
    return kept


def occluded_after(
    edit: Duplicated | Merged, occluded: frozenset[Place], before: Session, after: Session
) -> frozenset[Place]:
    """Return where objects are occluded after the edit; a union is so where one of its parts was."""
    if isinstance(edit, Duplicated):
        return frozenset(_copied(edit, dict.fromkeys(occluded, True)))
    source, target = edit.source_id, edit.target_id
    others = {place for place in occluded if place[0] not in (source, target)}
    own = {
        (target, at)
        for one, at in occluded
        if one == target or (one == source and after.mask_at((target, at)) is not before.mask_at((target, at)))
    }
    return frozenset(others | own)


def _copied(edit: Duplicated, said: Mapping[Place, Said]) -> dict[Place, Said]:
    copies = {(edit.object_id, frame): word for (one, frame), word in said.items() if one == edit.source_id}
    return {**said, **copies}
