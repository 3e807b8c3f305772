"""Small words: how a thing is called in a question, picked at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from veason_nano.language.claims import Words
from veason_nano.world.view import View

_T = TypeVar("_T")


def plural(word: str) -> str:
    """Return the plural of a shape word.

    >>> plural("cross"), plural("star")
    ('crosses', 'stars')
    """
    return word + ("es" if word.endswith("s") else "s")


def pick(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    """Return one of the options at random."""
    return options[int(rng.integers(len(options)))]


def thing(rng: np.random.Generator) -> str:
    """Return a word for anything at all."""
    return pick(rng, ("object", "thing"))


def phrase(words: Words, rng: np.random.Generator, is_plural: bool = False) -> str:
    """Return "small striped red ball", or "red things", from what is given."""
    noun = words.shape or thing(rng)
    return " ".join(
        word for word in (words.size, words.pattern, words.colour, plural(noun) if is_plural else noun) if word
    )


def random_words(view: View, actor: int, rng: np.random.Generator) -> Words:
    """Return some of the words that fit an object: a colour or a shape at least."""
    appearance = view.facts.scene.actors[actor].appearance
    keep = rng.random(4) < (0.75, 0.7, 0.22, 0.15)
    size = appearance.size if keep[3] and appearance.size in ("small", "large") else ""
    words = Words(
        appearance.shape if keep[0] else "",
        appearance.colour if keep[1] else "",
        appearance.pattern if keep[2] else "",
        size,
    )
    return (
        words
        if any((words.shape, words.colour, words.pattern, words.size))
        else Words(appearance.shape, appearance.colour)
    )


def number(count: int) -> str:
    """Return a count from 0 to 7 in words."""
    return ("no", "one", "two", "three", "four", "five", "six", "seven")[count]
