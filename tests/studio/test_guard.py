"""Other web pages cannot talk to this server, by whatever name they call it, nor show it in a frame."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.studio.served import served
from veason.studio.server.guard import OriginGuard

EVENT = "/gradio_api/queue/join"
LOCAL, PUBLIC = "http://127.0.0.1:7860", "https://demo.hf.space"


def client(base: str, *, is_local: bool, is_public: bool = False, hosts: Sequence[str] = ("my-machine",)) -> TestClient:
    async def done(request: object) -> PlainTextResponse:
        return PlainTextResponse("done")

    routes = [Route("/{path:path}", done, methods=["GET", "POST"])]
    guard = Middleware(OriginGuard, is_local=is_local, is_public=is_public, hosts=hosts)
    return TestClient(Starlette(routes=routes, middleware=[guard]), base_url=base)


REFUSED_LOCALLY = {
    "text of another page": {"origin": "https://evil.example", "content-type": "text/plain"},
    "another server of this machine": {"origin": "http://127.0.0.1:3000"},
    "the other name of this machine": {"origin": "http://localhost:7860"},
    "a page in a sandbox": {"origin": "null"},
    "a page that names itself like us": {"origin": "http://127.0.0.1:7860.evil.example"},
    "a form that hides its origin": {"sec-fetch-site": "cross-site"},
    "a name that leads here": {"host": "evil.example:7860"},
    "a name that leads here, as its own origin": {"host": "evil.example", "origin": "http://evil.example"},
    "a name with a name before it": {"host": "127.0.0.1@evil.example"},
    "a proxy that is none": {"origin": "https://evil.example", "x-forwarded-host": "evil.example"},
}


@pytest.mark.parametrize("headers", REFUSED_LOCALLY.values(), ids=REFUSED_LOCALLY)
def test_what_another_page_sends_is_refused(headers: dict[str, str]) -> None:
    assert client(LOCAL, is_local=True).post(EVENT, headers=headers, content="{}").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": LOCAL},
        {"host": "localhost:9000", "origin": "http://localhost:9000"},
        {"host": "[::1]:7860", "origin": "http://[::1]:7860"},
        {"host": "my-machine:7860"},
    ],
    ids=["a program", "the page", "through a tunnel", "by the other protocol", "by the name that was given"],
)
def test_the_page_itself_is_answered(headers: dict[str, str]) -> None:
    answer = client(LOCAL, is_local=True).post(EVENT, headers=headers, content="{}")
    assert answer.status_code == 200
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert "huggingface" not in answer.headers["content-security-policy"]


def test_a_public_server_answers_its_own_page_behind_a_proxy_and_may_stand_in_a_space() -> None:
    public = client(PUBLIC, is_local=False, is_public=True, hosts=())
    own = {"host": "10.0.0.7:7860", "x-forwarded-host": "demo.hf.space", "origin": PUBLIC}
    assert public.post(EVENT, headers=own).status_code == 200
    assert public.post(EVENT, headers={"origin": "https://demo.hf.space:443"}).status_code == 200
    assert public.post(EVENT, headers={"origin": "https://evil.example"}).status_code == 403
    policy = public.get("/").headers["content-security-policy"]
    assert "frame-ancestors 'self' https://huggingface.co" in policy
    assert "object-src 'none'" in policy


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "192.168.1.7:7860", "origin": "http://192.168.1.7:7860"}, 200),
        ({"host": "[fe80::1]:7860"}, 200),
        ({"host": f"{socket.gethostname()}:7860"}, 200),
        ({"host": "labels.example", "origin": "https://labels.example"}, 200),
        ({"host": "127.0.0.1:7860", "origin": "https://labels.example"}, 200),
        ({"host": "evil.example:7860", "origin": "http://evil.example:7860"}, 403),
        ({"host": "evil.example", "x-forwarded-host": "labels.example"}, 403),
        ({"host": "192.168.1.7", "origin": "https://evil.example", "x-forwarded-host": "evil.example"}, 403),
        ({"host": "labels.example.evil.example"}, 403),
        ({"host": "192.168.1.7.evil.example"}, 403),
        ({"host": ""}, 403),
    ],
    ids=[
        "address", "other address", "name of the machine", "allowed", "a proxy that rewrites Host",
        "a name that leads here", "a proxy that is none", "a proxy for another page", "a name behind it", "no address",
        "no name",
    ],
)  # fmt: skip
def test_a_server_on_the_network_goes_by_its_addresses_and_the_names_it_was_given(
    headers: dict[str, str], status: int
) -> None:
    shared = client("http://192.168.1.7:7860", is_local=False, hosts=("0.0.0.0", "labels.example"))
    assert shared.post(EVENT, headers=headers, content="{}").status_code == status


@pytest.mark.parametrize("name", ["host", "origin", "sec-fetch-site", "x-forwarded-host"])
def test_what_a_request_says_twice_is_believed_neither_time(name: str) -> None:
    own = {"host": "127.0.0.1:7860", "origin": LOCAL, "sec-fetch-site": "same-origin", "x-forwarded-host": "a"}[name]
    local = client(LOCAL, is_local=True)
    assert local.post(EVENT, headers=[(name, own)]).status_code == 200
    for twice in ([(name, "http://evil.example"), (name, own)], [(name, own), (name.upper(), own)]):
        assert local.post(EVENT, headers=twice).status_code == 403


def test_a_public_server_that_names_its_hosts_goes_by_no_other() -> None:
    public = client(PUBLIC, is_local=False, is_public=True, hosts=("demo.hf.space",))
    assert public.post(EVENT, headers={"origin": PUBLIC}).status_code == 200
    assert public.post(EVENT, headers={"host": "evil.example", "origin": "https://evil.example"}).status_code == 403


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(project=tmp_path_factory.mktemp("work") / "project") as address:
        yield f"{address}/"


def test_the_real_server_is_guarded_on_events_look_ups_uploads_and_files(url: str) -> None:
    for path in ("gradio_api/queue/join", "gradio_api/component_server", "gradio_api/upload", "gradio_api/run/predict"):
        foreign = {"origin": "https://evil.example", "content-type": "text/plain"}
        assert httpx.post(url + path, headers=foreign, content="{}").status_code == 403
        assert httpx.post(url + path, headers={"host": "evil.example"}, content="{}").status_code == 403
        own = {"origin": url.rstrip("/")}
        assert httpx.post(url + path, headers=own, content="{}").status_code != 403
    assert httpx.get(url, headers={"host": "evil.example"}).status_code == 403
    assert "frame-ancestors" in httpx.get(url).headers["content-security-policy"]


def test_nothing_but_files_to_download_is_served(url: str, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    for path in (tmp_path / "secret.txt", "/etc/passwd", "/proc/self/environ"):
        assert httpx.get(f"{url}gradio_api/file={path}").status_code in (403, 404)
