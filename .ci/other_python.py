"""Run what can be run of the suite with the interpreter that runs this, in an environment of its own.

    python3.13 .ci/other_python.py [--torch]

Every source file is compiled with warnings as errors. Then come the tests that need neither the models nor a browser;
without `--torch` those of them that import torch are left out, and named.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import venv
import warnings
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIGHT = (
    "tests/annotation", "tests/formats", "tests/project", "tests/test_answer.py", "tests/test_answer_forms.py",
    "tests/test_answer_properties.py", "tests/test_answer_upstream.py", "tests/test_architecture.py",
    "tests/test_consistency.py", "tests/test_metrics.py", "tests/test_reached.py", "tests/test_rewards.py",
    "tests/test_values.py", "tests/test_video.py", "tests/test_video_broken.py", "tests/test_video_limits.py",
)  # fmt: skip
HEAVY = {"torch", "torchvision", "transformers", "sam2", "gradio", "playwright"}
PACKAGES = (
    "numpy", "scipy", "pillow", "av", "pycocotools", "supervision", "rich", "pytest", "pytest-timeout", "hypothesis",
    "pandas", "pyarrow", "defusedxml", "psutil", "decord",
)  # fmt: skip
TORCH = ("torch", "torchvision", "transformers", "safetensors", "huggingface_hub", "accelerate")


def compile_all() -> int:
    """Compile every source file and return how many there are. Raises SyntaxError, also for a warning."""
    files = [file for top in ("veason", "veason_nano", "tests", "benchmarks") for file in (ROOT / top).rglob("*.py")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for file in files:
            compile(file.read_text(encoding="utf-8"), str(file), "exec")
    return len(files)


def imported(file: Path) -> set[str]:
    """Return the modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def needs_heavy(file: Path, seen: set[Path]) -> bool:
    """Tell whether a file imports a heavy library, itself or through a file of ours."""
    seen.add(file)
    for name in imported(file):
        if name.partition(".")[0] in HEAVY:
            return True
        path = ROOT / name.replace(".", "/")
        for ours in (path.with_suffix(".py"), path / "__init__.py"):
            if ours.is_file() and ours not in seen and needs_heavy(ours, seen):
                return True
    return False


def main() -> int:
    """Compile, install and test; return what pytest ends with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", action="store_true", help="install torch and what stands on it as well")
    args = parser.parse_args()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    print(f"Python {version}: {compile_all()} files compile")
    folder = ROOT / f".venv-{version}"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    wanted = (*PACKAGES, *TORCH) if args.torch else PACKAGES
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", str(ROOT / ".ci/constraints.txt"), *wanted], check=True)
    files = [
        file for name in LIGHT for file in ([ROOT / name] if name.endswith(".py") else (ROOT / name).glob("test_*.py"))
    ]
    left_out = [] if args.torch else [file for file in files if needs_heavy(file, set())]
    run = [str(file.relative_to(ROOT)) for file in files if file not in left_out]
    if left_out:
        print("left out, as they import torch:", *(file.relative_to(ROOT) for file in left_out), sep="\n  ")
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *sorted(run)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
