"""The measure of the tree: what `benchmarks/structure.py` counts, on trees small enough to count by hand."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import structure


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / "veason" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_public_name_in_two_modules_is_listed_and_a_private_one_is_not(tmp_path: Path) -> None:
    root = write(tmp_path, a="def read(): ...\n_x = 1\n", b="class read: ...\n_x = 2\ny: int = 3\n")
    assert structure.defined_twice(structure.read_modules(root)["product"]) == {"read": ["veason.a", "veason.b"]}


def test_of_our_own_names_two_modules_share_only_those_that_stand_for_the_same_part() -> None:
    modules = structure.read_modules(structure.ROOT)
    twice = structure.defined_twice(modules["product"] + modules["training"])
    assert {name: where for name, where in twice.items() if name not in structure.BY_DESIGN} == {}


def test_a_repetition_is_one_pair_however_long_and_imports_are_none(tmp_path: Path) -> None:
    body = "import os\n" * 9 + "".join(f"x{number} = {number}\n\n" for number in range(8))
    root = write(tmp_path, a=body, b="z = 0\n" + body)
    pairs = structure.repeated_pairs(structure.read_modules(root)["product"])
    assert pairs == [("veason.a:10", "veason.b:11", 8)]


def test_an_import_inside_a_function_closes_a_circle_and_one_for_types_does_not(tmp_path: Path) -> None:
    late = "def f():\n    from veason import b\n    return b\n"
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import veason.a\n"
    root = write(tmp_path, a=late, b="import veason.a\n", c=types)
    assert structure.cycles(structure.read_modules(root)["product"]) == [["veason.a", "veason.b"]]


def test_what_lacks_a_docstring_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, a='"""A."""\nclass C:\n    """C."""\n    def m(self): ...\n    def _n(self): ...\n')
    assert structure.undocumented(structure.read_modules(root)["product"]) == (["veason.a.C.m"], 3)


def test_the_training_code_is_no_part_of_the_product(tmp_path: Path) -> None:
    (tmp_path / "veason_nano").mkdir()
    (tmp_path / "veason_nano" / "world.py").write_text('"""Here."""\n')
    parts = structure.read_modules(write(tmp_path, a="", **{"nano/world": ""}))
    assert [one.name for one in parts["product"]] == ["veason.a"]
    assert [one.name for one in parts["training"]] == ["veason.nano.world", "veason_nano.world"]
