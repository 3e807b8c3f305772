"""The report of an evaluation: report.json, results.csv, report.md and the scatter plot of the keyframe analysis.

The report is deterministic: two runs over the same predictions write the same bytes.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from veason.atomic import atomic_file, write_atomically
from veason.evaluate.score import DEFECTS, OFFICIAL
from veason.formats.datasets import Dataset
from veason.formats.ref_davis17.reader import ANNOTATORS
from veason.libraries import INSTALL_COMMANDS
from veason.metrics import (
    ABSENT,
    REASONING,
    REFERRING,
    SequenceScore,
    Summary,
    summarise_absence,
    summarise_mean,
    summarise_ref_davis,
    summarise_revos,
)
from veason.types import Sample

NOT_AVAILABLE = "not available"
SCATTER = "keyframes.png"
_COLUMNS = (
    "name", "video", "expression_id", "type", "instruction", "num_frames", "j", "f", "jf", "r_legacy", "r_binary",
    "is_empty", "missing_frames", "keyframe", "prominence", "defects",
)  # fmt: skip
TYPE_IDS = {"referring": REFERRING, "reasoning": REASONING, "absent": ABSENT}

JournalRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The content of report.json, the rows of results.csv, and the (prominence, J&F) points of the scatter plot."""

    content: dict[str, Any]
    table: list[dict[str, Any]]
    points: list[tuple[float, float]]


def build_report(
    dataset: Dataset, rows: Mapping[str, JournalRow], identity: Mapping[str, Any], *, has_answers: bool
) -> Report:
    """Build the report; every expression of the dataset must have a row. Scores are percentages."""
    samples = list(dataset)
    sample_rows = [rows[sample.key] for sample in samples]
    scores = [SequenceScore(**row["score"]) if row["score"] else None for row in sample_rows]
    points = [
        (row["prominence"], 100 * score.jf)
        for row, score in zip(sample_rows, scores, strict=True)
        if score and row["prominence"] is not None
    ]
    missing = {sample.key: row["missing"] for sample, row in zip(samples, sample_rows, strict=True) if row["missing"]}
    content = {
        "evaluation": dict(identity),
        "coverage": {
            "expressions": len(samples),
            "incomplete": missing,
            "note": "missing pictures were scored as empty masks" if missing else "complete",
        },
        "scores": build_scores(dataset.kind, samples, scores, rows),
        "absence": build_absence(samples, sample_rows, scores),
        "empty_predictions_percent": _percent(sum(row["is_empty"] for row in sample_rows), len(sample_rows)),
        "keyframes": build_keyframes(points) if has_answers else NOT_AVAILABLE,
        "defects": build_defects(sample_rows) if has_answers else NOT_AVAILABLE,
    }
    content["cautions"] = find_cautions(content, sample_rows, samples)
    table = [_table_row(sample, row, score) for sample, row, score in zip(samples, sample_rows, scores, strict=True)]
    return Report(content, table, points)


def build_scores(
    kind: str, samples: Sequence[Sample], scores: Sequence[SequenceScore | None], rows: Mapping[str, JournalRow]
) -> Any:
    """Return the figures of the benchmark's table, None for a figure without expressions."""
    scored = [(sample, score) for sample, score in zip(samples, scores, strict=True) if score is not None]
    if not scored:
        return NOT_AVAILABLE
    values = [score for _, score in scored]
    if kind == "revos":
        type_ids = [TYPE_IDS[sample.type or "referring"] for sample, _ in scored]
        revos = summarise_revos(values, type_ids)
        absent = summarise_mean([score for score, type_id in zip(values, type_ids, strict=True) if type_id == ABSENT])
        return {
            "referring": _figures(revos.referring),
            "reasoning": _figures(revos.reasoning),
            "overall": _figures(revos.overall),
            "absent": _figures(absent),
        }
    table = {"overall": _figures(summarise_mean(values))}
    if kind == "ref-davis17":
        pairs = [
            [tuple(pair) for key, row in sorted(rows.items()) if _is_of(key, number) for pair in row["pairs"]]
            for number in range(ANNOTATORS)
        ]
        table["official"] = _figures(summarise_ref_davis(pairs))
    return table


