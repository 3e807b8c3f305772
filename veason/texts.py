"""Texts that can be written: to a file, a database, a tokenizer."""

from __future__ import annotations


def has_half_letters(text: str) -> bool:
    r"""Tell whether a text holds a half of a surrogate pair, which JSON can hold and UTF-8 cannot.

    >>> has_half_letters("a dog \U0001f415"), has_half_letters("a dog \ud83d")
    (False, True)
    """
    return any("\ud800" <= letter <= "\udfff" for letter in text)
