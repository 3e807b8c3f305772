"""Every public name of the product is used by the product: what only tests and benchmarks call is listed, with why."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
USERS = [*(ROOT / "veason").rglob("*.py"), *(ROOT / "veason_nano").rglob("*.py"), ROOT / "app.py"]

INSTRUMENTS = {
    "CallCounter.calls": "network calls, which the benchmarks compare with stock's",
    "count_calls": "network calls, which the benchmarks compare with stock's",
    "Sam2Segmenter.counters": "frames encoded and decoded, bytes held",
    "COLOUR_MEAN": "the promise about colours, which the tests hold against ffmpeg",
    "COLOUR_MAX": "the promise about colours, which the tests hold against ffmpeg",
}
"""Measure what the product does; it does not read them itself."""

FOR_OTHER_PROGRAMS = {
    "record_answer": "makes the recordings that `--policy scripted:FILE` replays",
    "to_videos": "moves a benchmark dataset into another format",
}
"""Documented for programs that import Veason."""

NOT_CALLED_YET: dict[str, str] = {}
"""Made, tested, and called by nothing so far: to be called or deleted."""


def defined(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, str]]:
    """Yield the public functions, classes, methods and constants of a body: their names, alone and with their class."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names = [name]
            case ast.Assign(targets=targets) if not owner:
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)) if not owner:
                names = [name]
            case _:
                continue
        yield from ((name, f"{owner}{name}") for name in names if not name.startswith("_"))
        if isinstance(node, ast.ClassDef):
            yield from defined(node.body, f"{node.name}.")


def used(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the names that a module reads, and whether each may be a method: as an attribute, or in a string.

    A string may name something as in "module:name"; `__all__` reads nothing.
    """
    if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == "__all__" for one in node.targets):
        return
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            yield name, False
        case ast.Attribute(attr=name):
            yield name, True
        case ast.Constant(value=str(text)) if (name := text.rpartition(":")[2]).isidentifier():
            yield name, True
        case ast.MatchClass(kwd_attrs=names):
            yield from ((name, True) for name in names)
    for child in ast.iter_child_nodes(node):
        yield from used(child)


def test_what_only_tests_and_benchmarks_call_is_listed() -> None:
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in USERS}
    read = Counter(found for tree in trees.values() for found in used(tree))
    product = [tree for file, tree in trees.items() if file.is_relative_to(ROOT / "veason")]
    unread = {
        whole
        for tree in product
        for name, whole in defined(tree.body)
        if not read[name, True] and ("." in whole or not read[name, False])
    }
    assert unread == {*INSTRUMENTS, *FOR_OTHER_PROGRAMS, *NOT_CALLED_YET}
