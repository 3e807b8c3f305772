"""Labels as a benchmark's dataset, and a dataset as labels: LabelledVideo to WriteVideo, samples to LabelledVideo.

So a format has one reader and one writer, whether it is scored or exchanged. Only labelled frames are written, called
by their number in the whole video. An object without a mask on one of them counts as not there; an export counts them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from veason.errors import DataError
from veason.formats.benchmarks.dataset import Dataset, read_dataset
from veason.formats.benchmarks.files import picture_size
from veason.formats.benchmarks.rle_file import raw_rows
from veason.formats.benchmarks.rows import Complaints
from veason.formats.benchmarks.truth import RleTruth
from veason.formats.benchmarks.videos import WriteExpression, WriteVideo
from veason.formats.labels.footage import Footage, VideoFinder
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.made_with import made_with, models_from
from veason.formats.labels.numbers import ShapeError, checked_size, is_number, rle_of
from veason.formats.labels.pictures import write_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.values import (
    ASSUMED_SCORE,
    LabelledQuestion,
    LabelledVideo,
    LabelMask,
    Track,
    from_one,
)
from veason.formats.record import Format
from veason.masks import coco_dict, empty_mask
from veason.types import Rle, Sample, SampleType

_SPLIT = "train"
_NO_MASKS = "instructions about objects without masks"
_NO_INSTRUCTION = "questions without an instruction"


def write_labels(format: Format, videos: Iterable[LabelledVideo], out: Path, tally: Tally) -> None:
    """Write labels as the train split of a dataset, with pictures; what has no instruction is left out and counted.

    Raises:
        DataError: labels do not fit the format.
        ExportError: a video is not known or cannot be read.
    """
    beside = out / ".pictures.part"
    try:
        ready = (_to_write_video(video, beside, tally) for video in _with_frames(with_words(videos, tally), tally))
        format.as_benchmark().write(format.split(out, _SPLIT), ready)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def with_words(videos: Iterable[LabelledVideo], tally: Tally) -> Iterator[LabelledVideo]:
    """Yield the videos with those questions that have an instruction."""
    for video in videos:
        questions = tuple(question for question in video.questions if question.instruction.strip())
        tally.left_out[_NO_INSTRUCTION] += len(video.questions) - len(questions)
        if questions:
            yield video.only(questions)


def _with_frames(videos: Iterable[LabelledVideo], tally: Tally) -> Iterator[LabelledVideo]:
    """Yield the videos of which a frame is labelled; the questions of others are counted."""
    for video in videos:
        if video.labelled_frames():
            yield video
        else:
            tally.left_out[_NO_MASKS] += len(video.questions)


def _to_write_video(video: LabelledVideo, beside: Path, tally: Tally) -> WriteVideo:
    shutil.rmtree(beside, ignore_errors=True)
    frames = video.labelled_frames()
    files = {frame_index: beside / f"{video.frame_name(frame_index)}.jpg" for frame_index in frames}
    write_pictures(video, frames, beside)
    objects = {object_id: _masks(video.tracks[object_id], frames, tally) for object_id in video.object_ids}
    tally.counts["videos"] += 1
    tally.counts["frames"] += len(frames)
    tally.counts["objects"] += len(objects)
    tally.counts["instructions"] += len(video.questions)
    return WriteVideo(
        name=video.name,
        frames=[files[frame_index] for frame_index in frames],
        objects=objects,
        expressions=[
            WriteExpression(
                question.instruction,
                question.object_ids,
                _type_of(question),
                question.name,
                tuple(made_with(question).items()),
            )
            for question in video.questions
        ],
        frame_names=[video.frame_name(frame_index) for frame_index in frames],
    )


def _type_of(question: LabelledQuestion) -> SampleType | None:
    """Return the type of a question where it agrees with its objects; a person may have found what was "absent"."""
    return question.type if (question.type == "absent") != bool(question.object_ids) else None


def _masks(track: Track, frames: tuple[int, ...], tally: Tally) -> list[Rle | None]:
    masks = [track[index].rle if index in track and not track[index].is_empty else None for index in frames]
    tally.counts["masks"] += sum(mask is not None for mask in masks)
    return masks


def read_labels(format: Format, source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of every split of a dataset that holds ground truth.

    Raises:
        DataError: no split is there, or a file is not what the format promises.
    """
    splits = format.present_splits(source)
    if not splits:
        benchmark = format.as_benchmark()
        wanted = dict.fromkeys(one.format(split=split) for split in benchmark.splits for one in benchmark.meta)
        raise DataError(
            f"{source}: holds no file of expressions of a {format.name} dataset: wanted the folder that holds "
            f"{' or '.join(wanted)}"
        )
    rows: dict[Path, set[str]] = {}
    for split in splits:
        dataset = read_dataset(format.as_benchmark(), split, Complaints())
        for sample in dataset:
            if isinstance(sample.source, RleTruth):
                rows.setdefault(sample.source.file, set()).update(sample.source.anno_ids)
        for samples in _by_video(dataset, tally):
            video = _read_video(samples, finder, f"{split.meta}: video {samples[0].video!r}", tally)
            tally.take_whole(video)
            yield video
    for file, named in rows.items():
        left = sum(key not in named for key, _ in raw_rows(file)) if named else 0
        tally.find("row of masks", left)
        tally.leave("row of masks", f"of {file.name} that no expression names", left)


