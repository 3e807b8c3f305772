"""gradio's own doors: those that nobody needs are closed, and a request that breaks one is answered in words."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import httpx
import pytest

from tests.studio.served import served
from veason.errors import OptionError
from veason.studio.server.deployment import Deployment
from veason.studio.server.skeleton import LAYER

SENSELESS = [
    pytest.param("queue/join", b'{"fn_index": 4000, "session_hash": "a", "data": []}', id="an unknown function"),
    pytest.param("queue/join", b'{"fn_index": 99999999999999999999999, "session_hash": "a", "data": []}', id="huge"),
    pytest.param("queue/join", rb'{"fn_index": "\ud800", "session_hash": "\ud800", "data": 1}', id="half a letter"),
    pytest.param("call/nothing", b'{"data": []}', id="an unknown name"),
    pytest.param("call/v2/ask", b'{"nothing": 1}', id="an unknown parameter"),
    pytest.param("component_server", b'{"session_hash": "a", "data": {}}', id="no component"),
    pytest.param("component_server", b'{"session_hash": "a", "component_id": 9999, "fn_name": "frame", "data": {}}',
                 id="an unknown component"),
    pytest.param("component_server", b"[" * 20_000 + b"]" * 20_000, id="deep"),
    pytest.param("component_server", b'{"session_hash": "\xff"}', id="not UTF-8"),
]  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(visitors=tmp_path_factory.mktemp("doors")) as address:
        yield address


@pytest.mark.parametrize(("door", "body"), SENSELESS)
def test_what_makes_no_sense_is_refused_in_words(url: str, door: str, body: bytes) -> None:
    answer = httpx.post(f"{url}/gradio_api/{door}", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert "Error" not in answer.text
    assert "Traceback" not in answer.text
    assert len(answer.json()["detail"]) > 0
    assert httpx.get(f"{url}/config").status_code == 200


def test_a_form_that_is_no_upload_and_a_name_that_no_disk_takes_are_refused(url: str) -> None:
    field = b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\na\r\n--x--\r\n'
    form = {"content-type": "multipart/form-data; boundary=x"}
    assert httpx.post(f"{url}/gradio_api/upload", content=field, headers=form).status_code == 400
    for place in ("assets", "static"):
        assert httpx.get(f"{url}/{place}/{'a' * 5000}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/proxy=https://a.hf.space/x", "gradio_api/process_recording", "gradio_api/vibe-code/",
        "gradio_api/run/ask", "gradio_api/stream/a/b/1/playlist.m3u8", "gradio_api/run-history/records",
        "gradio_api/custom_component/a/client/component/b", "monitoring", "monitoring/summary", "login",
    ],
)  # fmt: skip
def test_doors_that_nobody_needs_are_closed(url: str, path: str) -> None:
    for method in ("GET", "POST"):
        answer = httpx.request(method, f"{url}/{path}")
        assert answer.status_code == 404
        assert "there is nothing here" in answer.json()["detail"]


@pytest.mark.parametrize("data", [[], ["x"], [None, "the dog"]], ids=["nothing", "too little", "no clip"])
def test_a_call_that_breaks_before_it_begins_is_told_so(url: str, data: list[object]) -> None:
    called = httpx.post(f"{url}/gradio_api/call/ask", json={"data": data}).json()
    assert "made no sense" in httpx.get(f"{url}/gradio_api/call/ask/{called['event_id']}").text
    named = [one["api_name"] for one in httpx.get(f"{url}/config").json()["dependencies"]]
    joined = {"data": data, "fn_index": named.index("ask"), "session_hash": secrets.token_hex(4)}
    httpx.post(f"{url}/gradio_api/queue/join", json=joined)
    told = httpx.get(f"{url}/gradio_api/queue/data", params={"session_hash": joined["session_hash"]}).text
    assert "made no sense" in told
    assert '"error":null' not in told


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(visitors=tmp_path_factory.mktemp("below"), deployment=Deployment(root_path="/veason")) as address:
        yield address


@pytest.mark.parametrize("before", ["", "/veason", "/veason/veason"])
def test_a_door_is_closed_however_a_proxy_writes_the_path(below: str, before: str) -> None:
    for path in ("gradio_api/proxy=https://a.hf.space/x", "gradio_api/process_recording", "monitoring"):
        assert httpx.get(f"{below}{before}/{path}").status_code == 404
        assert "there is nothing here" in httpx.get(f"{below}{before}/{path}").json()["detail"]
    assert httpx.get(f"{below}{before}/config").status_code == 200
    assert LAYER in httpx.get(f"{below}{before}/").text
    assert httpx.get(f"{below}{before}/health/live").status_code == 200


def test_a_proxys_path_hides_no_page_of_the_server() -> None:
    for path in ("/lab", "/mcp/below", "/gradio_api"):
        with pytest.raises(OptionError, match="hides a page"):
            Deployment(root_path=path)
    assert Deployment(root_path="/labels").root_path == "/labels"
