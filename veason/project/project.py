"""A project: the folder that a person owns, and its parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from veason.errors import ProjectError
from veason.project.classes import Classes
from veason.project.database import PROJECT_FILE, Database, create_file
from veason.project.doubt import LearntDoubt
from veason.project.gate import AcceptGate
from veason.project.labels import LabelStore
from veason.project.library import Library
from veason.project.overlap_rule import OverlapRule
from veason.project.queue import Queue
from veason.video.limits import ANY, VideoLimits


class Project:
    """A folder that a person owns, with `project.sqlite` in it. May be used from any thread and several processes.

    Every change is on the disk before its call returns. All methods raise ProjectError where the disk is full or
    read-only, the file is locked for long, or an id is unknown; nothing is half done then.

    Attributes:
        folder: where it lies.
        is_untrusted: a stranger's: nothing outside the folder is opened, packed or named, whatever it says, and its
            videos are opened within `veason.video.UNTRUSTED`.
        database: the file, for the modules of this package.
        library: videos, questions, and the log of what happened to them.
        queue: statuses, assignment, comments and verdicts.
        labels: edits, masks and answers.
        classes: what objects can be.
        gate: what has to be done before labels are accepted.
        overlap_rule: whether objects may share pixels in what is exported.
        doubt: how often masks that look doubtful were wrong.
    """

    def __init__(
        self, folder: Path, database: Database, *, is_untrusted: bool = False, limits: VideoLimits = ANY
    ) -> None:
        self.folder = folder
        self.is_untrusted = is_untrusted
        self.database = database
        self.library = Library(folder, database, is_untrusted=is_untrusted, limits=limits)
        self.queue = Queue(database, self.library)
        self.labels = LabelStore(database, self.library)
        self.classes = Classes(database)
        self.gate = AcceptGate(database)
        self.overlap_rule = OverlapRule(database)
        self.doubt = LearntDoubt(database)

    @property
    def is_read_only(self) -> bool:
        """True where the project can be looked at only."""
        return self.database.is_read_only

    @property
    def proxies(self) -> Path:
        """The folder for what can be made again, such as small pictures; it may be deleted at any time."""
        return self.folder / "proxies"

    @classmethod
    def create(cls, folder: str | Path, **options: Any) -> Project:
        """Make a project in a folder (made where it is missing) and open it; options as for `open`."""
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ProjectError(f"cannot make the folder {folder}: {error.strerror or error}") from error
        create_file(folder / PROJECT_FILE)
        return cls.open(folder, **options)

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        max_bytes: int | None = None,
        timeout_s: float = 10.0,
        is_untrusted: bool = False,
        limits: VideoLimits = ANY,
    ) -> Project:
        """Open a project and bring an older one up to date.

        Args:
            folder: the project's folder. One that cannot be written to is opened for reading (`is_read_only`).
            max_bytes: quota of the project file; a change that needs more is refused.
            timeout_s: how long a change waits for another program that is writing.
            is_untrusted: a stranger's; see the attribute.
            limits: how much its videos may ask for; `veason.video.UNTRUSTED` where others can send some.

        Raises:
            ProjectError: there is no project, it is damaged, or it was made by a newer Veason.
        """
        folder = Path(folder).absolute()
        if not (folder / PROJECT_FILE).is_file():
            raise ProjectError(
                f"{folder} is not a project: it holds no {PROJECT_FILE}; make one with `veason project new`"
            )
        database = Database(folder / PROJECT_FILE, max_bytes=max_bytes, timeout_s=timeout_s)
        return cls(folder, database, is_untrusted=is_untrusted, limits=limits)

    @contextmanager
    def atomic(self) -> Iterator[list[int]]:
        """Make all changes of the block one: they reach the disk as it ends, or none of them does.

        Everybody else waits meanwhile, so let it be short. Once the block has ended the list that it is given holds the
        revisions that it made, in order.
        """
        with self.labels.atomic() as made:
            yield made

    def close(self) -> None:
        """Close the file; the project can be opened again at any time."""
        self.database.close()

    def release(self) -> None:
        """Close the file as far as nobody uses it; what is going on in other threads comes to its end."""
        self.database.release()

    @property
    def num_bytes(self) -> int:
        """What it may take in memory while it is open."""
        return self.database.num_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
