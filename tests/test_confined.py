"""A process of its own holds what may not harm the server: memory, time, crashes, files, secrets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from veason.confined import run_confined
from veason.errors import DataError, ProjectError


def run(name: str, *arguments: Any, **options: Any) -> Any:
    return run_confined(f"tests.confined_work:{name}", *arguments, failure=ProjectError, what="this file", **options)


def test_a_result_comes_back_and_an_error_is_raised_here() -> None:
    assert run("double", 3) == [3, 3]
    with pytest.raises(DataError, match="line 3 is wrong"):
        run("refuse")


@pytest.mark.skipif(sys.platform != "linux", reason="bounds of memory are those of Linux")
def test_whatever_goes_wrong_in_there_ends_as_an_error_here(tmp_path: Path) -> None:
    assert run("fill", 50_000_000, max_bytes=100_000_000) == 50_000_000
    with pytest.raises(ProjectError, match="too much memory"):
        run("fill", 200_000_000, max_bytes=100_000_000)
    with pytest.raises(ProjectError, match=r"longer than|too much memory or time"):
        run("spin", max_s=1)
    with pytest.raises(ProjectError, match="is damaged"):
        run("die")
    with pytest.raises(ProjectError):
        run("write", str(tmp_path / "large"), 42_000_000, max_written=1_000_000)
    with pytest.raises(ProjectError):
        run("talk", 40_000_000)


def test_no_secret_of_the_server_is_known_in_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert "HF_TOKEN" not in run("environment")
