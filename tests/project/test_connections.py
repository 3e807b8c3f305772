"""Any number of threads uses a project through a few connections: descriptors do not pile up."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from veason.project import Project
from veason.project.database import CONNECTION_BYTES, KEPT_CONNECTIONS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted as Linux lists them")


def descriptors(folder: Path) -> int:
    """Return how many descriptors of this process lead into a folder."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{number}").startswith(str(folder))
        except FileNotFoundError:  # the one that lists them
            continue
    return found


def test_many_threads_leave_no_more_descriptors_than_a_few(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        barrier = threading.Barrier(24)

        def work(number: int) -> int:
            barrier.wait()  # all threads are there at once, and all of them stay
            for _ in range(2):
                project.library.keep_note(f"note {number}", "kept")
                assert project.library.note(f"note {number}") == "kept"
            barrier.wait()
            return descriptors(tmp_path)

        with ThreadPoolExecutor(24) as pool:
            assert max(pool.map(work, range(24))) <= 3 * KEPT_CONNECTIONS
        assert descriptors(tmp_path) <= 3 * KEPT_CONNECTIONS
    assert descriptors(tmp_path) == 0


def test_a_block_inside_a_block_sees_what_the_outer_one_wrote(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project, project.atomic():
        project.library.keep_note("key", "new")
        assert project.library.note("key") == "new"


def test_a_project_that_is_closed_in_the_middle_of_a_read_leaves_nothing_open(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project")
    with project.database.read() as db:
        assert db.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(Exception, match="closed"), project.database.read():
        project.close()
    assert descriptors(tmp_path) == 0
    assert project.library.videos() == ()  # it can be used again
    project.close()


def test_a_project_that_is_released_in_the_middle_of_a_read_reads_to_the_end(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project")
    with project.database.read() as db:
        project.release()
        assert db.execute("SELECT 1").fetchone() == (1,)
    assert descriptors(tmp_path) == 0
    assert project.num_bytes == 0


@pytest.mark.parametrize("end", [Project.close, Project.release])
def test_a_project_used_after_its_end_keeps_nothing_open(tmp_path: Path, end: Callable[[Project], None]) -> None:
    project = Project.create(tmp_path / "project")
    end(project)
    for _ in range(2):
        project.library.keep_note("key", "new")
        assert project.library.note("key") == "new"
        assert (descriptors(tmp_path), project.num_bytes) == (0, 0)
    with project.database.read() as outer, project.database.read() as inner:
        assert outer is inner


def test_what_open_connections_take_is_known_and_bounded(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        with project.database.read() as db:
            (pages,) = db.execute("PRAGMA cache_size").fetchone()
            assert -CONNECTION_BYTES < 1024 * pages < 0
            assert project.num_bytes >= CONNECTION_BYTES
        assert project.num_bytes <= KEPT_CONNECTIONS * CONNECTION_BYTES
    assert project.num_bytes == 0
