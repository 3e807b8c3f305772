"""kill -9 loses at most the edit in flight. Many more kills: benchmarks/crash_project.py."""

from pathlib import Path

from tests.project.crash import check_whole, crash
from tests.project.made import make_project


def test_a_killed_process_loses_nothing_that_was_saved_and_damages_nothing(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    folder = project.folder
    project.close()
    crashes = [crash(folder, question, seed) for seed in range(20)]
    assert sum(one.told > 0 for one in crashes) > 10  # they did work before they died


def test_a_half_made_project_is_none(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    check_whole(project, question)
    assert sorted(path.name for path in project.folder.iterdir() if "part" in path.name) == []
