"""A server for a team: everybody signs in, also programs; health and metrics are there; labels go by the name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from tests.studio.served import served
from veason.hub import ASSETS
from veason.project import Project
from veason.studio.server.access.people import hash_password, line_for
from veason.studio.server.deployment import Deployment

WORD = "correct horse"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("team")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    kept, file = hash_password(WORD), folder / "people"
    file.write_text(
        "".join(f"{line_for(name, role, kept)}\n" for name, role in [("ada", "operator"), ("bob", "annotator")])
    )
    with served(project=folder / "labels", deployment=Deployment(auth=file)) as address:
        yield address


@pytest.mark.parametrize(
    "path", ["/", "/config", "/gradio_api/info", "/gradio_api/openapi.json", "/gradio_api/queue/data", "/metrics"]
)
def test_nothing_is_shown_to_who_has_not_signed_in(address: str, path: str) -> None:
    refused = httpx.get(address + path)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")


def test_health_is_told_to_everybody(address: str) -> None:
    assert httpx.get(f"{address}/health/live").json() == {"ok": True, "failed": []}
    assert httpx.get(f"{address}/health/ready").status_code == 200


def test_the_page_learns_who_is_signed_in(address: str) -> None:
    assert httpx.get(f"{address}/who", auth=("bob", WORD)).json() == {"name": "bob", "role": "annotator"}
    assert httpx.get(f"{address}/", auth=("bob", WORD)).status_code == 200


def look_up(address: str, name: str, sent: dict[str, object], who: str) -> dict[str, object]:
    """Send a look-up as the page does."""
    config = httpx.get(f"{address}/config", auth=(who, WORD)).json()
    component = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == "studio")
    body = {"data": sent, "component_id": component, "session_hash": "a", "fn_name": name}
    answered = httpx.post(f"{address}/gradio_api/component_server", json=body, auth=(who, WORD))
    told: dict[str, object] = answered.json()
    return told


def test_what_comes_over_the_wire_goes_by_the_name_that_signed_in(address: str, folder: Path) -> None:
    with Project.open(folder / "labels") as project:
        video = project.library.add_video(ASSETS / "examples" / "parade.mp4")
        question = project.library.add_question(video, "the latecomer")
        about = httpx.get(f"{address}/config", auth=("bob", WORD)).json()
        page = next(one for one in about["components"] if one["props"].get("elem_id") == "studio")
        key = page["props"]["props"]["about"]["project"]["key"]
        remark = {"project": key, "do": "remark", "question": question, "text": "look here", "by": "eve"}
        assert "error" not in look_up(address, "act", remark, "bob")
        (comment,) = project.queue.comments(question)
        assert comment.annotator == "bob"
        assign = {"project": key, "do": "assign", "question": question, "name": "bob"}
        assert "for a reviewer" in str(look_up(address, "act", assign, "bob")["error"])
        assert "error" not in look_up(address, "act", assign, "ada")
        assert project.library.question(question).assignee == "bob"


def test_a_program_signs_in_as_well(address: str) -> None:
    basic = httpx.BasicAuth("bob", WORD)._auth_header
    client = Client(address, headers={"Authorization": basic}, verbose=False)
    prompts = [{"object": 1, "frame": 80, "box": [200, 80, 300, 180]}]
    job = client.submit(
        video=handle_file(ASSETS / "examples" / "parade.mp4"), prompts=prompts, start=80, stop=82, api_name="/track"
    )
    assert job.result(timeout=120)["masks"].keys() == {"80", "81"}
