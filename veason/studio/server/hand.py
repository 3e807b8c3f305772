"""Who makes a change: a tab of a browser, and what it has seen so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from veason.studio.server import payload as read


@dataclass(frozen=True, slots=True)
class Hand:
    """Who makes a change: the browser tab, the person's name if it was given, and the revision that the tab shows."""

    tab: str = ""
    name: str | None = None
    seen: int | None = None


NOBODY = Hand()


def read_hand(payload: Any) -> Hand:
    """Return who sends; every part of it may be missing. Raises PromptError where a part is not of its kind."""
    sent = payload if isinstance(payload, dict) else {}
    tab = read.short_text(sent, "tab", 40) if sent.get("tab") is not None else ""
    name = " ".join(read.short_text(sent, "by", 80).split()) if sent.get("by") is not None else ""
    seen = read.whole_number(sent, "seen") if sent.get("seen") is not None else None
    return Hand(tab, name or None, seen)
