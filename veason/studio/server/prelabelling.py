"""Pre-labelling while people work: it uses the models only where no visitor wants them."""

from __future__ import annotations

import threading
from contextlib import closing

from veason.errors import DeviceError, ProjectError
from veason.pipeline import Pipeline
from veason.project import Project
from veason.project.prelabel import Progress, prelabel
from veason.studio.server.failures import ErrorFormatter
from veason.studio.server.messages.queue import PrelabelPart
from veason.studio.server.model_choice import ModelChoice
from veason.studio.server.model_line import ModelLine
from veason.studio.server.question.job import ENDING_S


class Prelabelling:
    """At most one run a project; each goes on in a thread of its own until it is done or stopped."""

    def __init__(self, models: ModelChoice, line: ModelLine, error_formatter: ErrorFormatter) -> None:
        self._models, self._line, self._error_formatter = models, line, error_formatter
        self._runs: dict[str, _Run] = {}

    def start(self, key: str, project: Project) -> None:
        """Begin, unless it is running.

        Raises:
            ProjectError: nothing is left to do.
            DeviceError: this is a ZeroGPU Space, whose GPU is allocated to visitors.
        """
        if self._models.pipeline.uses_zero_gpu:
            raise DeviceError(
                "a ZeroGPU Space allocates its GPU to one visitor's call at a time: pre-label on a machine of "
                "your own, and import the project here"
            )
        run = self._runs.get(key)
        if run is not None and run.is_running:
            return
        if not any(question.instruction for question in project.library.questions(status=("new", "thinking"))):
            raise ProjectError("nothing to pre-label: no question with words is new")
        self._runs[key] = _Run(project, self._models.pipeline, self._line, self._error_formatter)

    def stop(self, key: str) -> None:
        """Stop within a frame or an answer; what is done is kept."""
        if key in self._runs:
            self._runs[key].stop()

    def progress(self, key: str) -> PrelabelPart | None:
        """Return how far the run of a project is, None where none was begun since the server started."""
        run = self._runs.get(key)
        return None if run is None else run.progress()

    def close(self) -> None:
        """Stop all runs and wait for their end; not for long where one waits for a visitor who is gone."""
        for run in self._runs.values():
            run.stop()
        for run in self._runs.values():
            run.join()


class _Run:
    def __init__(self, project: Project, pipeline: Pipeline, line: ModelLine, error_formatter: ErrorFormatter) -> None:
        self._project, self._pipeline, self._line, self._error_formatter = project, pipeline, line, error_formatter
        self._last: Progress | None = None
        self._failure = ""
        self._failed = 0
        self._withheld = 0
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

    def progress(self) -> PrelabelPart:
        last = self._last
        return PrelabelPart(
            running=self.is_running,
            failure=self._failure,
            failed=self._failed,
            withheld=self._withheld,
            stage=last.stage if last is not None else None,
            done=last.done if last is not None else 0,
            total=last.total if last is not None else None,
            seconds_left=last.seconds_left if last is not None else None,
            frames=last.frames if last is not None else (0, 0),
        )

    def _work(self) -> None:
        try:
            with closing(prelabel(self._project, self._pipeline)) as work:
                while not self._is_stopping.is_set():
                    with self._line.background():
                        progress = next(work, None)
                    if progress is None:
                        return
                    self._failed += progress.stage == "failed"
                    self._withheld += progress.stage == "withheld"
                    self._last = progress
        except Exception as error:  # noqa: BLE001  # told on the page; the thread has nobody else to tell
            self._failure = self._error_formatter.words(error)
