"""Every shape of a file comes in or is told as left out, and an import that brings nothing in is an error."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.formats.generated import FILES, KEPT, check_export, check_import
from tests.formats.generated_benchmarks import SPLITS, check_benchmark
from tests.formats.made import CLIP
from tests.formats.reading import CASE_CLIP, CASES
from veason.cli import main
from veason.errors import DataError
from veason.formats.catalogue import BENCHMARKS, EXPORTABLE, IMPORTABLE
from veason.formats.importing import import_labels
from veason.formats.labels.import_tally import ImportTally
from veason.formats.projects.into_project import into_project
from veason.project import Project


def test_a_shape_that_is_neither_taken_nor_left_out_ends_the_import() -> None:
    tally = ImportTally()
    tally.find("mask", 3)
    tally.take("mask", 2)
    with pytest.raises(DataError, match="holds 3 masks, of which 2 came in and 0 were left out"):
        tally.check("labels.json")
    tally.leave("mask", "on frame 99 of 60")
    tally.check("labels.json")
    assert tally.lines() == ("1 mask on frame 99 of 60",)


def test_a_shape_that_comes_from_nowhere_ends_the_import() -> None:
    tally = ImportTally()
    tally.take("box")
    with pytest.raises(DataError, match="holds 0 boxes, of which 1 came in"):
        tally.check("labels.json")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A COCO file that lists a picture and nothing on it."""
    file = tmp_path / "labels.json"
    images = [{"id": 1, "file_name": "hide/00000.jpg", "width": 640, "height": 360}]
    file.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    return file


def test_an_import_that_brings_nothing_in_says_so_and_changes_nothing(
    empty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match="nothing of it can be imported as coco: it holds"):
        list(import_labels(empty, "coco"))
    with Project.create(tmp_path / "project") as project:
        project.library.add_video(CLIP)
    assert main(["import", str(tmp_path / "project"), str(empty), "--format", "coco"]) == 2
    assert "nothing of it can be imported as coco" in capsys.readouterr().err
    with Project.open(tmp_path / "project") as project:
        assert not project.library.questions()


def test_what_came_in_is_told_as_shapes_of_the_file(tmp_path: Path) -> None:
    for case, told in (("cvat-mask-tracks", "imported 5 masks of 1"), ("coco-boxes", "imported 1 box of 1")):
        with Project.create(tmp_path / case) as project:
            project.library.add_video(CASE_CLIP)
            assert into_project(project, CASES / case, case.split("-")[0]).summary().startswith(told)


def test_labels_without_a_pixel_bring_nothing_in(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "clip" / "00000.png")
    with pytest.raises(DataError, match="nothing of it can be imported as davis"):
        list(import_labels(tmp_path, "davis"))


def test_labels_may_name_their_only_video_by_file(tmp_path: Path) -> None:
    folder = tmp_path / "predictions" / "another name"
    folder.mkdir(parents=True)
    picture = np.zeros((360, 640), np.uint8)
    picture[100:200, 100:200] = 1
    Image.fromarray(picture).save(folder / "00017.png")
    with Project.create(tmp_path / "project") as project:
        told = into_project(project, tmp_path / "predictions", "davis", videos=CLIP)
        assert (told.num_videos, told.num_masks, told.left_out) == (1, 1, ())
        assert [video.path for video in project.library.videos()] == [CLIP]
    (tmp_path / "predictions" / "second").mkdir()
    Image.fromarray(picture).save(tmp_path / "predictions" / "second" / "00017.png")
    with pytest.raises(DataError, match=r"is about several videos .*: name the folder that holds them"):
        list(import_labels(tmp_path / "predictions", "davis", videos=CLIP))


@pytest.mark.parametrize("format", FILES)
@settings(max_examples=16, deadline=None)
@given(seed=st.integers(0, 2**32), is_damaged=st.booleans())
def test_what_is_found_is_taken_or_left_out(format: str, seed: int, is_damaged: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_import(format, seed, Path(folder), is_damaged=is_damaged)


@pytest.mark.parametrize("format", KEPT)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_others_keep_is_what_the_report_says(format: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_export(format, seed, Path(folder))


@pytest.mark.parametrize("kind", SPLITS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), is_damaged=st.booleans())
def test_a_benchmark_reads_as_it_was_written(kind: str, seed: int, is_damaged: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_benchmark(kind, seed, Path(folder), is_damaged=is_damaged)


def test_every_importer_exporter_and_benchmark_is_held() -> None:
    assert (set(FILES), set(SPLITS)) == (set(IMPORTABLE), set(BENCHMARKS))
    assert set(KEPT) == set(EXPORTABLE) - {"overlay"}  # a film, in which nothing can be counted
