"""What a script in benchmarks/ imports of ours is there, also in the programs that it starts from a text."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent.parent / "benchmarks").glob("*.py"))
OURS = ("veason", "veason_nano")


def imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Module and name of every `from veason... import name` below a node, string literals that are programs included.

    What stands in a `try` is left out: a script may know the names of an older tree that it is compared with.
    """
    if isinstance(node, ast.Try | ast.TryStar):
        return
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OURS:
        yield from ((node.module or "", alias.name) for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "import" in node.value:
        yield from imported_by_text(node.value)
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


def imported_by_text(text: str) -> Iterator[tuple[str, str]]:
    """The same of a text, where it is a program; of a docstring nothing."""
    try:
        program = ast.parse(text)
    except SyntaxError:
        return
    yield from imported(program)


def is_there(module: str, name: str) -> bool:
    """Whether the module, of which the name may be a part, can be imported."""
    if hasattr(importlib.import_module(module), name):
        return True
    return importlib.util.find_spec(f"{module}.{name}") is not None


def test_imports_are_found_in_programs_within_a_script() -> None:
    source = "from veason.masks import area\nPROGRAM = '''\nimport sys\nfrom veason.boxes import Box as B\n'''\n"
    assert list(imported_by_text(source)) == [("veason.masks", "area"), ("veason.boxes", "Box")]
    assert not list(imported_by_text("try:\n    from veason.session import State\nexcept ImportError:\n    pass\n"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_script_imports_is_there(script: Path) -> None:
    names = list(imported_by_text(script.read_text(encoding="utf-8")))
    missing = [f"{module}.{name}" for module, name in names if not is_there(module, name)]
    assert not missing, f"{script.name} imports what is not there: {', '.join(missing)}"
