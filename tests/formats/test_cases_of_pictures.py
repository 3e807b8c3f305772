"""Small files that other tools misread, imported into a project with the clip that they are about."""

from __future__ import annotations

from pathlib import Path

import pytest

from veason.errors import DataError
from veason.formats.projects.into_project import into_project
from veason.masks import mask_area, mask_box
from veason.project import Project

CASES = Path(__file__).parents[1] / "cases"


def imported(folder: Path, case: str, format: str) -> tuple[dict[int, dict[int, tuple[float, ...]]], tuple[str, ...]]:
    """Import a case and return the box of every mask by object and frame, and what was left out."""
    with Project.create(folder / "project") as project:
        project.library.add_video(CASES / "clip.mp4")
        told = into_project(project, CASES / case, format)
        boxes: dict[int, dict[int, tuple[float, ...]]] = {}
        for question in project.library.questions():
            for mask in project.labels.masks(question.id):
                if mask_area(mask.rle):
                    box = mask_box(mask.rle)
                    boxes.setdefault(mask.object_id, {})[mask.frame_index] = box.xyxy if box else ()
    return boxes, told.left_out


def test_two_regions_of_one_label_are_both_kept(tmp_path: Path) -> None:
    boxes, left = imported(tmp_path, "ls-two-regions", "label-studio")
    assert [list(masks) for masks in boxes.values()] == [[5], [5]]
    assert boxes[1] != boxes[2]
    assert left == ()


def test_a_skipped_annotation_says_nothing(tmp_path: Path) -> None:
    boxes, left = imported(tmp_path, "ls-skipped", "label-studio")
    assert {key: list(masks) for key, masks in boxes.items()} == {1: [5, 6]}
    assert left == ()


def test_rows_of_other_types_are_passed_over(tmp_path: Path) -> None:
    boxes, left = imported(tmp_path, "ls-choices", "label-studio")
    assert {key: list(masks) for key, masks in boxes.items()} == {1: [5]}
    assert left == ("1 result of the type 'choices', which draws nothing that is imported",)


def test_void_is_no_object(tmp_path: Path) -> None:
    boxes, left = imported(tmp_path, "davis-void/lab", "davis")
    assert list(boxes) == [1, 2]
    assert left == ("3 areas of which 255 says nothing where objects have numbers",)


@pytest.mark.parametrize("format", ["label-studio", "davis", "youtube-vos", "veason"])
@pytest.mark.parametrize("attack", sorted((CASES / "attacks").glob("*")), ids=lambda path: path.name)
def test_attacks_on_other_forms_are_refused_here_too(format: str, attack: Path, tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        project.library.add_video(CASES / "clip.mp4")
        with pytest.raises(DataError):
            into_project(project, attack, format)
        assert not project.library.questions()
