"""The service as processes of this machine: one listens, and each replica has a segmenter; a dead one is replaced."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from veason.errors import EndpointError, OptionError
from veason.libraries import library_imports
from veason.reward_service.footage import FootageIndex
from veason.reward_service.scorer import TrackScorer
from veason.types import ModelOptions

if TYPE_CHECKING:
    from starlette.applications import Starlette

_SILENT_S = 60
"""A replica that does not say for so long that it is alive is replaced."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How the service is started.

    Attributes:
        footage: folders of the videos that may be asked about.
        index: where the digests of the footage are kept, so that it is read once; None keeps them for this start alone.
        segmenter: its name, see `veason.segmenter.load_segmenter`.
        options: device, caches and speed-ups.
        host: the address to listen on.
        port: 0 takes a free one.
        token: what is wanted of whoever asks; "" for nothing, on this machine alone.
        replicas: how many processes, each with a segmenter.
        most: questions that are answered together.
        waiting: questions that may wait for their turn, for each replica.

    Raises:
        OptionError: others could reach the address, and no token is wanted.
    """

    footage: tuple[Path, ...]
    index: Path | None = None
    segmenter: str | None = None
    options: ModelOptions = field(default_factory=ModelOptions)
    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    replicas: int = 1
    most: int = 64
    waiting: int = 1024

    def __post_init__(self) -> None:
        from veason.reward_service.door import OWN_NAMES

        if self.host not in OWN_NAMES and not self.token:
            raise OptionError(f"others can reach {self.host}: give --token-file FILE, or listen on 127.0.0.1")


def make_app(settings: ServiceSettings) -> Starlette:
    """Return the application of one replica; models are loaded when it starts."""
    with library_imports():
        from starlette.applications import Starlette
        from starlette.requests import Request
        from starlette.responses import Response
        from starlette.routing import Route
    from veason.reward_service.batching import Batcher
    from veason.reward_service.door import Door
    from veason.reward_service.question import TracksQuestion
    from veason.reward_service.scorer import FrameIou

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        scorer = load_scorer(settings)
        batcher: Batcher[TracksQuestion, FrameIou] = Batcher(scorer.score, most=settings.most, waiting=settings.waiting)
        app.state.door = Door(batcher.ask, scorer.footage, lambda: scorer.told(batcher.waiting), settings.token)
        batcher.start()
        yield
        await batcher.stop()

    async def answer(request: Request) -> Response:
        door: Door = request.app.state.door
        return await door.answer(request)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])], lifespan=lifespan)


@dataclass(frozen=True, slots=True)
class _App:
    """Makes the application in a replica: it crosses the border of a process, which the application cannot."""

    settings: ServiceSettings

    def __call__(self) -> Starlette:
        return make_app(self.settings)


def load_scorer(settings: ServiceSettings) -> TrackScorer:
    """Load a segmenter and look for the footage.

    Raises:
        MissingBackend: weights or a library are missing.
        DeviceError: the device is not there.
        VideoError: a folder of footage is not there.
    """
    from veason.segmenter import load_segmenter

    footage = FootageIndex(settings.footage, settings.index)
    footage.scan()
    return TrackScorer(load_segmenter(settings.segmenter, settings.options), footage)


def index_footage(settings: ServiceSettings, index: Path, on_video: Callable[[int], object]) -> FootageIndex:
    """Read the footage once, for all replicas and those that follow them, and return it.

    Args:
        settings: names its folders.
        index: the file to write.
        on_video: told how many videos have been looked at.

    Raises:
        VideoError: a folder is not there.
        DataError: the index is something else.
    """
    footage = FootageIndex(settings.footage, index)
    footage.scan(on_video)
    footage.save(index)
    return footage


def serve_rewards(settings: ServiceSettings, on_address: Callable[[str], object] = lambda url: None) -> None:
    """Serve until a signal ends it. A replica that dies or hangs is replaced; the others go on meanwhile.

    Args:
        settings: how.
        on_address: told the address, once it is taken; replicas may still load.

    Raises:
        EndpointError: a replica cannot start.
        OptionError: the address is not free.
    """
    with library_imports():
        import uvicorn
        from uvicorn.config import STARTUP_FAILURE
        from uvicorn.supervisors import Multiprocess
    try:
        listening = socket.create_server(
            (settings.host, settings.port),
            family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
            backlog=2048,
        )
    except OSError as error:
        raise OptionError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
    listening.set_inheritable(True)
    on_address(f"http://{settings.host}:{listening.getsockname()[1]}")
    config = uvicorn.Config(
        _App(settings),
        factory=True, workers=settings.replicas, log_level="warning", access_log=False,
        timeout_worker_healthcheck=_SILENT_S, timeout_graceful_shutdown=5,
    )  # fmt: skip
    supervisor = Multiprocess(config, sockets=[listening])
    supervisor.run()
    listening.close()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise EndpointError("the reward service did not start: the reason stands above")
