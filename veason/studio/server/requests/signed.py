"""What every request carries, and the bounds that several share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from veason.studio.server.client import Client
from veason.studio.server.decode import AtMost, Between

Frame = Annotated[int, Between(0, 100_000_000)]
Stop = Annotated[int, Between(1, 100_000_000)]
ObjectId = Annotated[int, Between(1, 1_000_000)]
ObjectOrNew = Annotated[int, Between(0, 1_000_000)]
"""An object's id; 0 is a new object."""

RowId = Annotated[int, Between(0, 2**53)]
"""The id of a row in the project's database, or a revision or stamp: what a browser can count to."""

Pixel = Annotated[float, Between(-1e6, 1e6)]
WorkId = Annotated[str, AtMost(200)]
"""An open question: the project's key, a dot, the question's id."""

ProjectKey = Annotated[str, AtMost(200)]
PersonName = Annotated[str, AtMost(80)]
FormatName = Annotated[str, AtMost(40)]
Folder = Annotated[str, AtMost(4000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What every request carries.

    Attributes:
        tab: tells the tabs of browsers apart.
        by: the annotator's name, "" where none was given.
        seen: the revision of the question that the tab shows.
        work: the open question.
        project: the key of the project.
    """

    tab: Annotated[str, AtMost(40)] | None = None
    by: PersonName | None = None
    seen: RowId | None = None
    work: WorkId | None = None
    project: ProjectKey | None = None

    @property
    def client(self) -> Client:
        """Who sent it."""
        return Client(self.tab or "", " ".join((self.by or "").split()) or None, self.seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRequest(Signed):
    """A request about the open question `work`."""

    work: WorkId


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRequest(Signed):
    """A request about the project of the key `project`."""

    project: ProjectKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An uploaded file: the `path` where gradio put it, and the `name` it had on the visitor's machine."""

    path: Annotated[str, AtMost(4000)]
    name: Annotated[str, AtMost(2000)]
