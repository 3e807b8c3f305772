"""Cases that go to a project and come back as corrected labels, and a project's labels as a run of their own.

    send_cases(run, ["clip_a/0"], project)              the ground truth, to be corrected and accepted in the studio
    correct_run(lab, "base", "base-corrected", project)  a copy of the run whose scores follow the accepted labels
    labels_as_predictions(project, samples, folder)     accepted labels as masks, to be scored like anybody's

A question is found again by the key of its case, which the project keeps as its name. Only accepted labels that nobody
disputes count. The run that was corrected stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from veason.atomic import write_atomically
from veason.errors import DataError
from veason.evaluate.live import open_sample
from veason.evaluate.score import Task, score_task
from veason.formats.benchmarks.predictions import SavedAnswer, write_prediction
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.formats.projects.from_project import from_project
from veason.formats.projects.to_project import Imported, to_project
from veason.lab.cases import Extra, make_case, samples_by_object
from veason.lab.importing import REWARDS, write_cases
from veason.lab.pictures import TRUTH_FILE, CasePictures, CorrectedTruth
from veason.lab.rewarding import explain_rewards, profile_of_run
from veason.lab.store import CASES_FILE, MASKS, Lab, Run
from veason.libraries import library_imports
from veason.masks import decode_mask, empty_mask, union_mask
from veason.metrics import OutlineCache
from veason.project import Project
from veason.types import Answer, Box, Sample


def send_cases(run: Run, keys: Sequence[str], project: Project) -> Imported:
    """Put cases into a project as questions with their ground truth, and return how much is new there.

    Raises:
        DataError: there is no such case, or its ground truth leaves out frames, which would come back as empty ones.
        VeasonError: the pictures cannot be read.
    """
    pictures = CasePictures.of(run)
    unknown = [key for key in keys if key not in pictures.samples]
    if unknown:
        raise DataError(f"run {run.info.name} has no case {unknown[0]!r}")
    wanted = [sample for sample in pictures.samples.values() if sample.key in set(keys)]
    total = Imported()
    for _, group in groupby(wanted, key=lambda sample: (sample.video, sample.frames_dir)):
        total += to_project(project, _labelled(list(group)), copy=True)
    return total


def _labelled(samples: Sequence[Sample]) -> LabelledVideo:
    first = samples[0]
    info = open_sample(first).info
    tracks: dict[int, dict[int, LabelMask]] = {}
    questions: list[LabelledQuestion] = []
    ids: dict[str, int] = {}
    for sample in samples:
        if not sample.has_truth or len(sample.truth_indices()) != len(sample.frame_names):
            raise DataError(
                f"{sample.key}: its ground truth is not of every frame, and the rest would come back as empty: "
                "correct it in the dataset's own files"
            )
        for name in sample.object_ids:
            ids.setdefault(name, len(ids) + 1)
        mine = tuple(ids[name] for name in sample.object_ids)
        for index in sample.truth_indices():
            for name, rle in sample.object_truth(index).items():
                tracks.setdefault(ids[name], {})[index] = LabelMask(rle or empty_mask(info.size_wh))
        questions.append(LabelledQuestion(sample.key, sample.instruction, mine, sample.type))
    return LabelledVideo(first.video, info, tuple(questions), tracks, frame_names=first.frame_names)


# --- and back


def accepted_labels(project: Project) -> Iterator[tuple[LabelledVideo, LabelledQuestion]]:
    """Yield the questions of a project whose labels a person accepted and nobody disputes."""
    for video in from_project(project):
        for question in video.questions:
            if question.is_accepted and not question.is_disputed and not question.original:
                yield video, question


def corrected_truths(project: Project, samples: Mapping[str, Sample]) -> dict[str, CorrectedTruth]:
    """Return the accepted labels of the samples that were sent to a project, by key.

    Of samples with labels that were corrected before, the dataset's own still tell what else is in the picture.

    Raises:
        DataError: a clip has another length or size there than in the dataset.
    """
    found = {}
    for video, question in accepted_labels(project):
        sample = samples.get(question.name)
        if sample is None or sample.instruction.strip() != question.instruction.strip():
            continue
        if video.info.num_frames != len(sample.frame_names):
            raise DataError(
                f"{sample.key}: the project's clip has {video.info.num_frames} frames, the dataset's "
                f"{len(sample.frame_names)}: it is another clip"
            )
        tracks = {name: video.tracks[number] for name, number in _names(sample, question)}
        known = [set(track) for track in tracks.values()]
        frames = sorted(set.intersection(*known)) if known else list(range(len(sample.frame_names)))
        objects = {
            name: {index: track[index].rle for index in frames if not track[index].is_empty}
            for name, track in tracks.items()
        }
        own = sample.source.dataset if isinstance(sample.source, CorrectedTruth) else sample.source
        found[sample.key] = CorrectedTruth(tuple(frames), objects, video.info.size_wh, own)
    return found


def _names(sample: Sample, question: LabelledQuestion) -> Iterator[tuple[str, int]]:
    """Yield the objects of a question with the names that the dataset has for them, where their number is the same.

    By its name an object is told from others in the video. Where people took objects away or added some, nobody knows
    which is which, and all get new names.
    """
    is_same = len(sample.object_ids) == len(question.object_ids)
    for place, number in enumerate(question.object_ids):
        yield sample.object_ids[place] if is_same else f"corrected {number}", number


def correct_run(lab: Lab, name: str, new_name: str, project: Project) -> Run:
    """Make a copy of a run in which cases are scored against the labels that were accepted in a project.

    What was corrected in the run before stays so, where the project says nothing else.

    Raises:
        DataError: nothing that was accepted there is about a case of the run, or the run has no masks.
        OptionError: the new name is taken.
    """
    run = lab.run(name)
    pictures = CasePictures.of(run)
    truths = corrected_truths(project, pictures.samples)
    if not truths:
        raise DataError(f"no accepted question of the project is about a case of {name}: send some and accept them")
    if not run.info.has_masks:
        raise DataError(f"run {name} was made without masks, so nothing of it can be scored again")
    samples = {
        key: truths[key].put_into(sample) if key in truths else sample for key, sample in pictures.samples.items()
    }
    all_truths = {key: one.source for key, one in samples.items() if isinstance(one.source, CorrectedTruth)}
    kept = json.dumps({key: truth.as_values() for key, truth in all_truths.items()})
    told = {
        "corrected_from": name, "corrected_cases": len(truths),
        "corrected_labels": hashlib.blake2b(kept.encode(), digest_size=12).hexdigest(),
    }  # fmt: skip
    info = replace(run.info, name=new_name, made_at=time.time(), made_by={**run.info.made_by, **told})
    with library_imports():
        import polars as pl
    rows = {row["key"]: row for row in pl.read_parquet(run.folder / CASES_FILE).iter_rows(named=True)}
    for key in truths:
        rows[key] = _scored_again(run, rows[key], samples)
    with lab.adding(info) as folder:
        write_cases(folder, iter(rows.values()))
        shutil.copytree(run.folder / MASKS, folder / MASKS)
        write_atomically(folder / TRUTH_FILE, kept)
    return lab.run(new_name)


def _scored_again(run: Run, row: Mapping[str, Any], samples: Mapping[str, Sample]) -> dict[str, Any]:
    """Return the row of a case whose ground truth has changed, scored as `veason eval` scores."""
    sample, key = samples[row["key"]], row["key"]
    masks, answer = run.masks(key), None
    if row["thought"] is not None:
        boxes = tuple(Box(*box) for box in row["boxes_xyxy"] or ())
        answer = Answer(row["thought"], row["keyframe"], boxes, text=row["text"] or "")
    shown = tuple(row["shown"] or ())
    is_known = answer is not None or row["why_not"] is not None
    saved = (
        SavedAnswer(key, sample.instruction, answer, row["why_not"] or "", row["text"] or "", shown)
        if is_known
        else None
    )
    with tempfile.TemporaryDirectory() as temporary:
        drawn = {index: decode_mask(rle) for index, rle in masks.items()}
        write_prediction(Path(temporary), sample, drawn, open_sample(sample).info.size_wh)
        scored = score_task(Task(key, (sample,), saved), Path(temporary), OutlineCache())
    profile = profile_of_run(run.info.made_by)
    rewards = None
    if saved is not None:
        rewards = explain_rewards(sample, answer, saved.text, shown, profile=profile, masks=masks)
    extra = Extra(
        row["agreement"], row["object_score"], row["statements"], row["false_statements"],
        rewards.columns if rewards else {name: row[name] for name in REWARDS if row[name] is not None},
    )  # fmt: skip
    neighbours = samples_by_object([one for one in samples.values() if one.video == sample.video])
    return make_case(sample, {**scored, "missing": row["missing"]}, saved, extra, neighbours=neighbours)


# --- a project's labels as a run


def labels_as_predictions(project: Project, samples: Sequence[Sample], folder: Path) -> int:
    """Write the accepted labels of a project as predictions for the samples that they are about, and return how many.

    A question is about a sample where it has its key for a name, or its video's name and its words.
    """
    by_words = {(sample.video, sample.instruction.strip().lower()): sample for sample in samples}
    by_key = {sample.key: sample for sample in samples}
    done: set[str] = set()
    for video, question in accepted_labels(project):
        sample = by_key.get(question.name) or by_words.get((video.name, question.instruction.strip().lower()))
        if sample is None or sample.key in done or video.info.num_frames != len(sample.frame_names):
            continue
        masks: dict[int, np.ndarray] = {}
        for index in range(video.info.num_frames):
            there = [video.tracks[one][index].rle for one in question.object_ids if index in video.tracks[one]]
            if there:
                masks[index] = decode_mask(union_mask(there))
        write_prediction(folder, sample, masks, video.info.size_wh)
        done.add(sample.key)
    return len(done)
