"""Write the reference pages that come from the code: the command line from its parsers, the formats from their records.

    python docs/scripts/reference.py      # writes the pages of docs/reference but words.md

The pages are committed, and a test holds them to the code.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

import veason
from veason.cli import build_parser
from veason.formats.catalogue import FORMATS
from veason_nano import cli as nano

REFERENCE = Path(__file__).parent.parent / "reference"

COMMANDS_HEAD = """# Commands

`veason COMMAND`, or `python -m veason COMMAND` in a checkout. Every command understands `--help`. Exit codes: 0 done or
absent, 2 bad input, 3 no usable answer, 4 something is not installed, 130 cancelled.

This page is written by `docs/scripts/reference.py` from the parsers themselves.
"""


FORMATS_HEAD = """# File formats

What labels can be written as and read from. Frame numbers are those of the whole video, counted from 0; masks have the
video's size. An export appears whole or not at all, and its report says what was left out and what the format could not
hold. This page is written by `docs/scripts/reference.py` from the formats themselves.

## Labels
"""

HOLDS_HEAD = """
## What each can hold

What a format cannot hold is left out or lost when labels are written to it, and counted in the report. *Masks*: exact
(every pixel of every object), one object a pixel, outlines (polygons, small losses), drawn (colours over the picture),
or only the boxes around them. *Unknown* is a frame that nobody labelled, told apart from one where the object is not.
*Models* are the names of the policy and the segmenter that labelled an instruction, beside it: `policy` and
`segmenter` (in `cvat` the attributes `policies` and `segmenters`, a line an instruction). They come back where the
format is imported. Every export also has them, with the number of questions, in its `veason_export.json`.
"""

HOLDS = {
    "identities": "tracks", "names": "names", "text": "text", "several": "several", "absent": "absent",
    "unlabelled": "unknown", "occluded": "hidden", "reasoning": "reasoning", "keyframe": "keyframe", "boxes": "boxes",
    "clicks": "clicks", "review": "review", "guess": "guess",
    "models": "models",
}  # fmt: skip
"""What a format may hold, and the head of its column; see `veason.formats.record.Holds`."""

IMPORTS = """
## What an import does

Shapes in the file = shapes that came in + shapes told as left out, by kind and reason: the reader counts both, and an
import whose sums differ ends in an error. One that brings nothing in ends with 2 and says what it found.

| the file has | what happens |
|---|---|
| a shape whose numbers cannot be read: no number, runs that do not add up, half a point | nothing of its questions \
comes in, all else does; where it is and why is told for the first of its kind. Labels without words are one question \
a video |
| a sign that it is about other pictures: another size, frames the video does not have, points far beside it, \
corners where a size should be | refused whole, with the place |
| a thing of two meanings: one id for two names, a frame that its name does not tell, a key that stands twice, \
palettes in another order in each picture, folders called by numbers that may be objects or videos | \
refused, with the place and what to do |
| shapes that no project holds (points, cuboids, skeletons, tags), attributes, what an annotator skipped | counted as \
left out |
| boxes without masks | become prompts, from which masks are tracked |

`coco` also reads lists of results, as detectors write predictions, where each names the file of its picture.

## Read and written by others

In every run of the tests, by the programs themselves, in an environment of their own:

| program | reads of ours | writes, and it comes in here |
|---|---|---|
| Datumaro | `coco` masks bit for bit; `cvat` boxes and masks | COCO masks bit for bit; COCO and CVAT polygons |
| Label Studio's SDK | `label-studio` masks bit for bit, frames of its boxes | brushes bit for bit; its COCO |
| Ultralytics | `yolo-seg` with an IoU of 0.98 or more | its `predictions.json`, bit for bit as it read them |
| LLaMA-Factory | `sft`: every sample, its pictures and turns | no labels; what it would train on is read as an answer \
and says what the labels say |
| CVAT | `cvat` masks bit for bit by the code of its SDK; the rest by its rules, as its format code is in no package \
(`tests/formats/cvat_rules.py` cites them) | the same |
| pycocotools, supervision, pandas, datasets | `coco`, `youtube-vis`, `yolo-seg`, `veason`, `sft`, `grpo` | |
"""

BENCHMARKS_HEAD = """
## Benchmarks

What `veason eval`, `veason data check` and `veason project add --dataset` read.
"""

FORMATS_END = """
## What Veason writes beside labels

