"""Measure how a checkout is built, before and after: the way of a request, names, sizes, repetition, cycles.

    python benchmarks/structure.py                      # this tree against the commit BEFORE, into benchmarks/results
    python benchmarks/structure.py --before FOLDER      # against another checkout
    python benchmarks/structure.py --names              # list the public names that are defined twice

The product is the package `veason` without the training code, which was `veason/nano` and is `veason_nano`. A public
name is one that a module defines at its top level without a leading underscore. Repetition counts pairs of places with
six or more equal lines, each pair as long as it goes; left out are blank lines, comments, imports, and the heads of
functions, which repeat wherever a protocol is kept. How requests are
followed stands in `request_trace.py`.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report import write_result

ROOT = Path(__file__).parent.parent
BEFORE = "5fb30d945265"
"""The last commit before the label half was drawn anew."""

TRACED = {"edit": "an edit", "first_mask": "a request for masks, to the first", "all_masks": "the same, to its end"}
BY_DESIGN = {
    "add_parser": "each command of the command line has one",
    "run": "each command of the command line has one",
    "build_parser": "the product and the training code have a command line each",
    "main": "the command line, and the program that a confined process runs",
    "read": "each format has its reader",
    "write": "each format has its writer",
    "NOTE": "each rule of a project is kept under one",
}
"""Public names that several modules define because they stand for the same part of interchangeable things."""

REPEATED = 6
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Size = tuple[int, str]


@dataclass(frozen=True)
class Module:
    """One Python file: its dotted name, its lines and its tree."""

    name: str
    lines: tuple[str, ...]
    tree: ast.Module
    is_package: bool


def read_modules(root: Path) -> dict[str, list[Module]]:
    """Return the modules of a checkout in two parts, `product` and `training`."""
    parts: dict[str, list[Module]] = {"product": [], "training": []}
    for path in sorted((*root.glob("veason/**/*.py"), *root.glob("veason_nano/**/*.py"))):
        text = path.read_text(encoding="utf-8")
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        is_training = name.split(".")[0] == "veason_nano" or name.startswith("veason.nano")
        module = Module(name, tuple(text.splitlines()), ast.parse(text), path.name == "__init__.py")
        parts["training" if is_training else "product"].append(module)
    return parts


def defined(module: Module) -> Iterator[str]:
    """Yield the public names that a module defines at its top level."""
    for node in module.tree.body:
        names: list[str] = []
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        yield from (name for name in names if not name.startswith("_"))


def defined_twice(modules: list[Module]) -> dict[str, list[str]]:
    """Return the public names that two or more modules define, with those modules."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        for name in dict.fromkeys(defined(module)):
            places[name].append(module.name)
    return {name: where for name, where in sorted(places.items()) if len(where) > 1}


def longest(modules: list[Module], kinds: tuple[type, ...]) -> Size:
    """Return how many lines the longest definition of some kinds has, and where it is."""
    found = [
        (node.end_lineno - node.lineno + 1, f"{module.name}.{node.name}")
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, kinds)
    ]
    return max(found)


def undocumented(modules: list[Module]) -> tuple[list[str], int]:
    """Return the public modules, classes, functions and methods without a docstring, and how many there are in all."""
    missing, count = [], 0
    for module in modules:
        stack: list[tuple[ast.AST, str]] = [(module.tree, module.name)]
        while stack:
            node, name = stack.pop()
            count += 1
            if ast.get_docstring(node) is None:  # type: ignore[arg-type]  # modules, classes and functions only
                missing.append(name)
            if isinstance(node, FUNCTIONS):
                continue
            inner = [one for one in node.body if isinstance(one, (*FUNCTIONS, ast.ClassDef))]  # type: ignore[attr-defined]
            stack += [(one, f"{name}.{one.name}") for one in inner if not one.name.startswith("_")]
    return sorted(missing), count


def code_lines(module: Module) -> list[tuple[int, str]]:
    """Return the lines that do something, stripped, each with its number; see the top for what is left out."""
    left_out: set[int] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, FUNCTIONS):
            left_out.update(range(node.lineno, node.body[0].lineno))
    numbered = ((number, line.strip()) for number, line in enumerate(module.lines, 1))
    return [(at, line) for at, line in numbered if line and not line.startswith("#") and at not in left_out]


def repeated_pairs(modules: list[Module]) -> list[tuple[str, str, int]]:
    """Return pairs of places with `REPEATED` or more equal lines, as `module:line` twice, and how many lines."""
    texts = {module.name: code_lines(module) for module in modules}
    windows: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    for name, lines in texts.items():
        for at in range(len(lines) - REPEATED + 1):
            windows[tuple(line for _, line in lines[at : at + REPEATED])].append((name, at))
    pairs = {
        (places[first], places[second])
        for places in windows.values()
        for first in range(len(places))
        for second in range(first + 1, len(places))
    }
    found = []
    for one, other in sorted(pairs):
        if ((one[0], one[1] - 1), (other[0], other[1] - 1)) in pairs:
            continue  # the run began earlier
        length = REPEATED
        while ((one[0], one[1] + length - REPEATED + 1), (other[0], other[1] + length - REPEATED + 1)) in pairs:
            length += 1
        first, second = (f"{name}:{texts[name][at][0]}" for name, at in (one, other))
        found.append((first, second, length))
    return found


