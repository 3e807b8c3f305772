"""Evaluate a segmenter alone: prompt each object on its first frame, track it on, and score it as its dataset does.

    evaluate_tracking(read_sequences(Path("DAVIS"), "davis16"), make_segmenter, Path("out"), prompt="box", label={...})

A run can be killed and started again: videos that are done, with their saved pictures unchanged, are not tracked again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.ndimage import distance_transform_edt

from veason.draw import palette_image
from veason.errors import DataError
from veason.evaluate.journal import Journal
from veason.evaluate.sequences import TrackingVideo
from veason.evaluate.tracking_report import TrackingReport, build_tracking_report, write_tracking_report
from veason.formats.benchmarks.files import fresh_folder, put_folder
from veason.formats.benchmarks.indices import read_indices
from veason.masks import encode_mask
from veason.metrics import boundary_f, jaccard
from veason.types import Box, Click, ObjectMask, OnProgress, Prompt, Segmenter
from veason.video import open_video

PromptKind = Literal["mask", "box", "click"]

TRACKED_MASKS = "predictions"
"""Folder below the output folder for the tracked masks: `<video>/<frame>.png`, object ids as values, as the official
servers and tools take them."""


def evaluate_tracking(
    videos: Sequence[TrackingVideo],
    make_segmenter: Callable[[], Segmenter],
    out: Path,
    *,
    prompt: PromptKind,
    label: Mapping[str, Any],
    on_progress: OnProgress | None = None,
) -> TrackingReport:
    """Track and score every video and write the report into `out`; goes on where an earlier run stopped.

    Args:
        videos: what `read_sequences` gives.
        make_segmenter: called once, when a video is left to track.
        out: folder for journal, report and predictions, made if it is not there.
        prompt: what the segmenter is told on an object's first frame: its mask, its tight box, or one click where the
            object is thickest.
        label: what is evaluated, as JSON values; a run goes on only under the same label.
        on_progress: called with (done, all) after every video.

    Raises:
        DataError: a picture or annotation cannot be read, or `out` holds another evaluation.
        VeasonError: the segmenter failed.
    """
    out.mkdir(parents=True, exist_ok=True)
    identity = {**label, "prompt": prompt, "fingerprint": _fingerprint(videos)}
    predictions = out / TRACKED_MASKS
    segmenter: Segmenter | None = None
    with Journal(out, identity) as journal:
        for done, video in enumerate(videos):
            if on_progress:
                on_progress(done, len(videos))
            folder = predictions / video.name
            row = journal.rows.get(video.name)
            if row is not None and row["stamp"] == _stamp(folder):
                continue
            segmenter = segmenter or make_segmenter()
            track_video(video, segmenter, prompt, folder)
            journal.append({"key": video.name, "objects": score_video(video, folder), "stamp": _stamp(folder)})
        if on_progress:
            on_progress(len(videos), len(videos))
        report = build_tracking_report(identity, {video.name: journal.rows[video.name]["objects"] for video in videos})
    write_tracking_report(report, out)
    return report


def first_prompt(video: TrackingVideo, object_id: int, kind: PromptKind) -> Prompt:
    """Return what is said of an object on its first frame. Raises DataError."""
    frame_index = video.objects[object_id][0]
    mask = video.truth(object_id, frame_index)
    if kind == "mask":
        return Prompt(object_id=object_id, frame_index=frame_index, mask=encode_mask(mask))
    if kind == "box":
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        return Prompt(object_id=object_id, frame_index=frame_index, box=box)
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    click = Click(float(x) + 0.5, float(y) + 0.5, is_positive=True)
    return Prompt(object_id=object_id, frame_index=frame_index, clicks=(click,))


def track_video(video: TrackingVideo, segmenter: Segmenter, kind: PromptKind, folder: Path) -> None:
    """Track every object from its first frame on and save `folder`/<frame>.png for every frame, all or none.

    Objects that begin on one frame are tracked together. Where objects overlap the surest one keeps the pixel.
    """
    starts: dict[int, list[int]] = defaultdict(list)
    for object_id, indices in video.objects.items():
        starts[indices[0]].append(object_id)
    tracked: dict[int, dict[int, ObjectMask]] = defaultdict(dict)
    with open_video(video.folder) as source:
        for start, object_ids in sorted(starts.items()):
            prompts = [first_prompt(video, object_id, kind) for object_id in object_ids]
            for found in segmenter.track(source, prompts, frames=(start, source.info.num_frames)):
                tracked[found.frame_index].update(found.masks)
        size_wh = source.info.size_wh
    beside = fresh_folder(folder)
    for index, name in enumerate(video.frame_names):
        palette_image(tracked[index], size_wh)[0].save(beside / f"{name}.png")
    put_folder(beside, folder)


def score_video(video: TrackingVideo, folder: Path) -> dict[str, Any]:
    """Return by object id the scored frames with J, F and whether truth and prediction are empty there.

    J and F are those of davis2017-evaluation; where nothing is said of a pixel, it counts as background in both.

    Raises:
        DataError: a saved picture or annotation cannot be read, or their sizes differ.
    """
    rows: dict[str, Any] = {}
    for object_id, indices in video.scored.items():
        scores: dict[str, Any] = {"start": video.objects[object_id][0], "frames": list(indices)}
        columns: dict[str, list[Any]] = {"j": [], "f": [], "is_gone": [], "is_empty": []}
        for index in indices:
            truth = video.truth(object_id, index)
            guess = read_indices(folder / f"{video.frame_names[index]}.png") == object_id
            if guess.shape != truth.shape:
                raise DataError(
                    f"{video.name}, frame {video.frame_names[index]}: the annotation is of (H, W) {truth.shape}, the "
                    f"picture of {guess.shape}: they must be of one size"
                )
            void = video.void(index)
            if void is not None:
                guess &= ~void
            columns["j"].append(jaccard(guess, truth))
            columns["f"].append(boundary_f(guess, truth))
            columns["is_gone"].append(not truth.any())
            columns["is_empty"].append(not guess.any())
        rows[str(object_id)] = {**scores, **columns}
    return rows


def _stamp(folder: Path) -> str:
    """Return a text that changes when the saved pictures of a video do; "" where there are none."""
    if not folder.is_dir():
        return ""
    files = sorted((file.name, file.stat().st_size) for file in folder.iterdir())
    return hashlib.blake2b(repr(files).encode(), digest_size=8).hexdigest()


def _fingerprint(videos: Sequence[TrackingVideo]) -> str:
    """Return what tells these videos from others: names, frames, objects and what is scored."""
    digest = hashlib.blake2b(digest_size=12)
    for video in videos:
        digest.update(repr((video.name, video.frame_names, sorted(video.scored.items()))).encode())
    return digest.hexdigest()
