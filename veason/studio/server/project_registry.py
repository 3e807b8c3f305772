"""Where projects lie: one that belongs to whoever started the app, or one for each visitor of a public page."""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from veason.errors import ProjectError, SessionError
from veason.folders import size_of
from veason.project import Project
from veason.project.database import PROJECT_FILE
from veason.project.folder import enforce_quota, last_used
from veason.studio.server.settings import Settings
from veason.types import Holding
from veason.video import UNTRUSTED
from veason.video.limits import ANY, VideoLimits

GONE = "this work is no longer on the server: please open the video again"
_KEY = re.compile("[A-Za-z0-9_-]{12,40}")
_KEY_FILE = "page-key"
"""Among the proxies, which are not packed: whoever gets a copy of the project gets no key to the running app."""

TAKEN_AWAY = "the folder of this project was deleted or moved on the server: nothing can be saved until it is back"
CLOSE_AFTER_S = 600.0
"""A visitor's project that nobody asks about for so long is closed; it stays on the disk."""

OPEN_BYTES = 128 << 20
"""What visitors' open projects may take in memory; beyond it the longest unused are closed. Each takes 2 to 4 MB."""

_SWEEP_S = 60.0
"""How often the sizes and ages of all visitors' projects are looked at."""


class ProjectRegistry:
    """Open projects by key. A key is part of a link; a visitor's key cannot be guessed and is all that opens it.

    Args:
        settings: `project` is the folder of the one project that every page works on; where `visitors` is given
            instead, each visitor gets a project below it, within its quota and for its lifetime.
        is_shared: others than the owner of this machine can send videos to the one project.
    """

    def __init__(self, settings: Settings, *, is_shared: bool = False) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._open: dict[str, Project] = {}
        self._flush: Callable[[str], None] = lambda key: None
        self._leave: Callable[[str], bool] = lambda key: True
        self._used: dict[str, float] = {}
        self._making: set[str] = set()
        self._swept = 0.0
        self.own_key: str | None = None
        if settings.visitors is not None:
            settings.visitors.mkdir(parents=True, exist_ok=True)
        else:
            folder = (settings.project or default_folder()).absolute()
            own = open_or_create(folder, limits=UNTRUSTED if is_shared else ANY)
            self.own_key = _kept_key(own)
            self._open[self.own_key] = own

    def title(self, project: Project) -> str:
        """Return what files that are made of a project are called: no key of a visitor."""
        return "project" if self.is_public else project.folder.name

    @property
    def hidden_folders(self) -> tuple[Path, ...]:
        """Folders of this machine that visitors are not told of."""
        return () if self._settings.visitors is None else (self._settings.visitors.absolute(),)

    def before_closing(self, flush: Callable[[str], None], leave: Callable[[str], bool]) -> None:
        """Call these before a project is closed, with its key.

        Args:
            flush: puts on the disk what still waits for it, which takes its time; may raise ProjectError.
            leave: lets go of all that is open of the project and gives True, or changes nothing and gives False where
                anybody is at work. It is called while nobody can get a project, and must not ask for one.
        """
        self._flush, self._leave = flush, leave

    @property
    def visitor_bytes(self) -> int:
        """What one visitor's project may hold."""
        return self._settings.visitor_bytes

    @property
    def root(self) -> Path:
        """The folder of the project, or that of all visitors' projects."""
        return self._settings.visitors or self._open[self.own_key or ""].folder

    @property
    def is_public(self) -> bool:
        """True where every visitor has a project of their own, for a limited time."""
        return self.own_key is None

    def visitor(self, key: str, tab: str | None) -> str:
        """Return who asks for something of a project: a visitor by the project's key, one of a team by the tab too."""
        return key if self.is_public else f"{key} {tab}"

    def get(self, key: str) -> Project:
        """Return the project of that key.

        Raises:
            SessionError: there is none, or its lifetime is over.
        """
        if not _KEY.fullmatch(key):
            raise SessionError(GONE)
        with self._lock:
            folder = None if self._settings.visitors is None else self._settings.visitors / key
            is_opened = key not in self._open and folder is not None and (folder / PROJECT_FILE).is_file()
            if is_opened:
                assert folder is not None
                self._open[key] = Project.open(folder, max_bytes=self._settings.visitor_bytes, is_untrusted=True)
            project = self._open.get(key)
            if project is None:
                raise SessionError(GONE)
            if not (project.folder / PROJECT_FILE).is_file():
                raise SessionError(TAKEN_AWAY)
            self._used[key] = time.monotonic()
        if is_opened:
            self._close_unused(but=key)
        return project

    def get_or_make(self, key: str | None) -> tuple[str, Project]:
        """Return the project of that key, else a new one for a new visitor (or the one that everybody works on)."""
        try:
            return key or "", self.get(key or "")
        except SessionError:
            if self.own_key is not None:
                return self.own_key, self.get(self.own_key)
        bounds: Any = {"max_bytes": self._settings.visitor_bytes, "is_untrusted": True}
        return self.make(lambda folder: Project.create(folder, **bounds))

    def make(self, create: Callable[[Path], Project]) -> tuple[str, Project]:
        """Make a visitor's project with `create`, which gets its folder; return its key and the project."""
        assert self._settings.visitors is not None
        self.sweep()
        self._check_all(0)
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._making.add(key)
        try:
            project = create(self._settings.visitors / key)
            with self._lock:
                self._open[key], self._used[key] = project, time.monotonic()
        finally:
            with self._lock:
                self._making.discard(key)
        self._close_unused(but=key)
        return key, project

    @property
    def holding(self) -> Holding | None:
        """What visitors' projects hold on the disk, None where nobody has one of their own."""
        root = self._settings.visitors
        return None if root is None else Holding("visitors' projects", size_of(root), self._settings.visitors_bytes)

    @property
    def open_holding(self) -> Holding | None:
        """What open projects of visitors may take in memory, None where nobody has one of their own."""
        if self._settings.visitors is None:
            return None
        with self._lock:
            return Holding("open projects", sum(one.num_bytes for one in self._open.values()), OPEN_BYTES)

    @property
    def num_open(self) -> int:
        """How many projects are open."""
        return len(self._open)

    def check_space(self, project: Project, more: int) -> None:
        """Raise ProjectError where a visitor's project would grow over its quota, or all of them over theirs."""
        if self._settings.visitors is None:
            return
        allowed, used = self._settings.visitor_bytes, size_of(project.folder)
        if used + more > allowed:
            raise ProjectError(
                f"your project would hold {(used + more) / 1e6:.0f} MB, this server keeps {allowed / 1e6:.0f} MB for "
                "each visitor: download everything, then begin a new project"
            )
        self._check_all(more)

    def _check_all(self, more: int) -> None:
        """Raise ProjectError where there is no room in all projects together, once the old ones have made room."""
        holding = self.holding
        if holding is None or holding.held + more <= holding.most:
            return
        self.sweep(more, is_due=True)
        holding = self.holding
        if holding is not None and holding.held + more > holding.most:
            raise ProjectError(
                "the server has no room for more at the moment: what you have made is safe; try again later, or with a "
                "smaller clip"
            )

    def sweep(self, more: int = 0, *, is_due: bool = False) -> None:
        """Close visitors' projects that nobody uses, and delete the oldest ones until the rest fits, unless in use.

        Those that nobody wrote to for their lifetime go even where there is room for them.

        Args:
            more: bytes for which there should be room beside the rest.
            is_due: look at the sizes, however short ago they were looked at.
        """
        root = self._settings.visitors
        if root is None:
            return
        self._close_unused()
        with self._lock:
            if time.monotonic() - self._swept < _SWEEP_S and not is_due:
                return
            self._swept = time.monotonic()
        most = max(0, self._settings.visitors_bytes - more)
        enforce_quota(root, most, self._settings.visitor_age_s, may_end=self._may_end)

    def _close_unused(self, but: str = "") -> None:
        """Close visitors' projects that are too old, and those that are idle or beyond the budget, unless at work."""
        with self._lock:
            keys = sorted(self._open, key=lambda key: self._used.get(key, 0.0))
        for key in keys:
            used = self._unused_since(key)
            if key == but or used is None:
                continue
            with suppress(ProjectError):  # then it does not let itself be closed
                self._flush(key)
            with self._lock:  # nobody gets it from here on, so that nobody begins to use it
                if self._used.get(key, 0.0) != used or key not in self._open or not self._leave(key):
                    continue
                project = self._open.pop(key)
                self._used.pop(key, None)
            project.release()

    def _unused_since(self, key: str) -> float | None:
        """Return when a project was asked for last that need not stay open; None where it is not open or has to."""
        with self._lock:
            if key not in self._open:
                return None
            used = self._used.get(key, 0.0)
            is_idle = time.monotonic() - used > CLOSE_AFTER_S
            is_too_much = sum(project.num_bytes for project in self._open.values()) > OPEN_BYTES
            is_old = _age(self._open[key].folder) > self._settings.visitor_age_s
        return used if is_idle or is_too_much or is_old else None

    @contextmanager
    def _may_end(self, folder: Path) -> Iterator[bool]:
        """Keep everybody from opening a project for the block; give False where it is open, or being made."""
        with self._lock:
            yield folder.name not in {*self._making, *self._open}

    def close(self) -> None:
        """Close every project; they stay on the disk."""
        with self._lock:
            for project in self._open.values():
                project.close()
            self._open.clear()


