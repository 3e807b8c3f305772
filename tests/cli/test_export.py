"""`veason export` and `veason import`: from a project to files, and into another project."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from tests.formats.made import CLIP, make_project
from veason.cli import export as export_command
from veason.cli import import_ as import_command
from veason.cli import main
from veason.formats.catalogue import EXPORTABLE, IMPORTABLE, format_named
from veason.project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> str:
    with make_project(tmp_path_factory.mktemp("cli")) as made:
        return str(made.folder)


def test_the_command_line_offers_every_format() -> None:
    commands = argparse.ArgumentParser().add_subparsers()
    for command, names in ((export_command, EXPORTABLE), (import_command, IMPORTABLE)):
        text = command.add_parser(commands).format_help()
        assert all(f"\n  {name} " in text and format_named(name).about in text for name in names)


def test_export_says_what_was_written_and_left_out(
    project: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["export", project, "--format", "coco", "--out", out, "--no-pictures", "--json"]) == 0
    told = capsys.readouterr()
    assert "left out: 2 questions that are not accepted" in told.err
    assert json.loads(told.out)["counts"]["masks"] == 154
    assert main(["export", project, "--format", "coco", "--out", out, "--no-pictures"]) == 2
    assert "--force" in capsys.readouterr().err
    again = ["export", project, "--format", "coco", "--out", out, "--no-pictures", "--everything", "--force"]
    assert main(again) == 0
    assert "left out" not in capsys.readouterr().err


def test_disputed_labels_are_named_and_exported_only_where_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with make_project(tmp_path) as made:
        folder, (question, *_) = str(made.folder), made.library.questions(status="accepted")
        made.queue.judge(question.id, "disagree", annotator="bob")
    arguments = ["export", folder, "--format", "coco", "--no-pictures", "--out"]
    assert main([*arguments, str(tmp_path / "out")]) == 0
    assert "left out: 1 accepted questions that a reviewer disagrees with" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path / "all"), "--disputed"]) == 0
    assert "disagrees" not in capsys.readouterr().err
    assert main(["project", "status", folder]) == 0
    assert (
        f"1 disputed by a reviewer (exported with --disputed only): question {question.id}" in capsys.readouterr().out
    )
    assert main(["project", "status", folder, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["disputed"] == {str(question.id): ["bob"]}


def test_a_profile_decides_how_frames_are_shown_in_training(project: str, tmp_path: Path) -> None:
    profile = {"size_wh": [112, 112], "label_form": "frame {index}:", "boxes_key": "boxes"}
    (tmp_path / "profile.json").write_text(json.dumps(profile))
    arguments = ["export", project, "--format", "sft", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--profile", str(tmp_path / "profile.json")]) == 0
    rows = json.loads((tmp_path / "out" / "veason_sft.json").read_text())
    human, model = (turn["value"] for turn in rows[0]["conversations"])
    assert human.startswith("frame 0:<image>, frame 13:<image>")
    assert '"boxes": [[' in model


def test_exported_labels_come_into_another_project(
    project: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", project, "--format", "cvat", "--out", str(tmp_path / "out")]) == 0
    Project.create(tmp_path / "other").close()
    arguments = ["import", str(tmp_path / "other"), str(tmp_path / "out"), "--format", "cvat"]
    assert main(arguments) == 2
    assert "come without a video" in capsys.readouterr().err
    assert main([*arguments, "--videos", str(CLIP.parent)]) == 0
    assert "imported " in capsys.readouterr().err
    assert main([*arguments, "--videos", str(CLIP.parent)]) == 0
    assert "nothing new: 3 questions were already there" in capsys.readouterr().err
    with Project.open(tmp_path / "other") as other:
        texts = [question.instruction for question in other.library.questions(status="in review")]
        assert texts == ["everything that moves", "the <image>", "the round thing"]


def test_a_folder_that_is_no_project_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path), "--format", "coco", "--out", str(tmp_path / "out")]) == 2
    assert "is not a project" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
