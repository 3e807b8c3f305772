"""Full disks, read-only disks, locks, strange files: a clear message, and the project intact."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.disks import may_mount
from tests.project.crash import check_whole
from tests.project.made import NUM_FRAMES, ask, box_prompt, make_project, masks_on
from veason.annotation import PutPrompt
from veason.errors import ProjectError
from veason.project import Project
from veason.project.schema import VERSION

FILE = "project.sqlite"


def test_a_full_project_says_so_and_keeps_all_that_was_saved(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    project.close()
    size = (project.folder / FILE).stat().st_size
    with Project.open(project.folder, max_bytes=size + 40_000) as small:
        saved = []
        with pytest.raises(ProjectError, match=r"full.*free some space"):
            saved.extend(small.labels.follow(question, masks_on(range(NUM_FRAMES), x=x % 20)) for x in range(1000))
        assert small.library.revision == saved[-1]
        check_whole(small, question)
    with Project.open(project.folder) as larger:
        larger.labels.record(question, PutPrompt(box_prompt()))
        check_whole(larger, question)


def test_a_disk_that_refuses_to_write_leaves_the_project_whole(tmp_path: Path) -> None:
    import resource
    import signal

    project, question = make_project(tmp_path)
    ask(project, question)
    before = project.labels.state(question)
    project.close()
    child = os.fork()
    if child == 0:  # the limit on file sizes stands for a disk that is full in the middle of a write
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, resource.RLIM_INFINITY))
            with Project.open(project.folder) as small:
                for x in range(500):
                    small.labels.follow(question, masks_on(range(NUM_FRAMES), x=x % 20))
        except ProjectError as error:
            code = 0 if "safe" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with Project.open(project.folder) as later:
        check_whole(later, question)
        assert later.labels.state(question).prompts == before.prompts


@pytest.mark.skipif(not may_mount(), reason="only root may mount the small disk that this fills")
def test_a_disk_that_is_really_full_and_then_really_read_only_loses_nothing(tmp_path: Path) -> None:
    command = ["unshare", "--mount", sys.executable, str(Path(__file__).parent / "tiny_disk.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "all of them there" in done.stdout


def as_nobody(folder: Path, child_does: str) -> int:
    """Run a statement on a read-only project in a child that is not root, and return its exit code."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            exec(child_does, {"Project": Project, "ProjectError": ProjectError, "folder": folder, "pytest": pytest})
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return code


@pytest.fixture
def open_tmp_path(tmp_path: Path) -> Path:
    """A folder whose parents anybody may enter."""
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == Path.home().owner() and len(path.parts) > 2:
            path.chmod(path.stat().st_mode | 0o011)
    return tmp_path


def test_a_read_only_project_can_be_looked_at_and_says_why_it_cannot_be_changed(open_tmp_path: Path) -> None:
    project, question = make_project(open_tmp_path)
    ask(project, question)
    project.close()
    looks = f"""
with Project.open(folder) as project:
    assert project.is_read_only
    assert len(list(project.labels.masks({question}))) == {NUM_FRAMES}
    assert project.labels.state({question}).answer is not None
    with pytest.raises(ProjectError, match="read-only: copy the project"):
        project.labels.undo({question})
"""
    assert as_nobody(project.folder, looks) == 0
    with Project.open(project.folder) as later:
        assert not later.is_read_only
        later.labels.undo(question)


def test_no_project_is_made_where_nothing_can_be_written(open_tmp_path: Path) -> None:
    folder = open_tmp_path / "shut"
    folder.mkdir()
    makes = """
with pytest.raises(ProjectError, match="permissions"):
    Project.create(folder)
with pytest.raises(ProjectError, match="cannot make the folder"):
    Project.create(folder / "inside")
"""
    assert as_nobody(folder, makes) == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda file: file.unlink(), "is not a project", id="no file"),
        pytest.param(lambda file: file.write_text("hello, this is no database" * 50), "not a Veason", id="text"),
        pytest.param(lambda file: file.write_bytes(b""), "not a Veason", id="empty"),
        pytest.param(
            lambda file: sqlite3.connect(file).execute("PRAGMA application_id = 7").close(), "not a Veason", id="other"
        ),
    ],
)
def test_what_is_no_project_is_not_opened(tmp_path: Path, spoil, message: str) -> None:
    project, _ = make_project(tmp_path)
    project.close()
    spoil(project.folder / FILE)
    with pytest.raises(ProjectError, match=message):
        Project.open(project.folder)


def test_a_project_of_a_newer_version_is_left_untouched(tmp_path: Path) -> None:
    project, _ = make_project(tmp_path)
    project.close()
    with sqlite3.connect(project.folder / FILE) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = (project.folder / FILE).read_bytes()
    with pytest.raises(ProjectError, match=r"newer Veason.*update Veason"):
        Project.open(project.folder)
    assert (project.folder / FILE).read_bytes() == before


def test_a_project_is_not_made_over_another_one(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    ask(project, question)
    with pytest.raises(ProjectError, match="project already"):
        Project.create(project.folder)
    assert project.labels.state(question).answer is not None


def test_a_writer_that_waits_too_long_is_told(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with Project.open(project.folder, timeout_s=0.1) as other, project.database.write():
        assert other.labels.state(question).prompts == {}  # readers never wait
        with pytest.raises(ProjectError, match="another program is writing"):
            other.labels.record(question, PutPrompt(box_prompt()))
    project.labels.record(question, PutPrompt(box_prompt()))


def test_threads_and_processes_edit_one_project_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    start = project.library.revision
    project.close()  # forked children open it anew
    children = []
    for number in range(2):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for x in range(15):
                    project.labels.record(
                        question, PutPrompt(box_prompt(number + 1, 2, x)), annotator=f"child {number}"
                    )
                code = 0
            finally:
                os._exit(code)
        children.append(child)

    def edit(number: int) -> None:
        for x in range(15):
            project.labels.record(question, PutPrompt(box_prompt(number + 1, 2, x)), annotator=f"thread {number}")

    threads = [threading.Thread(target=edit, args=(number,)) for number in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    made = project.library.changes_since(start)
    assert [one.revision for one in made] == list(range(start + 1, start + 61))
    assert sorted({one.annotator for one in made if one.annotator}) == ["child 0", "child 1", "thread 2", "thread 3"]
    assert {
        place[0]: prompt.box.x1 for place, prompt in project.labels.state(question).prompts.items() if prompt.box
    } == (dict.fromkeys((1, 2, 3, 4), 14))
    check_whole(project, question)
