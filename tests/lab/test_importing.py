"""Runs from evaluations and from other people's folders: equal to what `veason eval` says, and nothing left out."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.lab.conftest import Made
from tests.lab.planted import honest, masks_of
from veason.errors import DataError, OptionError
from veason.lab.importing import import_evaluation, import_predictions
from veason.lab.store import Lab
from veason.masks import decode_mask


def test_a_run_says_what_the_evaluation_says(made: Made) -> None:
    with (made.lab.folder / "evaluations" / "liar" / "out" / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    table = made.lab.run("liar").table
    assert len(rows) == len(table) == len(made.dataset)
    for row, case in zip(rows, table.iter_rows(named=True), strict=True):
        assert (row["video"], row["expression_id"]) == (case["video"], case["expression"])
        for name in ("j", "f", "r_legacy", "r_binary"):
            assert 100 * float(row[name]) == pytest.approx(case[name])
        assert int(row["is_empty"]) == case["empty"]


def test_a_case_is_whole(made: Made) -> None:
    key = made.dataset[2].key
    case = made.lab.run("honest").case(key)
    assert case["boxes_xyxy"] == [[4, 8, 12, 16], [26, 8, 34, 16]]
    assert case["thought"].startswith("There are two targets.")
    masks = made.lab.run("honest").masks(key)
    assert {frame: decode_mask(rle).tolist() for frame, rle in masks.items()} == {
        frame: mask.tolist() for frame, mask in masks_of(honest(made.dataset[2])).items()
    }
    assert made.lab.run("honest").masks(made.dataset[3].key) == {}
    with pytest.raises(DataError, match="no case"):
        made.lab.run("honest").case("nobody")


@pytest.mark.parametrize("layout", ["bare", "deep", "joined", "zip", "zip of Annotations"])
def test_predictions_are_found_however_they_are_laid_out(made: Made, tmp_path: Path, layout: str) -> None:
    source, theirs = made.root / "honest" / "Annotations", tmp_path / "theirs"
    match layout:
        case "bare":
            shutil.copytree(source, theirs)
        case "deep":
            shutil.copytree(source, theirs / "results" / "valid")
        case "joined":
            for sample in made.dataset:
                shutil.copytree(source / sample.key, theirs / sample.key.replace("/", "_"))
        case _:
            theirs = tmp_path / "theirs.zip"
            top = "Annotations/" if layout.endswith("Annotations") else ""
            with zipfile.ZipFile(theirs, "w") as archive:
                for file in sorted(source.rglob("*.png")):
                    archive.write(file, top + str(file.relative_to(source)))
    run = import_predictions(Lab(tmp_path / "lab"), "theirs", made.dataset, theirs)
    wanted = made.lab.run("honest").table.select("key", "j", "f", "empty")
    assert run.table.select("key", "j", "f", "empty").equals(wanted)
    assert run.table["thought" if "thought" in run.table.columns else "said_absent"].null_count() == len(run.table)


def test_a_folder_of_something_else_is_told(made: Made, tmp_path: Path) -> None:
    (tmp_path / "theirs" / "cats").mkdir(parents=True)
    with pytest.raises(DataError, match=r"holds no folder of pictures.*found cats"):
        import_predictions(Lab(tmp_path / "lab"), "theirs", made.dataset, tmp_path / "theirs")
    assert Lab(tmp_path / "lab").names() == []


def test_a_zip_that_points_outside_is_not_opened(made: Made, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../../v000/0/00000.png", b"x")
    with pytest.raises(DataError, match="outside"):
        import_predictions(Lab(tmp_path / "lab"), "bad", made.dataset, tmp_path / "bad.zip")


def test_a_name_is_never_written_over(made: Made) -> None:
    out = made.lab.folder / "evaluations" / "liar" / "out"
    with pytest.raises(OptionError, match="already"):
        import_evaluation(made.lab, "liar", out)
    for name in ("", "../up", "a/b", "x" * 65, ".hidden"):
        with pytest.raises(OptionError, match="run's name"):
            import_evaluation(made.lab, name, out)


def test_what_is_known_from_elsewhere_comes_along(made: Made, tmp_path: Path) -> None:
    key = made.dataset[0].key
    extras = tmp_path / "extras.jsonl"
    more = {"key": key, "agreement": 0.5, "statements": 3, "false_statements": 1, "reward_boxes": 0.25}
    extras.write_text(json.dumps(more))
    out = made.lab.folder / "evaluations" / "honest" / "out"
    run = import_evaluation(Lab(tmp_path / "lab"), "more", out, extras=extras, with_masks=False, tags=("a", "b"))
    case = run.case(key)
    assert (case["agreement"], case["reward_boxes"], case["false_reason"]) == (0.5, 0.25, True)
    assert run.case(made.dataset[1].key)["false_reason"] is None
    assert run.info.tags == ("a", "b")
    with pytest.raises(DataError, match="without masks"):
        run.masks(key)
    for line, told in (('{"key": "nobody"}', "no case"), ("[1]", "line 1"), ('{"key": "a", "colour": 1}', "line 1")):
        extras.write_text(line)
        with pytest.raises(DataError, match=told):
            import_evaluation(Lab(tmp_path / "lab"), "x", out, extras=extras)


def test_an_unfinished_evaluation_is_no_run(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(made.lab.folder / "evaluations" / "liar" / "out", out)
    lines = (out / "results.journal").read_bytes().split(b"\n")
    (out / "results.journal").write_bytes(b"\n".join(lines[:-20]) + b"\n")
    with pytest.raises(DataError, match="has no row for"):
        import_evaluation(Lab(tmp_path / "lab"), "half", out)
    with pytest.raises(DataError, match="cannot be read"):
        import_evaluation(Lab(tmp_path / "lab"), "none", tmp_path / "nowhere")


def test_runs_are_tagged_renamed_away_and_views_kept(made: Made, tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    out = made.lab.folder / "evaluations" / "honest" / "out"
    import_evaluation(lab, "one", out, with_masks=False)
    lab.describe("one", tags=(" best ", "paper", ""), note="of the paper")
    again = Lab(tmp_path / "lab")
    assert again.run("one").info.tags == ("best", "paper")
    assert (again.remove("one") / "cases.parquet").is_file()
    assert again.names() == []
    again.save_view("lost", "absent_answered")
    again.save_view("bad", "jf < 10")
    again.save_view("lost", "")
    assert Lab(tmp_path / "lab").views() == {"bad": "jf < 10"}
