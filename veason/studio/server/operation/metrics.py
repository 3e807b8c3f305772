"""`/metrics` in the form that Prometheus reads: requests, times, the line for the models, memory and disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import anyio.to_thread

from veason.libraries import require_library
from veason.studio.server.access.sign_in import person_of
from veason.studio.server.guard import App, AsgiScope, Receive, Send
from veason.studio.server.operation.health import send_page
from veason.studio.server.operation.observing import Served
from veason.types.budgets import Holding

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)

Gauges = Mapping[str, tuple[str, Callable[[], float]]]
"""What is measured when it is asked for: by name, in words and as a function."""


class Metrics:
    """What was counted since the server began, and what can be measured now.

    Args:
        gauges: what is measured when it is asked for.
        holdings: returns what is held of each budget in bytes.

    Raises:
        MissingBackend: prometheus_client is not installed.
    """

    def __init__(self, gauges: Gauges, holdings: Callable[[], Iterable[Holding]] = tuple) -> None:
        require_library("prometheus_client", "--metrics")
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

        self._registry: CollectorRegistry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._count = Counter(
            "veason_requests", "Requests that ended.", ["kind", "name", "outcome"], registry=self._registry
        )
        self._seconds = Histogram(
            "veason_request_seconds",
            "How long requests took, waiting included.",
            ["kind", "name"],
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._holdings = holdings
        self._held = Gauge("veason_held_bytes", "Bytes held of a budget.", ["budget"], registry=self._registry)
        self._most = Gauge("veason_budget_bytes", "Bytes of a budget.", ["budget"], registry=self._registry)
        for name, (words, measure) in gauges.items():
            Gauge(f"veason_{name}", words, registry=self._registry).set_function(measure)

    def count(self, served: Served) -> None:
        """Count a request."""
        self._count.labels(served.kind, served.name, served.outcome).inc()
        self._seconds.labels(served.kind, served.name).observe(served.seconds)

    def text(self) -> str:
        """Return everything in the form of Prometheus."""
        from prometheus_client import generate_latest

        for one in self._holdings():
            self._held.labels(one.name).set(one.held)
            self._most.labels(one.name).set(one.most)
        text: str = generate_latest(self._registry).decode()
        return text


class MetricsPage:
    """Answers `/metrics`, to operators alone where people sign in.

    Args:
        app: what comes behind.
        metrics: what is shown.
        has_people: whether people sign in.
    """

    def __init__(self, app: App, *, metrics: Metrics, has_people: bool) -> None:
        self._app, self._metrics, self._has_people = app, metrics, has_people

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http" or scope["path"] != "/metrics":
            await self._app(scope, receive, send)
            return
        person = person_of({name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]})
        if self._has_people and (person is None or not person.may("operator")):
            await send_page(send, "text/plain", "metrics are for operators", 403)
            return
        text = await anyio.to_thread.run_sync(self._metrics.text)  # it asks disks and workers
        await send_page(send, "text/plain; version=0.0.4; charset=utf-8", text)
