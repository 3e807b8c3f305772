"""From the scores of tracked objects to report.json, results.csv and report.md."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from veason.atomic import write_atomically

_COLUMNS = ("video", "object", "frames", "j", "j_recall", "j_decay", "f", "f_recall", "f_decay", "jf")
SINCE_PROMPT = ((1, 5), (6, 10), (11, 20), (21, 40), (41, 80), (81, 160), (161, None))
"""Frames since the prompt over which J is also averaged, first and last one included; None has no end."""

GONE_WITHIN = 8
"""An object's disappearance counts as told if the mask is empty on one of so many frames from the first without it."""

_NOT_AVAILABLE = "not available: only the first frames are annotated; hand in the predictions"

Objects = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class TrackingReport:
    """The content of report.json and the rows of results.csv, one an object. Figures are percents."""

    content: dict[str, Any]
    table: list[dict[str, Any]]


def build_tracking_report(identity: Mapping[str, Any], videos: Mapping[str, Objects]) -> TrackingReport:
    """Return the report of all videos' objects, as `score_video` gives them by video name."""
    table, scored = [], []
    for video, objects in videos.items():
        for object_id, row in objects.items():
            if row["frames"]:
                scored.append(row)
                table.append({"video": video, "object": object_id, "frames": len(row["frames"]), **_figures(row)})
    content: dict[str, Any] = {"evaluation": dict(identity), "videos": len(videos), "objects": len(table)}
    if not table:
        return TrackingReport({**content, "scores": _NOT_AVAILABLE}, table)
    scores = {name: float(np.mean([row[name] for row in table])) for name in _COLUMNS[3:]}
    return TrackingReport(
        {**content, "scores": scores, "j_since_prompt": _since_prompt(scored), "gone": summarise_gone(scored)}, table
    )


def summarise_scores(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean, recall (the share above one half) and decay (first quarter less last) of one object's frames.

    Source: davis2017-evaluation, davis2017/utils.py db_statistics @30b698a.
    """
    scores = np.asarray(values)
    edges = (np.round(np.linspace(1, len(scores), 5) + 1e-10) - 1).astype(int)
    quarters = [scores[edges[k] : edges[k + 1] + 1] for k in range(4)]
    return float(scores.mean()), float((scores > 0.5).mean()), float(quarters[0].mean() - quarters[3].mean())


def summarise_gone(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how often a disappearance was told in time, and an object that shows was called gone, in percent."""
    told = disappearances = shown = false_gone = 0
    for row in objects:
        gone, empty = row["is_gone"], row["is_empty"]
        begins = [k for k, is_gone in enumerate(gone) if is_gone and not (k and gone[k - 1])]
        for begin in begins:
            until = row["frames"][begin] + GONE_WITHIN
            ahead = zip(row["frames"][begin:], gone[begin:], empty[begin:], strict=True)
            disappearances += 1
            told += any(is_gone and is_empty for index, is_gone, is_empty in ahead if index < until)
        shown += gone.count(False)
        false_gone += sum(is_empty and not is_gone for is_gone, is_empty in zip(gone, empty, strict=True))
    return {
        "disappearances": disappearances,
        "told_percent": 100 * told / disappearances if disappearances else None,
        "shown_frames": shown,
        "called_gone_percent": 100 * false_gone / shown if shown else None,
    }


def _figures(row: Mapping[str, Any]) -> dict[str, float]:
    figures = {}
    for name in ("j", "f"):
        for part, value in zip(("", "_recall", "_decay"), summarise_scores(row[name]), strict=True):
            figures[name + part] = 100 * value
    return {**figures, "jf": (figures["j"] + figures["f"]) / 2}


def _since_prompt(objects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return mean J over objects by frames since the prompt, each object's own mean counting once."""
    rows = []
    for first, last in SINCE_PROMPT:
        means = []
        for row in objects:
            ages = [index - row["start"] for index in row["frames"]]
            values = [j for age, j in zip(ages, row["j"], strict=True) if first <= age <= (last or age)]
            if values:
                means.append(float(np.mean(values)))
        if means:
            rows.append({"from": first, "to": last, "objects": len(means), "j": 100 * float(np.mean(means))})
    return rows


def write_tracking_report(report: TrackingReport, folder: Path) -> None:
    """Write report.json, results.csv and report.md, each beside its place and then renamed into it."""
    write_atomically(folder / "report.json", json.dumps(report.content, indent=1, ensure_ascii=False) + "\n")
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(report.table)
    write_atomically(folder / "results.csv", stream.getvalue())
    write_atomically(folder / "report.md", tracking_markdown(report))


def tracking_markdown(report: TrackingReport) -> str:
    """Return the report as a page that people can read."""
    content = report.content
    about = content["evaluation"]
    lines = [f"# {about.get('kind', '')}, {about.get('split', '')}, first frame's {about['prompt']}", ""]
    lines += [f"- {key}: `{value}`" for key, value in about.items() if key not in ("kind", "split", "prompt")]
    lines += [f"- {content['videos']} videos, {content['objects']} objects scored", "", "## Scores", ""]
    if isinstance(content["scores"], str):
        return "\n".join([*lines, content["scores"], ""])
    head = ("J", "J recall", "J decay", "F", "F recall", "F decay", "J&F")
    lines += [f"| video | object | frames | {' | '.join(head)} |", f"|---|---|{'---:|' * (len(head) + 1)}"]
    for row in ({"video": "**mean**", "object": "", "frames": "", **content["scores"]}, *report.table):
        figures = " | ".join(f"{row[name]:.1f}" for name in _COLUMNS[3:])
        lines.append(f"| {row['video']} | {row['object']} | {row['frames']} | {figures} |")
    lines += ["", "## By frames since the prompt", "", "| frames | objects | J |", "|---|---:|---:|"]
    for row in content["j_since_prompt"]:
        span = f"{row['from']} to {row['to']}" if row["to"] else f"{row['from']} and more"
        lines.append(f"| {span} | {row['objects']} | {row['j']:.1f} |")
    gone = content["gone"]
    told = "none" if gone["told_percent"] is None else f"{gone['told_percent']:.1f} % told within {GONE_WITHIN} frames"
    called = "-" if gone["called_gone_percent"] is None else f"{gone['called_gone_percent']:.1f} %"
    lines += ["", "## Gone", "", f"{gone['disappearances']} disappearances: {told}."]
    lines += [f"Called gone on {called} of {gone['shown_frames']} frames that show the object.", ""]
    return "\n".join(lines)
