"""To a project and back: a label that is corrected there changes the scores, and nothing else does."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.lab.conftest import Made
from tests.lab.planted import BLUE, FRAMES, RED, block
from veason.cli import main
from veason.errors import DataError
from veason.formats.projects.from_project import from_project
from veason.lab.comparing import compare
from veason.lab.correcting import correct_run, send_cases
from veason.lab.pictures import CasePictures
from veason.lab.store import Lab
from veason.masks import decode_mask, encode_mask
from veason.project import Project, StoredMask


@pytest.fixture
def lab(made: Made, tmp_path: Path) -> Lab:
    shutil.copytree(made.lab.folder / "runs", tmp_path / "lab" / "runs")
    return Lab(tmp_path / "lab")


def accept(project: Project, *, red_is_blue: bool = False) -> None:
    """What a person does in the studio: draw the right masks where they are wrong, and accept."""
    for question in project.library.questions():
        if red_is_blue and question.instruction == "the red block":
            (object_id,) = {mask.object_id for mask in project.labels.masks(question.id)}
            drawn = [
                StoredMask(frame, object_id, encode_mask(block(BLUE, frame)), 1.0, "corrected")
                for frame in range(FRAMES)
            ]
            project.labels.put_masks(question.id, drawn, source="person")
        project.queue.accept(question.id, is_absent=question.instruction == "the green block")


def test_a_case_goes_to_a_project_with_its_ground_truth(made: Made, lab: Lab, tmp_path: Path) -> None:
    keys = [sample.key for sample in made.dataset if sample.video == "v001"]
    with Project.create(tmp_path / "project") as project:
        assert send_cases(lab.run("liar"), keys, project).num_questions == 4
        assert send_cases(lab.run("liar"), keys, project).num_known == 4
        (video,) = from_project(project)
        assert [question.name for question in video.questions] == keys
        (red,) = video.questions[0].object_ids
        for frame in range(FRAMES):
            assert np.array_equal(decode_mask(video.tracks[red][frame].rle), block(RED, frame))
        assert video.questions[3].object_ids == ()
        with pytest.raises(DataError, match="no case 'nobody'"):
            send_cases(lab.run("liar"), ["nobody"], project)
        with pytest.raises(DataError, match="no accepted question"):
            correct_run(lab, "liar", "better", project)


def test_the_scores_follow_what_was_corrected(made: Made, lab: Lab, tmp_path: Path) -> None:
    key = next(key for key, kind in made.told.items() if kind == "wrong_instance")  # it was asked for blue, boxed red
    other = key[:-1] + "0"
    with Project.create(tmp_path / "project") as project:
        send_cases(lab.run("liar"), [key, other], project)
        accept(project)
        same = correct_run(lab, "liar", "same", project)
        assert same.table.equals(lab.run("liar").table)  # labels that nobody changed change nothing
    with Project.create(tmp_path / "second") as project:
        send_cases(lab.run("liar"), [other], project)
        accept(project, red_is_blue=True)
        better = correct_run(lab, "liar", "better", project)
    before, after = lab.run("liar").case(other), better.case(other)
    assert (before["jf"], after["jf"]) == (100.0, 0.0)
    assert after["reward_boxes"] == 0
    assert (before["prominence"], after["prominence"]) == (1.0, 1.0)
    pictures = CasePictures.of(better)
    assert pictures.samples[other].object_ids == made.dataset[0].object_ids  # by which it is told from its neighbours
    assert np.array_equal(pictures.samples[other].truth(1), block(BLUE, 1))
    assert pictures.overlaps(other) == [0.0] * FRAMES
    assert CasePictures.of(lab.run("liar")).overlaps(other) == [1.0] * FRAMES
    (row,) = compare(lab.run("liar"), better, slices={"all": ""})
    assert (row.lower, row.higher) == (1, 0)
    with pytest.raises(DataError, match="other labels"):
        compare(lab.run("honest"), better)


def test_a_run_is_corrected_again_and_two_that_were_corrected_alike_are_compared(
    made: Made, lab: Lab, tmp_path: Path
) -> None:
    first, last = made.dataset[0].key, made.dataset[4].key  # the red blocks of two videos
    for name, key in (("one", first), ("two", last)):
        with Project.create(tmp_path / name) as project:
            send_cases(lab.run("honest"), [key], project)
            accept(project, red_is_blue=True)
            if name == "one":
                once, theirs = (correct_run(lab, run, f"{run}-once", project) for run in ("honest", "liar"))
            else:
                twice = correct_run(lab, "honest-once", "honest-twice", project)
    assert [once.case(key)["jf"] for key in (first, last)] == [0.0, 100.0]
    assert [twice.case(key)["jf"] for key in (first, last)] == [0.0, 0.0]
    for key in (first, last):
        assert CasePictures.of(twice).overlaps(key) == [0.0] * FRAMES  # what is shown is what was scored
    compare(once, theirs)
    with pytest.raises(DataError, match="correct both alike"):
        compare(twice, theirs)


def test_a_project_is_a_run_and_the_commands_lead_there_and_back(
    made: Made, lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, project_folder = str(lab.folder), str(tmp_path / "project")
    keys = [sample.key for sample in made.dataset][:4]
    assert main(["lab", "send", folder, "liar", project_folder, *keys]) == 0
    with Project.open(project_folder) as project:
        accept(project, red_is_blue=True)
    assert main(["lab", "correct", folder, "liar", project_folder, "better"]) == 0
    assert "4 cases scored again" in capsys.readouterr().err
    words = ["lab", "import", folder, "people", project_folder, "--project"]
    assert main(words) == 2
    about = ["--dataset", str(made.root / "revos"), "--kind", "revos", "--allow-missing"]
    assert main([*words, *about]) == 0
    assert "4 of 320 expressions have accepted labels" in capsys.readouterr().err
    people = Lab(lab.folder).run("people")
    assert [people.case(key)["jf"] for key in keys] == [0.0, 100.0, 100.0, 100.0]
    assert people.case(made.dataset[8].key)["missing"] == FRAMES
