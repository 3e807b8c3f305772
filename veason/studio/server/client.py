"""Who makes a change: a tab of a browser, and what it has seen so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from veason.studio.server.fields import AtMost, PersonName, RowId


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The sender of a request.

    Attributes:
        tab: tells the tabs of browsers apart.
        by: the annotator's name, "" where none was given.
        seen: the revision of the question that the tab shows.
    """

    tab: Annotated[str, AtMost(40)] | None = None
    by: PersonName | None = None
    seen: RowId | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tab", self.tab or "")
        object.__setattr__(self, "by", " ".join((self.by or "").split()) or None)


NOBODY = Client()
