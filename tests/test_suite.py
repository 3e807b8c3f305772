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
codes = suite.run_together({{name: [sys.executable, "-c", sleep] for name in ("one", "two")}})
sys.exit(suite.exit_status([*codes.values()]))
"""


def test_both_outputs_and_both_results_are_shown_when_one_fails(capsys: pytest.CaptureFixture[str]) -> None:
    codes = suite.run_together(
        {
            "good": [sys.executable, "-c", "print('fine')"],
            "bad": [sys.executable, "-c", "print('oh'); raise SystemExit(3)"],
        }
    )
    shown = capsys.readouterr().out
    assert codes == {"good": 0, "bad": 3}
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
    browser, others = (suite.PARTS[part] for part in ("browser", "others"))
    assert others == [f"--ignore={one}" for one in browser]
    commands = [suite.pytest_command(part, ["-x"]) for part in suite.PARTS]
    assert all(command[-1] == "-x" for command in commands)
