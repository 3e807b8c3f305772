"""The lab's page and look-ups: what is asked is answered, what is not meant for it is refused in words."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.lab.conftest import Made
from tests.lab.planted import LIES_EACH
from tests.lab.test_probes import Looker
from veason.formats.projects.from_project import from_project
from veason.lab.open_lab import OpenLab
from veason.lab.server import lab_app
from veason.lab.store import Lab
from veason.project import Project


@pytest.fixture
def client(made: Made) -> Iterator[TestClient]:
    with TestClient(lab_app(OpenLab(made.lab)), base_url="http://localhost") as client:
        yield client


def test_the_page_and_its_modules_are_served(client: TestClient) -> None:
    page = client.get("/").text
    for address in ("theme.css", "web/lab.css", "web/case.css", "web/main.js"):
        assert address in page
        assert client.get(f"/{address}").status_code == 200
    assert client.get("/web/../server.py").status_code == 404
    assert "frame-ancestors 'self'" in client.get("/").headers["content-security-policy"]


def test_a_query_finds_pages_of_cases(client: TestClient) -> None:
    found = client.get("/api/cases", params={"run": "liar", "query": "absent_answered", "limit": 4, "offset": 8}).json()
    assert found["total"] == LIES_EACH
    assert [row["instruction"] for row in found["rows"]] == ["the green block"] * 2
    assert found["flags"]["absent_answered"] == LIES_EACH
    assert found["flags"]["present_denied"] == 0
    worst = client.get("/api/cases", params={"run": "honest", "other": "liar", "sort": "change", "limit": 1}).json()
    assert worst["rows"][0]["jf"] > worst["rows"][0]["other_jf"]


def test_a_case_comes_with_claims_overlaps_and_pictures(client: TestClient, made: Made) -> None:
    key = next(key for key, kind in made.told.items() if kind == "side_differs")
    told = client.get("/api/case", params={"run": "liar", "key": key}).json()
    thought = told["case"]["thought"]
    verdicts = {thought[claim["start"] : claim["end"]]: claim["verdict"] for claim in told["claims"]}
    assert verdicts == {"red": "true", "right": "false", "Frame 2": "true"}
    assert told["overlaps"] == [1.0] * 4
    assert told["others"] == ["honest"]
    picture = client.get("/api/picture", params={"run": "liar", "key": key, "frame": 1, "width": 64})
    assert Image.open(io.BytesIO(picture.content)).size == (40, 24)


def test_the_other_run_stands_beside_a_case_word_by_word(client: TestClient, made: Made) -> None:
    key = next(key for key, kind in made.told.items() if kind == "side_differs")
    told = client.get("/api/case", params={"run": "liar", "key": key, "other": "honest"}).json()
    against = told["against"]
    texts = {
        side: "".join(text for has, text in against["reasoning"] if has in ("both", side))
        for side in ("first", "second")
    }
    assert texts == {"first": told["case"]["thought"], "second": against["case"]["thought"]}
    assert ["first", "right"] in against["reasoning"]
    assert client.get("/api/case", params={"run": "liar", "key": key}).json()["against"] is None


def test_cases_are_brushed_by_either_run(client: TestClient) -> None:
    asked = {"run": "honest", "other": "liar", "sort": "change"}
    found = client.get("/api/cases", params={**asked, "brush": "99,100,0,1"}).json()
    lost = client.get("/api/cases", params={**asked, "limit": 200}).json()["rows"]
    assert found["total"] == sum(row["jf"] >= 99 and row["other_jf"] <= 1 for row in lost) > 0
    for wrong in ("1,2,3", "a,b,c,d", "nan,1,1,1"):
        answer = client.get("/api/cases", params={**asked, "brush": wrong})
        assert (answer.status_code, "four numbers" in answer.json()["error"]) == (400, True)
    picture = client.get("/api/scatter", params={"run": "honest", "other": "liar"})
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(picture.content)).size == (800, 800)


def test_curves_of_a_run(client: TestClient) -> None:
    figures = client.get("/api/figures", params={"run": "honest"}).json()["figures"]
    assert any("prominence" in one["caption"] for one in figures)
    assert all(one["image"].startswith("data:image/svg+xml;base64,") for one in figures)


def test_a_question_is_probed_from_its_page_and_the_table_is_kept(made: Made, tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    shutil.copytree(made.lab.folder, lab.folder)
    key = made.dataset[0].key
    asked = {"run": "honest", "key": key}
    with TestClient(lab_app(OpenLab(lab)), base_url="http://localhost") as client:
        assert "no policy was named" in client.post("/api/probe", json=asked).json()["error"]
        assert client.get("/api/probes", params={"run": "honest"}).json() == {"tables": []}
    looker: Any = Looker()
    opened = OpenLab(lab, load_policy=lambda: looker)
    with TestClient(lab_app(opened), base_url="http://localhost") as client:
        assert client.get("/api/about").json()["can_probe"]
        rows = client.post("/api/probe", json=asked).json()["rows"]
        assert {row["probe"]: row["holds"] for row in rows}["paraphrase"] is True
        client.post("/api/probe", json=asked)  # asked again, it takes its own place
        (table,) = client.get("/api/probes", params={"run": "honest"}).json()["tables"]
        told = client.get("/api/case", params=asked).json()["probes"]
    assert (table["rows"][-1]["probe"], table["rows"][-1]["cases"]) == (
        "all",
        sum(row["holds"] is not None for row in rows),
    )
    assert [row["probe"] for row in told] == [row["probe"] for row in rows]
    failed = {row["probe"] for row in rows if row["holds"] is False}
    assert {row["probe"] for row in table["rows"] if row["failed"] == [key]} == failed - {"all"}
    (lab.folder / "probes-broken.jsonl").write_text('{"key": "x"}\n')
    with TestClient(lab_app(OpenLab(lab)), base_url="http://localhost") as client:
        assert "line 1 is no row" in client.get("/api/probes").json()["error"]
        told = client.get("/api/case", params=asked).json()  # which opens all the same
        assert (told["probes"], "line 1 is no row" in told["probes_unread"]) == ([], True)


def test_a_case_is_sent_to_the_project_that_was_named(made: Made, tmp_path: Path) -> None:
    asked = {"run": "honest", "key": made.dataset[0].key}
    with TestClient(lab_app(OpenLab(made.lab)), base_url="http://localhost") as client:
        assert "no project was named" in client.post("/api/send", json=asked).json()["error"]
    opened = OpenLab(made.lab, project=tmp_path / "project", studio="../")
    with TestClient(lab_app(opened), base_url="http://localhost") as client:
        sent = client.post("/api/send", json=asked).json()
    assert sent["studio"] == "../"
    with Project.open(tmp_path / "project") as project:
        (video,) = from_project(project)
    assert [question.name for question in video.questions] == [made.dataset[0].key]


def test_runs_are_compared(client: TestClient) -> None:
    rows = client.get("/api/comparison", params={"run": "honest", "other": "liar"}).json()["rows"]
    changed = {row["figure"] for row in rows if row["is_difference"] and row["slice"] == "all"}
    assert {"jf", "absent_answered", "wrong_instance"} <= changed
    assert "unreadable" not in changed
    means = client.get("/api/summary", params={"run": "honest"}).json()["means"]
    assert means["jf"]["mean"] == 100


def test_verdicts_and_views_are_kept(client: TestClient, made: Made) -> None:
    key = made.dataset[0].key
    said = {"run": "liar", "key": key, "rater": "ann", "tag": "correct", "note": "<b>"}
    assert client.post("/api/verdict", json=said).json()["note"] == "<b>"
    told = client.get("/api/case", params={"run": "liar", "key": key}).json()
    assert [one["tag"] for one in told["verdicts"]] == ["correct"]
    assert client.post("/api/view", json={"name": "lost", "query": "jf < 10"}).json() == {"views": {"lost": "jf < 10"}}
    assert client.post("/api/view", json={"name": "lost", "query": ""}).json() == {"views": {}}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("cases?run=nobody", "its runs are"),
        ("cases?run=../../etc", "its runs are"),
        ("cases", "wanted run=NAME"),
        ("cases?run=liar&query=jff", "no column"),
        ("cases?run=liar&sort=thought", "cannot sort"),
        ("cases?run=liar&sort=change", "another run"),
        ("cases?run=liar&offset=x", "whole number"),
        ("cases?run=liar&limit=99999999999999999999", "whole number"),
        ("case?run=liar&key=nobody", "no case"),
        ("picture?run=liar&key=v000/0&frame=99", "frames 0 to 3"),
        ("comparison?run=liar", "wanted other=NAME"),
    ],
)
def test_what_cannot_be_answered_is_told(client: TestClient, path: str, told: str) -> None:
    answer = client.get(f"/api/{path}")
    assert answer.status_code in (400, 404)
    assert told in answer.json()["error"]


def test_other_pages_and_odd_bodies_change_nothing(client: TestClient, made: Made) -> None:
    said = {"run": "liar", "key": made.dataset[1].key, "rater": "eve", "tag": "correct"}
    foreign = client.post("/api/verdict", json=said, headers={"origin": "http://evil.example"})
    assert foreign.status_code == 403
    assert client.get("/api/about", headers={"host": "evil.example"}).status_code == 403
    plain = client.post("/api/verdict", content=b"{}", headers={"content-type": "text/plain"})
    assert plain.status_code == 400
    for body in (b"[1]", b"{", b"[" * 10_000, b"{}" + b" " * 30_000, b'{"run": 1}', b'{"rater": "x"}'):
        answer = client.post("/api/verdict", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 404), body[:20]
    assert "eve" not in (made.lab.folder / "verdicts.jsonl").read_text()


def test_a_lab_without_runs_opens(tmp_path: Path) -> None:
    with TestClient(lab_app(OpenLab(Lab(tmp_path / "none"))), base_url="http://localhost") as client:
        assert client.get("/api/about").json()["runs"] == []
