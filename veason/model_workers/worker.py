"""The process of a worker: it loads the models, then runs one request at a time, a step for each that is asked for.

Requests are generators of the pipeline. The server asks for a value, gets it, and asks for the next, so that a worker
is never ahead of who reads, and closing is a message in place of the next. What a request wants to know meanwhile (the
frame on screen) it asks the server. Short questions come on a second connection and are answered at once.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Literal

from veason.device import bound_threads
from veason.errors import VeasonError
from veason.pipeline import FramesShown, Pipeline
from veason.profile import Profile
from veason.types import Holding, VideoSource

Load = Callable[[], Pipeline]
"""Loads the models of a worker; it is pickled."""

RequestName = Literal["think", "outside_training", "propagate", "stream", "track"]

MOST_VIDEOS = 4
"""So many opened videos a worker keeps for the next request about one of them."""


class WorkerError(RuntimeError):
    """Something unexpected was raised in a worker; the text holds its traceback."""


@dataclass(frozen=True, slots=True)
class WorkerSetting:
    """What is set in a process before anything is loaded.

    Attributes:
        environment: variables, such as the GPU that it sees.
        threads: so many threads compute, None for the library's own choice.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What does not change of a policy, see `veason.types.Policy`."""

    name: str
    frame_count: int
    profile: Profile
    is_recorded: bool
    can_sample: bool


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a worker tells once its models are loaded.

    Attributes:
        policy: of its policy, None where it has none.
        segmenter: name of its segmenter.
        can_settle: see `Pipeline.can_settle`.
    """

    policy: PolicyFacts | None
    segmenter: str
    can_settle: bool


@dataclass(frozen=True, slots=True)
class Request:
    """Work for a worker.

    Attributes:
        name: what is to be done.
        video: a pickled `VideoSource`, b"" where none is needed. It is opened in the worker, whose errors can be told.
        arguments: by name.
        asked_back: names of arguments that are functions; the worker asks the server instead of calling them.
    """

    name: RequestName
    video: bytes
    arguments: Mapping[str, Any]
    asked_back: tuple[str, ...] = ()


def serve_models(work: Connection, asides: Connection, load: Load, setting: WorkerSetting) -> None:
    """Load the models, and run what is asked until the server ends. The entry point of a worker's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends it, after what it still does
    os.environ.update(setting.environment)
    if setting.threads is not None:
        bound_threads(setting.threads)
    try:
        pipeline = load()
    except Exception as error:  # noqa: BLE001  # told to the server, whatever it is
        work.send(_portable(error))
        return
    work.send(_facts(pipeline))
    threading.Thread(target=_answer, args=(asides, pipeline), name="asides", daemon=True).start()
    videos = _Videos()
    try:
        while True:
            _run(work, pipeline, videos, work.recv())
    except (EOFError, OSError):  # the server is gone
        return


class _Videos:
    """The videos that were opened last."""

    def __init__(self) -> None:
        self._opened: OrderedDict[bytes, VideoSource] = OrderedDict()

    def get(self, pickled: bytes) -> VideoSource:
        """Return a video, opened now or before. Raises VideoError."""
        video = self._opened.pop(pickled, None) or pickle.loads(pickled)
        self._opened[pickled] = video
        while len(self._opened) > MOST_VIDEOS:
            _, oldest = self._opened.popitem(last=False)
            if hasattr(oldest, "close"):
                oldest.close()
        return video


def _run(work: Connection, pipeline: Pipeline, videos: _Videos, request: Request) -> None:
    """Run a request: a value for each "next", then ("end", None) or ("error", what was raised)."""
    with closing(_steps(pipeline, videos, request, work)) as steps:
        while work.recv() == "next":
            try:
                value = next(steps)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001  # raised again in the server
                work.send(("error", _portable(error)))
                return
            work.send(("value", value))
    work.send(("end", None))


def _steps(pipeline: Pipeline, videos: _Videos, request: Request, work: Connection) -> Generator[Any, None, None]:
    arguments = dict(request.arguments)
    for name in request.asked_back:
        arguments[name] = _AskBack(work, name)
    if request.video:
        arguments["video"] = videos.get(request.video)
    yield from _BY_NAME[request.name](pipeline, arguments)


def _think(pipeline: Pipeline, arguments: dict[str, Any]) -> Iterator[Any]:
    yield from (event for event in pipeline.think(**arguments) if not isinstance(event, FramesShown))


def _outside(pipeline: Pipeline, arguments: dict[str, Any]) -> Iterator[Any]:
    yield from pipeline.outside_training(**arguments)


def _propagate(pipeline: Pipeline, arguments: dict[str, Any]) -> Iterator[Any]:
    yield from pipeline.propagate(**arguments)


def _stream(pipeline: Pipeline, arguments: dict[str, Any]) -> Iterator[Any]:
    assert pipeline.policy is not None
    yield from pipeline.policy.stream(**arguments)


def _track(pipeline: Pipeline, arguments: dict[str, Any]) -> Iterator[Any]:
    yield from pipeline.segmenter.track(**arguments)


_BY_NAME: Mapping[str, Callable[[Pipeline, dict[str, Any]], Iterator[Any]]] = {
    "think": _think,
    "outside_training": _outside,
    "propagate": _propagate,
    "stream": _stream,
    "track": _track,
}


@dataclass(frozen=True, slots=True)
class _AskBack:
    """A function of the server, called from the worker in the middle of a step."""

    work: Connection
    name: str

    def __call__(self, *arguments: Any) -> Any:
        self.work.send(("call", (self.name, arguments)))
        kind, value = self.work.recv()
        if kind == "raise":
            raise value
        return value


def _answer(asides: Connection, pipeline: Pipeline) -> None:
    """Answer short questions until the server ends."""
    try:
        while True:
            name, arguments = asides.recv()
            try:
                asides.send(("value", _ASIDES[name](pipeline, *arguments)))
            except Exception as error:  # noqa: BLE001  # raised again in the server
                asides.send(("error", _portable(error)))
    except (EOFError, OSError):
        return


def _unknown_words(pipeline: Pipeline, instruction: str) -> tuple[str, ...]:
    return pipeline.policy.unknown_words(instruction) if pipeline.policy is not None else ()


def _holdings(pipeline: Pipeline) -> tuple[Holding, ...]:
    memory = _resident_bytes()
    machine = () if memory is None else (Holding("memory of workers", memory, os.sysconf("SC_PHYS_PAGES") * _PAGE),)
    return (*pipeline.holdings, *machine)


_ASIDES: Mapping[str, Callable[..., Any]] = {
    "unknown_words": _unknown_words,
    "estimate_seconds": Pipeline.estimate_seconds,
    "holdings": _holdings,
}

_PAGE = os.sysconf("SC_PAGE_SIZE") if sys.platform == "linux" else 0


def _resident_bytes() -> int | None:
    if sys.platform != "linux":
        return None
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * _PAGE


def _facts(pipeline: Pipeline) -> ModelFacts:
    policy = pipeline.policy
    facts = None
    if policy is not None:
        facts = PolicyFacts(
            policy.name,
            policy.frame_count,
            policy.profile,
            is_recorded=policy.is_recorded,
            can_sample=policy.can_sample,
        )
    return ModelFacts(facts, pipeline.segmenter.name, can_settle=pipeline.can_settle)


def _portable(error: Exception) -> Exception:
    """Return an error as the server can raise it: those for people and those of the system as they are."""
    if isinstance(error, VeasonError | MemoryError):
        return error.with_traceback(None)
    if isinstance(error, OSError) and error.errno is not None:
        return OSError(error.errno, str(error))
    return WorkerError("".join(traceback.format_exception(error)))