def build_absence(
    samples: Sequence[Sample], rows: Sequence[JournalRow], scores: Sequence[SequenceScore | None]
) -> dict[str, Any] | str:
    """Return N-acc and T-acc. Unparsable answers have empty masks, so those for absent targets are also counted."""
    scored = [(s, row) for s, row, score in zip(samples, rows, scores, strict=True) if score is not None]
    if not scored:
        return NOT_AVAILABLE
    is_absent = [sample.type == "absent" for sample, _ in scored]
    absence = summarise_absence(is_absent, [row["is_empty"] for _, row in scored])
    unparsable = [
        gone for gone, (_, row) in zip(is_absent, scored, strict=True) if "unparsable" in (row["defects"] or ())
    ]
    return {**asdict(absence), "num_absent_unparsable": sum(unparsable)}


def build_keyframes(points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return the Pearson correlation between keyframe prominence and J&F, None if it is not defined."""
    pearson = None
    if len(points) > 1:
        prominence, jf = np.array(points, dtype=np.float64).T
        if np.ptp(prominence) > 0 and np.ptp(jf) > 0:
            pearson = float(np.corrcoef(prominence, jf)[0, 1])
    mean = float(np.mean([prominence for prominence, _ in points])) if points else None
    return {"pearson": pearson, "mean_prominence": mean, "count": len(points)}


def build_defects(rows: Sequence[JournalRow]) -> dict[str, Any]:
    """Return the percentage of saved answers with each defect."""
    answered = [row["defects"] for row in rows if row["defects"] is not None]
    counts = Counter(name for defects in answered for name in defects)
    return {"answers": len(answered)} | {name: _percent(counts[name], len(answered)) for name in DEFECTS}


def find_cautions(content: Mapping[str, Any], rows: Sequence[JournalRow], samples: Sequence[Sample]) -> list[str]:
    """Return warnings about figures that are easily misread."""
    cautions = []
    missing, empty = content["coverage"]["incomplete"], content["empty_predictions_percent"]
    if missing:
        cautions.append(f"{len(missing)} of {len(rows)} expressions lack pictures; they were scored as empty masks.")
    if empty == 100:
        cautions.append(
            "Every prediction is empty. R counts false pixels only, so it is 100 for a predictor that never answers; "
            "N-acc is 100 for the same reason, T-acc is 0. J and F are above 0 only where a target is out of sight."
        )
    elif empty is not None and empty > 50:
        cautions.append(f"{empty:.1f} % of the predictions are empty: R and N-acc reward that, J&F and T-acc do not.")
    absence = content["absence"]
    if isinstance(absence, dict) and absence["num_absent_unparsable"]:
        cautions.append(
            f"{absence['num_absent_unparsable']} of {absence['num_absent']} absent targets count as answered empty in "
            "N-acc only because the answer could not be read."
        )
    if any(sample.dataset == "revos" for sample in samples):
        cautions.append(
            "R_legacy is the published tool's R: a false pixel weighs 255, so it says how often masks are almost free "
            "of false pixels. R_binary weighs it 1. Never compare the two, nor R across tools."
        )
    return cautions


def write_evaluation(report: Report, folder: Path) -> None:
    """Write report.json, results.csv, report.md and, if keyframes are known, the scatter plot."""
    picture = None
    if report.points:
        picture = draw_scatter(report.points, report.content["keyframes"]["pearson"], folder / SCATTER)
    write_atomically(folder / "report.json", json.dumps(report.content, indent=1, ensure_ascii=False) + "\n")
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(report.table)
    write_atomically(folder / "results.csv", stream.getvalue())
    write_atomically(folder / "report.md", as_markdown(report.content, picture))


def draw_scatter(points: Sequence[tuple[float, float]], pearson: float | None, file: Path) -> str:
    """Draw J&F over prominence; return a line for the report, or the install command if matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        return f"The scatter plot was not drawn: matplotlib is not installed: {INSTALL_COMMANDS['matplotlib']}"
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    prominence, jf = zip(*points, strict=True)
    axes.scatter(prominence, jf, s=8, alpha=0.4, linewidths=0, color="#1f5fa8")
    axes.set(xlabel="keyframe prominence (area / largest area)", ylabel="J&F (%)", xlim=(-0.03, 1.03), ylim=(-3, 103))
    axes.set_title(f"{len(points)} expressions, Pearson {_number(pearson)}", fontsize=10)
    with atomic_file(file) as stream:
        figure.savefig(stream, format="png", metadata={"Software": None})
    return f"![J&F over keyframe prominence]({file.name})"


def as_markdown(content: Mapping[str, Any], picture: str | None) -> str:
    """Return the report as Markdown."""
    evaluation = content["evaluation"]
    lines = [f"# {evaluation['kind']}, {evaluation['split']}", ""]
    lines += [f"- {key}: `{value}`" for key, value in evaluation.items() if key not in ("kind", "split")]
    lines += [f"- expressions: {content['coverage']['expressions']}, {content['coverage']['note']}", ""]
    lines += ["## Scores", ""]
    if isinstance(content["scores"], str):
        lines += [f"{NOT_AVAILABLE}: this split has no public ground truth", ""]
    else:
        lines += ["| | expressions | J | F | J&F | R_legacy | R_binary |", "|---|---:|---:|---:|---:|---:|---:|"]
        for name, figures in content["scores"].items():
            label = {"absent": "absent (in no official figure)", "official": "official, by annotator"}.get(name, name)
            keys = ("j", "f", "jf", "r_legacy", "r_binary")
            cells = [str(figures["count"]), *(_number(figures[key]) for key in keys)] if figures else ["0", *["-"] * 5]
            lines.append(f"| {label} | {' | '.join(cells)} |")
        absence = content["absence"]
        lines += [
            "",
            f"N-acc {_number(absence['n_acc'])} ({absence['num_absent']} absent targets), "
            f"T-acc {_number(absence['t_acc'])} ({absence['num_present']} present). "
            f"Empty predictions: {_number(content['empty_predictions_percent'])} %.",
            "",
        ]
    lines += ["## Keyframes", ""]
    keyframes = content["keyframes"]
    if isinstance(keyframes, str):
        lines += [f"{NOT_AVAILABLE}: there is no answers.jsonl beside the predictions", ""]
    else:
        pearson = "not defined" if keyframes["pearson"] is None else _number(keyframes["pearson"])
        lines += [
            f"Pearson correlation of keyframe prominence and J&F: {pearson} "
            f"over {keyframes['count']} expressions; mean prominence {_number(keyframes['mean_prominence'])}.",
            "",
            *([picture, ""] if picture else []),
        ]
    lines += ["## Answers by defect", ""]
    if isinstance(content["defects"], str):
        lines += [f"{NOT_AVAILABLE}: there is no answers.jsonl beside the predictions", ""]
    else:
        lines += ["| defect | % of answers |", "|---|---:|"]
        lines += [f"| {name} | {_number(content['defects'][name])} |" for name in DEFECTS]
        lines += ["", f"{content['defects']['answers']} answers.", ""]
    lines += ["## Cautions", "", *[f"- {caution}" for caution in content["cautions"]]] if content["cautions"] else []
    return "\n".join(lines).rstrip() + "\n"


def _figures(summary: Summary | None) -> dict[str, Any] | None:
    return None if summary is None else {**asdict(summary), "jf": summary.jf}


def _table_row(sample: Sample, row: JournalRow, score: SequenceScore | None) -> dict[str, Any]:
    return {
        "name": sample.key.rpartition("/")[0] + "_" + sample.expression_id,
        "video": sample.video,
        "expression_id": sample.expression_id,
        "type": sample.type or "",
        "instruction": sample.instruction,
        "num_frames": score.num_frames if score else len(sample.frame_names),
        "j": _or_blank(score and score.j),
        "f": _or_blank(score and score.f),
        "jf": _or_blank(score and score.jf),
        "r_legacy": _or_blank(score and score.r_legacy),
        "r_binary": _or_blank(score and score.r_binary),
        "is_empty": int(row["is_empty"]),
        "missing_frames": row["missing"],
        "keyframe": _or_blank(row["keyframe"]),
        "prominence": _or_blank(row["prominence"]),
        "defects": "; ".join(row["defects"] or ()),
    }


def _is_of(key: str, annotator: int) -> bool:
    return key.startswith(OFFICIAL) and key.endswith(f":{annotator}")


def _percent(count: int, total: int) -> float | None:
    return 100 * count / total if total else None


def _or_blank(value: Any) -> Any:
    return "" if value is None else value


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
