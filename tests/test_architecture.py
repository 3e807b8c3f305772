"""Imports run one way: a module imports only what stands above it in LAYERS, or its own package."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "veason"

LAYERS = [
    "errors profile types",
    "boxes masks hub answer consistency",
    "video draw metrics rewards",
    "device policy segmenter session",
    "shown pipeline outputs project formats",
    "evaluate train nano studio",
    "cli",
    "__main__",
]
RANK = {name: (layer, place) for layer, names in enumerate(LAYERS) for place, name in enumerate(names.split())}

OWNERS = {
    "torch": {"device", "policy", "segmenter", "train", "nano"},
    "transformers": {"policy", "train", "nano"},
    "sam2": {"segmenter", "nano"},
    "gradio": {"studio"},
    "supervision": {"draw"},
    "decord": {"video"},
    "av": {"video"},
}


def modules() -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= (
                {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "veason" else {node.module}
            )
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_module_imports_only_what_stands_above_it(path: Path) -> None:
    here = part(path)
    assert here in RANK, f"{here} has no place in LAYERS"
    for name in imported(path):
        top, *rest = name.split(".")
        if top == "veason" and rest and rest[0] != "__version__":
            assert rest[0] == here or RANK[rest[0]] < RANK[here], f"{here} must not import {rest[0]}"
        if top in OWNERS:
            assert here in OWNERS[top], f"{here} must not import {top}"


@pytest.mark.parametrize("heavy", ["torch", "gradio", "transformers", "sam2", "decord"])
def test_importing_veason_and_its_command_line_stays_light(heavy: str) -> None:
    code = (
        f"import veason, veason.types, veason.cli as cli, sys; cli.build_parser(); assert '{heavy}' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
