"""The page for a paper: whole in one file, its counts those of the raw journal, and hostile words harmless."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.lab.conftest import Made
from tests.lab.planted import FRAMES, HEIGHT, RED, WIDTH, block, box_of, picture
from veason.cli import main
from veason.errors import OptionError
from veason.formats.benchmarks.predictions import SavedAnswer, write_prediction, write_saved_answers
from veason.formats.datasets import WriteExpression, WriteVideo, open_dataset, write_dataset
from veason.lab.importing import import_predictions
from veason.lab.open_lab import OpenLab
from veason.lab.report import as_latex, escape_latex, write_report
from veason.lab.server import lab_app
from veason.lab.store import Lab
from veason.lab.summary import count_flags, mean_figures, revos_table
from veason.masks import encode_mask
from veason.types import Answer


@pytest.fixture(scope="module")
def page(made: Made, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("report") / "report.html"
    assert main(["lab", "report", str(made.lab.folder), "honest", "liar", "--out", str(out)]) == 0
    return out.read_text(encoding="utf-8")


def journal_rows(made: Made, run: str) -> list[dict]:
    """The rows of an evaluation, read by nothing of ours."""
    lines = (made.lab.folder / "evaluations" / run / "out" / "results.journal").read_text().splitlines()
    return [json.loads(line.split(" ", 1)[1]) for line in lines[1:]]


def test_the_page_needs_no_other_file(page: str) -> None:
    addresses = re.findall(r"(?:src|href)=\"([^\"]*)\"", page)
    assert addresses
    assert all(address.startswith("data:image/") for address in addresses)
    assert not re.search(r"<script|url\(|@import", page)


def test_the_counts_of_the_page_are_those_of_the_raw_files(made: Made, page: str) -> None:
    rows = {row["key"]: row for row in journal_rows(made, "liar")}
    answers = [json.loads(line) for line in (made.root / "liar" / "answers.jsonl").read_text().splitlines()]
    absent = {sample.key for sample in made.dataset if sample.type == "absent"}
    answered = sum(record["key"] in absent and bool(record["boxes_xyxy"]) for record in answers)
    denied = sum(record["key"] not in absent and not record["boxes_xyxy"] for record in answers)
    counts = {one.name: one for one in count_flags(made.lab.run("liar"))}
    assert (counts["absent_answered"].raised, counts["present_denied"].raised) == (answered, denied)
    assert f"{answered} of {len(rows)}" in page
    mean = 100 * sum(row["score"]["j"] for row in rows.values()) / len(rows)
    assert mean_figures(made.lab.run("liar"))["j"].mean == pytest.approx(mean)
    assert f"{mean:.1f} [" in page


def test_the_table_of_revos_is_that_of_the_evaluation(made: Made) -> None:
    content = json.loads((made.lab.folder / "evaluations" / "liar" / "out" / "report.json").read_text())
    table = revos_table(made.lab.run("liar"))
    assert table is not None
    for part in ("referring", "reasoning", "overall"):
        assert table[part] == pytest.approx(content["scores"][part])


def test_words_of_models_and_people_are_only_words(made: Made, tmp_path: Path) -> None:
    write_report([made.lab.run("honest")], tmp_path / "report.html", title="<script>alert(1)</script>")
    page = (tmp_path / "report.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert escape_latex("a_b & 50% \\input{x}") == r"a\_b \& 50\% \textbackslash{}input\{x\}"
    with pytest.raises(OptionError, match="one or more runs"):
        write_report([], tmp_path / "none.html")
    assert as_latex([]).count("tabular") == 4


def test_a_hostile_dataset_and_policy_stay_words(tmp_path: Path) -> None:
    attack = "</details></pre></title><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7*7 }}"
    tracks = {RED: [encode_mask(block(RED, frame)) for frame in range(FRAMES)]}
    video = WriteVideo("v", [picture(frame) for frame in range(FRAMES)], tracks, [WriteExpression(attack, (RED,))])
    write_dataset(tmp_path / "revos", "revos", [video])
    dataset = open_dataset(tmp_path / "revos", "revos")
    answer = Answer(attack + " Frame 0 is the best frame.", 2, (box_of(RED, 2),))
    (theirs := tmp_path / "theirs").mkdir()
    write_prediction(theirs, dataset[0], {}, (WIDTH, HEIGHT))
    saved = SavedAnswer(dataset[0].key, attack, answer, text=attack, shown=tuple(range(FRAMES)))
    write_saved_answers(theirs, [saved])
    run = import_predictions(Lab(tmp_path / "lab"), "x", dataset, theirs)
    write_report([run], tmp_path / "report.html", title=attack)
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r"<script|<img src=x", page)
    assert page.count("&lt;script&gt;alert(2)") == 4  # title, heading, instruction and reasoning
    assert page.count("{{ 7*7 }}") == 4
    with TestClient(lab_app(OpenLab(Lab(tmp_path / "lab"))), base_url="http://localhost") as client:
        told = client.get("/api/case", params={"run": "x", "key": dataset[0].key})
        assert told.headers["content-type"] == "application/json"
        assert told.json()["case"]["thought"].startswith(attack)


def test_the_command_line_finds_compares_and_tells(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(made.lab.folder)
    assert main(["lab", "find", folder, "liar", "absent_answered", "--sort", "jf", "--descending"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("the green block") == 10
    assert "10 of 320 cases" in captured.err
    assert main(["lab", "compare", folder, "honest", "liar", "--slice", "boxes == 2", "--figures", "jf,r_binary"]) == 0
    captured = capsys.readouterr()
    assert "boxes == 2" in captured.out
    assert "10 comparisons looked at together" in captured.err
    assert main(["lab", "list", folder]) == 0
    assert "honest" in capsys.readouterr().out
    assert main(["lab", "find", folder, "nobody", "true"]) == 2
    assert "its runs are honest, liar" in capsys.readouterr().err
    assert main(["lab", "find", folder, "liar", "jff < 3"]) == 2
    assert main(["lab", "compare", folder, "liar"]) == 2
    assert main(["lab", "import", folder, "x", "somewhere", "--kind", "revos"]) == 2