| file | what it holds |
|---|---|
| `Annotations/VIDEO/FRAME.png` | palette masks of `ask` and `track`: the index of a pixel is the number of its object |
| `overlay.mp4` | the video with the masks drawn in |
| `result.json` | reasoning, keyframe, boxes, and what was run |
| a project folder | an SQLite file with every edit, and the videos that were copied into it |
| `profile.json` | beside a checkpoint: how it wants its frames and writes its answers |
"""

API: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "types": (
        "Values",
        "Frozen values that every part speaks in. A value that cannot be right is refused where it is made.",
        ("veason.types.shapes", "veason.types.answers", "veason.types.video", "veason.types.sample",
         "veason.types.models", "veason.types.budgets", "veason.types.speedups", "veason.masks"),
    ),
    "models": (
        "Models",
        "The protocols behind which models sit, how they are loaded, and the pipeline that joins them.",
        ("veason.types.protocols", "veason.policy", "veason.segmenter", "veason.pipeline", "veason.tracks",
         "veason.profile", "veason.video"),
    ),
    "annotation": (
        "Labels",
        "The rules of labels, without disk, page or model.",
        ("veason.annotation.state", "veason.annotation.edits", "veason.annotation.apply",
         "veason.annotation.recompute", "veason.annotation.difference", "veason.annotation.plain"),
    ),
    "project": (
        "Projects",
        "A folder that a person owns, in which nothing is lost.",
        ("veason.project.project", "veason.project.library", "veason.project.queue", "veason.project.labels",
         "veason.project.records"),
    ),
    "formats": (
        "Formats",
        "Labels in and out, and benchmarks.",
        ("veason.formats.exporting", "veason.formats.importing", "veason.formats.datasets", "veason.formats.record",
         "veason.formats.labels.values", "veason.formats.labels.options", "veason.formats.projects.from_project"),
    ),
    "scores": (
        "Scores and rewards",
        "The numbers of the official tools, and the four rewards of the method.",
        ("veason.metrics.frames", "veason.metrics.sequence", "veason.metrics.summaries", "veason.rewards.rules",
         "veason.rewards.prediction", "veason.rewards.terms", "veason.rewards.total",
         "veason.reward_service.functions", "veason.reward_service.client", "veason.reward_service.question"),
    ),
    "errors": ("Errors", "Everything that Veason raises on purpose.", ("veason.errors",)),
}  # fmt: skip
"""The pages about Python: title, a line about it, and the modules whose docstrings it shows."""


def commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Yield the full name, the short help and the parser of every command below a parser, in order."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            texts = {one.dest: one.help or "" for one in action._choices_actions}
            for word, inner in action.choices.items():
                yield f"{name} {word}", texts.get(word, ""), inner
                yield from commands(inner, f"{name} {word}")


def metavar(action: argparse.Action) -> str:
    """Return what stands for the value of an option or argument, "" for a flag."""
    if action.nargs == 0:
        return ""
    word = action.metavar if isinstance(action.metavar, str) else None
    if word is None:
        word = action.dest.upper() if action.option_strings else action.dest
        word = "|".join(map(str, action.choices)) if action.choices is not None else word
    return f"{word} ..." if action.nargs in ("*", "+") else word


def row(action: argparse.Action) -> str:
    """Return the line of a table about one option or argument."""
    names = ", ".join(action.option_strings)
    shown = " ".join(part for part in (names, metavar(action)) if part)
    shown = f"<code>{escape(shown).replace('|', '&#124;')}</code>" if "|" in shown else f"`{shown}`"
    text = (action.help or "") % {**vars(action), "prog": "veason"}
    needed = " **Needed.**" if action.option_strings and action.required else ""
    return f"| {shown} | {text.replace('|', chr(92) + '|')}{needed} |"


def section(name: str, about: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the lines about one command."""
    yield f"\n{'#' * min(len(name.split()), 4)} {name}\n"
    described = " ".join((parser.description or "").split())
    yield f"{described or about}\n"
    plain = [one for one in parser._actions if not isinstance(one, (argparse._SubParsersAction, argparse._HelpAction))]
    shown = [one for one in plain if one.help != argparse.SUPPRESS]
    if shown:
        yield "| argument or option | what it is |\n|---|---|"
        yield from map(row, shown)


def commands_page() -> str:
    """Return the page about the command line."""
    lines = [COMMANDS_HEAD]
    for name, about, parser in commands(build_parser(), "veason"):
        if name == "veason nano":
            lines.extend(section(name, about, nano.build_parser()))
            for inner in commands(nano.build_parser(), name):
                lines.extend(section(*inner))
        else:
            lines.extend(section(name, about, parser))
    return "\n".join(lines) + "\n"


def formats_page() -> str:
    """Return the page about file formats."""
    shown = [one for one in FORMATS if one.write or one.read]
    lines = [FORMATS_HEAD, "| `--format` | what it is | export | import |\n|---|---|---|---|"]
    lines += [f"| `{one.name}` | {one.about} | {tick(one.write)} | {tick(one.read)} |" for one in shown]
    lines.append(HOLDS_HEAD)
    lines.append(f"| | masks | {' | '.join(HOLDS.values())} |\n|---|---|{'---|' * len(HOLDS)}")
    for one in shown:
        held = dataclasses.asdict(one.holds)
        ticks = " | ".join(tick(held[name]) for name in HOLDS)
        lines.append(f"| `{one.name}` | {one.holds.masks} | {ticks} |")
    lines.append(IMPORTS + BENCHMARKS_HEAD)
    lines.append("| `--kind` | what it is | splits, the one that is scored by default first |\n|---|---|---|")
    for one in FORMATS:
        if one.benchmark:
            lines.append(f"| `{one.name}` | {one.about} | {', '.join(one.benchmark.splits)} |")
    return "\n".join([*lines, FORMATS_END])


def tick(is_so: object) -> str:
    """Return a mark where something is there."""
    return "✓" if is_so else ""


def api_page(title: str, about: str, modules: tuple[str, ...]) -> str:
    """Return a page about some modules; its text comes from their docstrings when the site is built."""
    return f"# {title}\n\n{about}\n" + "".join(f"\n::: {name}\n" for name in modules)


SHORT_WAY = """# The short way

What `from veason import ...` offers. A name is loaded when it is first used; importing the package loads neither torch
nor gradio.

--8<-- "README.md:snippet"

| name | what it is |
|---|---|
"""


def short_way_page() -> str:
    """Return the page about the names that the package itself offers."""
    lines = []
    for name in veason.__all__:
        value = getattr(veason, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            about = (inspect.getdoc(value) or "").splitlines()[0].replace("|", "\\|")
            lines.append(f"| [`{name}`][{value.__module__}.{value.__qualname__}] | {about} |")
    return SHORT_WAY + "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "formats.md": formats_page,
    "api/veason.md": short_way_page,
    **{f"api/{name}.md": functools.partial(api_page, *page) for name, page in API.items()},
}
"""What makes each page, by its place below docs/reference."""


def main() -> None:
    """Write the pages."""
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")
        print("->", REFERENCE / name)


if __name__ == "__main__":
    main()
