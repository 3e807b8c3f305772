"""Write docs/results.md: what was measured, each figure read from the newest committed file of its benchmark.

    python benchmarks/results_page.py

A row that no committed file holds any longer ends the run: the page never shows a figure that was typed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from report import RESULTS
from results_figures import Values
from results_rows import SECTIONS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "results.md"


def newest(name: str, key: str | None = None) -> tuple[Values, Path]:
    """Return the values of the newest result called `name` (or `name`-loaded), a quiet one first, and its file."""
    for suffix in ("", "-loaded"):
        files = [*RESULTS.glob(f"????-??-??-cpu-{name}{suffix}.json"), *RESULTS.glob(f"????-??-??-{name}{suffix}.json")]
        for file in sorted(files, reverse=True):
            result = json.loads(file.read_text(encoding="utf-8"))
            values = result.get("values", result)
            if key is None or key in values.get("rows", {}):
                return values, file
    raise SystemExit(f"no committed result of {name}" + (f" holds {key}" if key else ""))


HEAD = """# Results

Two cores of a shared server, most of it while other work ran on them; the load stands in each file. Ratios are against
the stock or plain way in the same run. This page is written by `benchmarks/results_page.py` from the files in
`benchmarks/results`; a test holds it to them.
"""

PICTURES = """
![One click on one object, by the length of the clip: seconds and memory, stock and ours](images/scaling-frames.svg)

![One click on one of several objects, 100 frames: seconds and memory, stock and ours](images/scaling-objects.svg)

Both with the embedded segmenter, whose image encoder is a smaller part of the work than that of SAM 2.1 large. A line
that is dashed is extrapolated. What is kept grows to the budgets (1.25 GiB together by default) and no further.
"""


def structure() -> Iterator[str]:
    """Yield the lines about the code itself, where it has been measured."""
    from structure import rows

    values, file = newest("structure")
    before, after = rows(values["before"]), rows(values["after"])
    yield "\n## The code\n"
    yield f"At commit `{values['before_commit']}` and now, by `structure.py` on {file.name[:10]}.\n"
    yield "| what | before | after |\n|---|---|---|"
    yield from (f"| {what} | {before[what]} | {after[what]} |" for what in after)


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    for title, (rows, note) in SECTIONS.items():
        lines.append(f"\n## {title}\n")
        if note:
            lines.append(f"{note}\n")
        lines.append("| what | figure | measured | script |\n|---|---|---|---|")
        for row in rows:
            values, file = newest(row.name, row.key)
            date = file.name[:10].replace("-", "\N{NON-BREAKING HYPHEN}")
            lines.append(f"| {row.what} | {row.figure(values)} | {date} | `{row.script}` |")
        if title == "Speed":
            lines.append(PICTURES)
    if list(RESULTS.glob("*-structure.json")):
        lines.extend(structure())
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print("->", PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
