"""Mounted applications: a page below the name of one is its own, everything else the studio's."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from veason.cli import main
from veason.lab.open_lab import OpenLab
from veason.lab.server import lab_app
from veason.lab.store import Lab
from veason.studio.server.guard import OriginGuard
from veason.studio.server.mounts import MountedApps


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    async def studio(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"studio {request.url.path}")

    mounted = lab_app(OpenLab(Lab(tmp_path / "lab"), studio="../"), hosts=None)
    middleware = [
        Middleware(OriginGuard, is_public=False, is_local=True),
        Middleware(MountedApps, mounts={"lab": mounted}),
    ]
    app = Starlette(routes=[Route("/{path:path}", studio, methods=["GET", "POST"])], middleware=middleware)
    return TestClient(app, base_url="http://localhost", follow_redirects=False)


def test_a_mounted_application_is_what_lies_below_its_name(client: TestClient) -> None:
    assert client.get("/lab").headers["location"] == "lab/"  # relative: a proxy may show the app below a path
    assert "<title>Veason lab</title>" in client.get("/lab/").text
    assert client.get("/lab/api/about").json()["studio"] == "../"
    assert client.get("/lab/web/main.js").status_code == 200
    for path in ("/", "/labs/", "/laboratory", "/x/lab/"):
        assert client.get(path).text == f"studio {path}"
    for path in ("/lab/../server.py", "/lab/web/..%2fserver.py", "/lab//etc/passwd", "/lab/web/%2e%2e/open_lab.py"):
        assert client.get(path).status_code in (404, 200)
        assert "import" not in client.get(path).text


def test_the_app_guards_its_rooms(client: TestClient) -> None:
    asked = {"name": "a", "query": "jf < 3"}
    assert client.post("/lab/api/view", json=asked, headers={"origin": "https://evil.example"}).status_code == 403
    assert client.get("/lab/api/about", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/lab/api/about").json()["views"] == {}
    assert client.post("/lab/api/view", json=asked).json()["views"] == {"a": "jf < 3"}


def test_strangers_get_no_lab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--lab", str(tmp_path), "--visitors", str(tmp_path / "v")]) == 2
    assert "does not go with --visitors" in capsys.readouterr().err
