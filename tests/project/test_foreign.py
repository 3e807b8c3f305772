"""A packed project that comes from anybody: its database is not trusted, no file outside its folder is reached."""

from __future__ import annotations

import os
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project.digest import digest_history, digest_labels
from tests.project.made import NUM_FRAMES, ask, box_prompt, make_frames, make_project, put_mark
from veason.annotation import PutPrompt
from veason.errors import ProjectError
from veason.project import Project
from veason.project.folder import pack, unpack
from veason.project.videos import inside, is_plain_place

FILE = "project.sqlite"
SECRET = b"the key of another visitor"


def packed(folder: Path) -> Path:
    """Return a packed project of one video inside, with labels, steps, comments and verdicts."""
    project, question = make_project(folder / "mine")
    ask(project, question, 2)
    project.labels.record(question, PutPrompt(box_prompt(3)))
    put_mark(project, question, 1, (0, 2), "verified")
    project.labels.name_object(question, 1, "Ball")
    project.labels.undo(question)
    project.queue.comment(question, "look", 1, annotator="Ann")
    project.queue.accept(question, annotator="Ann")
    project.queue.judge(question, "disagree", annotator="Bo")
    project.library.keep_note(f"range {question}", "[0, 3]")
    pack(project, folder / "work.zip")
    project.close()
    return folder / "work.zip"


def changed(archive: Path, change: Callable[[sqlite3.Connection], object]) -> Path:
    """Return a copy of a packed project whose database was changed by hand."""
    folder = archive.parent / "changed"
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(archive) as packed_one:
        packed_one.extractall(folder)
    db = sqlite3.connect(folder / FILE)
    db.execute("PRAGMA writable_schema = ON")
    change(db)
    db.commit()
    db.close()
    found = archive.with_name("changed.zip")
    with zipfile.ZipFile(found, "w") as packed_one:
        for path in sorted(folder.rglob("*")):
            packed_one.write(path, path.relative_to(folder))
    return found


def run(*statements: str) -> Callable[[sqlite3.Connection], object]:
    return lambda db: [db.execute(one) for one in statements]