def _by_video(dataset: Dataset, tally: ImportTally) -> Iterator[list[Sample]]:
    group: list[Sample] = []
    for sample in dataset:
        tally.find("instruction")
        if not sample.has_truth:
            tally.leave("instruction", "without public ground truth")
            continue
        if sample.type != "absent" and not sample.object_ids:
            tally.leave("instruction", "without objects, though its type says that its target is there")
            continue
        tally.take("instruction")
        if group and group[-1].video != sample.video:
            yield group
            group = []
        group.append(sample)
    if group:
        yield group


def _read_video(samples: list[Sample], finder: VideoFinder, where: str, tally: ImportTally) -> LabelledVideo:
    name, samples = samples[0].video, [sample for sample in samples if _is_whole(sample, tally)]
    if not samples:
        return LabelledVideo(name, finder.find(name).info_or(num_frames=1, size_wh=(1, 1)), (), {})
    first = samples[0]
    footage = finder.find(first.video, first.frames_dir)
    frames = [footage.index_of(name, first.frames_dir) for name in first.frame_names]
    stored = list(dict.fromkeys(key for sample in samples for key in sample.object_ids))
    is_numbered = all(map(is_number, stored))
    shifted = from_one(int(key) for key in stored) if is_numbered else {}
    ids = {key: shifted[int(key)] if is_numbered else place for place, key in enumerate(stored, start=1)}
    told = first.size_wh or (footage.info.size_wh if footage.info else _size(samples, footage))
    size_wh = checked_size(*told, where)
    nothing = LabelMask(empty_mask(size_wh), -ASSUMED_SCORE)
    tracks: dict[int, dict[int, LabelMask]] = {}
    for sample in samples:
        for place, frame_index in enumerate(frames):
            for key, mask in sample.object_truth(place).items():
                place_of_mask = f"{where}: object {key!r} on frame {frame_index}"
                found = LabelMask(rle_of(coco_dict(mask), size_wh, place_of_mask)) if mask else nothing
                known = tracks.setdefault(ids[key], {}).setdefault(frame_index, found)
                if known != found:
                    raise DataError(
                        f"{place_of_mask} has two masks; expression {sample.expression_id!r} has the second: give its "
                        "objects ids of their own"
                    )
    return LabelledVideo(
        name=first.video,
        info=footage.info_or(num_frames=max(frames) + 1, size_wh=size_wh),
        questions=tuple(
            LabelledQuestion(
                sample.expression_id,
                sample.instruction,
                tuple(ids[key] for key in sample.object_ids),
                sample.type,
                **models_from(dict(sample.models)),
            )
            for sample in samples
        ),
        tracks=tracks,
        frame_names=footage.frame_names,
        frame_files=footage.files,
    )


def _is_whole(sample: Sample, tally: ImportTally) -> bool:
    """Tell whether the masks of an instruction can be read; of one with a mask that cannot, nothing is kept."""
    try:
        for place in range(len(sample.frame_names)):
            sample.object_truth(place)
    except ShapeError as error:
        tally.take("instruction", -1)
        tally.leave_damaged("instruction", error)
        return False
    return True


def _size(samples: list[Sample], footage: Footage) -> tuple[int, int]:
    """Return the size that the pictures or the masks tell. Raises DataError."""
    for file in footage.files.values():
        return picture_size(file)
    for sample in samples:
        for place in range(len(sample.frame_names)):
            for mask in sample.object_truth(place).values():
                if mask is not None:
                    return mask.size_hw[1], mask.size_hw[0]
    raise DataError(f"video {samples[0].video!r} has neither pictures nor masks: its size cannot be known")
