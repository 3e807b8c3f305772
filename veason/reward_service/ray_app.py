"""The same service behind Ray Serve: replicas on the nodes of a cluster, each with its share of a GPU."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from veason.errors import VeasonError
from veason.libraries import library_imports
from veason.reward_service.door import Door
from veason.reward_service.question import TracksQuestion
from veason.reward_service.scorer import FrameIou
from veason.reward_service.server import ServiceSettings, load_scorer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_NAME = "veason-reward"
"""The application's name in Serve."""

_LINGER_S = 0.005


async def _score_together(replica: Any, questions: Sequence[TracksQuestion]) -> Sequence[FrameIou | VeasonError]:
    """Answer a batch; a method of the replica by the same name, for by that Serve tells it from a function."""
    return await asyncio.to_thread(replica.scorer.score, questions)


def make_deployment(settings: ServiceSettings, gpus: float) -> Any:
    """Return the bound deployment; Veason is imported in every replica, so it is installed on every node.

    Args:
        settings: as for `veason.reward_service.server.serve_rewards`; `footage` is read on the node of each replica.
        gpus: of a replica.
    """
    with library_imports():
        from ray import serve

    class Replica:
        """One segmenter."""

        def __init__(self) -> None:
            self.scorer = load_scorer(settings)
            self._door = Door(self._ask, self.scorer.footage, lambda: self.scorer.told(0), settings.token)

        async def __call__(self, request: Request) -> Response:
            return await self._door.answer(request)

        async def _ask(self, question: TracksQuestion) -> FrameIou:
            answer: FrameIou | VeasonError = await self._score_together(question)
            if isinstance(answer, VeasonError):
                raise answer
            return answer

        _score_together: Any = serve.batch(
            max_batch_size=settings.most, batch_wait_timeout_s=_LINGER_S, max_concurrent_batches=1
        )(_score_together)

    made: Any = serve.deployment(
        name=_NAME, num_replicas=settings.replicas, max_ongoing_requests=2 * settings.most,
        max_queued_requests=settings.waiting, ray_actor_options={"num_gpus": gpus}, health_check_period_s=5,
    )(Replica)  # fmt: skip
    return made.bind()


def serve_on_ray(
    settings: ServiceSettings,
    address: str | None = None,
    gpus: float = 0.0,
    on_address: Callable[[str], object] = lambda url: None,
) -> None:
    """Serve until a signal ends it.

    Args:
        settings: how; port 0 is not for Ray, which wants a number.
        address: of a cluster that runs; None starts one on this machine.
        gpus: of a replica.
        on_address: told the address, once replicas are there.

    Raises:
        MissingBackend: ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is None:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # else a token is written into the home folder
    with library_imports():
        import ray
        from ray import serve
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.set())
    ray.init(address=address or "local", include_dashboard=False, log_to_driver=True)
    serve.start(http_options={"host": settings.host, "port": settings.port, "location": "HeadOnly"})
    serve.run(make_deployment(settings, gpus), name=_NAME, route_prefix="/")
    on_address(f"http://{settings.host}:{settings.port}")
    ended.wait()
    serve.shutdown()
    ray.shutdown()
