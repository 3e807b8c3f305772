"""What whoever runs a server sees of it: health, metrics and logs, and none of what people send or make."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from tests.studio.visitor import Visitor
from veason.studio.server.access.people import Person
from veason.studio.server.operation import health
from veason.studio.server.operation.health import HealthPages, has_room
from veason.studio.server.operation.log import log_as_json, log_served
from veason.studio.server.operation.metrics import MetricsPage, ServerMetrics
from veason.studio.server.operation.observing import Served
from veason.types.budgets import Holding

SECRET = "a canary that is in no log"


async def not_there(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def get(app: Any, path: str, **headers: str) -> tuple[int, str]:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(app({"type": "http", "path": path, "headers": named}, None, send))
    return sent[0]["status"], sent[1]["body"].decode()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged as JSON lines."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = list(root.handlers), root.level
    root.handlers = []
    log_as_json(stream)
    yield stream
    root.handlers, root.level = before, level


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_server_is_ready_while_everything_that_it_needs_holds() -> None:
    holds = {"disk": True, "thread": True}
    app = HealthPages(not_there, checks={name: lambda name=name: holds[name] for name in holds})  # type: ignore[misc]
    assert get(app, "/health/ready") == (200, '{"ok": true, "failed": []}')
    holds["disk"] = False
    assert get(app, "/health/ready") == (503, '{"ok": false, "failed": ["disk"]}')
    assert get(app, "/health/live")[0] == 200
    assert get(app, "/")[0] == 404


def test_a_full_disk_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_room(tmp_path)
    assert not has_room(tmp_path / "gone")
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 10**18)
    assert not has_room(tmp_path)


def test_every_request_is_told_once_it_ended() -> None:
    visitor, told = Visitor(), list[Served]()
    visitor.studio.observers.told.append(told.append)
    visitor.edit(edit="box", object=0, frame=5, xyxy=[2, 2, 10, 10])
    visitor.edit(edit="nonsense")
    visitor.look_up("queue")
    list(visitor.studio.answer("<script>", {}, Person("Ada")))
    leaving = visitor.studio.answer("propagate", {"work": visitor.work, "start": 0, "stop": 20})
    next(leaving)
    leaving.close()
    assert [(one.kind, one.name, one.outcome, one.by) for one in told] == [
        ("event", "edit", "done", ""),
        ("event", "edit", "refused", ""),
        ("look-up", "queue", "done", ""),
        ("event", "unknown", "refused", "Ada"),
        ("event", "propagate", "left", ""),
    ]
    assert all(one.seconds > 0 for one in told)


def test_a_defect_counts_as_failed_and_is_logged_without_its_words(lines: io.StringIO) -> None:
    visitor = Visitor()
    visitor.studio.observers.told.append(log_served)

    def fail(frame_index: int) -> None:
        raise KeyError(SECRET)

    visitor.segmenter.on_frame = fail
    visitor.edit(edit="box", object=0, frame=5, xyxy=[2, 2, 10, 10])
    visitor.edit(edit="words", text=SECRET)
    visitor.propagate()
    found = read(lines)
    assert SECRET not in lines.getvalue()
    assert visitor.key not in lines.getvalue()
    failed = next(one for one in found if one.get("outcome") == "failed")
    assert (failed["level"], failed["kind"], failed["name"]) == ("error", "event", "propagate")
    defect = next(one for one in found if one.get("raised"))
    assert defect["raised"] == "KeyError"
    assert defect["message"].startswith("error ")
    assert any("visitor.py" in place for place in defect["at"])


def test_who_did_it_is_logged_where_people_sign_in(lines: io.StringIO) -> None:
    visitor = Visitor()
    visitor.studio.observers.told.append(log_served)
    visitor.studio.look_up("queue", {"project": visitor.key}, Person("Ada"))
    (line,) = read(lines)
    assert (line["by"], line["name"], line["outcome"]) == ("Ada", "queue", "done")


def test_metrics_are_what_prometheus_reads() -> None:
    pytest.importorskip("prometheus_client", reason="prometheus_client is not installed")
    from prometheus_client.parser import text_string_to_metric_families

    held = (Holding("opened videos", 5, 100),)
    metrics = ServerMetrics({"models_waiting": ("Requests that wait.", lambda: 3.0)}, lambda: held)
    metrics.count(Served("event", "edit", "done", 0.03))
    metrics.count(Served("event", "edit", "refused", 0.2))
    app = MetricsPage(not_there, metrics=metrics, has_people=False)
    status, text = get(app, "/metrics")
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert status == 200
    labels = ("kind", "event"), ("name", "edit")
    assert found["veason_requests_total", *labels, ("outcome", "refused")] == 1
    assert found["veason_request_seconds_count", *labels] == 2
    assert found["veason_models_waiting",] == 3
    assert found["veason_held_bytes", ("budget", "opened videos")] == 5
    assert found["process_open_fds",] > 0


def test_metrics_are_for_operators_where_people_sign_in() -> None:
    pytest.importorskip("prometheus_client", reason="prometheus_client is not installed")
    app = MetricsPage(not_there, metrics=ServerMetrics({}), has_people=True)
    assert get(app, "/metrics")[0] == 403
    assert get(app, "/metrics", x_veason_name="bob", x_veason_role="reviewer")[0] == 403
    assert get(app, "/metrics", x_veason_name="ada", x_veason_role="operator")[0] == 200
