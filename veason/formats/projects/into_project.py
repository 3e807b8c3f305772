"""From a file or folder into a project: everything is read once before the first change, and told afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from veason.formats.importing import import_labels
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.from_project import info_of, names_of
from veason.formats.projects.names import marked_name
from veason.formats.projects.to_project import Imported, check_fits, to_project
from veason.project import Project
from veason.types import OnProgress, VideoInfo


def into_project(
    project: Project,
    source: str | Path,
    format: str,
    *,
    videos: Mapping[str, str | Path] | str | Path | None = None,
    copy: bool = False,
    is_owners: bool = False,
    tell: OnProgress | None = None,
) -> Imported:
    """Take labels into a project and return how much came in, what was known, and what was left out and why.

    Args:
        project: where they go.
        source: a file or folder.
        format: one of IMPORTABLE.
        videos: as for `import_labels`; what is not found there is looked for in the project.
        copy: copy the videos into the project.
        is_owners: as for `import_labels`.
        tell: called with (videos done, videos in all).

    Raises:
        DataError: the source cannot be read, or nothing of it comes in; the project is as it was.
        ProjectError: the video of the labels is not known, or is not the one that was labelled; the same.
        VideoError: a video cannot be opened.
    """
    own = own_videos(project)
    tally = ImportTally()

    def read() -> Iterable[LabelledVideo]:
        nonlocal tally
        tally = ImportTally()
        return import_labels(source, format, videos=videos, is_owners=is_owners, own=own, tally=tally)

    return replace(enter(project, read, copy=copy, tell=tell), left_out=tally.lines())


def own_videos(project: Project) -> dict[str, VideoInfo]:
    """Return the videos of a project by all names that labels may have for them."""
    own: dict[str, VideoInfo] = {}
    for name, video in names_of(project).items():
        own[marked_name(video)] = own[name] = info_of(video)
    return own


def enter(
    project: Project, read: Callable[[], Iterable[LabelledVideo]], *, copy: bool, tell: OnProgress | None = None
) -> Imported:
    """Take labels into a project that `read` gives twice: once to check all of them, then to keep them.

    Raises:
        As `into_project`, and whatever `read` raises.
    """
    count = 0
    for labels in read():
        check_fits(project, labels)  # all of them before the first change
        count += 1
    total = Imported()
    for number, labels in enumerate(read()):
        if tell is not None:
            tell(number, count)
        total += to_project(project, labels, copy=copy)
    return total
