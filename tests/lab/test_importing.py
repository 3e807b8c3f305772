"""Runs from evaluations and from other people's folders: equal to what `veason eval` says, and nothing left out."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab.conftest import Made
from tests.lab.planted import honest, masks_of
from veason.errors import DataError, OptionError
from veason.lab.importing import import_evaluation, import_predictions, read_extras
from veason.lab.layouts import arrange
from veason.lab.store import Lab
from veason.lab.verdicts import RaterVerdict, Verdicts
from veason.masks import decode_mask
from veason.types import Sample


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


def test_a_locked_zip_is_told_so(made: Made, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "locked.zip", "w") as archive:
        archive.writestr("v000/0/00000.png", b"x")
    data = bytearray((tmp_path / "locked.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the mark of a password in the directory
    (tmp_path / "locked.zip").write_bytes(data)
    with pytest.raises(DataError, match="locked by a password"):
        import_predictions(Lab(tmp_path / "lab"), "locked", made.dataset, tmp_path / "locked.zip")


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


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"key": "nobody"}', "no case"),
        ("[1]", "line 1 tells nothing"),
        ("[" * 100_000, "line 1 tells nothing"),
        ('{"key": ["KEY"]}', "no case|tells nothing"),
        ('{"key": "KEY", "colour": 1}', "has 'colour'"),
        ('{"key": "KEY", "agreement": NaN}', "wanted a share"),
        ('{"key": "KEY", "agreement": true}', "wanted a share"),
        ('{"key": "KEY", "agreement": "0.5"}', "wanted a share"),
        ('{"key": "KEY", "object_score": 1.5}', "wanted a share"),
        ('{"key": "KEY", "object_score": -1}', "wanted a share"),
        ('{"key": "KEY", "reward_boxes": Infinity}', "wanted a number"),
        ('{"key": "KEY", "reward_boxes": 1%s}' % ("0" * 400), "wanted a number"),
        ('{"key": "KEY", "reward_boxes": "1"}', "wanted a number"),
        ('{"key": "KEY", "statements": 2.5, "false_statements": 1}', "whole numbers"),
        ('{"key": "KEY", "statements": 1, "false_statements": 2}', "2 false statements of 1"),
        ('{"key": "KEY", "false_statements": 2}', "2 false statements of None"),
        ('{"key": "KEY"}\n\n{"key": "KEY", "agreement": 1}', "line 3 is about .* as an earlier line"),
    ],
)
def test_what_is_told_from_elsewhere_must_be_what_it_says(made: Made, tmp_path: Path, line: str, told: str) -> None:
    extras, keys = tmp_path / "extras.jsonl", {sample.key for sample in made.dataset}
    extras.write_text(line.replace("KEY", made.dataset[0].key))
    with pytest.raises(DataError, match=told):
        read_extras(extras, keys)


@pytest.mark.parametrize("file", ["cases.parquet", "masks/00000.parquet", "masks/index.parquet"])
@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_file_that_was_cut_off_is_told(made: Made, tmp_path: Path, file: str, keep: int) -> None:
    shutil.copytree(made.lab.folder / "runs", tmp_path / "lab" / "runs")
    place = tmp_path / "lab" / "runs" / "honest" / file
    place.write_bytes(place.read_bytes()[:keep])
    run, key = Lab(tmp_path / "lab").run("honest"), made.dataset[0].key
    with pytest.raises(DataError, match="import the run again"):
        run.case(key) and run.masks(key)


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


def copied(made: Made, root: Path, *, but: int = 0) -> Path:
    """The honest predictions of all but the first `but` videos, bare."""
    source = made.root / "honest" / "Annotations"
    for folder in sorted(source.iterdir())[but:]:
        shutil.copytree(folder, root / folder.name)
    return root


def test_predictions_in_two_places_are_not_half_taken(made: Made, tmp_path: Path) -> None:
    copied(made, tmp_path / "theirs" / "a", but=1)
    first = sorted((made.root / "honest" / "Annotations").iterdir())[0]
    shutil.copytree(first, tmp_path / "theirs" / "b" / first.name)
    with pytest.raises(DataError, match=r"lie in 2 places.*theirs/a.*theirs/b"):
        import_predictions(Lab(tmp_path / "lab"), "x", made.dataset, tmp_path / "theirs", allow_missing=True)


def test_what_systems_leave_beside_pictures_is_not_taken_for_them(made: Made, tmp_path: Path) -> None:
    copied(made, tmp_path / "theirs" / "results")
    for sample in made.dataset:
        litter = tmp_path / "theirs" / "__MACOSX" / "results" / sample.key
        litter.mkdir(parents=True)
        (litter / "._00000.png").write_bytes(b"litter")
    run = import_predictions(Lab(tmp_path / "lab"), "x", made.dataset, tmp_path / "theirs", allow_missing=True)
    assert run.table["missing"].sum() == 0


def test_one_folder_of_two_expressions_is_nobody_s(tmp_path: Path) -> None:
    sample = Sample(
        key="a_b/c", video="a_b", expression_id="c", instruction="x", type=None, object_ids=("1",), dataset="mevis",
        frame_names=("00000",), frames_dir=tmp_path,
    )  # fmt: skip
    (tmp_path / "theirs" / "a_b_c").mkdir(parents=True)
    both = [sample, dataclasses.replace(sample, key="a/b_c", video="a", expression_id="b_c")]
    with pytest.raises(DataError, match=r"could be the pictures of 'a_b/c' or of 'a/b_c'"):
        arrange(tmp_path / "theirs", both, tmp_path / "work")


def test_a_zip_replaces_what_an_earlier_one_left(made: Made, tmp_path: Path) -> None:
    source, theirs = made.root / "honest" / "Annotations", tmp_path / "theirs.zip"
    files = sorted(source.rglob("*.png"))
    for some in (files[4:], files[:-1]):
        with zipfile.ZipFile(theirs, "w") as archive:
            for file in some:
                archive.write(file, str(file.relative_to(source)))
        with pytest.raises(DataError, match="lack predictions"):
            import_predictions(Lab(tmp_path / "lab"), "x", made.dataset, theirs)


@pytest.mark.parametrize("spoil", ["twice", "cut off", "locked"])
def test_a_zip_that_cannot_be_trusted_is_told(made: Made, tmp_path: Path, spoil: str) -> None:
    theirs = tmp_path / "theirs.zip"
    with zipfile.ZipFile(theirs, "w") as archive:
        archive.writestr("v000/0/00000.png", b"x" * 400)
        if spoil == "twice":
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("v000/0/00000.png", b"y")
    content = bytearray(theirs.read_bytes())
    if spoil == "cut off":
        content[100] ^= 255
    if spoil == "locked":
        content[6] |= 1
        content[content.index(b"PK\x01\x02") + 8] |= 1
    theirs.write_bytes(content)
    with pytest.raises(DataError, match="one would be taken for another" if spoil == "twice" else "cannot be unpacked"):
        import_predictions(Lab(tmp_path / "lab"), "x", made.dataset, theirs)


def test_two_makers_of_one_run_do_not_mix(made: Made, tmp_path: Path) -> None:
    lab, out = Lab(tmp_path / "lab"), made.lab.folder / "evaluations" / "honest" / "out"
    info = dataclasses.replace(made.lab.run("honest").info, name="x")
    with lab.adding(info) as folder:
        (folder / "cases.parquet").write_bytes(b"mine")
        with pytest.raises(OptionError, match="is being made"):
            import_evaluation(Lab(tmp_path / "lab"), "x", out)
        (folder / "run.json").write_text("{}")
        assert Lab(tmp_path / "lab").names() == []  # what is being made is no run yet
        assert (folder / "cases.parquet").read_bytes() == b"mine"


def test_labels_are_written_by_who_makes_the_run_alone(made: Made, tmp_path: Path) -> None:
    lab, called = Lab(tmp_path / "lab"), []
    with lab.claiming("x"), pytest.raises(OptionError, match="is being made"):
        import_predictions(Lab(tmp_path / "lab"), "x", made.dataset, called.append)
    assert called == []

    def write(folder: Path) -> None:
        assert not folder.exists()
        copied(made, folder / "Annotations")

    assert import_predictions(lab, "x", made.dataset, write).table["missing"].sum() == 0


def test_an_open_lab_sees_that_a_run_was_replaced(made: Made, tmp_path: Path) -> None:
    looking, changing = Lab(tmp_path / "lab"), Lab(tmp_path / "lab")
    work = made.lab.folder / "evaluations"
    import_evaluation(changing, "x", work / "honest" / "out", with_masks=False)
    assert looking.run("x").table["absent_answered"].sum() == 0
    changing.remove("x")
    with pytest.raises(DataError, match="no run"):
        looking.run("x")
    import_evaluation(changing, "x", work / "liar" / "out", with_masks=False)
    assert looking.run("x").table["absent_answered"].sum() == 10


def test_verdicts_on_a_removed_run_do_not_count_for_the_next_of_its_name(made: Made, tmp_path: Path) -> None:
    lab, out = Lab(tmp_path / "lab"), made.lab.folder / "evaluations" / "liar" / "out"
    import_evaluation(lab, "x", out, with_masks=False)
    Verdicts(lab.folder).add(RaterVerdict("x", made.dataset[0].key, "ann", "wrong_instance"))
    lab.remove("x")
    with pytest.raises(OptionError, match="judged cases of an earlier run"):
        import_evaluation(lab, "x", out)


@pytest.mark.parametrize("text", ["[]", "{", '{"version": 2}', '{"version": 1, "nick": "x"}'])
def test_a_run_that_cannot_be_read_can_be_moved_away(made: Made, tmp_path: Path, text: str) -> None:
    lab = Lab(tmp_path / "lab")
    import_evaluation(lab, "x", made.lab.folder / "evaluations" / "liar" / "out", with_masks=False)
    (lab.folder / "runs" / "x" / "run.json").write_text(text)
    with pytest.raises(DataError, match=r"run\.json"):
        Lab(lab.folder).run("x")
    assert (Lab(lab.folder).remove("x") / "cases.parquet").is_file()


def test_what_people_say_of_a_run_is_kept_while_its_figures_are_filled(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.lab.folder / "runs", tmp_path / "runs")
    key = made.dataset[0].key

    def change(number: int) -> None:
        lab = Lab(tmp_path)
        if number % 3 == 0:
            lab.fill("honest", "agreement", {key: 0.5})
        elif number % 3 == 1:
            lab.describe("honest", note="seen")
        else:
            lab.describe("honest", tags=("kept",))

    for _ in range(3):
        Lab(tmp_path).describe("honest", note="", tags=())
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(change, range(12)))
        info = Lab(tmp_path).run("honest").info
        assert (info.note, info.tags) == ("seen", ("kept",))


def test_views_that_are_saved_at_once_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: Lab(tmp_path).save_view(f"view {number}", "jf < 30"), range(60)))
    assert len(Lab(tmp_path).views()) == 60
