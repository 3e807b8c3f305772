"""Events that move files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from veason.studio.server.fields import AtMost, Folder, FormatName, RowIds
from veason.studio.server.requests.signed import Signed, Upload, WorkRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWorkRequest(WorkRequest):
    """Write the masks, the overlay video or the result of the open question."""

    what: Literal["masks", "overlay", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportProjectRequest(Signed):
    """Pack the whole project; of a visitor who has none yet, `project` is null."""

    format: Literal["project"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLabelsRequest(Signed):
    """Write labels in a format; of a visitor who has no project yet, `project` is null.

    Attributes:
        format: its name.
        scope: the open clip, or the whole project.
        everything: labels that nobody accepted too.
        disputed: accepted labels that a reviewer disagrees with too.
        overlaps: leave overlapping masks as they are, where the project allows it; else each pixel goes to one object
            of a question.
        pictures: the frames beside the labels.
        questions: only these, where they are named.
    """

    format: FormatName
    scope: Literal["clip", "project"] = "project"
    everything: bool = False
    disputed: bool = False
    overlaps: bool = True
    pictures: bool = True
    questions: RowIds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueueRequest(Signed):
    """Add clips to the queue.

    Attributes:
        files: clips and lists of instructions that were uploaded.
        folder: a folder of this machine, "" for none.
        instructions: one a line, about every clip.
    """

    files: Annotated[tuple[Upload, ...], AtMost(10_000)] = ()
    folder: Folder = ""
    instructions: Annotated[str, AtMost(100_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest(Signed):
    """Import labels that were uploaded (`path`, `name` as for `Upload`), or a packed project (`format` "project")."""

    path: Annotated[str, AtMost(4000)]
    name: Annotated[str, AtMost(2000)]
    format: FormatName

    @property
    def upload(self) -> Upload:
        """The uploaded file."""
        return Upload(path=self.path, name=self.name)


ExportRequest: TypeAlias = ExportWorkRequest | ExportProjectRequest | ExportLabelsRequest
