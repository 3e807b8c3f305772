"""`data check` walks a dataset and counts what is wrong, instead of stopping at the first thing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.formats.made_datasets import many_objects, one_object_each
from veason.cli import main
from veason.formats.benchmarks.check import check_dataset
from veason.formats.datasets import open_dataset, write_dataset


@pytest.mark.parametrize(
    ("kind", "split"),
    [("revos", "valid"), ("mevis", "valid_u"), ("mevis", "valid")],
)
def test_a_good_dataset_is_clean(kind: str, split: str, tmp_path: Path) -> None:
    write_dataset(tmp_path, kind, [many_objects("a"), many_objects("b")], split)
    report = check_dataset(tmp_path, kind, split)
    assert report.is_clean, list(report.lines())
    assert (report.num_videos, report.num_frames, report.num_expressions) == (2, 8, 8)


@pytest.mark.parametrize(
    ("kind", "split", "times"),
    [("reasonvos", "test", 1), ("ref-youtube-vos", "train", 1), ("ref-davis17", "valid", 4)],
)
def test_a_good_dataset_of_single_objects_is_clean(kind: str, split: str, times: int, tmp_path: Path) -> None:
    write_dataset(tmp_path, kind, [one_object_each("a", times=times)], split)
    assert check_dataset(tmp_path, kind, split).is_clean


def test_counts_come_by_type(tmp_path: Path) -> None:
    write_dataset(tmp_path, "revos", [many_objects("a"), many_objects("b")])
    report = check_dataset(tmp_path, "revos", "valid")
    assert report.types == {"referring": 2, "reasoning": 4, "absent": 2}
    assert "absent targets: 2" in list(report.lines())


def test_an_absent_row_with_objects_is_read_as_it_stands_and_reported(tmp_path: Path) -> None:
    write_dataset(tmp_path, "revos", [many_objects("a")])
    file = tmp_path / "meta_expressions_valid_.json"
    content = json.loads(file.read_text())
    content["videos"]["a"]["expressions"]["0"]["type_id"] = 2
    file.write_text(json.dumps(content))
    sample = open_dataset(tmp_path, "revos")[0]
    assert (sample.type, sample.object_ids) == ("absent", ("0",))
    (problem,) = check_dataset(tmp_path, "revos", "valid").problems
    assert "videos.a.expressions.0: want annotations for types 0 and 1 and none for 2" in str(problem)


def test_everything_that_is_wrong_is_listed_in_one_walk(tmp_path: Path) -> None:
    write_dataset(
        tmp_path, "revos", [many_objects(name) for name in ("good", "gap", "odd", "shuffled", "broken", "few")]
    )
    pictures = tmp_path / "JPEGImages"
    (pictures / "gap" / "00001.jpg").unlink()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(pictures / "odd" / "00002.jpg")
    file = tmp_path / "meta_expressions_valid_.json"
    content = json.loads(file.read_text())
    content["videos"]["shuffled"]["frames"].reverse()
    content["videos"]["broken"]["expressions"]["1"]["type_id"] = 9
    few = content["videos"]["few"]["expressions"]["0"]["anno_id"][0]
    file.write_text(json.dumps(content))
    masks = json.loads((tmp_path / "mask_dict.json").read_text())
    masks[str(few)].pop()
    (tmp_path / "mask_dict.json").write_text(json.dumps(masks))

    report = check_dataset(tmp_path, "revos", "valid")
    found = {
        (problem.category, name) for problem in report.problems for name in content["videos"] if name in str(problem)
    }
    assert found >= {
        ("missing frame", "gap"),
        ("size mismatch", "odd"),
        ("unsorted frames", "shuffled"),
        ("malformed", "broken"),
        ("missing mask", "few"),
    }
    assert not any(name == "good" for _, name in found)


def test_the_command_exits_with_0_when_clean_and_2_when_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(tmp_path, "revos", [many_objects("a")], "train")
    write_dataset(tmp_path, "revos", [many_objects("b")], "valid")
    assert main(["data", "check", str(tmp_path), "--kind", "revos"]) == 0
    shown = capsys.readouterr().out
    assert "revos train: 1 videos, 4 frames" in shown
    assert "revos valid: 1 videos, 4 frames" in shown
    assert "size mismatch: none" in shown
    (tmp_path / "JPEGImages" / "b" / "00003.jpg").unlink()
    assert main(["data", "check", str(tmp_path), "--kind", "revos"]) == 2
    assert "missing frame: 1" in capsys.readouterr().out


def test_the_command_says_what_is_missing_for_a_wrong_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(tmp_path), "--kind", "mevis"]) == 2
    assert "no expressions file of a mevis dataset" in capsys.readouterr().err