def default_folder() -> Path:
    """Return where the project lies when nobody names a folder: `veason` in the home folder."""
    return Path.home() / "veason"


def open_or_create(folder: Path, *, limits: VideoLimits = ANY) -> Project:
    """Open the project in a folder, its videos within `limits`; an empty or missing folder becomes one.

    Raises:
        ProjectError: the folder holds something else, or cannot be written to.
    """
    if (folder / PROJECT_FILE).exists() or not folder.exists() or not any(folder.iterdir()):
        make = Project.open if (folder / PROJECT_FILE).exists() else Project.create
        return make(folder, limits=limits)
    raise ProjectError(f"{folder} holds other files and no project: name an empty or a new folder with --project")


def _kept_key(project: Project) -> str:
    """Return the key of a project of one's own: random, and the same after a restart, so that links keep working."""
    path = project.proxies / _KEY_FILE
    try:
        kept = path.read_text(encoding="ascii").strip()
        if _KEY.fullmatch(kept):
            return kept
    except (OSError, UnicodeDecodeError):
        pass  # none was kept yet, or no more
    key = secrets.token_urlsafe(12)
    if not project.is_read_only:
        with suppress(OSError):  # then links work until the server ends
            path.parent.mkdir(exist_ok=True)
            with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(key)
    return key


def _age(folder: Path) -> float:
    used = last_used(folder)
    return float("inf") if used is None else time.time() - used
