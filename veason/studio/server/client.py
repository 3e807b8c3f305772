"""Who makes a change: a tab of a browser, and what it has seen so far."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """The sender of a request: the browser tab, the person's name if it was given, and the revision the tab shows."""

    tab: str = ""
    name: str | None = None
    seen: int | None = None


NOBODY = Client()
