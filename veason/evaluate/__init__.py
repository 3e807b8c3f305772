"""Evaluation on a benchmark: run the models or read saved predictions, score them, and write a report.

    evaluate(open_dataset("ReVOS", "revos"), Path("predictions"), Path("out"))        # scores saved masks
    evaluate(open_dataset("ReVOS", "revos"), Live(make_pipeline), Path("out"))        # runs the models first

    journal.py   finished rows, for resuming       live.py     run the models, save masks and answers
    workers.py   one process or several            score.py    one expression -> one row
    clustered.py actors of a Ray cluster           report.py   rows -> report.json, CSV, tables

A run can be killed at any time and started again: finished expressions are kept if their saved masks are unchanged, the
unfinished one is repeated, and the report equals that of an uninterrupted run.
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
from veason.evaluate.clustered import ClusterWorkers, score_on_cluster
from veason.evaluate.journal import Journal
from veason.evaluate.live import Live
from veason.evaluate.report import Report, build_report, write_evaluation
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

__all__ = ["ClusterWorkers", "Live", "Report", "evaluate", "find_missing"]

GROUP_SIZE = 8
"""Most expressions of one video that a worker gets at once."""

PREDICTIONS = "predictions"
"""Name of the folder for the models' predictions, in the output folder."""


def evaluate(
    dataset: Dataset,
    source: Path | Live,
    out: Path,
    *,
    workers: int | ClusterWorkers = 1,
    allow_missing: bool = False,
    on_progress: OnProgress | None = None,
) -> Report:
    """Score every expression of the dataset and write the report into `out`. Continues an earlier run in `out`.

    Args:
        dataset: the benchmark split. Without public ground truth only predictions are made.
        source: a folder of saved predictions, or the models to run (their predictions go to `out`/predictions).
        out: folder for journal and report, created if needed.
        workers: number of processes, or actors of a cluster; with `Live`, each loads the models.
        allow_missing: score missing mask images as empty masks, and state it in the report, instead of raising.
        on_progress: called with `(done, total)` expressions after each one.

    Raises:
        DataError: mask images are missing, unreadable or of the wrong size; or `out` has another evaluation.
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
            write_saved_answers(predictions, _saved_answers(journal, dataset))
            sweep_partial(predictions)
        official = list(official_tasks(dataset))
        run_tasks(replace(job, live=None), official, journal, workers, None)
        report = build_report(dataset, journal.rows, identity_of(dataset, source), has_answers=is_live or bool(answers))
    write_evaluation(report, out)
    return report


def run_tasks(
    job: ScoringJob,
    tasks: Sequence[Task],
    journal: Journal,
    workers: int | ClusterWorkers,
    on_progress: OnProgress | None,
) -> None:
    """Run the tasks that are not in the journal, or whose mask images have changed since."""
    pending = [task for task in tasks if not _is_done(journal.rows.get(task.key), job, task)]
    done = len(tasks) - len(pending)
    if on_progress:
        on_progress(done, len(tasks))
    groups = list(_groups(pending))
    score = score_groups(job, groups, workers) if isinstance(workers, int) else score_on_cluster(job, groups, workers)
    with closing(score) as rows:
        for row in rows:
            journal.append(row)
            done += 1
            if on_progress:
                on_progress(done, len(tasks))


def find_missing(dataset: Sequence[Sample], predictions: Path) -> dict[str, tuple[str, ...]]:
    """Return the names of scored frames without a saved mask image, by sample key."""
    found = ((sample.key, missing_frames(predictions, sample)) for sample in dataset)
    return {key: names for key, names in found if names}


def check_coverage(dataset: Dataset, predictions: Path, out: Path, *, allow_missing: bool) -> None:
    """Raise DataError and write `out`/missing.txt if a scored frame has no saved mask image."""
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
    """Return the identity of an evaluation as JSON values: dataset, split, files and models."""
    models = dict(source.label) if isinstance(source, Live) else {"predictions": str(source.resolve())}
    return {**dataset_identity(dataset), **models}


def dataset_identity(dataset: Dataset) -> dict[str, Any]:
    """Return what tells a dataset from others, and from itself after a change, as JSON values."""
    digest = hashlib.blake2b(digest_size=12)
    for sample in dataset:
        digest.update(f"{sample.key}\n{sample.instruction}\n{sample.type}\n".encode())
    for file in sorted([*dataset.root.glob("[!.]*.json"), *(dataset.root / dataset.split).glob("[!.]*.json")]):
        status = file.stat()
        digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return {
        "kind": dataset.kind,
        "root": str(dataset.root.resolve()),
        "split": dataset.split,
        "fingerprint": digest.hexdigest(),
    }


def official_tasks(dataset: Dataset) -> Iterator[Task]:
    """Yield the additional tasks of Ref-DAVIS17's official score: the objects of each video and annotator."""
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


def _saved_answers(journal: Journal, dataset: Dataset) -> Iterator[SavedAnswer]:
    for sample in dataset:
        yield parse_saved_answer(journal.rows[sample.key]["answer"], journal.path, sample.key)
