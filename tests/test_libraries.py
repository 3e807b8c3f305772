"""A library that is missing: every door says which one it is and what to type."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from veason.cli import MISSING
from veason.errors import MissingBackend
from veason.libraries import INSTALL_COMMANDS, library_imports, require_library

ROOT = Path(__file__).parent.parent
CLIP = ROOT / "veason" / "assets" / "examples" / "parade.mp4"


WORDS = ["ask", str(CLIP), "the latecomer", "--policy", "nano", "--segmenter", "nano"]
ASK = f"import sys; from veason.cli import main; sys.exit(main({WORDS!r}))"

USES = {
    "av": f"import veason; veason.open_video({str(CLIP)!r})",
    "gradio": "import veason.studio.server.app",
    "pycocotools": "import veason; veason.decode_mask",
    "transformers": "from veason.policy import load_policy; load_policy('nano')",
    "sam2": "from veason.segmenter import load_segmenter; load_segmenter('nano')",
    "supervision": "import veason.draw as draw; draw._supervision()",
    "matplotlib": "from pathlib import Path; from veason_nano.training.run import plot_log;"
    "plot_log(Path('/dev/null'), Path('x'))",
}
ASKED_WITHOUT = ("av", "pycocotools", "numpy", "torch")


@pytest.fixture(scope="module")
def ended() -> dict[tuple[str, str], dict[str, Any]]:
    """How each piece of code ends in a process without the library."""
    pieces = [*USES.items(), *((library, ASK) for library in ASKED_WITHOUT)]
    command = [sys.executable, str(ROOT / "tests" / "without_library.py"), json.dumps(pieces)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True)
    return dict(zip(pieces, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("library", USES)
def test_a_missing_library_comes_with_the_command_to_type(
    library: str, ended: dict[tuple[str, str], dict[str, Any]]
) -> None:
    end = ended[library, USES[library]]
    assert end["code"] == 1
    last = end["stderr"].strip().splitlines()[-1]
    assert last.startswith("veason.errors.MissingBackend: ")
    assert library in last
    assert INSTALL_COMMANDS[library] in last


@pytest.mark.parametrize("library", ASKED_WITHOUT)
def test_the_command_line_says_it_in_one_line(library: str, ended: dict[tuple[str, str], dict[str, Any]]) -> None:
    end = ended[library, ASK]
    assert end["code"] == MISSING
    assert end["stderr"].splitlines() == [f"missing: {library} is not installed: {INSTALL_COMMANDS[library]}"]


def test_a_module_that_nobody_knows_is_a_bug_and_stays_one() -> None:
    with pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"), library_imports():
        import nothing_of_this_name  # noqa: F401


def test_a_library_that_is_needed_is_named_with_what_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require_library("av", "the test")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingBackend, match="the test needs av, which is not installed: pip install av"):
        require_library("av", "the test")


def test_every_dependency_has_a_command() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = {command.split()[-1].strip('"').split(">=")[0] for command in INSTALL_COMMANDS.values()}
    assert {line.split(">=")[0] for line in project["dependencies"]} <= installed
