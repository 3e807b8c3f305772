"""What a newcomer reads is true: commands parse, links lead somewhere, pages made from code are those of this code."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "docs" / "scripts"))
sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))
import drawing
import reference
import results_page
import scale_page

from veason.cli import build_parser
from veason.hub import ASSETS
from veason.video import open_video
from veason_nano import cli as nano

ROOT = Path(__file__).parent.parent.parent
README, DOCS = ROOT / "README.md", ROOT / "docs"
PACKAGE = DOCS / "package.md"
"""What a package index shows; no page of the site."""

PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page != PACKAGE]
WRITTEN = [README, ROOT / "CONTRIBUTING.md", *PAGES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SNIPPET = re.compile(r"<!-- --8<-- \[start:snippet\] -->\n```python\n(.*?)```", re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fenced(path: Path, language: str) -> list[str]:
    return [body for found, body in FENCE.findall(path.read_text(encoding="utf-8")) if found == language]


def commands(path: Path) -> list[list[str]]:
    """Return the command lines of a page as words, comments and variables before a command left out."""
    lines = [line for body in fenced(path, "sh") for line in body.replace("\\\n", " ").splitlines()]
    split = [shlex.split(re.sub(r"^(?:[A-Z_]+=\S+ +)+", "", line), comments=True) for line in lines]
    return [words for words in split if words]


def prose(path: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def slugs(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


def nav_files(entries: list) -> list[str]:
    found = []
    for entry in entries:
        for value in entry.values():
            found += nav_files(value) if isinstance(value, list) else [value]
    return found


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_every_command_on_a_page_is_understood(path: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for program, *said in commands(path):
        words = list(itertools.takewhile(lambda word: word != ">", said))  # into which file is the shell's affair
        if program == "make":
            assert set(words) <= targets, f"make has no target {words}"
        elif program == "veason" and "--help" not in words and "..." not in words:
            parser = nano.build_parser() if words[0] == "nano" else build_parser()
            try:
                parser.parse_args(words[1:] if words[0] == "nano" else words)
            except SystemExit:
                pytest.fail(f"not understood: veason {shlex.join(words)}")
        else:
            assert program in ("veason", "python", "pip", "pre-commit", "torchrun", "ollama"), (
                f"unknown program {program}"
            )


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_every_piece_of_python_on_a_page_can_be_read(path: Path) -> None:
    for code in fenced(path, "python"):
        ast.parse(code)


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path).replace("#only-light", "").replace("#only-dark", "")):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        assert place.exists(), f"{name_of(path)} links to {target}, which is not there"
        assert not anchor or anchor in slugs(place), f"{name_of(path)} links to {target}: no such heading"


def test_the_site_lists_every_page_and_no_other() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(nav_files(nav)) == sorted(str(page.relative_to(DOCS)) for page in PAGES)


def test_every_picture_is_used() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in [*WRITTEN, ROOT / "mkdocs.yml"])
    unused = [one.name for one in (DOCS / "images").iterdir() if f"images/{one.name}" not in text]
    assert unused == []


@pytest.mark.parametrize(
    ("page", "text"),
    [
        pytest.param(DOCS / "results.md", results_page.page, id="results.md"),
        pytest.param(DOCS / "how-to" / "scale.md", scale_page.page, id="scale.md"),
        *(pytest.param(DOCS / "reference" / name, make, id=name) for name, make in reference.PAGES.items()),
        *(
            pytest.param(DOCS / "images" / name, lambda text=text: text, id=name)
            for name, text in drawing.drawings().items()
        ),
    ],
)
def test_a_page_made_from_code_is_that_of_this_code(page: Path, text) -> None:
    assert page.read_text(encoding="utf-8") == text(), "write it anew: make pages"


def test_the_drawing_names_parts_that_are_there() -> None:
    for _, parts in drawing.LAYERS:
        for name, _, _ in parts:
            place = ROOT / "veason" / name
            assert place.is_dir() or place.with_suffix(".py").is_file(), f"there is no veason/{name}"


def test_the_drawing_tells_the_truth_about_imports() -> None:
    parts = [
        (name, row, place) for row, (_, parts) in enumerate(drawing.LAYERS) for place, (name, *_) in enumerate(parts)
    ]
    places = {name.split("/")[0]: (row, -place) for name, row, place in parts if name not in ("studio/web", "__init__")}
    for part, place in places.items():
        for file in [ROOT / "veason" / f"{part}.py", *(ROOT / "veason" / part).rglob("*.py")]:
            for other in imported(file) & places.keys() - {part} if file.exists() else ():
                assert places[other] > place, f"{name_of(file)} imports {other}, which the drawing has above it"


def imported(file: Path) -> set[str]:
    """Return the parts of the package that a file imports."""
    nodes = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom) and node.module]
    names = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("veason.")}


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_files_and_modules_named_in_prose_are_there(path: Path) -> None:
    for word in re.findall(r"`([\w./-]+)`", prose(path)):
        if re.match(r"(veason|veason_nano|tests|benchmarks|docs)/", word) and "NAME" not in word:
            assert (ROOT / word).exists(), f"{name_of(path)} names {word}, which is not there"
        if re.fullmatch(r"(veason|veason_nano)(\.\w+)+", word):
            assert is_defined(word.split(".")), f"{name_of(path)} names {word}, which is not there"


def is_defined(parts: list[str]) -> bool:
    """Tell whether a dotted name is a module, or a top-level name of one (and, loosely, what is inside of that)."""
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if file.is_file():
            names = {name for node in ast.walk(ast.parse(file.read_text())) for name in names_of(node)}
            return length == len(parts) or parts[length] in names
    return False


def names_of(node: ast.AST) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.alias):
        return {node.asname or node.name}
    return {node.id} if isinstance(node, ast.Name) else set()


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def short_clip(folder: Path) -> Path:
    """Write a folder of every 12th frame of an example."""
    folder.mkdir()
    with open_video(ASSETS / "examples" / "chase.mp4") as video:
        for number, frame in enumerate(range(0, video.info.num_frames, 12)):
            Image.fromarray(video.frame(frame)).save(folder / f"{number:03d}.png")
    return folder


def test_the_snippet_of_the_readme_runs(tmp_path: Path) -> None:
    found = SNIPPET.search(README.read_text(encoding="utf-8"))
    assert found is not None
    assert len(found[1].splitlines()) <= 12
    code = found[1].replace('"clip.mp4"', repr(str(short_clip(tmp_path / "clip"))))
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}  # threads that wait for each other are slow
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=alone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
