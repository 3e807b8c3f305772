"""Imports run one way: a module imports only what stands above it in its package's layers, or its own room."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = [
    "errors disk libraries jsonkeys texts secret_file atomic locks folders zip_files confined profile types",
    "boxes masks shaping hub model_use answer consistency tracks",
    "video draw metrics rewards",
    "zero_gpu device policy segmenter annotation",
    "shown pipeline model_workers outputs models project formats",
    "cluster evaluate batch corpus reward_service training",
    "studio",
    "lab",
    "cli",
    "__main__",
]

NANO_LAYERS = [
    "world",
    "language",
    "dataset corpus examples recorded_answers",
    "training",
    "segmenter policy",
    "evaluate batch statements",
    "cli",
    "__main__",
]


def ranks(layers: list[str]) -> dict[str, tuple[int, int]]:
    return {name: (layer, place) for layer, names in enumerate(layers) for place, name in enumerate(names.split())}


RANK = {"veason": ranks(LAYERS), "veason_nano": ranks(NANO_LAYERS)}
MAY_IMPORT = {"veason": {"veason"}, "veason_nano": {"veason", "veason_nano"}}

OWNERS = {
    "torch": {"device", "policy", "segmenter"},
    "transformers": {"policy", "segmenter"},
    "sam2": {"segmenter"},
    "gradio": {"studio", "zero_gpu"},
    "spaces": {"zero_gpu"},
    "supervision": {"draw"},
    "decord": {"video"},
    "av": {"video"},
    "ray": {"cluster", "reward_service"},
}
NANO_OWNERS = {
    "torch": {"training", "segmenter", "policy", "evaluate"},
    "transformers": {"policy", "evaluate"},
    "sam2": {"segmenter"},
    "gradio": set(),
    "supervision": set(),
    "decord": set(),
    "av": set(),
}


IN_ENGINES = {"in_engine.py", "in_trl.py", "in_verl.py"}
"""Run by the Python of an engine's environment and imported by nothing: the libraries are that environment's."""


def modules() -> list[Path]:
    paths = [path for package in RANK for path in sorted((ROOT / package).rglob("*.py"))]
    return [path for path in paths if path.parent.parent != ROOT or path.name != "__init__.py"]


def part(path: Path) -> tuple[str, str]:
    """Return the package of a module and its room in there."""
    package, room, *_ = path.relative_to(ROOT).parts
    return package, room.removesuffix(".py")


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module in RANK else {node.module}
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_module_imports_only_what_stands_above_it(path: Path) -> None:
    package, here = part(path)
    rank = RANK[package]
    assert here in rank, f"{here} has no place in the layers of {package}"
    owners = OWNERS if package == "veason" else NANO_OWNERS
    for name in imported(path):
        top, *rest = name.split(".")
        assert top not in RANK or top in MAY_IMPORT[package], f"{package} must not import {top}"
        if top == package and rest and rest[0] != "__version__":
            assert rest[0] == here or rank[rest[0]] < rank[here], f"{here} must not import {rest[0]}"
        if top in owners and path.name not in IN_ENGINES:
            assert here in owners[top], f"{here} must not import {top}"


def test_one_module_of_the_segmenters_imports_transformers() -> None:
    found = {path.name for path in (ROOT / "veason/segmenter").glob("*.py") if "transformers" in imported(path)}
    assert found == {"video_models.py"}


@pytest.mark.parametrize("heavy", ["numpy", "torch", "gradio", "transformers", "sam2", "decord", "veason_nano"])
def test_importing_veason_and_its_command_line_stays_light(heavy: str) -> None:
    code = (
        f"import veason, veason.types, veason.cli as cli, sys; cli.build_parser(); assert '{heavy}' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