def imported(module: Module, known: set[str]) -> set[str]:
    """Return the modules of `known` that a module imports, inside of functions too, for types only not."""
    found: set[str] = set()
    stack: list[ast.AST] = list(module.tree.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            stack.extend(node.orelse)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {one if one in known else str(node.module) for one in full}
        else:
            stack.extend(ast.iter_child_nodes(node))
    return (found & known) - {module.name}


def cycles(modules: list[Module]) -> list[list[str]]:
    """Return the groups of modules that reach each other through their imports."""
    known = {module.name for module in modules}
    edges = {module.name: imported(module, known) for module in modules}
    reach: dict[str, set[str]] = {}
    for start in edges:
        seen: set[str] = set()
        stack = [start]
        while stack:
            new = edges[stack.pop()] - seen
            seen |= new
            stack.extend(new)
        reach[start] = seen
    groups = {
        tuple(sorted({one for one in reach[name] if name in reach[one]})) for name in edges if name in reach[name]
    }
    return [list(group) for group in sorted(groups)]


def measure(root: Path) -> dict[str, Any]:
    """Return every figure of a checkout."""
    parts = read_modules(root)
    product, every = parts["product"], [*parts["product"], *parts["training"]]
    missing, documented = undocumented(every)
    pairs = repeated_pairs(every)
    lines = {name: sum(len(module.lines) for module in modules) for name, modules in parts.items()}
    scripts = [path for path in root.glob("veason/**/*.js") if "node_modules" not in path.parts]
    return {
        "requests": traced(root),
        "product_lines": lines["product"],
        "product_files": len(product),
        "training_lines": lines["training"],
        "page_lines": sum(len(path.read_text(encoding="utf-8").splitlines()) for path in scripts),
        "longest_file": max((len(module.lines), module.name) for module in every),
        "longest_class": longest(every, (ast.ClassDef,)),
        "longest_function": longest(every, FUNCTIONS),
        "longest_script": max((len(path.read_text(encoding="utf-8").splitlines()), path.name) for path in scripts),
        "defined_twice": defined_twice(every),
        "repeated_pairs": pairs,
        "repeated_pairs_per_1000_lines": round(1000 * len(pairs) / sum(lines.values()), 2),
        "public": documented,
        "undocumented": missing,
        "import_cycles": cycles(every),
    }


def traced(root: Path) -> dict[str, Any]:
    """Run `request_trace.py` on a checkout and return what it found."""
    command = [sys.executable, str(Path(__file__).parent / "request_trace.py")]
    found = subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )
    if found.returncode:
        raise SystemExit(f"the requests of {root} could not be followed:\n{found.stderr[-3000:]}")
    return json.loads(found.stdout)  # type: ignore[no-any-return]


def rows(values: dict[str, Any]) -> dict[str, str]:
    """Return the figures of a checkout as the table shows them."""
    shown = {}
    for key, what in TRACED.items():
        one = values["requests"][key]
        shown[f"stays (modules, returns) of {what}"] = f"{one['stays']} ({one['modules']}, {one['returns']})"
    twice = values["defined_twice"]
    listed = len(twice.keys() & BY_DESIGN.keys())
    shown["public names defined in two or more modules (of them by design)"] = f"{len(twice)} ({listed})"
    for key in ("file", "class", "function", "script"):
        lines, where = values[f"longest_{key}"]
        shown[f"longest {key}, lines"] = f"{lines} ({where})"
    pairs = values["repeated_pairs"]
    shown["repeated pairs (per 1,000 lines)"] = f"{len(pairs)} ({values['repeated_pairs_per_1000_lines']})"
    shown["lines of the product's package (files)"] = f"{values['product_lines']:,} ({values['product_files']})"
    shown["lines of the training code"] = f"{values['training_lines']:,}"
    shown["lines of the page's scripts"] = f"{values['page_lines']:,}"
    share = 1 - len(values["undocumented"]) / values["public"]
    shown["public names with a docstring"] = f"{100 * share:.1f} % of {values['public']:,}"
    shown["import cycles"] = str(len(values["import_cycles"]))
    return shown


@contextmanager
def checkout(what: str) -> Iterator[Path]:
    """Give the folder of a checkout: the one named, or a commit of this repository in a temporary folder."""
    if Path(what).is_dir():
        yield Path(what).resolve()
        return
    if not re.fullmatch(r"[0-9a-f]{7,40}", what):
        raise SystemExit(f"{what} is neither a folder nor a commit")
    with tempfile.TemporaryDirectory() as folder:
        add = ["git", "-C", str(ROOT), "worktree", "add", "--quiet", "--detach", f"{folder}/tree", what]
        subprocess.run(add, check=True)
        try:
            yield Path(folder, "tree")
        finally:
            subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", f"{folder}/tree"], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT|FOLDER", help="(%(default)s)")
    parser.add_argument("--names", action="store_true", help="only list the public names that are defined twice")
    args = parser.parse_args()
    if args.names:
        twice = defined_twice([module for modules in read_modules(ROOT).values() for module in modules])
        for name, where in twice.items():
            print(f"{name}: {BY_DESIGN.get(name) or ', '.join(where)}")
        print(f"{len(twice)} names, {len(twice.keys() & BY_DESIGN.keys())} of them by design")
        return
    with checkout(args.before) as folder:
        before = measure(folder)
    after = measure(ROOT)
    shown = rows(before), rows(after)
    print("| what | before | after |\n|---|---|---|")
    print(*(f"| {what} | {shown[0][what]} | {shown[1][what]} |" for what in shown[0]), sep="\n")
    print("->", write_result("structure", {"before_commit": args.before, "before": before, "after": after}))


if __name__ == "__main__":
    main()
