"""The page of a corpus: what is found, what it says of an entry, and that no file outside of the corpus is shown."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from veason.errors import DataError
from veason.lab.corpus import CorpusView
from veason.lab.corpus_server import corpus_app
from veason.training.base import find_base

nano = pytest.importorskip("veason_nano.corpus")

ATTEMPT = {"text": "I would rather not.", "faults": ["it says too little"], "seconds": 1.0, "prompt_tokens": 9,
           "completion_tokens": 4}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = Path(tmp_path_factory.mktemp("made") / "corpus")
    nano.write_corpus(out, find_base("nano").profile, "train", 3, 2, longest=20, questions=3)
    return out


@pytest.fixture
def corpus(made: Path, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(made, tmp_path / "corpus"))
    rows = json.loads((copy / "veason_sft.json").read_text())
    (tmp_path / "secret.png").write_bytes(b"\x89PNG not for you")
    rows[1]["images"][2] = "../secret.png"
    rows[2]["conversations"][1]["value"] = "<script>alert(1)</script>"
    rows[3] = {"conversations": 7, "images": None}
    rows[4]["images"][0] = "x" * 300
    rows[5]["conversations"][0]["value"] += " \ud83d"
    rows[5]["system"] = json.loads("[" * 400 + "]" * 400)
    (copy / "veason_sft.json").write_text(json.dumps(rows))
    lines: list[Any] = [
        {"identity": {"corpus": 1}},
        {"key": "clip/0", "state": "rejected", "attempts": [ATTEMPT], "why": ""},
        {"key": ["clip/1"], "attempts": []},
        {"key": "clip/2", "attempts": [7]},
        "no row",
    ]
    written = [json.dumps(line, sort_keys=True) for line in lines]
    (copy / "results.journal").write_text("".join(f"{zlib.crc32(one.encode()):08x} {one}\n" for one in written))
    return copy


def client(corpus: Path) -> TestClient:
    return TestClient(corpus_app(CorpusView(corpus, find_base("nano").profile)), base_url="http://127.0.0.1")


def asked(page: TestClient, name: str, **params: Any) -> Any:
    return page.get(f"/api/{name}", params=params).json()


def test_entries_are_rows_and_what_was_not_kept(corpus: Path) -> None:
    page = client(corpus)
    counts = {kind["name"]: kind["count"] for kind in asked(page, "about")["kinds"]}
    assert (counts["all"], counts["not kept"]) == (8, 2)
    assert {1, 2, 3, 4, 5} <= {entry["place"] for entry in asked(page, "find", kind="faults")["entries"]}
    (rejected,) = asked(page, "find", text="RATHER not")["entries"]
    assert (rejected["asked"], rejected["state"], rejected["faults"]) == ("clip/0", "rejected", ["it says too little"])
    assert asked(page, "entry", place=rejected["place"])["attempts"] == [ATTEMPT]


def test_an_entry_has_its_pictures_and_boxes_on_the_keyframe(corpus: Path) -> None:
    page = client(corpus)
    entry = asked(page, "entry", place=0)
    assert entry["labels"][entry["number"]] == entry["keyframe"]
    assert all(0 <= side <= 1 for box in entry["boxes"] for side in box)
    assert "<answer>" in entry["answer"]
    assert page.get("/api/picture", params={"place": 0, "number": entry["number"]}).content.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("place", "number", "told"),
    [(1, 2, "outside of the corpus"), (3, 0, "no picture 0"), (0, 99, "no picture 99"), (6, 0, "no picture")],
)
def test_a_picture_that_is_not_of_the_corpus_is_refused_in_words(
    corpus: Path, place: int, number: int, told: str
) -> None:
    answer = client(corpus).get("/api/picture", params={"place": place, "number": number})
    assert answer.status_code == 404
    assert told in answer.json()["error"]


def test_a_link_out_of_the_corpus_is_not_followed(corpus: Path) -> None:
    rows = json.loads((corpus / "veason_sft.json").read_text())
    (corpus / "link.png").symlink_to(corpus.parent / "secret.png")
    rows[0]["images"][0] = "link.png"
    (corpus / "veason_sft.json").write_text(json.dumps(rows))
    assert client(corpus).get("/api/picture", params={"place": 0, "number": 0}).status_code == 404


def test_odd_requests_and_other_names_of_the_machine_are_refused(corpus: Path) -> None:
    page = client(corpus)
    for params in ({"start": "-1"}, {"start": "9" * 30}, {"kind": "some"}, {"start": "²"}):
        assert page.get("/api/find", params=params).status_code == 400
    assert page.get("/api/entry", params={"place": 8}).status_code == 404
    assert all(page.get("/api/entry", params={"place": place}).status_code in (200, 404) for place in range(9))
    assert page.get("/", headers={"host": "evil.example"}).status_code >= 400
    assert 'src="web/corpus.js"' in page.get("/").text


def test_where_there_is_no_corpus_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no corpus can be read"):
        CorpusView(tmp_path, find_base("nano").profile)
