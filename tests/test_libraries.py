"""A library that is missing: every door says which one it is and what to type."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from veason.errors import MissingBackend
from veason.libraries import COMMANDS, library_imports, require_library

ROOT = Path(__file__).parent.parent
CLIP = ROOT / "veason" / "assets" / "examples" / "parade.mp4"


def run_without(library: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process in which `library` cannot be imported."""
    hidden = f"import sys; sys.modules[{library!r}] = None\n{code}"
    return subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.parametrize(
    ("library", "code"),
    [
        pytest.param("av", f"import veason; veason.open_video({str(CLIP)!r})", id="av"),
        pytest.param("gradio", "import veason.studio.server.app", id="gradio"),
        pytest.param("pycocotools", "import veason; veason.decode_mask", id="pycocotools"),
        pytest.param("transformers", "from veason.policy import load_policy; load_policy('nano')", id="transformers"),
        pytest.param("sam2", "from veason.segmenter import load_segmenter; load_segmenter('nano')", id="sam2"),
        pytest.param("supervision", "import veason.draw as draw; draw._supervision()", id="supervision"),
        pytest.param(
            "matplotlib",
            "from pathlib import Path; from veason_nano.training.run import plot_log;"
            "Path('/dev/null'); plot_log(Path('/dev/null'), Path('x'))",
            id="matplotlib",
        ),
    ],
)
def test_a_missing_library_comes_with_the_command_to_type(library: str, code: str) -> None:
    done = run_without(library, code)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("veason.errors.MissingBackend: ")
    assert library in last
    assert COMMANDS[library] in last


@pytest.mark.parametrize("library", ["av", "pycocotools", "numpy", "torch"])
def test_the_command_line_says_it_in_one_line(library: str) -> None:
    words = ["ask", str(CLIP), "the latecomer", "--policy", "nano", "--segmenter", "nano"]
    done = run_without(library, f"from veason.cli import main; sys.exit(main({words!r}))")
    assert done.returncode == 4
    assert done.stderr.splitlines() == [f"missing: {library} is not installed: {COMMANDS[library]}"]


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
    installed = {command.split()[-1].strip('"').split(">=")[0] for command in COMMANDS.values()}
    assert {line.split(">=")[0] for line in project["dependencies"]} <= installed
