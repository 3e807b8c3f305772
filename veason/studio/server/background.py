"""Pre-labelling while people work: it uses the models only where no visitor wants them."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from veason.errors import ProjectError, VeasonError
from veason.pipeline import Pipeline
from veason.project import Project
from veason.project.prelabel import Progress, prelabel
from veason.studio.server.store import ENDING_S


class Turns:
    """Who uses the models: one at a time, visitors before the background."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._is_used = False
        self._waiting = 0

    @property
    def has_waiting(self) -> bool:
        """True while a visitor waits for the models."""
        return self._waiting > 0

    @contextmanager
    def visitor(self) -> Iterator[None]:
        """Use the models as soon as the frame or answer that the background is at is done."""
        with self._free:
            self._waiting += 1
            while self._is_used:
                self._free.wait()
            self._waiting -= 1
            self._is_used = True
        with self._giving_back():
            yield

    @contextmanager
    def background(self) -> Iterator[None]:
        """Use the models once no visitor uses or awaits them."""
        with self._free:
            while self._is_used or self._waiting:
                self._free.wait()
            self._is_used = True
        with self._giving_back():
            yield

    @contextmanager
    def _giving_back(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._free:
                self._is_used = False
                self._free.notify_all()


class Prelabelling:
    """At most one run a project; each goes on in a thread of its own until it is done or stopped."""

    def __init__(self, pipeline: Pipeline, turns: Turns) -> None:
        self._pipeline, self._turns = pipeline, turns
        self._runs: dict[str, _Run] = {}

    def start(self, key: str, project: Project) -> None:
        """Begin, unless it is running.

        Raises:
            ProjectError: nothing is left to do.
        """
        run = self._runs.get(key)
        if run is not None and run.is_running:
            return
        if not any(question.instruction for question in project.questions(status=("new", "thinking"))):
            raise ProjectError("nothing to pre-label: no question with words is new")
        self._runs[key] = _Run(project, self._pipeline, self._turns)

    def stop(self, key: str) -> None:
        """Stop within a frame or an answer; what is done is kept."""
        if key in self._runs:
            self._runs[key].stop()

    def told(self, key: str) -> dict[str, Any] | None:
        """Return how far the run of a project is, None where none was begun since the server started."""
        run = self._runs.get(key)
        return None if run is None else run.told()

    def close(self) -> None:
        """Stop all runs and wait for their end; not for long where one waits for a visitor who is gone."""
        for run in self._runs.values():
            run.stop()
        for run in self._runs.values():
            run.join()


class _Run:
    def __init__(self, project: Project, pipeline: Pipeline, turns: Turns) -> None:
        self._project, self._pipeline, self._turns = project, pipeline, turns
        self._last: Progress | None = None
        self._failure = ""
        self._failed = 0
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._is_stopping.set()

    def join(self) -> None:
        self._thread.join(ENDING_S)

    def told(self) -> dict[str, Any]:
        last = dataclasses.asdict(self._last) if self._last is not None else {}
        return {**last, "running": self.is_running, "failure": self._failure, "failed": self._failed}

    def _work(self) -> None:
        try:
            with closing(prelabel(self._project, self._pipeline)) as work:
                while not self._is_stopping.is_set():
                    with self._turns.background():
                        progress = next(work, None)
                    if progress is None:
                        return
                    self._failed += progress.stage == "failed"
                    self._last = progress
        except VeasonError as error:  # told on the page; the thread has nobody else to tell
            self._failure = str(error)
