"""The processes of the workers: who is free, and another one in place of each that ended."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from veason.errors import DeviceError
from veason.model_workers.worker import Load, ModelFacts, Request, RequestName, WorkerSetting, serve_models
from veason.types import Holding, VideoSource

RETRY_S = 5.0
"""After a worker could not load its models it is tried again this much later."""

WORKER_ENDING_S = 5.0
"""For how long a worker is waited for when the server ends."""

_LOST = "the process in which the models ran ended: what was made is kept, and you can try again at once"
_NONE = "the models are not there at the moment, and are being started again: try again in a minute"

_LOG = logging.getLogger(__name__)


class _WorkerLostError(Exception):
    """The process of a worker ended in the middle of a request."""


@dataclass(eq=False, slots=True)
class _Worker:
    """A process with its models loaded."""

    process: BaseProcess
    work: Connection
    asides: Connection
    facts: ModelFacts
    last_video: bytes = b""
    last_used: float = 0.0
    is_busy: bool = False
    is_lost: bool = False
    aside_lock: threading.Lock = field(default_factory=threading.Lock)


class WorkerPool:
    """Workers that all load the same models.

    Args:
        load: loads the models of a worker.
        settings: what is set in each process; there is one worker for each.

    Attributes:
        facts: what the models are.

    Raises:
        VeasonError: the models cannot be loaded.
    """

    def __init__(self, load: Load, settings: Sequence[WorkerSetting]) -> None:
        self._load = load
        self._changed = threading.Condition()
        self._workers: dict[int, _Worker] = {}
        self._failures: dict[int, Exception] = {}
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=(number, setting), name=f"model worker {number}", daemon=True)
            for number, setting in enumerate(settings, start=1)
        ]
        for thread in self._threads:
            thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._failures or len(self._workers) == len(settings))
            failures = list(self._failures.values())
        if failures:
            self.close()
            raise failures[0]
        self.facts = next(iter(self._workers.values())).facts

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the workers whose models are loaded."""
        with self._changed:
            return tuple(worker.process.pid or 0 for worker in self._workers.values())

    def run(
        self,
        name: RequestName,
        video: VideoSource | None,
        arguments: Mapping[str, Any],
        answers: Mapping[str, Callable[..., Any] | None] = {},
    ) -> Generator[Any, None, None]:
        """Run a request in a worker that is free and yield what comes of it.

        A request whose worker ends before anything came of it is run once more by another.

        Args:
            name: what is to be done.
            video: what it is about.
            arguments: by name.
            answers: arguments that are functions: they are called here when the worker asks.

        Raises:
            DeviceError: the worker ended meanwhile, or there is none. What the request raises, else.
        """
        asked = {one: function for one, function in answers.items() if function is not None}
        request = Request(name, b"" if video is None else pickle.dumps(video), arguments, tuple(asked))
        num_told = 0
        for is_last in (False, True):
            with self._leased(request.video) as worker, closing(_steps(worker.work, request, asked)) as steps:
                try:
                    for value in steps:
                        num_told += 1
                        yield value
                except _WorkerLostError as error:
                    worker.is_lost = True
                    if num_told or is_last:
                        raise DeviceError(_LOST) from error
                else:
                    return

    def aside(self, name: str, *arguments: Any) -> Any:
        """Ask the worker that was used last a short question, whatever it does at the moment.

        Raises:
            DeviceError: there is no worker.
        """
        with self._changed:
            workers = sorted(self._workers.values(), key=lambda one: one.last_used, reverse=True)
        for worker in workers:
            try:
                return _ask(worker, name, arguments)
            except (EOFError, OSError):
                continue
        raise DeviceError(_NONE)

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """What all workers hold together of each budget."""
        with self._changed:
            workers = list(self._workers.values())
        found: dict[str, Holding] = {}
        for worker in workers:
            try:
                held: tuple[Holding, ...] = _ask(worker, "holdings", ())
            except (EOFError, OSError):
                continue
            for one in held:
                before = found.get(one.name, Holding(one.name, 0, 0))
                # what the machine has is there once, what a worker may cache is there for each of them
                most = one.most if one.name == "memory of workers" else before.most + one.most
                found[one.name] = Holding(one.name, before.held + one.held, most)
        return tuple(found.values())

    def close(self) -> None:
        """End all workers."""
        self._is_over.set()
        with self._changed:
            workers = list(self._workers.values())
            self._changed.notify_all()
        for worker in workers:
            worker.process.terminate()
        for thread in self._threads:
            thread.join(WORKER_ENDING_S)

    @contextmanager
    def _leased(self, video: bytes) -> Iterator[_Worker]:
        """Give a worker that is free: the one that worked on this video last, else the one that rested longest.

        Raises:
            DeviceError: there is none, and the last one could not be started.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._free() or self._is_over.is_set() or self._is_hopeless())
            free = self._free()
            if not free:
                raise DeviceError(_NONE)
            worker = min(free, key=lambda one: (one.last_video != video, one.last_used))
            worker.is_busy, worker.last_video, worker.last_used = True, video, time.monotonic()
        try:
            yield worker
        finally:
            with self._changed:
                worker.is_busy = False
                self._changed.notify_all()

    def _free(self) -> list[_Worker]:
        return [one for one in self._workers.values() if not (one.is_busy or one.is_lost)]

    def _is_hopeless(self) -> bool:
        return not self._workers and len(self._failures) == len(self._threads)

    def _keep(self, number: int, setting: WorkerSetting) -> None:
        """Start a worker, wait for its end and start another, until the pool is closed."""
        while not self._is_over.is_set():
            try:
                worker = self._start(setting)
            except Exception as error:  # noqa: BLE001  # raised by the constructor, or told and tried again
                with self._changed:
                    self._failures[number] = error
                    self._changed.notify_all()
                _LOG.error("worker %d for the models cannot start: %s", number, error)
                self._is_over.wait(RETRY_S)
                continue
            with self._changed:
                if self._is_over.is_set():  # closed while the models were loaded
                    worker.process.terminate()
                self._failures.pop(number, None)
                self._workers[number] = worker
                self._changed.notify_all()
            wait([worker.process.sentinel])
            with self._changed:
                del self._workers[number]
                self._changed.notify_all()
            worker.process.join()
            if not self._is_over.is_set():
                code = worker.process.exitcode
                _LOG.error("worker %d for the models ended with code %s: another is started", number, code)

    def _start(self, setting: WorkerSetting) -> _Worker:
        """Start a process and wait until its models are loaded. Raises what it told, or DeviceError."""
        context = multiprocessing.get_context("spawn")
        (work, its_work), (asides, its_asides) = context.Pipe(), context.Pipe()
        arguments = (its_work, its_asides, self._load, setting)
        process = context.Process(target=serve_models, args=arguments, daemon=True)
        process.start()
        its_work.close()
        its_asides.close()
        try:
            told = work.recv()
        except (EOFError, OSError) as error:
            process.join(WORKER_ENDING_S)
            raise DeviceError(
                f"a worker for the models ended while it loaded them (code {process.exitcode}): has the machine enough "
                "memory for so many? give fewer --workers"
            ) from error
        if isinstance(told, Exception):
            process.join(WORKER_ENDING_S)
            raise told
        return _Worker(process, work, asides, told)


def _steps(work: Connection, request: Request, answers: Mapping[str, Callable[..., Any]]) -> Generator[Any, None, None]:
    """Yield what a worker makes of a request, step by step. Raises _WorkerLostError where its process ends."""
    is_running = False
    try:
        work.send(request)
        is_running = True
        while True:
            work.send("next")
            kind, value = _received(work, answers)
            if kind != "value":
                is_running = False
                if kind == "error":
                    raise value
                return
            yield value
    except (EOFError, ConnectionError) as error:
        is_running = False
        raise _WorkerLostError from error
    finally:
        if is_running:
            _end(work, answers)


def _received(work: Connection, answers: Mapping[str, Callable[..., Any]]) -> tuple[str, Any]:
    """Return the next value, after answering what the worker asks on the way to it."""
    while True:
        kind, value = work.recv()
        if kind != "call":
            return kind, value
        name, arguments = value
        try:
            work.send(("value", answers[name](*arguments)))
        except Exception as error:  # noqa: BLE001  # raised where it was called
            work.send(("raise", error))


def _end(work: Connection, answers: Mapping[str, Callable[..., Any]]) -> None:
    """End a request in the middle, and wait until the worker has."""
    try:
        work.send("close")
        while _received(work, answers)[0] == "value":
            pass
    except (EOFError, OSError):
        return


def _ask(worker: _Worker, name: str, arguments: Sequence[Any]) -> Any:
    with worker.aside_lock:
        worker.asides.send((name, arguments))
        kind, value = worker.asides.recv()
    if kind == "error":
        raise value
    return value
