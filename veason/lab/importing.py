"""Runs made from what is there: an evaluation, or somebody's folder of predictions, which is evaluated first.

import_evaluation(lab, "base", Path("out"))                          from the folder of `veason eval`
import_predictions(lab, "theirs", dataset, Path("their/folder"))     whatever their layout (`veason.lab.layouts`)
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from veason.errors import DataError
from veason.evaluate import PREDICTIONS, evaluate
from veason.evaluate.journal import JOURNAL_FILE, read_journal
from veason.formats.benchmarks.files import keyed_lines
from veason.formats.benchmarks.predictions import SavedAnswer, read_saved_answers
from veason.formats.datasets import Dataset, open_dataset
from veason.lab.cases import NOTHING_MORE, Extra, check_keys, make_case, samples_by_object
from veason.lab.layouts import arrange
from veason.lab.packing import pack_masks, saved_masks
from veason.lab.rewarding import REWARD_TERMS, explain_rewards, profile_of_run
from veason.lab.store import CASES_FILE, MASKS, Lab, Run, RunInfo, schema
from veason.libraries import library_imports
from veason.profile import Profile
from veason.types import OnProgress, Sample

SHARES, COUNTS = ("agreement", "object_score"), ("statements", "false_statements")
REWARDS = tuple(f"reward_{name}" for name in REWARD_TERMS)
"""What a line of extras can tell: shares from 0 to 1, whole numbers, rewards."""

_LARGEST = 10**9


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
        source = _Source(rows, answers, more, predictions, profile_of_run(info.made_by))
        write_cases(folder, _cases(samples, source, on_progress))
        if with_masks:
            pack_masks(((sample.key, saved_masks(predictions, sample)) for sample in samples), folder / MASKS)
    return lab.run(name)


def import_predictions(
    lab: Lab,
    name: str,
    dataset: Dataset,
    predictions: Path | Callable[[Path], None],
    *,
    workers: int = 1,
    allow_missing: bool = False,
    with_masks: bool = True,
    tags: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> Run:
    """Score a folder of predictions and make a run of it; goes on where it was stopped.

    Args:
        lab: where the run goes.
        name: its name, which must be free.
        dataset: what the predictions are about.
        predictions: the folder or ZIP, or what writes them into a folder: it is called while nobody else makes a run
            of that name, with a folder that is not there yet.
        workers: so many processes score.
        allow_missing: missing pictures count as empty masks.
        with_masks: keep the predicted masks too.
        tags: words by which people find it.
        on_progress: called with (done, all) after every expression.

    Raises:
        DataError: no layout that is known fits the folder, pictures are missing or unreadable.
        OptionError: the name is taken.
    """
    work = lab.folder / "evaluations" / name
    out = work / "out"
    with lab.claiming(name):
        if not isinstance(predictions, Path):
            write, predictions = predictions, work / "labels"
            shutil.rmtree(predictions, ignore_errors=True)
            write(predictions)
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
        DataError: a line is something else, about a case that the dataset has not or that an earlier line is about,
            or tells something that is no number of its kind.
    """
    found: dict[str, Extra] = {}
    for where, key, record in keyed_lines(file, "tells nothing about a case"):
        if not isinstance(key, str) or key not in keys:
            raise DataError(f"{where} is about {key!r}, which is no case of this dataset")
        if key in found:
            raise DataError(f"{where} is about {key!r}, as an earlier line is: one would be lost")
        found[key] = _extra(record, where)
    return found


def _extra(record: dict[str, Any], where: str) -> Extra:
    """Return the values of a line once each is a number of the size that it can have, or null."""
    unknown = sorted(set(record) - set(SHARES) - set(COUNTS) - set(REWARDS))
    if unknown:
        known = ", ".join((*SHARES, *COUNTS, *REWARDS))
        raise DataError(f"{where} has {unknown[0]!r}, which nobody reads: it can have {known}")
    for name, value in record.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and 0 <= value <= (1 if name in SHARES else _LARGEST)):
            wanted = "a share from 0 to 1" if name in SHARES else f"a number from 0 to {_LARGEST:,}"
            raise DataError(f"{where}: wanted {wanted} or null for {name}, got {value!r}")
        if name in COUNTS and value is not None and int(value) != value:
            raise DataError(f"{where}: {name} is counted in whole numbers, got {value!r}")
    stated, false = (None if record.get(name) is None else int(record[name]) for name in COUNTS)
    if false is not None and (stated is None or false > stated):
        raise DataError(f"{where}: {false} false statements of {stated}: there cannot be more than were measured")
    rewards = {name: float(record[name]) for name in REWARDS if record.get(name) is not None}
    shares = {name: None if record.get(name) is None else float(record[name]) for name in SHARES}
    return Extra(**shares, statements=stated, false_statements=false, rewards=rewards or None)


@dataclass(frozen=True)
class _Source:
    """What rows are made of: those of the evaluation, answers and extras by key, pictures, and how it was asked."""

    rows: Mapping[str, Mapping[str, Any]]
    answers: Mapping[str, SavedAnswer]
    extras: Mapping[str, Extra]
    predictions: Path
    profile: Profile | None

    def extra(self, sample: Sample) -> Extra:
        """Return what is known of a case from elsewhere, and its rewards, computed where they were not given."""
        given, saved = self.extras.get(sample.key, NOTHING_MORE), self.answers.get(sample.key)
        if saved is None:
            return given
        return replace(given, rewards={**self._rewards(sample, saved), **(given.rewards or {})})

    def _rewards(self, sample: Sample, saved: SavedAnswer) -> Mapping[str, float]:
        frames = [index for index in saved.shown if index < len(sample.frame_names)]
        masks = dict(saved_masks(self.predictions, sample, frames))
        found = explain_rewards(sample, saved.answer, saved.text, saved.shown, profile=self.profile, masks=masks)
        return found.columns if found else {}


def _cases(samples: Sequence[Sample], source: _Source, on_progress: OnProgress | None) -> Iterator[dict[str, Any]]:
    done = 0
    for _, group in groupby(samples, key=lambda sample: sample.video):
        members = list(group)
        neighbours = samples_by_object(members)
        for sample in members:
            yield make_case(
                sample,
                source.rows[sample.key],
                source.answers.get(sample.key),
                source.extra(sample),
                neighbours=neighbours,
            )
        done += len(members)
        if on_progress:
            on_progress(done, len(samples))
