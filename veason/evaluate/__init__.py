"""Evaluate predictions on a benchmark: make them or take them as they are, score them, and write the report.

    evaluate(open_dataset("ReVOS", "revos"), Path("predictions"), Path("out"))        # only scores
    evaluate(open_dataset("ReVOS", "revos"), Live(make_pipeline), Path("out"))        # asks the models first

    journal.py   what is done, line by line        live.py     ask the models, save pictures and answers
    workers.py   one process or several            score.py    one expression -> one row
    report.py    rows -> report.json, CSV, tables

Kill a run at any time and start it again: finished expressions are kept if their saved pictures are unchanged, the one
in work is done again, and the report is the one that an undisturbed run writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from veason.errors import DataError
from veason.evaluate.journal import Journal
from veason.evaluate.live import Live
from veason.evaluate.report import Report, build_report, write_report
from veason.evaluate.score import OFFICIAL, Task
from veason.evaluate.workers import ScoringJob, score_groups
from veason.formats.benchmarks.predictions import (
    SavedAnswer,
    missing_frames,
    parse_saved_answer,
    prediction_folder,
    read_saved_answers,
    sweep_partial,
    write_saved_answers,
)
from veason.formats.datasets import Dataset
from veason.formats.ref_davis17.reader import annotator
from veason.types import OnProgress, Sample

__all__ = ["Live", "Report", "evaluate", "find_missing"]

GROUP_SIZE = 8
"""At most so many expressions of one video go to a worker at once."""

PREDICTIONS = "predictions"
"""Folder below the output folder for predictions made on the way."""


def evaluate(
    dataset: Dataset,
    source: Path | Live,
    out: Path,
    *,
    workers: int = 1,
    allow_missing: bool = False,
    on_progress: OnProgress | None = None,
) -> Report:
    """Score every expression of the dataset and write the report into `out`; goes on where an earlier run stopped.

    Args:
        dataset: what to score against. Without public ground truth only predictions are made.
        source: a folder of saved predictions, or how to make them (they are kept in `out`/predictions).
        out: folder for journal and report, made if it is not there.
        workers: number of processes; with `Live`, each loads the models.
        allow_missing: score missing pictures as empty masks, and say so in the report, instead of raising.
        on_progress: called with (done, all) after every expression.

    Raises:
        DataError: pictures are missing, unreadable or of the wrong size; or `out` holds another evaluation.
        VeasonError: a model failed.
    """
    out.mkdir(parents=True, exist_ok=True)
    is_live = isinstance(source, Live)
    predictions = out / PREDICTIONS if isinstance(source, Live) else source
    answers = None if is_live else read_saved_answers(predictions)
    if not is_live:
        check_coverage(dataset, predictions, out, allow_missing=allow_missing)
    with Journal(out, identity_of(dataset, source)) as journal:
        if is_live:
            sweep_partial(predictions)
        job = ScoringJob(predictions, source if isinstance(source, Live) else None)
        tasks = [Task(sample.key, (sample,), (answers or {}).get(sample.key)) for sample in dataset]
        run_tasks(job, tasks, journal, workers, on_progress)
        if is_live:
            write_saved_answers(predictions, _kept_answers(journal, dataset))
            sweep_partial(predictions)
        official = list(official_tasks(dataset))
        run_tasks(replace(job, live=None), official, journal, workers, None)
        report = build_report(dataset, journal.rows, identity_of(dataset, source), has_answers=is_live or bool(answers))
    write_report(report, out)
    return report


def run_tasks(
    job: ScoringJob, tasks: Sequence[Task], journal: Journal, workers: int, on_progress: OnProgress | None
) -> None:
    """Do the tasks that the journal has not, or whose pictures have changed since."""
    pending = [task for task in tasks if not _is_done(journal.rows.get(task.key), job, task)]
    done = len(tasks) - len(pending)
    if on_progress:
        on_progress(done, len(tasks))
    with closing(score_groups(job, list(_groups(pending)), workers)) as rows:
        for row in rows:
            journal.append(row)
            done += 1
            if on_progress:
                on_progress(done, len(tasks))


def find_missing(dataset: Sequence[Sample], predictions: Path) -> dict[str, tuple[str, ...]]:
    """Return, by sample key, the names of scored frames without a saved picture."""
    found = ((sample.key, missing_frames(predictions, sample)) for sample in dataset)
    return {key: names for key, names in found if names}


def check_coverage(dataset: Dataset, predictions: Path, out: Path, *, allow_missing: bool) -> None:
    """Raise DataError, and list everything in `out`/missing.txt, unless every scored frame has a saved picture."""
    listing = out / "missing.txt"
    listing.unlink(missing_ok=True)
    if not (predictions / "Annotations").is_dir():
        raise DataError(
            f"{predictions}: has no folder Annotations; predictions are Annotations/<video>/<id>/<frame>.png"
        )
    missing = find_missing(dataset, predictions)
    if not missing or allow_missing:
        return
    has_folder = {sample.key: prediction_folder(predictions, sample).is_dir() for sample in dataset}
    lines = [f"{key}: {' '.join(names) if has_folder[key] else 'all frames'}" for key, names in missing.items()]
    listing.write_text("\n".join(lines) + "\n", encoding="utf-8")
    shown = "\n".join(f"  {line[:160]}" for line in lines[:20])
    raise DataError(
        f"{len(missing)} of {len(dataset)} expressions lack predictions (all are listed in {listing}):\n{shown}\n"
        "make them, or give --allow-missing to score them as empty masks"
    )


def identity_of(dataset: Dataset, source: Path | Live) -> dict[str, Any]:
    """Return what tells this evaluation from another one, as JSON values."""
    digest = hashlib.blake2b(digest_size=12)
    for sample in dataset:
        digest.update(f"{sample.key}\n{sample.instruction}\n{sample.type}\n".encode())
    for file in sorted([*dataset.root.glob("[!.]*.json"), *(dataset.root / dataset.split).glob("[!.]*.json")]):
        status = file.stat()
        digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    made_by = dict(source.label) if isinstance(source, Live) else {"predictions": str(source.resolve())}
    return {
        "kind": dataset.kind,
        "root": str(dataset.root.resolve()),
        "split": dataset.split,
        "fingerprint": digest.hexdigest(),
        **made_by,
    }


def official_tasks(dataset: Dataset) -> Iterator[Task]:
    """Yield the extra rows that Ref-DAVIS17's official score needs: the objects of each video and annotator."""
    if dataset.kind != "ref-davis17":
        return
    for video, group in groupby(dataset, key=lambda sample: sample.video):
        by_annotator: dict[int, list[Sample]] = {}
        for sample in group:
            by_annotator.setdefault(annotator(sample), []).append(sample)
        for number, samples in by_annotator.items():
            ordered = sorted(samples, key=lambda sample: int(sample.expression_id))
            yield Task(f"{OFFICIAL}{video}:{number}", tuple(ordered))


def _is_done(row: Mapping[str, Any] | None, job: ScoringJob, task: Task) -> bool:
    return row is not None and row["stamp"] == job.stamp(task)


def _groups(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    for _, group in groupby(tasks, key=lambda task: task.samples[0].video):
        members = list(group)
        for start in range(0, len(members), GROUP_SIZE):
            yield members[start : start + GROUP_SIZE]


def _kept_answers(journal: Journal, dataset: Dataset) -> Iterator[SavedAnswer]:
    for sample in dataset:
        yield parse_saved_answer(journal.rows[sample.key]["answer"], journal.path, sample.key)
