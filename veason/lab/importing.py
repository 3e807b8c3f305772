"""Runs made from what is there: an evaluation, or somebody's folder of predictions, which is evaluated first.

import_evaluation(lab, "base", Path("out"))                          from the folder of `veason eval`
import_predictions(lab, "theirs", dataset, Path("their/folder"))     whatever their layout (`veason.lab.layouts`)
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from veason.errors import DataError
from veason.evaluate import PREDICTIONS, evaluate
from veason.evaluate.journal import JOURNAL_FILE, read_journal
from veason.formats.benchmarks.predictions import SavedAnswer, read_saved_answers
from veason.formats.datasets import Dataset, open_dataset
from veason.lab.cases import NOTHING_MORE, Extra, check_keys, make_case, samples_by_object
from veason.lab.layouts import arrange
from veason.lab.packing import pack_masks, saved_masks
from veason.lab.store import CASES_FILE, MASKS, Lab, Run, RunInfo, schema
from veason.libraries import library_imports
from veason.types import OnProgress, Sample

REWARDS = ("reward_format", "reward_keyframe", "reward_boxes", "reward_tracks")


def import_evaluation(
    lab: Lab,
    name: str,
    out: Path,
    *,
    extras: Path | None = None,
    with_masks: bool = True,
    tags: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> Run:
    """Make a run of a finished evaluation, and return it.

    Args:
        lab: where the run goes.
        name: its name, which must be free.
        out: the folder that `veason eval --out` wrote.
        extras: JSON lines with more about cases (see `read_extras`).
        with_masks: keep the predicted masks too.
        tags: words by which people find it.
        on_progress: called with (done, all) after every video.

    Raises:
        DataError: `out` holds no finished evaluation, or its dataset has changed or is gone.
        OptionError: the name is taken.
    """
    lab.check_name(name)
    identity, rows = read_journal(out / JOURNAL_FILE)
    dataset = open_dataset(identity["root"], identity["kind"], identity["split"])
    samples = list(dataset)
    check_keys(rows, samples)
    predictions = Path(identity["predictions"]) if "predictions" in identity else out / PREDICTIONS
    answers = read_saved_answers(predictions) or {}
    more = read_extras(extras, {sample.key for sample in samples}) if extras else {}
    info = RunInfo(
        name=name,
        dataset={key: identity[key] for key in ("kind", "root", "split", "fingerprint")},
        made_by={key: value for key, value in identity.items() if key not in ("kind", "root", "split", "fingerprint")},
        made_at=time.time(),
        cases=len(samples),
        tags=tuple(sorted(tags)),
        has_masks=with_masks,
    )
    with lab.adding(info) as folder:
        write_cases(folder, _cases(samples, rows, answers, more, on_progress))
        if with_masks:
            pack_masks(((sample.key, saved_masks(predictions, sample)) for sample in samples), folder / MASKS)
    return lab.run(name)


def import_predictions(
    lab: Lab,
    name: str,
    dataset: Dataset,
    predictions: Path,
    *,
    workers: int = 1,
    allow_missing: bool = False,
    with_masks: bool = True,
    tags: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> Run:
    """Score a folder of predictions and make a run of it; goes on where it was stopped.

    Raises:
        DataError: no layout that is known fits the folder, pictures are missing or unreadable.
        OptionError: the name is taken.
    """
    work = lab.folder / "evaluations" / name
    out = work / "out"
    with lab.claiming(name):
        arranged = arrange(predictions, list(dataset), work)
        evaluate(dataset, arranged, out, workers=workers, allow_missing=allow_missing, on_progress=on_progress)
    return import_evaluation(lab, name, out, with_masks=with_masks, tags=tags)


def write_cases(folder: Path, rows: Iterator[dict[str, Any]]) -> None:
    """Write the table of cases of a run."""
    with library_imports():
        import polars as pl
    pl.DataFrame(list(rows), schema=schema(), orient="row").write_parquet(folder / CASES_FILE)


def read_extras(file: Path, keys: set[str]) -> dict[str, Extra]:
    """Return what a file of JSON lines tells about cases, by key.

    A line is {"key": ..., and any of "agreement", "object_score", "statements", "false_statements",
    "reward_format", "reward_keyframe", "reward_boxes", "reward_tracks"}.

    Raises:
        DataError: a line is something else, or about a case that the dataset has not.
    """
    found: dict[str, Extra] = {}
    for number, line in enumerate(file.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            key = record.pop("key")
            rewards = {name: float(record.pop(name)) for name in REWARDS if name in record}
            found[key] = Extra(rewards=rewards or None, **record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{file}: line {number} tells nothing about a case: {error!r}") from error
        if key not in keys:
            raise DataError(f"{file}: line {number} is about {key!r}, which is no case of this dataset")
    return found


def _cases(
    samples: Sequence[Sample],
    rows: Mapping[str, Mapping[str, Any]],
    answers: Mapping[str, SavedAnswer],
    extras: Mapping[str, Extra],
    on_progress: OnProgress | None,
) -> Iterator[dict[str, Any]]:
    done = 0
    for _, group in groupby(samples, key=lambda sample: sample.video):
        members = list(group)
        neighbours = samples_by_object(members)
        for sample in members:
            extra = extras.get(sample.key, NOTHING_MORE)
            yield make_case(sample, rows[sample.key], answers.get(sample.key), extra, neighbours=neighbours)
        done += len(members)
        if on_progress:
            on_progress(done, len(samples))
