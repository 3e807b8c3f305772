"""Accepted labels that a reviewer disagrees with: left out and counted, unless they are asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.formats.made import make_project
from veason.formats.exporting import DISPUTED, NOT_ACCEPTED, export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.from_project import from_project
from veason.formats.projects.to_project import to_project
from veason.project import Project


@pytest.fixture
def disputed(videos: list[LabelledVideo]) -> LabelledVideo:
    """Six questions, four of them accepted, one of these disputed; one that is in review has a verdict too."""
    names = {"0": ("bob",), "3": ("bob",)}
    questions = tuple(replace(one, disputed_by=names.get(one.name, ())) for one in videos[0].questions)
    return replace(videos[0], questions=questions)


@pytest.mark.parametrize(
    ("options", "num_questions", "left_out"),
    [
        pytest.param(ExportOptions(), 3, {NOT_ACCEPTED: 2, DISPUTED: 1}, id="accepted"),
        pytest.param(ExportOptions(has_disputed=True), 4, {NOT_ACCEPTED: 2}, id="accepted and disputed"),
        pytest.param(ExportOptions(is_everything=True), 6, {}, id="everything"),
    ],
)
def test_disputed_labels_are_left_out_unless_they_are_asked_for(
    options: ExportOptions, num_questions: int, left_out: dict[str, int], disputed: LabelledVideo, tmp_path: Path
) -> None:
    report = export_labels([disputed], "veason", tmp_path / "out", options)
    assert report.counts["questions"] == num_questions
    assert report.left_out == left_out


@pytest.mark.parametrize("format", ["sft", "grpo"])
@pytest.mark.parametrize("is_everything", [False, True])
def test_nothing_disputed_is_taught(format: str, is_everything: bool, disputed: LabelledVideo, tmp_path: Path) -> None:
    options = ExportOptions(is_everything=is_everything)
    report = export_labels([disputed], format, tmp_path / "out", options)
    assert report.left_out[DISPUTED] == 1
    asked_for = export_labels([disputed], format, tmp_path / "all", replace(options, has_disputed=True))
    assert asked_for.counts["samples"] == report.counts["samples"] + 1


def test_the_second_version_takes_the_place_of_a_disputed_original(disputed: LabelledVideo, tmp_path: Path) -> None:
    second = replace(disputed.questions[0], name="second", original="0", disputed_by=())
    video = replace(disputed, questions=(*disputed.questions, second))
    export_labels([video], "veason", tmp_path / "out")
    names = [json.loads(line)["question"] for line in (tmp_path / "out" / "labels.jsonl").read_text().splitlines()]
    assert "second" in names
    assert "0" not in names


def test_a_bundle_keeps_who_disagrees(tmp_path: Path) -> None:
    with make_project(tmp_path) as project:
        question = project.library.questions(status="accepted")[0].id
        project.queue.judge(question, "disagree", annotator="bob")
        project.queue.judge(question, "disagree")
        (video,) = from_project(project)
    export_labels([video], "veason", tmp_path / "out", ExportOptions(is_everything=True))
    with Project.create(tmp_path / "again") as again:
        to_project(again, next(import_labels(tmp_path / "out", "veason", is_owners=True)))
        assert sorted(again.queue.disputed().values()) == [("bob", "")]
