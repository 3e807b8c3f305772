"""Count again what a report of the lab says, from the raw files alone; nothing of Veason is imported.

    python benchmarks/recount_report.py report.html META RUN[=EXTRAS] ...

META is the meta_expressions_*.json of a ReVOS dataset, each RUN the folder that `veason eval --out` wrote (or `veason
lab run`, in LAB/evaluations/NAME/out), in the order of the report, each with the JSON lines of its extras where it has
some. Ends with 1 where a figure of the page is another.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any


def main(report: str, meta: str, *runs: str) -> int:
    page = Path(report).read_text(encoding="utf-8")
    videos = json.loads(Path(meta).read_bytes())["videos"]
    asked = {f"{video}/{name}": one for video, told in videos.items() for name, one in told["expressions"].items()}
    absent = {key for key, one in asked.items() if not one.get("obj_id")}
    cells = {
        name: re.findall(r"<td>(.*?)</td>", rest)
        for name, rest in re.findall(r"<tr><td>(\w+)<br>.*?</td>(.*?)</tr>", page.replace("\n", ""))
    }
    is_equal = True
    for number, run in enumerate(runs):
        folder, _, extras = run.partition("=")
        counts, means = recount(Path(folder), Path(extras) if extras else None, absent, set(asked))
        for name, count in counts.items():
            told = cells[name][number]
            fits = told.startswith(f"{count} of ")
            is_equal &= fits
            print(f"{folder}: {name} {count}, the page says {told}" + ("" if fits else "  DIFFERENT"))
        for name, mean in means.items():
            fits = f"<td>{mean:.1f} [" in page
            is_equal &= fits
            print(f"{folder}: {name} {mean:.1f}" + (", on the page" if fits else "  NOT ON THE PAGE"))
    return 0 if is_equal else 1


def recount(
    folder: Path, extras: Path | None, absent: set[str], asked: set[str]
) -> tuple[dict[str, int], dict[str, float]]:
    """Return flags by name and the mean of each score of one run."""
    lines = (folder / "results.journal").read_text(encoding="utf-8").splitlines()
    rows = {row["key"]: row for row in (json.loads(line.split(" ", 1)[1]) for line in lines) if row.get("key") in asked}
    answers = by_key(folder / "predictions" / "answers.jsonl")
    if set(rows) != asked or set(answers) != asked:
        raise SystemExit(f"{folder}: has {len(rows)} rows and {len(answers)} answers to {len(asked)} questions")
    jf = {key: 50 * (row["score"]["j"] + row["score"]["f"]) for key, row in rows.items()}
    read = {key: one for key, one in answers.items() if not one["unanswered"]}
    counts = {
        "unreadable": len(answers) - len(read),
        "absent_answered": sum(key in absent and bool(one["boxes_xyxy"]) for key, one in read.items()),
        "present_denied": sum(key not in absent and not one["boxes_xyxy"] for key, one in read.items()),
        "keyframe_not_shown": sum(
            one["keyframe"] is not None and one["keyframe"] not in one["frames_shown"] for one in read.values()
        ),
    }
    if extras is not None:
        false = {key for key, one in by_key(extras).items() if one.get("false_statements")}
        counts["false_reason"] = len(false)
    scores = {name: [100 * row["score"][name] for row in rows.values()] for name in ("j", "f")} | {"jf": [*jf.values()]}
    return counts, {name: sum(values) / len(values) for name, values in scores.items()}


def by_key(file: Path) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in map(json.loads, file.read_text(encoding="utf-8").splitlines())}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
