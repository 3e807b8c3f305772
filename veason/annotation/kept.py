"""Which masks stay as they were although their clicks would give other ones by now.

A click alone shapes the mask that the segmenter has at hand: where it begins the track that is one mask, where another
prompt begins it, as a box does on any frame, it is another. Whoever clicked has seen the first one.
"""

from __future__ import annotations

from collections.abc import Container, Set

from veason.annotation.state import Place, State, has_frame
from veason.masks import mask_area


def kept_after(before: State, after: State, changed: Set[Place]) -> frozenset[Place]:
    """Return the clicked places whose masks stay, after an edit that changed the prompts at some places.

    Where an object's track begins on another frame than before, these are all places where a person clicked and saw
    what it gave. A place is freed when its own prompt changes, and where it begins the track itself.
    """
    found = after.kept - {place for place in changed if place in before.prompts or place not in after.prompts}
    starts = {object_id: track_start(after, object_id) for object_id in {object_id for object_id, _ in changed}}
    for object_id, start in starts.items():
        if track_start(before, object_id) not in (None, start):
            found |= {place for place in before.prompts_of(object_id) if _is_seen(place, before, after)}
    return frozenset(place for place in found if place[1] != starts.get(place[0]))


def track_start(state: State, object_id: int, without: Container[Place] = ()) -> int | None:
    """Return the frame on which an object's track begins: the first with a box or a painting, else the first clicked.

    None where it has no prompt; those at the places `without` are not looked at. Source: `veason.segmenter.prompts`.
    """
    shaped, clicked, others = [], [], []
    for place, prompt in state.prompts.items():
        if place[0] != object_id or place in without:
            continue
        if prompt.box is not None or prompt.mask is not None:
            shaped.append(place[1])
        elif any(click.is_positive for click in prompt.clicks):
            clicked.append(place[1])
        else:
            others.append(place[1])
    return min(shaped or clicked or others, default=None)


def _is_seen(place: Place, before: State, after: State) -> bool:
    """Tell whether a place holds nothing but a person's clicks, the same as before, and the mask that they gave."""
    prompt, mask = before.prompts[place], before.mask_at(place)
    if place not in before.by_hand or prompt.box is not None or prompt.mask is not None:
        return False
    is_waiting = has_frame(before.pending.get(place[0], ()), place[1])
    return mask is not None and not is_waiting and mask_area(mask.rle) > 0 and after.prompts.get(place) is prompt
