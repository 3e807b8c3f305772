"""What every request carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from veason.studio.server.client import Client
from veason.studio.server.fields import AtMost, ProjectKey, WorkId


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed(Client):
    """What every request carries beside who sends it.

    Attributes:
        work: the open question.
        project: the key of the project.
    """

    work: WorkId | None = None
    project: ProjectKey | None = None


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
