"""Kill a process that edits a project, again and again, and look at what is left."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.project.made import random_edit
from tests.project.replayed import replay
from veason.project import Project


@dataclass(frozen=True)
class Crash:
    """What one kill left: the last revision that the victim told as saved, and the last one on the disk."""

    told: int
    found: int


def crash(folder: Path, question: int, seed: int, longest_s: float = 0.15) -> Crash:
    """Let a child process edit, kill it after a random while, and check everything.

    Raises:
        AssertionError: an edit that was told as saved is gone, the file is damaged, or it contradicts its own log.
    """
    chance = random.Random(seed)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            _edit_for_ever(folder, question, seed, writer)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as told_lines:
        first = told_lines.readline()
        assert first == "ready\n", "the victim did not start"
        if seed % 10:  # one in ten may die before it has saved anything
            first = told_lines.readline()
        time.sleep(chance.uniform(0, longest_s))
        os.kill(child, signal.SIGKILL)
        lines = [first.strip(), *told_lines.read().split("\n")[:-1]]
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, "the victim ended by itself"
    told = max((int(line) for line in lines if line.isdecimal()), default=0)
    with Project.open(folder) as project:
        assert project.library.revision >= told, (
            f"revision {told} was told as saved, only {project.library.revision} is there"
        )
        check_whole(project, question)
        return Crash(told, project.library.revision)


def check_whole(project: Project, question: int) -> None:
    """Check the file, its references, and that the rows are what the log gives."""
    with project.database.read() as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    history, loaded = replay(project, question), project.labels.loaded(question)
    assert history.now == loaded.state
    assert len(history.past) == loaded.position


def _edit_for_ever(folder: Path, question: int, seed: int, writer: int) -> None:
    chance = random.Random(seed)
    with Project.open(folder) as project:
        os.write(writer, b"ready\n")
        while True:
            random_edit(project, question, chance)
            os.write(writer, f"{project.library.revision}\n".encode())