def test_everything_of_a_packed_project_is_copied(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    with zipfile.ZipFile(archive) as before:
        before.extract(FILE, tmp_path / "before")
    with unpack(archive, tmp_path / "theirs", is_untrusted=True) as project:
        question = project.library.questions()[0]
        assert project.library.note(f"range {question.id}") == "[0, 3]"
        assert [one.text for one in project.queue.comments(question.id)] == ["look"]
        with project.library.open_video(question.video_id) as video:
            assert video.info.num_frames == NUM_FRAMES
        assert project.library.video(question.video_id).title == "clip"
    for digest in (digest_labels, digest_history):
        assert digest(tmp_path / "theirs" / FILE) == digest(tmp_path / "before" / FILE)


@pytest.mark.parametrize("version", [1, 2])
def test_a_packed_project_of_an_earlier_version_opens(tmp_path: Path, version: int) -> None:
    (tmp_path / "old").mkdir()
    with sqlite3.connect(tmp_path / "old" / FILE) as db:
        db.executescript((Path(__file__).parent / f"version{version}.sql").read_text())
    db.close()
    make_frames(tmp_path / "old" / "clip")
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        for path in sorted((tmp_path / "old").rglob("*")):
            archive.write(path, path.relative_to(tmp_path / "old"))
    with unpack(tmp_path / "old.zip", tmp_path / "new", is_untrusted=True):
        pass
    with Project.open(tmp_path / "old"):
        pass
    for digest in (digest_labels, digest_history):
        assert digest(tmp_path / "new" / FILE) == digest(tmp_path / "old" / FILE)


VIEW = ("ALTER TABLE videos RENAME TO kept", "CREATE VIEW videos AS SELECT * FROM kept")
DIFFERENT = {
    "a view": VIEW,
    "a view with a trigger": (
        *VIEW,
        "CREATE TRIGGER keep INSTEAD OF UPDATE ON videos BEGIN SELECT 1; END",
    ),
    "a trigger": ("CREATE TRIGGER more AFTER INSERT ON log BEGIN DELETE FROM masks; END",),
    "a virtual table": ("CREATE VIRTUAL TABLE more USING fts5(words)",),
    "another table": ("CREATE TABLE more (words TEXT)",),
    "another column": ("ALTER TABLE videos ADD COLUMN more TEXT",),
    "a computed column": (
        "ALTER TABLE log DROP COLUMN annotator",
        "ALTER TABLE log ADD COLUMN annotator TEXT AS (hex(zeroblob(1000000)))",
    ),
    "a table missing": ("DROP TABLE verdicts",),
    "another version": ("PRAGMA user_version = 1",),
}


@pytest.mark.parametrize("statements", DIFFERENT.values(), ids=DIFFERENT)
def test_a_database_with_other_things_in_it_is_refused(tmp_path: Path, statements: tuple[str, ...]) -> None:
    archive = changed(packed(tmp_path), run(*statements))
    with pytest.raises(ProjectError, match="not a project that Veason made"):
        unpack(archive, tmp_path / "theirs", is_untrusted=True)
    assert not (tmp_path / "theirs").exists()
    assert not list(tmp_path.glob(".*"))


def bomb(db: sqlite3.Connection) -> None:
    db.execute("UPDATE masks SET counts = ?", (zlib.compress(b"0" * 300_000_000),))


def other_runs(db: sqlite3.Connection) -> None:
    db.execute("UPDATE masks SET counts = ?", (zlib.compress(b"o" * 200 + b"0"),))


NOT_FINITE = '{"object_id": 1, "frame_index": 2, "box": {"x1": NaN, "y1": 0, "x2": 3, "y2": 4}}'
FAR = '{"object_id": 1, "frame_index": 2, "box": {"x1": 0, "y1": 0, "x2": 1e12, "y2": 4}}'
DEEP = "[" * 20_000 + "]" * 20_000
WRONG: dict[str, Callable[[sqlite3.Connection], object]] = {
    "text for a number": run("UPDATE videos SET num_frames = 'many'"),
    "a huge video": run("UPDATE videos SET width = 65536, height = 65536"),
    "a frame rate without end": run("UPDATE videos SET fps = 9e999"),
    "a hash that is a path": run("UPDATE videos SET sha256 = '../../../../etc/passwd'"),
    "a status of its own": run(
        "UPDATE sqlite_schema SET sql = replace(sql, '''new'', ''thinking''', '''mine'', ''new'', ''thinking''')",
        "PRAGMA ignore_check_constraints = ON",
        "UPDATE questions SET status = 'mine'",
    ),
    "a box that is not finite": run(f"UPDATE prompts SET prompt = '{NOT_FINITE}'"),
    "a box far away": run(f"UPDATE prompts SET prompt = '{FAR}'"),
    "a frame beyond the video": run("UPDATE masks SET frame_index = frame_index + 100000000 - 6"),
    "a negative frame": run("UPDATE marks SET frame_index = -1 - frame_index"),
    "frames to compute without end": run("UPDATE questions SET pending = '{\"1\": [[0, 9000000000000]]}'"),
    "frames of a step without end": run("UPDATE steps SET changes = '[[\"occluded\", [], [[1, 0, 900000000000]]]]'"),
    "a state that is none": run("UPDATE questions SET state = '[]'"),
    "a state nested deeply": run(f"UPDATE questions SET state = '{DEEP}'"),
    "an edit that is none": run("UPDATE log SET body = '{\"type\": \"Boom\"}' WHERE operation = 'record'"),
    "a mask that unpacks to 300 MB": bomb,
    "runs that do not add up": other_runs,
    "a mask that is text": run("UPDATE masks SET counts = 'abc'"),
    "an answer that is missing": run("DELETE FROM answers"),
    "a question that is missing": run("UPDATE comments SET question_id = 77"),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_row_that_no_project_has_is_refused(tmp_path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    archive = changed(packed(tmp_path), change)
    with pytest.raises(ProjectError):
        unpack(archive, tmp_path / "theirs", is_untrusted=True)
    assert not (tmp_path / "theirs").exists()


def test_a_damaged_database_is_refused_in_words(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    with zipfile.ZipFile(archive) as before:
        content = bytearray(before.read(FILE))
    for place in range(5000, len(content), 97):
        content[place] ^= 0x5A
    with zipfile.ZipFile(tmp_path / "damaged.zip", "w") as after:
        after.writestr(FILE, bytes(content))
    with pytest.raises(ProjectError, match=r"damaged|not a project|Veason never wrote|wrong row"):
        unpack(tmp_path / "damaged.zip", tmp_path / "theirs", is_untrusted=True)


OUTSIDE = ("{secret}", "../secret.png", "videos/../../secret.png", "/proc/self/fd/3", "/proc/self/environ", "C:/s.png")
OUTSIDE += (r"..\secret.png", r"\\host\share\s.png", "", ".", "..", "/", "//secret.png", "project.sqlite", "PROXIES/a")


@pytest.mark.parametrize("place", OUTSIDE)
@pytest.mark.parametrize("is_planted", [False, True], ids=["as it comes in", "in the database that is used"])
def test_no_row_reaches_a_file_outside_the_project(tmp_path: Path, place: str, is_planted: bool) -> None:
    archive = packed(tmp_path)
    (tmp_path / "secret.png").write_bytes(SECRET)
    place = place.format(secret=tmp_path / "secret.png")
    point = "UPDATE videos SET path = ?"
    if not is_planted:
        archive = changed(archive, lambda db: db.execute(point, (place,)))
    with unpack(archive, tmp_path / "theirs", is_untrusted=True) as project:
        if is_planted:
            with project.database.write() as db:
                db.execute(point, (place,))
        found = project.library.video(1).path
        assert found.is_relative_to(project.folder)
        assert not found.exists()
        with pytest.raises(ProjectError, match="is gone"):
            project.library.open_video(1)
        pack(project, tmp_path / "again.zip")
    with zipfile.ZipFile(tmp_path / "again.zip") as again:
        assert all(SECRET not in again.read(name) for name in again.namelist())


@pytest.mark.parametrize("make", [os.symlink, os.link], ids=["symbolic link", "hard link"])
def test_no_link_is_followed_out_of_a_strangers_project(tmp_path: Path, make: Callable[[Path, Path], None]) -> None:
    archive = packed(tmp_path)
    (tmp_path / "secret.png").write_bytes(SECRET)
    with unpack(archive, tmp_path / "theirs", is_untrusted=True) as project:
        make(tmp_path / "secret.png", project.folder / "notes.txt")
        make(tmp_path / "secret.png", project.library.video(1).path / "00009.png")
        with pytest.raises(ProjectError, match="links"):
            project.library.open_video(1)
        make(tmp_path / "secret.png", project.folder / "videos" / "clip.png")
        assert inside(project.folder, "videos/clip.png") is None
        pack(project, tmp_path / "again.zip")
    with zipfile.ZipFile(tmp_path / "again.zip") as again:
        assert all(SECRET not in again.read(name) for name in again.namelist())


def test_a_strangers_videos_are_copied_in_and_opened_within_limits(tmp_path: Path) -> None:
    clip = make_frames(tmp_path / "clip")
    with Project.create(tmp_path / "theirs", is_untrusted=True) as project:
        video = project.library.video(project.library.add_video(clip))
        assert video.path.is_relative_to(project.folder)
        assert not project.library.limits.is_trusted


def test_files_that_a_project_keeps_for_itself_do_not_come_in(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    with zipfile.ZipFile(archive, "a") as more:
        for name in (f"{FILE}-wal", f"{FILE}-shm", "proxies/a.txt", "Proxies/b.txt", "prelabel.lock"):
            more.writestr(name, "x")
        more.writestr("proxies of mine.txt", "x")
    with unpack(archive, tmp_path / "theirs", is_untrusted=True) as project:
        assert len(project.library.questions()) == 1
        assert (project.folder / "proxies of mine.txt").is_file()
        assert not list(project.folder.glob("[pP]roxies/*"))
        assert not (project.folder / "prelabel.lock").exists()


def test_an_unpacked_project_has_its_quota(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    theirs = unpack(archive, tmp_path / "theirs", max_bytes=300_000)
    with theirs, pytest.raises(ProjectError, match="quota"):
        theirs.library.keep_note("much", "x" * 400_000)


def test_plain_places_are_told_from_others() -> None:
    assert is_plain_place("videos/what is that? it's a: clip.mp4")
    assert not any(is_plain_place(place) for place in ("", "a//b", "a/./b", "a/../b", "/a", "a/", "d:a", "a\0b"))
