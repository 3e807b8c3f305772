"""Other numbers for the frames of a clip: a policy that only saw small ones could neither read nor repeat larger ones.

Numbers are renamed in token ids, so that a clip that was drawn once is told of with other numbers every time it is
learnt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from veason_nano.policy.model import LARGEST_LABEL, LED_BY_ZERO, NUMBERS
from veason_nano.policy.pointers import Marks

Names = Mapping[int, int]
"""What the numbers of shown frames, each below NUMBERS, are called instead; others stay."""

_LABEL = re.compile(r'(frame |"keyframe_timestamp": )(\d+)')
_NO_FRAME = 10 * (LARGEST_LABEL + 1)
_FROM_ZERO, _ANY_ORDER = 0.3, 0.2


def with_names(ids: np.ndarray, names: Names, marks: Marks) -> np.ndarray:
    """Return as many token ids, with other numbers for frames: up to LARGEST_LABEL, for small ones."""
    renamed = ids.copy()
    for at in np.flatnonzero(np.isin(ids[:-1], list(marks.forms))):
        number = names.get(int(ids[at + 1]))
        if number is not None:
            thousands, rest = divmod(number, NUMBERS)
            renamed[at] = marks.forms[int(ids[at])][thousands]
            renamed[at + 1] = marks.led_by_zero + rest if thousands and rest < len(LED_BY_ZERO) else rest
    return renamed


def draw_names(shown: Sequence[int], rng: np.random.Generator, small: float, large: float) -> Names:
    """Return what the shown frames of a clip are called; nothing where they keep their numbers.

    Without other small ones a policy that has only seen clips from their beginning calls the first frame 0 and counts
    on from there.

    Args:
        shown: the numbers of the shown frames, each below NUMBERS.
        rng: decides everything.
        small: share of the clips that get other numbers below NUMBERS.
        large: share that gets any, of which some at least have thousands.
    """
    kind = rng.random()
    if kind < small:
        steps = rng.integers(1, int(rng.integers(2, 60)) + 1, len(shown))
        return _ordered(shown, int(rng.integers(NUMBERS - steps.sum())) + np.cumsum(steps) - steps[0], rng)
    if kind >= small + large:
        return {}
    if rng.random() < _FROM_ZERO:  # what is shown of a clip of any length
        last = int(np.exp(rng.uniform(np.log(NUMBERS), np.log(LARGEST_LABEL))))
        return dict(zip(shown, np.linspace(0, last, len(shown)).astype(int).tolist(), strict=True))
    return _ordered(shown, draw_labels(len(shown), LARGEST_LABEL, rng), rng)


def draw_labels(count: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return ascending numbers from NUMBERS to `most` in steps of any length, short ones as often as long ones."""
    longest = int(np.exp(rng.uniform(np.log(2), np.log((most - NUMBERS) // count))))
    steps = rng.integers(max(1, longest // 4), longest + 1, count)
    return int(rng.integers(NUMBERS, most - steps.sum() + 2)) + np.cumsum(steps) - steps[0]


def say_labels(text: str, names: Mapping[int, int]) -> str:
    """Return an answer with other numbers for frames; what is none of the numbers becomes one that no clip has.

    >>> say_labels('frame 1012 <answer>{"keyframe_timestamp": 7', {1012: 12})
    'frame 12 <answer>{"keyframe_timestamp": 1000000'
    """
    return _LABEL.sub(lambda found: found[1] + str(names.get(int(found[2]), _NO_FRAME)), text)


def _ordered(shown: Sequence[int], drawn: np.ndarray, rng: np.random.Generator) -> Names:
    order = rng.permutation(drawn) if rng.random() < _ANY_ORDER else drawn
    return dict(zip(shown, order.tolist(), strict=True))
