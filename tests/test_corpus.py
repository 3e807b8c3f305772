"""A corpus made by a teacher: answers are the truth's, nothing is given away, and nothing is asked twice."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.corpus_teacher import asked_text, good, lines, steps
from tests.lab.planted import BLUE, RED, box_of, make_dataset
from tests.policy.model_server import ModelServer, running
from veason.answer import parse_answer
from veason.cli import main
from veason.corpus.checks import faults, thought_of
from veason.corpus.examples import choose_samples, make_corpus_example, read_named
from veason.corpus.making import Budget, CorpusOrder, make_corpus
from veason.corpus.rows import check_rows, read_rows
from veason.corpus.teacher import Teacher
from veason.errors import DataError, EndpointError, OptionError
from veason.formats.datasets import Dataset
from veason.profile import BUILT_IN
from veason.types import EndpointOptions

PROFILE = BUILT_IN["SitongGong/Veason-R1"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("revos"), 12)


def make(dataset: Dataset, server: ModelServer, out: Path, order: CorpusOrder, **more: Any) -> Any:
    options = EndpointOptions(num_tries=1)
    return make_corpus(dataset, PROFILE, lambda: Teacher(server.address, options), out, order, **more)


def saying(say: Callable[[dict[str, Any]], str]) -> ModelServer:
    return ModelServer(make_lines=lambda asked: lines(say(asked)))


# --- examples


def test_groups_are_taken_by_their_shares_and_no_video_gives_more_than_its_part(dataset: Dataset) -> None:
    chosen = choose_samples(dataset, 24, num_absent=3, most_a_video=3, seed=1)
    assert Counter(sample.type for sample in chosen) == {"referring": 6, "reasoning": 18, "absent": 3}
    assert max(Counter(sample.video for sample in chosen).values()) <= 3
    assert [sample.key for sample in chosen] == [sample.key for sample in dataset if sample in chosen]
    assert chosen == choose_samples(dataset, 24, num_absent=3, most_a_video=3, seed=1)
    assert chosen != choose_samples(dataset, 24, num_absent=3, most_a_video=3, seed=2)
    assert all(sample.object_ids for sample in choose_samples(dataset, 100))


def test_boxes_are_those_of_each_object_alone(dataset: Dataset) -> None:
    both = next(sample for sample in dataset if len(sample.object_ids) == 2)
    example = make_corpus_example(both, PROFILE)
    assert example is not None
    assert example.keyframe in example.shown
    assert example.answer_boxes == (box_of(RED, example.keyframe), box_of(BLUE, example.keyframe))
    absent = make_corpus_example(next(sample for sample in dataset if not sample.object_ids), PROFILE)
    assert absent is not None
    assert (absent.keyframe, absent.answer_boxes) == (None, ())


def test_only_what_people_named_is_taught(dataset: Dataset, tmp_path: Path) -> None:
    named = [sample for sample in dataset if sample.video == dataset[0].video]
    file = tmp_path / "negatives.jsonl"
    of = {"kind": dataset.kind, "root": "elsewhere", "split": dataset.split}
    rows = [{"key": sample.key, "dataset": of, "tags": ["wrong_frame"]} for sample in named]
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    keys = read_named(file, dataset)
    chosen = choose_samples(dataset, 100, num_absent=100, most_a_video=1, only=keys)
    assert [sample.key for sample in chosen] == [sample.key for sample in named]
    assert any(not sample.object_ids for sample in chosen)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "no expression is named"),
        ("[1]", "names no expression"),
        ('{"video": "v000"}', "names no expression"),
        ('{"key": "v000/nobody"}', "does not have"),
        ('{"key": 3}', "does not have"),
        ('{"key": "v000/0", "dataset": {"kind": "mevis", "split": "valid"}}', "another dataset"),
        ('{"key": "v000/0", "dataset": "revos"}', "another dataset"),
    ],
)
def test_a_list_of_something_else_is_told(dataset: Dataset, tmp_path: Path, line: str, told: str) -> None:
    (tmp_path / "list.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match=told):
        read_named(tmp_path / "list.jsonl", dataset)


# --- what a thought may hold


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("no tags at all", "do not stand between", id="no tags"),
        pytest.param("<steps>Where: a\nWhat happens: b\nWhy this frame: c</steps>", "do not begin", id="order"),
        pytest.param(steps("It moves.", "In (2s).", "There."), "says too little", id="short"),
        pytest.param(
            steps("word " * 500, "In frame (2s) it is seen whole.", "It lies in the middle."), "words", id="long"
        ),
        pytest.param(
            steps("Two blocks move down here.", "It is seen whole there.", "It lies in the middle."),
            "name the frame",
            id="no frame",
        ),
        pytest.param(
            steps("The red box holds a block.", "In frame (2s) it is whole.", "It lies in the middle."),
            "'red box'",
            id="red box",
        ),
        pytest.param(
            steps("Two blocks move down here.", "In frame (2s) it is whole.", "It is inside the bounding-box."),
            "'bounding-box'",
            id="bounding box",
        ),
        pytest.param(
            steps("A block is highlighted there.", "In frame (2s) it is whole.", "It lies in the middle."),
            "'highlighted'",
            id="highlight",
        ),
        pytest.param(
            steps("Two blocks move down here.", "In frame (2s), as was given.", "It lies in the middle."),
            "given",
            id="told",
        ),
        pytest.param(
            steps("Two blocks move down here.", "In frame (2s) it is whole.", "It lies at [10, 20, 30, 40]."),
            "coordinates",
            id="numbers",
        ),
        pytest.param(
            steps(
                "Two blocks move down here.", "In frame (2s) it is whole.", "Frame 3 is the best frame. It lies there."
            ),
            "frame",
            id="other frame",
        ),
        pytest.param(
            steps("There are three targets here.", "In frame (2s) it is whole.", "It lies in the middle."),
            "counts 3",
            id="count",
        ),
        pytest.param(
            steps("Two blocks move down here.", "In frame (2s) it is whole.", "The target is not in the video."),
            "is absent",
            id="absent",
        ),
    ],
)
def test_what_may_not_be_taught_is_found(text: str, told: str, dataset: Dataset) -> None:
    example = make_corpus_example(dataset[0], PROFILE)
    assert example is not None
    example = replace(example, keyframe=2)
    assert any(told in fault for fault in faults(thought_of(text), example)), faults(thought_of(text), example)


def test_a_thought_of_its_own_kind_passes_and_words_of_the_instruction_may_be_said(dataset: Dataset) -> None:
    example = make_corpus_example(dataset[0], PROFILE)
    assert example is not None
    example = replace(example, keyframe=2)
    text = steps("Somebody lifts the box.", "In frame (2s) the box is seen whole.", "It lies in the middle of it.")
    assert faults(thought_of(text), example) != []
    of_a_box = replace(example, sample=replace(example.sample, instruction="the box that is lifted"))
    assert faults(thought_of(text), of_a_box) == []
    assert thought_of(f"<think>hm <steps>no</steps></think>{text}") == thought_of(text)


# --- the run


def test_what_is_taught_is_the_truth_with_the_teachers_reasons(dataset: Dataset, tmp_path: Path) -> None:
    with running(saying(good)) as server:
        card = make(dataset, server, tmp_path, CorpusOrder(8, num_absent=2, parallel=3))
    assert card.states == {"kept": 10}
    assert (card.prompt_tokens, card.completion_tokens) == (10_000, 1_000)
    rows = read_rows(tmp_path)
    assert (len(rows), check_rows(rows, PROFILE)) == (10, {})
    chosen = choose_samples(dataset, 8, num_absent=2)
    for sample, row in zip(chosen, rows, strict=True):
        example = make_corpus_example(sample, PROFILE)
        assert example is not None
        answer = parse_answer(row["conversations"][1]["value"], example.context)
        assert answer.keyframe == example.keyframe
        assert len(answer.boxes) == len(sample.object_ids)
        assert sample.instruction in row["conversations"][0]["value"]
        assert all(Image.open(tmp_path / name).size == PROFILE.size_wh for name in row["images"])
    info = json.loads((tmp_path / "dataset_info.json").read_text())
    assert info["veason_sft"]["file_name"] == "veason_sft.json"
    assert "| kept | 10 |" in (tmp_path / "README.md").read_text()


def test_the_teacher_sees_red_boxes_and_the_pupil_does_not(dataset: Dataset, tmp_path: Path) -> None:
    blue = next(sample for sample in dataset if sample.object_ids == (str(BLUE),))
    example = make_corpus_example(blue, PROFILE)
    assert example is not None
    with running(saying(good)) as server:
        assert [attempt.faults for attempt in Teacher(server.address, EndpointOptions()).teach(example)] == [()]
    url = next(part for part in server.requests[0]["messages"][0]["content"] if part["type"] == "image_url")
    seen = Image.open(io.BytesIO(base64.b64decode(url["image_url"]["url"].split(",")[1])))
    plain = Image.open(blue.frame_path(example.shown[0])).resize(seen.size, Image.Resampling.BILINEAR)
    right = (seen.width // 2, 0, seen.width, seen.height)  # where the blue one is

    def redness(picture: Image.Image) -> int:
        shown = np.asarray(picture.convert("RGB").crop(right)).astype(int)
        return int(((shown[..., 0] - shown[..., 1:].max(-1)) > 60).sum())

    assert redness(seen) > 0 == redness(plain)


def test_the_teacher_is_told_what_was_wrong_and_every_attempt_is_kept(dataset: Dataset, tmp_path: Path) -> None:
    def say(asked: dict[str, Any]) -> str:
        is_told = "'red box'" in asked_text(asked)
        return good(asked) if is_told else good(asked).replace("Some blocks", "In the red box some blocks")

    with running(saying(say)) as server:
        card = make(dataset, server, tmp_path, CorpusOrder(3, parallel=1))
    assert (card.states, card.kept_after, card.faults) == ({"kept": 3}, {2: 3}, {"gives the boxes away": 3})
    assert "red box" not in (tmp_path / "veason_sft.json").read_text()
    assert (tmp_path / "results.journal").read_text().count("In the red box") == 3


def test_what_is_never_right_is_rejected_and_explained(dataset: Dataset, tmp_path: Path) -> None:
    with running(saying(lambda asked: "I would rather not.")) as server:
        card = make(dataset, server, tmp_path, CorpusOrder(2, num_tries=2, parallel=1))
    assert (card.states, card.faults) == ({"rejected": 2}, {"tags of the steps": 4})
    assert read_rows(tmp_path) == []


def test_a_budget_ends_the_run_and_the_same_order_goes_on_from_there(dataset: Dataset, tmp_path: Path) -> None:
    with running(saying(good)) as server:
        first = make(dataset, server, tmp_path, CorpusOrder(6, parallel=1), budget=Budget(tokens=2_500))
        assert first.states == {"kept": 3, "waiting": 3}
        asked = len(server.requests)
        assert make(dataset, server, tmp_path, CorpusOrder(6, parallel=1)).states == {"kept": 6}
        assert len(server.requests) == asked + 3
        with pytest.raises(DataError, match="choose another --out"):
            make(dataset, server, tmp_path, CorpusOrder(7, parallel=1))
        spent = make(
            dataset, server, tmp_path / "b", CorpusOrder(6, parallel=1), budget=Budget(cost=0.002, price_in=1.0)
        )
        assert (spent.states["kept"], spent.cost) == (2, 0.002)
    with pytest.raises(OptionError, match="--price-in"):
        Budget(cost=1.0)


def test_no_budget_is_held_where_the_server_counts_nothing(dataset: Dataset, tmp_path: Path) -> None:
    with running(ModelServer(make_lines=lambda asked: [*lines(good(asked))[:2], "data: [DONE]"])) as server:
        with pytest.raises(EndpointError, match="no budget can be held"):
            make(dataset, server, tmp_path, CorpusOrder(6, parallel=1), budget=Budget(tokens=10**9))
        assert len(server.requests) == 1
        assert make(dataset, server, tmp_path, CorpusOrder(6, parallel=1)).states == {"kept": 6}


def test_attempts_before_the_server_went_away_are_kept_and_counted(dataset: Dataset, tmp_path: Path) -> None:
    server = saying(lambda asked: "I would rather not.")
    with running(server):
        first = server.make_lines

        def once(asked: dict[str, Any]) -> Any:
            server.replies += [(500, {}, '{"error": "gone"}')] * 20
            assert first is not None
            return first(asked)

        server.make_lines = once
        with pytest.raises(EndpointError):
            make(dataset, server, tmp_path, CorpusOrder(1, parallel=1))
    card = json.loads((tmp_path / "card.json").read_text())
    assert (card["states"], card["prompt_tokens"]) == ({"waiting": 1}, 1000)
    with running(saying(good)) as server:
        again = make(dataset, server, tmp_path, CorpusOrder(1, parallel=1))
        assert (again.states, again.prompt_tokens) == ({"kept": 1}, 2000)
        other = replace(PROFILE, size_wh=(280, 280))
        with pytest.raises(DataError, match="choose another --out"):
            make_corpus(dataset, other, lambda: Teacher(server.address, EndpointOptions()), tmp_path, CorpusOrder(1))


def test_a_server_that_goes_away_costs_nothing_that_was_made(dataset: Dataset, tmp_path: Path) -> None:
    with running(saying(good)) as server:

        def say(asked: dict[str, Any]) -> str:
            if len(server.requests) > 4:
                server.replies += [(500, {}, '{"error": "gone"}')] * 20
            return good(asked)

        server.make_lines = lambda asked: lines(say(asked))
        with pytest.raises(EndpointError):
            make(dataset, server, tmp_path, CorpusOrder(12, parallel=1))
    kept = len(read_rows(tmp_path))
    assert kept >= 4
    with running(saying(good)) as server:
        assert make(dataset, server, tmp_path, CorpusOrder(12, parallel=1)).states == {"kept": 12}
        assert len(server.requests) == 12 - kept


# --- the command


def test_the_command_makes_and_checks(dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["corpus", "make", str(dataset.root), "--kind", "revos", "--out", str(tmp_path), "--count", "3"]
    with running(saying(good)) as server:
        assert main([*asked, "--teacher", server.address, "--parallel", "1"]) == 0
    assert "# A corpus of 3 examples" in capsys.readouterr().out
    assert main(["corpus", "check", str(tmp_path)]) == 0
    file = tmp_path / "veason_sft.json"
    file.write_text(file.read_text().replace("Some blocks", "At [1, 2, 30, 40] some blocks"))
    next((tmp_path / "images").rglob("*.jpg")).unlink()
    assert main(["corpus", "check", str(file)]) == 2
    told = capsys.readouterr().out
    assert "row 0: " in told
    assert "coordinates" in told
    assert "is missing" in told
    for text in ("{}", "[1]", "nonsense"):
        file.write_text(text)
        assert main(["corpus", "check", str(file)]) == 2


def test_a_corpus_is_read_however_its_rows_are_written_down(tmp_path: Path) -> None:
    rows = [{"conversations": [{"from": "human", "value": f"one\u2028line {number}"}]} for number in range(3)]
    plain = tmp_path / "plain.json"
    plain.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8-sig")
    lines = tmp_path / "lines.jsonl"
    lines.write_text("\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n", encoding="utf-8-sig")
    assert read_rows(plain) == read_rows(lines) == [{**row, "folder": tmp_path} for row in rows]
    lines.write_text('{"conversations": []}\n{"conversations"', encoding="utf-8")
    with pytest.raises(DataError, match="no corpus can be read"):
        read_rows(lines)
