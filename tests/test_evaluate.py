"""Evaluation: the report tells what the official tool would, survives anything, and hides nothing."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.formats.made_datasets import FRAMES, HEIGHT, WIDTH, many_objects, one_object_each, pictures, rectangle
from tests.live_eval import make_pipeline
from veason.errors import DataError, VeasonError
from veason.evaluate import Live, evaluate
from veason.evaluate.journal import Journal
from veason.formats.benchmarks.predictions import (
    SavedAnswer,
    prediction_folder,
    read_saved_answers,
    write_prediction,
    write_saved_answers,
)
from veason.formats.datasets import Dataset, WriteExpression, WriteVideo, open_dataset, write_dataset
from veason.types import Answer, Box, Note, Sample

Predictor = Callable[[Sample], dict[int, np.ndarray]]


def oracle(sample: Sample) -> dict[int, np.ndarray]:
    return {index: sample.truth(index) for index in sample.truth_indices()}


def nothing(sample: Sample) -> dict[int, np.ndarray]:
    return {}


def shifted(sample: Sample) -> dict[int, np.ndarray]:
    """A middling predictor that differs from sample to sample, and answers some absent targets."""
    place = sum(sample.key.encode()) % 5
    masks = {index: np.roll(mask, place, axis=1) for index, mask in oracle(sample).items()}
    if sample.type == "absent" and place == 1:
        masks[0] = np.ones((HEIGHT, WIDTH), bool)
    return masks


def save(dataset: Dataset, predict: Predictor, root: Path) -> Path:
    for sample in dataset:
        write_prediction(root, sample, predict(sample), (WIDTH, HEIGHT))
    return root


def revos(root: Path, *videos: WriteVideo) -> Dataset:
    write_dataset(root, "revos", videos or [many_objects("a", 1), many_objects("b", 2)])
    return open_dataset(root, "revos")


def score(dataset: Dataset, predict: Predictor, folder: Path, **options: Any) -> dict[str, Any]:
    return evaluate(dataset, save(dataset, predict, folder / "saved"), folder / "out", **options).content


# --- what the figures say


def test_a_perfect_oracle_has_every_figure_at_100(tmp_path: Path) -> None:
    content = score(revos(tmp_path / "revos"), oracle, tmp_path)
    for name, count in (("referring", 2), ("reasoning", 4), ("overall", 6), ("absent", 2)):
        figures = dict(content["scores"][name])
        assert figures.pop("count") == count
        assert figures == pytest.approx({"j": 100, "f": 100, "jf": 100, "r_legacy": 100, "r_binary": 100})
    assert (content["absence"]["n_acc"], content["absence"]["t_acc"]) == (100, 100)
    assert content["coverage"]["note"] == "complete"


def test_an_oracle_on_overlapping_objects_loses_r_legacy_as_in_the_published_tool(tmp_path: Path) -> None:
    # Two 6x4 objects share 2 columns: 8 of 40 foreground pixels. The tool adds the two masks to 2 there, 1 - 2 wraps to
    # 255, times the predicted 255 wraps to 1: so each shared pixel is one false pixel. R = 1 - 8 / 40.
    video = WriteVideo(
        "overlap",
        pictures(0),
        {1: [rectangle(2, 3, 6, 4)] * FRAMES, 2: [rectangle(6, 3, 6, 4)] * FRAMES},
        [WriteExpression("both", (1, 2), "referring"), WriteExpression("what is it", (1,), "reasoning")],
    )
    scores = score(revos(tmp_path / "revos", video), oracle, tmp_path)["scores"]
    assert scores["referring"]["jf"] == scores["referring"]["r_binary"] == 100
    assert scores["referring"]["r_legacy"] == pytest.approx(100 * (1 - 8 / 40))
    assert scores["reasoning"]["r_legacy"] == 100
    assert scores["overall"]["r_legacy"] == pytest.approx(90)


def test_without_any_foreground_an_oracle_has_r_100_as_in_the_published_tool(tmp_path: Path) -> None:
    never = {1: [None] * FRAMES}
    texts = [WriteExpression("it", (1,), "referring"), WriteExpression("what", (1,), "reasoning")]
    scores = score(revos(tmp_path / "revos", WriteVideo("a", pictures(0), never, texts)), oracle, tmp_path)["scores"]
    assert (scores["overall"]["r_legacy"], scores["overall"]["r_binary"]) == (100, 100)


def test_the_traps_of_an_all_empty_predictor_are_visible(tmp_path: Path) -> None:
    content = score(revos(tmp_path / "revos"), nothing, tmp_path)
    overall = content["scores"]["overall"]
    assert overall["r_legacy"] == overall["r_binary"] == 100
    assert 0 < overall["j"] < 10  # object 2 is out of sight on one of four frames
    assert (content["absence"]["n_acc"], content["absence"]["t_acc"]) == (100, 0)
    assert content["empty_predictions_percent"] == 100
    assert any("Every prediction is empty" in caution for caution in content["cautions"])
    assert "Every prediction is empty" in (tmp_path / "out" / "report.md").read_text()


def test_grey_predictions_weigh_255_times_as_much_in_r_legacy(tmp_path: Path) -> None:
    def one_pixel_more(sample: Sample) -> dict[int, np.ndarray]:
        masks = oracle(sample)
        for mask in masks.values():
            mask[HEIGHT - 1, WIDTH - 1] = True
        return masks

    scores = score(revos(tmp_path / "revos"), one_pixel_more, tmp_path)["scores"]
    assert scores["overall"]["r_legacy"] == 0
    assert scores["overall"]["r_binary"] > 95


@pytest.mark.parametrize(
    ("kind", "split", "make"),
    [
        pytest.param("mevis", "valid_u", many_objects, id="mevis"),
        pytest.param("reasonvos", "test", one_object_each, id="reasonvos"),
        pytest.param("ref-youtube-vos", "train", one_object_each, id="ref-youtube-vos"),
        pytest.param("ref-davis17", "valid", lambda name: one_object_each(name, times=4), id="ref-davis17"),
    ],
)
def test_an_oracle_is_perfect_on_every_benchmark(
    kind: str, split: str, make: Callable[[str], WriteVideo], tmp_path: Path
) -> None:
    write_dataset(tmp_path / "data", kind, [make("a"), make("b")], split)
    content = score(open_dataset(tmp_path / "data", kind, split), oracle, tmp_path)
    assert {name: figures["jf"] for name, figures in content["scores"].items()} == pytest.approx(
        dict.fromkeys(["overall", "official"] if kind == "ref-davis17" else ["overall"], 100)
    )
    assert content["scores"]["overall"]["r_legacy"] is None


def test_ref_davis_has_two_protocols_and_they_differ(tmp_path: Path) -> None:
    def everything(sample: Sample) -> dict[int, np.ndarray]:
        return {index: np.ones((HEIGHT, WIDTH), bool) for index in range(FRAMES)}

    write_dataset(tmp_path / "data", "ref-davis17", [one_object_each("a", times=4)])
    scores = score(open_dataset(tmp_path / "data", "ref-davis17"), everything, tmp_path)["scores"]
    assert scores["official"]["count"] == 8
    assert scores["official"]["j"] != pytest.approx(scores["overall"]["j"])


def test_a_split_without_truth_is_checked_for_coverage_and_not_scored(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", "mevis", [many_objects("a")], "valid")
    content = score(open_dataset(tmp_path / "data", "mevis", "valid"), nothing, tmp_path)
    assert content["scores"] == content["absence"] == "not available"
    assert "no public ground truth" in (tmp_path / "out" / "report.md").read_text()


def test_the_table_has_one_line_an_expression_with_the_official_name(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos")
    score(dataset, oracle, tmp_path)
    with (tmp_path / "out" / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == [f"{sample.video}_{sample.expression_id}" for sample in dataset]
    assert {row["j"] for row in rows} == {"1.0"}


# --- answers


def save_answers(root: Path, dataset: Dataset, **changes: SavedAnswer) -> None:
    """Save the same good answer for all, other ones for the samples named (a_0 is sample a/0)."""
    answers = []
    for sample in dataset:
        good = Answer("I choose frame 1.", 1, (Box(2, 5, 8, 11),), text="...")
        answers.append(
            changes.get(sample.key.replace("/", "_"), SavedAnswer(sample.key, "?", good, shown=(0, 1, 2, 3)))
        )
    write_saved_answers(root, answers)


def test_defects_of_answers_are_counted_apart(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos")
    saved = save(dataset, oracle, tmp_path / "saved")
    box = (Box(2, 5, 8, 11),)
    save_answers(
        saved,
        dataset,
        a_0=SavedAnswer("a/0", "?", None, "no JSON", "the box"),
        a_1=SavedAnswer("a/1", "?", Answer("", 2, box), shown=(0, 1, 3)),
        a_2=SavedAnswer("a/2", "?", Answer("", 1, box, (Note("box_clipped", "outside"),)), shown=(1,)),
        a_3=SavedAnswer("a/3", "?", Answer("I choose frame 3 as the keyframe.", 1, box), shown=(1, 3)),
    )
    content = evaluate(dataset, saved, tmp_path / "out").content
    assert content["defects"] == {
        "answers": 8, "unparsable": 12.5, "keyframe not shown": 12.5, "box outside": 12.5, "contradiction": 12.5,
    }  # fmt: skip
    assert "| unparsable | 12.50 |" in (tmp_path / "out" / "report.md").read_text()


def test_an_absent_target_that_is_right_only_because_the_text_was_unreadable_is_named(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos")
    saved = save(dataset, oracle, tmp_path / "saved")
    save_answers(saved, dataset, a_3=SavedAnswer("a/3", "?", None, "no JSON"))
    content = evaluate(dataset, saved, tmp_path / "out").content
    assert content["absence"]["num_absent_unparsable"] == 1
    assert any("could not be read" in caution for caution in content["cautions"])


def test_keyframe_prominence_is_correlated_with_quality(tmp_path: Path) -> None:
    growing = {1: [rectangle(2, 2, 2 + 4 * index, 10) for index in range(FRAMES)]}
    texts = [WriteExpression("it", (1,), "referring")] * 3 + [WriteExpression("what", (1,), "reasoning")]
    dataset = revos(tmp_path / "revos", WriteVideo("a", pictures(0), growing, texts))

    def better_with_number(sample: Sample) -> dict[int, np.ndarray]:
        return {index: mask for index, mask in oracle(sample).items() if index <= int(sample.expression_id)}

    saved = save(dataset, better_with_number, tmp_path / "saved")
    write_saved_answers(
        saved, [SavedAnswer(s.key, "?", Answer("", n, (Box(2, 2, 4, 12),)), shown=(n,)) for n, s in enumerate(dataset)]
    )
    content = evaluate(dataset, saved, tmp_path / "out").content
    assert content["keyframes"]["count"] == 4
    assert content["keyframes"]["mean_prominence"] == pytest.approx(np.mean([2, 6, 10, 14]) / 14)
    assert content["keyframes"]["pearson"] > 0.95
    with Image.open(tmp_path / "out" / "keyframes.png") as picture:
        assert min(picture.size) > 300


def test_without_answers_the_sections_say_not_available(tmp_path: Path) -> None:
    content = score(revos(tmp_path / "revos"), oracle, tmp_path)
    assert content["keyframes"] == content["defects"] == "not available"
    assert (tmp_path / "out" / "report.md").read_text().count("not available: there is no answers.jsonl") == 2
    assert not (tmp_path / "out" / "keyframes.png").exists()


def test_answers_are_read_back_as_they_were_saved(tmp_path: Path) -> None:
    answers = [
        SavedAnswer(
            "a/0", "it", Answer("why", 3, (Box(0.5, 1, 2, 3),), (Note("cut_off", "é"),), "raw"), "", "raw", (1, 3)
        ),
        SavedAnswer("a/1", "it", Answer("gone", None, ())),
        SavedAnswer("b/0", "it", None, "no JSON", "text"),
    ]
    write_saved_answers(tmp_path, answers)
    assert read_saved_answers(tmp_path) == {answer.key: answer for answer in answers}


def test_a_broken_answers_line_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text('{"key": "a/0", "keyframe": 1, "boxes_xyxy": [[1, 2]]}\n')
    with pytest.raises(DataError, match=r"answers\.jsonl: line 1 \(a/0\)"):
        read_saved_answers(tmp_path)


# --- coverage


def test_a_missing_expression_or_frame_is_listed_not_skipped(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos")
    saved = save(dataset, oracle, tmp_path / "saved")
    shutil.rmtree(saved / "Annotations" / "a" / "1")
    (saved / "Annotations" / "b" / "0" / "00002.png").unlink()
    with pytest.raises(DataError, match="2 of 8 expressions lack predictions") as caught:
        evaluate(dataset, saved, tmp_path / "out")
    assert "a/1: all frames" in str(caught.value)
    assert (tmp_path / "out" / "missing.txt").read_text() == "a/1: all frames\nb/0: 00002\n"
    assert not (tmp_path / "out" / "report.json").exists()


def test_allowed_missing_pictures_score_as_empty_masks_and_are_labelled(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos")
    saved = save(dataset, oracle, tmp_path / "saved")
    shutil.rmtree(saved / "Annotations" / "a" / "0")
    content = evaluate(dataset, saved, tmp_path / "out", allow_missing=True).content
    assert content["scores"]["referring"]["j"] == 50
    assert content["coverage"]["incomplete"] == {"a/0": FRAMES}
    assert any("lack pictures; they were scored as empty" in caution for caution in content["cautions"])
    assert "missing pictures were scored as empty masks" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(lambda file: Image.new("L", (9, 9)).save(file), "save predictions at the size", id="size"),
        pytest.param(lambda file: file.write_bytes(b"\x89PNG"), "not a readable picture", id="broken"),
    ],
)
def test_a_wrong_picture_is_an_error_and_not_a_zero(damage: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos")
    saved = save(dataset, oracle, tmp_path / "saved")
    damage(prediction_folder(saved, dataset[2]) / "00001.png")
    with pytest.raises(DataError, match=said) as caught:
        evaluate(dataset, saved, tmp_path / "out", allow_missing=True)
    assert "a/2" in str(caught.value)


def test_a_folder_without_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder Annotations"):
        evaluate(revos(tmp_path / "revos"), tmp_path, tmp_path / "out")


# --- going on


REPORT = ("report.json", "results.csv", "report.md")


def report_of(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in REPORT]


def test_several_workers_write_the_same_report_as_one(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos", *(many_objects(name, 1) for name in "abcd"))
    saved = save(dataset, shifted, tmp_path / "saved")
    evaluate(dataset, saved, tmp_path / "one")
    evaluate(dataset, saved, tmp_path / "two", workers=2)
    assert report_of(tmp_path / "one") == report_of(tmp_path / "two")


def test_an_error_in_a_worker_process_arrives_as_it_is(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos")
    saved = save(dataset, oracle, tmp_path / "saved")
    (prediction_folder(saved, dataset[5]) / "00001.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"b/1: .*not a readable picture"):
        evaluate(dataset, saved, tmp_path / "out", workers=2)


def die() -> Any:
    os._exit(1)


def test_a_worker_that_dies_ends_the_run_with_advice(tmp_path: Path) -> None:
    with pytest.raises(VeasonError, match="start the same command again to go on"):
        evaluate(revos(tmp_path / "revos"), Live(die), tmp_path / "out", workers=2)


def test_a_live_run_that_was_copied_elsewhere_is_still_done(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos", many_objects("a"))
    live = Live(make_pipeline)  # type: ignore[arg-type]
    obeyed = [replace(sample, instruction="2,1,8,6@0") for sample in dataset]
    dataset = replace(dataset, samples=tuple(obeyed))
    evaluate(dataset, live, tmp_path / "out")
    shutil.copytree(tmp_path / "out", tmp_path / "copy", copy_function=shutil.copyfile)
    calls: list[tuple[int, int]] = []
    evaluate(dataset, live, tmp_path / "copy", on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(4, 4)]
    (prediction_folder(tmp_path / "copy" / "predictions", dataset[1]) / "00002.png").unlink()
    evaluate(dataset, live, tmp_path / "copy", on_progress=lambda done, total: calls.append((done, total)))
    assert calls[1:] == [(3, 4), (4, 4)]
    assert report_of(tmp_path / "copy") == report_of(tmp_path / "out")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Path, Path]:
    """A dataset, saved predictions and the output of an undisturbed run."""
    folder = tmp_path_factory.mktemp("finished")
    dataset = revos(folder / "revos", many_objects("a", 1), many_objects("b", 2), many_objects("c", 3))
    saved = save(dataset, shifted, folder / "saved")
    evaluate(dataset, saved, folder / "out")
    return dataset, saved, folder / "out"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_going_on_from_any_cut_or_damaged_journal_gives_the_same_report(
    data: st.DataObject, finished: tuple[Dataset, Path, Path], tmp_path: Path
) -> None:
    dataset, saved, out = finished
    whole = (out / "results.journal").read_bytes()
    cut = data.draw(st.integers(0, len(whole)), label="cut at")
    rest = data.draw(st.sampled_from([b"", b"\n", b"\0" * 40, whole[:7], b'00000000 {"key": "a/0"}\n']), label="then")
    again = tmp_path / str(cut)
    shutil.rmtree(again, ignore_errors=True)
    again.mkdir()
    (again / "results.journal").write_bytes(whole[:cut] + rest)
    for _ in range(2):
        evaluate(dataset, saved, again)
        assert report_of(again) == report_of(out)
        assert (again / "results.journal").read_bytes() == whole


def test_a_finished_run_does_nothing_when_started_again(finished: tuple[Dataset, Path, Path]) -> None:
    dataset, saved, out = finished
    before = report_of(out)
    calls: list[tuple[int, int]] = []
    evaluate(dataset, saved, out, on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(12, 12)]
    assert report_of(out) == before


def test_only_a_prediction_that_changed_is_scored_again(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos")
    saved = save(dataset, nothing, tmp_path / "saved")
    evaluate(dataset, saved, tmp_path / "out")
    write_prediction(saved, dataset[0], oracle(dataset[0]), (WIDTH, HEIGHT))
    content = evaluate(dataset, saved, tmp_path / "out").content
    assert content["scores"]["referring"]["j"] == 50
    lines = (tmp_path / "out" / "results.journal").read_text().splitlines()
    keys = [json.loads(line.partition(" ")[2]).get("key") for line in lines]
    assert (keys.count("a/0"), len(keys)) == (2, 1 + 8 + 1)


def test_a_folder_of_another_evaluation_is_refused(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos")
    evaluate(dataset, save(dataset, oracle, tmp_path / "saved"), tmp_path / "out")
    with pytest.raises(DataError, match="another evaluation: predictions"):
        evaluate(dataset, save(dataset, oracle, tmp_path / "other"), tmp_path / "out")


def test_a_second_run_in_the_same_folder_is_refused_while_the_first_is_running(tmp_path: Path) -> None:
    with Journal(tmp_path, {"kind": "revos"}), pytest.raises(DataError, match="another evaluation is running"):
        Journal(tmp_path, {"kind": "revos"})
    with Journal(tmp_path, {"kind": "revos"}) as journal:
        assert journal.rows == {}
