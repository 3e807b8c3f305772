"""`make test` runs two parts at once: both results are shown, either failure counts, and an interrupt ends both."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "suite.py"
spec = importlib.util.spec_from_file_location("suite", SCRIPT)
assert spec is not None
assert spec.loader is not None
suite = importlib.util.module_from_spec(spec)
spec.loader.exec_module(suite)

DRIVER = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("suite", {str(SCRIPT)!r})
suite = importlib.util.module_from_spec(spec)
spec.loader.exec_module(suite)
sleep = "import os, time; print('began', os.getpid()); time.sleep(120)"
codes, _ = suite.run_together({{name: [sys.executable, "-c", sleep] for name in ("one", "two")}})
sys.exit(suite.exit_status([*codes.values()]))
"""

DRIVER_IN_TURN = DRIVER.replace('("one", "two")}', '("one", "two")}, {"two": "one"}')


def test_both_outputs_and_both_results_are_shown_when_one_fails(capsys: pytest.CaptureFixture[str]) -> None:
    codes, printed = suite.run_together(
        {
            "good": [sys.executable, "-c", "print('fine')"],
            "bad": [sys.executable, "-c", "print('oh'); raise SystemExit(3)"],
        }
    )
    shown = capsys.readouterr().out
    assert codes == {"good": 0, "bad": 3}
    assert printed == {"good": ["fine"], "bad": ["oh"]}
    assert "good | fine\n" in shown
    assert "bad  | oh\n" in shown
    assert "good passed, bad FAILED (exit status 3)" in shown


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        pytest.param([0, 0], 0, id="both pass"),
        pytest.param([0, 1], 1, id="the second fails"),
        pytest.param([1, 0], 1, id="the first fails"),
        pytest.param([5, 0], 0, id="a choice of tests that one part has none of"),
        pytest.param([5, 5], 5, id="no tests at all"),
        pytest.param([0, -9], 137, id="one is killed"),
    ],
)
def test_the_exit_status_is_that_of_a_failure(codes: list[int], status: int) -> None:
    assert suite.exit_status(codes) == status


def test_an_interrupt_ends_both() -> None:
    with subprocess.Popen([sys.executable, "-c", DRIVER], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        pids = [int(driver.stdout.readline().split()[-1]) for _ in range(2)]
        driver.send_signal(signal.SIGINT)
        rest = driver.stdout.read()
        assert driver.wait(timeout=60) != 0
    assert "one FAILED" in rest
    assert "two FAILED" in rest
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_every_test_is_in_exactly_one_part() -> None:
    *named, others = (suite.PARTS[part] for part in ("browser", "nano", "others"))
    assert others == [f"--ignore={one}" for folders in named for one in folders]
    assert all((SCRIPT.parent.parent / one).is_dir() for folders in named for one in folders)
    assert set(suite.AFTER) | set(suite.AFTER.values()) <= set(suite.PARTS)
    commands = [suite.pytest_command(part, ["-x"]) for part in suite.PARTS]
    assert all(command[-1] == "-x" for command in commands)


WRITES = "import pathlib, sys, time; time.sleep(0.5); pathlib.Path(sys.argv[1]).touch()"
LOOKS = "import pathlib, sys; print(pathlib.Path(sys.argv[1]).exists())"


def test_a_part_waits_for_the_one_before_it_and_is_not_started_once_interrupted(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    commands = {"second": [sys.executable, "-c", LOOKS, mark], "first": [sys.executable, "-c", WRITES, mark]}
    codes, printed = suite.run_together(commands, {"second": "first"})
    assert codes == {"second": 0, "first": 0}
    assert printed["second"] == ["True"]
    with subprocess.Popen([sys.executable, "-c", DRIVER_IN_TURN], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline().startswith("one | began")
        driver.send_signal(signal.SIGINT)
        rest = driver.stdout.read()
        assert driver.wait(timeout=60) != 0
    assert "two | began" not in rest
    assert f"two FAILED (exit status {suite.INTERRUPTED})" in rest


BUSY_THEN_QUIET = """
from pathlib import Path
def test_race():
    mark = Path(__file__).with_suffix(".mark")
    first = not mark.exists()
    mark.touch()
    assert not first, "too slow"
def test_sound():
    pass
"""
BROKEN = "def test_broken():\n    assert 1 == 2, 'one is not two'\n"


@pytest.mark.parametrize(
    ("in_browser", "others", "status", "last_line"),
    [
        pytest.param(BUSY_THEN_QUIET, "def test(): pass", 0, "UNSTABLE FAILED", id="a race of the browser"),
        pytest.param(BROKEN, "def test(): pass", 1, "browser | FAILED", id="a fault in the browser"),
        pytest.param("def test(): pass", BUSY_THEN_QUIET, 1, "others | FAILED", id="a race elsewhere"),
    ],
)
def test_a_browser_test_is_run_once_more_alone_and_told_as_unstable(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    in_browser: str,
    others: str,
    status: int,
    last_line: str,
) -> None:
    for part, text in {"browser": in_browser, "others": others}.items():
        (tmp_path / part).mkdir()
        (tmp_path / part / "test_made.py").write_text(text)
    monkeypatch.setattr(suite, "PARTS", {part: [str(tmp_path / part)] for part in ("browser", "others")})
    monkeypatch.setattr(suite, "RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(suite, "CACHE", str(tmp_path / "cache"))
    assert suite.main([]) == status
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith(last_line)
    assert "too slow" in last or "one is not two" in last
