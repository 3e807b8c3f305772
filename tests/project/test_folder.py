"""A project as one file to take along, and many projects within a quota."""

import os
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.project.crash import check_whole
from tests.project.made import NUM_FRAMES, ask, box_prompt, make_project
from veason.annotation import PutPrompt
from veason.errors import ProjectError
from veason.folders import size_of
from veason.project import Project
from veason.project.folder import enforce_quota, pack, unpack


def test_a_packed_project_opens_elsewhere_with_its_videos(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    ask(project, question, 2)
    project.proxies.mkdir()
    (project.proxies / "small.jpg").touch()
    (project.folder / "notes.txt").write_text("keep me")
    told: list[tuple[int, int]] = []
    pack(project, tmp_path / "work.zip", tell=lambda done, count: told.append((done, count)))
    assert told == [(number, NUM_FRAMES + 1) for number in range(NUM_FRAMES + 1)]  # the pictures and the notes
    project.labels.record(question, PutPrompt(box_prompt(3)))  # later: not packed
    project.labels.undo(question)
    (tmp_path / "clip").rename(tmp_path / "elsewhere")
    with unpack(tmp_path / "work.zip", tmp_path / "other machine") as other:
        assert other.labels.state(question) == project.labels.state(question)
        assert list(other.labels.masks(question)) == list(project.labels.masks(question))
        check_whole(other, question)
        with other.library.open_video(other.library.question(question).video_id) as video:
            assert video.info.num_frames == NUM_FRAMES
        assert (other.folder / "notes.txt").read_text() == "keep me"
        assert not other.proxies.exists()
        other.labels.undo(question)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "other machine", "project", "work.zip"]


def test_packing_leaves_the_project_as_it_is(tmp_path: Path) -> None:
    project, _ = make_project(tmp_path)
    revision, path = project.library.revision, project.library.videos()[0].path
    pack(project, project.folder / "work.zip", with_videos=False)
    pack(project, project.folder / "work.zip", with_videos=False)  # does not pack itself
    assert zipfile.ZipFile(project.folder / "work.zip").namelist() == ["project.sqlite"]
    assert (project.library.revision, project.library.videos()[0].path) == (revision, path)


def test_what_is_no_packed_project_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "hello")
    (tmp_path / "text.zip").write_text("hello")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    for path, folder, message in (
        ("other.zip", "a", "not a packed project"),
        ("text.zip", "a", "cannot unpack"),
        ("none.zip", "a", "cannot unpack"),
        ("other.zip", "full", "not empty"),
    ):
        with pytest.raises(ProjectError, match=message):
            unpack(tmp_path / path, tmp_path / folder)
    assert not (tmp_path / "a").exists()


def test_a_strangers_project_reads_no_other_file_of_this_machine(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    ask(project, question)
    for name in (str(tmp_path / "clip"), "../clip"):
        with project.database.write() as db:
            db.execute("UPDATE videos SET path = ?", (name,))
        pack(project, tmp_path / "work.zip", with_videos=False)
        with unpack(tmp_path / "work.zip", tmp_path / f"other{len(name)}") as other:
            with pytest.raises(ProjectError, match="is gone"):
                other.library.open_video(1)
            assert other.library.add_video(tmp_path / "clip") == 1
            assert len(list(other.labels.masks(question))) == NUM_FRAMES
    with (
        unpack(tmp_path / "work.zip", tmp_path / "mine", keep_outside=True) as other,
        other.library.open_video(1) as video,
    ):
        assert video.info.num_frames == NUM_FRAMES
    with pytest.raises(ProjectError, match="more than"):
        unpack(tmp_path / "work.zip", tmp_path / "large", max_bytes=1000)


def test_a_pack_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    project, _ = make_project(tmp_path)
    with pytest.raises(ProjectError, match="cannot pack"):
        pack(project, tmp_path / "nowhere" / "work.zip")


def test_the_oldest_projects_make_room_and_the_expired_go(tmp_path: Path) -> None:
    now = time.time()
    for age, name in enumerate(("new", "middle", "old", "expired")):
        with Project.create(tmp_path / name):
            pass
        os.utime(tmp_path / name / "project.sqlite", (now - 100 * age, now - 100 * age))
    (tmp_path / "something else").mkdir()
    size = size_of(tmp_path / "new")
    assert enforce_quota(tmp_path, 10 * size, 250) == (tmp_path / "expired",)
    in_use = {tmp_path / "old"}
    assert enforce_quota(tmp_path, 2 * size, 250, may_end=lambda folder: nullcontext(folder not in in_use)) == (
        tmp_path / "middle",
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old", "something else"]
    assert enforce_quota(tmp_path, 2 * size, 250) == ()


def test_a_project_that_is_written_to_while_sizes_are_counted_stays(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    os.utime(project.folder / "project.sqlite", (0, 0))

    @contextmanager
    def write_first(folder: Path) -> Iterator[bool]:
        project.labels.record(question, PutPrompt(box_prompt()))
        yield True

    assert enforce_quota(tmp_path, 0, 3600, may_end=write_first) == ()
    assert enforce_quota(tmp_path, 0, 3600) == (project.folder,)


def test_a_project_in_use_counts_as_young(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    os.utime(project.folder / "project.sqlite", (0, 0))
    project.labels.record(question, PutPrompt(box_prompt()))
    assert enforce_quota(tmp_path, 10**9, 3600) == ()


def _longer(content: bytes) -> bytes:
    """Say in the directory of an archive that its first file is longer than the archive."""
    place = content.index(b"PK\x01\x02")
    return content[: place + 20] + struct.pack("<LL", 10_000, 10_000) + content[place + 28 :]


def _badly_named(content: bytes) -> bytes:
    """Say that the name of the first file is UTF-8, which it is not."""
    place = content.index(b"PK\x01\x02")
    flagged = content[: place + 8] + struct.pack("<H", 0x800) + content[place + 10 :]
    return flagged[: place + 46] + b"\xff" + flagged[place + 47 :]


@pytest.mark.parametrize(
    ("packing", "change"),
    [
        pytest.param(zipfile.ZIP_STORED, _longer, id="longer than it is"),
        pytest.param(zipfile.ZIP_STORED, _badly_named, id="a name in no encoding"),
        pytest.param(zipfile.ZIP_LZMA, bytes, id="packed so that it may take memory without bound"),
        pytest.param(zipfile.ZIP_DEFLATED, lambda content: content[:-30], id="cut off"),
    ],
)
@pytest.mark.parametrize("is_untrusted", [True, False])
def test_an_archive_that_makes_no_sense_is_refused_in_words(
    tmp_path: Path, packing: int, change: Callable[[bytes], bytes], is_untrusted: bool
) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w", packing) as archive:
        archive.writestr("project.sqlite", b"SQLite format 3\0" + bytes(4000))
    (tmp_path / "p.zip").write_bytes(change((tmp_path / "p.zip").read_bytes()))
    with pytest.raises(ProjectError, match=r"p\.zip"):
        unpack(tmp_path / "p.zip", tmp_path / "theirs", is_untrusted=is_untrusted)
    assert [path.name for path in tmp_path.iterdir()] == ["p.zip"]
