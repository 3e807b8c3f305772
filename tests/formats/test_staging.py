"""An export appears whole or not at all, and touches nothing of anyone else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.formats.made import fingerprint
from veason.errors import DataError, ExportError
from veason.formats.catalogue import EXPORTABLE
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledVideo, LabelMask
from veason.masks import empty_mask

BARE = ExportOptions(has_pictures=False)
FORCED = ExportOptions(has_pictures=False, is_forced=True)


def then_fails(videos: list[LabelledVideo]) -> Iterator[LabelledVideo]:
    yield from videos
    raise ExportError("the second video is broken")


@pytest.mark.parametrize("format", EXPORTABLE)
def test_an_export_that_fails_half_way_leaves_nothing(format: str, videos: list[LabelledVideo], tmp_path: Path) -> None:
    short = replace(videos[0].only(videos[0].questions[5:]), name="short")
    with pytest.raises(ExportError, match="second video is broken"):
        export_labels(then_fails([short]), format, tmp_path / "out" / "deep", BARE)
    assert not list((tmp_path / "out").iterdir())


def test_a_folder_with_something_in_it_is_refused_and_stays_as_it_is(
    videos: list[LabelledVideo], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("three years")
    with pytest.raises(
        ExportError, match="not empty: choose another folder, or replace an earlier export with --force"
    ):
        export_labels(videos, "coco", tmp_path / "out", BARE)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["thesis.txt"]
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_force_replaces_the_earlier_export_and_nothing_else(videos: list[LabelledVideo], tmp_path: Path) -> None:
    out, mine = tmp_path / "out", tmp_path / "out" / "Annotations" / "Full-Resolution" / "hide" / "mine.txt"
    export_labels(videos, "davis", out, BARE)
    mine.write_text("keep me")
    (out / "thesis.txt").write_text("three years")
    video = videos[0].only(videos[0].questions[5:])
    shorter = replace(video, tracks={3: {20: video.tracks[3][20]}})
    export_labels([shorter], "davis", out, FORCED)
    export_labels([shorter], "davis", tmp_path / "fresh", BARE)
    found = fingerprint(out)
    assert found.pop("thesis.txt")
    assert found.pop(mine.relative_to(out).as_posix())
    assert found == fingerprint(tmp_path / "fresh")


def test_a_forced_export_that_fails_leaves_the_earlier_one(videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, "veason", tmp_path / "out")
    before = fingerprint(tmp_path)
    with pytest.raises(ExportError):
        export_labels(then_fails(videos), "veason", tmp_path / "out", FORCED)
    assert fingerprint(tmp_path) == before


def test_a_killed_export_leaves_the_place_free_and_the_next_one_sweeps_up(
    videos: list[LabelledVideo], tmp_path: Path
) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from veason.formats.labels.staging import staged\n"
        "with staged(Path(sys.argv[1]), is_forced=False) as folder:\n"
        "    (folder / 'half.json').write_text('{'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")])
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".out.")
    export_labels(videos, "veason", tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_list_of_files_from_elsewhere_deletes_nothing_outside(videos: list[LabelledVideo], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "precious.txt").write_text("mine")
    (tmp_path / "out" / "veason_export.json").write_text('{"files": ["../precious.txt", "/etc/hostname", 3]}')
    export_labels(videos, "veason", tmp_path / "out", FORCED)
    assert (tmp_path / "precious.txt").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_place_is_said_in_words(videos: list[LabelledVideo], tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ExportError, match=r"cannot write .*: Permission denied; nothing there was changed"):
        export_labels(videos, "veason", tmp_path / "out")
    tmp_path.chmod(0o700)


@contextmanager
def small_files() -> Iterator[None]:
    """Files cannot grow beyond 1 kB, as on a disk that is nearly full; not even the one that pytest may write to."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("format", EXPORTABLE)
def test_a_disk_that_is_full_is_said_in_words_and_nothing_is_left(
    format: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    with small_files(), pytest.raises(ExportError, match="cannot write"):
        export_labels(videos, format, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_said_in_words(videos: list[LabelledVideo], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot write"):
        export_labels(videos, "veason", tmp_path / "file" / "out")
    with pytest.raises(ExportError, match="is a file: choose a folder"):
        export_labels(videos, "veason", tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"name": "../up"}, "cannot be a path below", id="name that climbs"),
        pytest.param({"frame_names": ("a", "b")}, "96 frames need as many names, got 2", id="frame names"),
        pytest.param({"tracks": {}}, "both should be the same", id="objects without masks"),
    ],
)
def test_labels_that_make_no_sense_are_refused(
    change: dict, message: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=message):
        export_labels([replace(videos[0], **change)], "coco", tmp_path / "out", BARE)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("frame_index", [-1, 96])
def test_masks_outside_the_video_or_of_another_size_are_refused(
    frame_index: int, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    video = videos[0].only(videos[0].questions[5:])
    outside = {3: {frame_index: video.tracks[3][30]}}
    with pytest.raises(ExportError, match=f"on frame {frame_index}: label it again"):
        export_labels([replace(video, tracks=outside)], "coco", tmp_path / "out", BARE)
    small = {3: {30: LabelMask(empty_mask((4, 4)))}}
    with pytest.raises(ExportError, match="has a mask of"):
        export_labels([replace(video, tracks=small)], "cvat", tmp_path / "out", BARE)


def test_two_videos_of_one_name_and_nothing_at_all_are_refused(videos: list[LabelledVideo], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="two videos are called 'hide'"):
        export_labels([*videos, *videos], "veason", tmp_path / "out")
    with pytest.raises(ExportError, match="nothing to export as veason: left out 1 questions that are not accepted"):
        export_labels([videos[0].only(videos[0].questions[3:4])], "veason", tmp_path / "out")
    with pytest.raises(ExportError, match="no format 'docx': choose one of davis"):
        export_labels(videos, "docx", tmp_path / "out")
    with pytest.raises(DataError, match="'grpo' cannot be imported: choose one of davis"):
        list(import_labels(tmp_path, "grpo"))
    with pytest.raises(DataError, match="is not there"):
        list(import_labels(tmp_path / "gone", "coco"))
