"""JSON objects in which no key hides another: of two equal keys, `json` keeps the last and says nothing.

json.loads(text, object_pairs_hook=unique_keys)
"""

from __future__ import annotations

from typing import Any


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object of its keys and values, in order.

    >>> unique_keys([("a", 1), ("b", 2)])
    {'a': 1, 'b': 2}

    Raises:
        ValueError: a key stands twice.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:40]!r} stands twice in one object")
    return found
