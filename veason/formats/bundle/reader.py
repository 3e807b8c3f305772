"""The bundle read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from veason.errors import DataError, VeasonError
from veason.formats.bundle.writer import BUNDLE_VERSION, LABELS_FILE
from veason.formats.labels.footage import VideoFinder, frame_names_of
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask, Track
from veason.masks import rle_from_coco
from veason.types import Box, Click, Prompt, VideoInfo

_BROKEN = (KeyError, TypeError, ValueError, AttributeError, IndexError, VeasonError)


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of a bundle; the lines of one video come together.

    Raises:
        DataError: the file is missing, or a line is not what was written.
    """
    file = source / LABELS_FILE if source.is_dir() else source
    group: list[dict[str, Any]] = []
    for row in _rows(file):
        if group and group[-1].get("video") != row.get("video"):
            video = _read_video(group, finder, file)
            tally.take_whole(video)
            yield video
            group = []
        group.append(row)
    if group:
        video = _read_video(group, finder, file)
        tally.take_whole(video)
        yield video


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    try:
        with file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise DataError(f"{file}: line {number} is not JSON ({error}): delete the line") from error
                if not isinstance(row, dict) or row.get("version") != BUNDLE_VERSION:
                    raise DataError(f"{file}: line {number}: want a question of bundle version {BUNDLE_VERSION}")
                yield row
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); it should hold one question a line") from error


def _read_video(rows: list[dict[str, Any]], finder: VideoFinder, file: Path) -> LabelledVideo:
    first = rows[0]
    try:
        tracks: dict[int, Track] = {}
        object_names: dict[int, str] = {}
        object_classes: dict[int, str] = {}
        object_attributes: dict[int, dict[str, str]] = {}
        for row in rows:
            for entry in row["objects"]:
                tracks[entry["object_id"]] = {
                    mask["frame_index"]: _mask(mask) for mask in row["masks"] if mask["object_id"] == entry["object_id"]
                }
                object_names |= {entry["object_id"]: entry["name"]} if entry["name"] else {}
                if entry.get("class"):  # older bundles have none
                    object_classes[entry["object_id"]] = entry["class"]
                    object_attributes[entry["object_id"]] = dict(entry.get("attributes", {}))
        info = _info(first, finder)
        return LabelledVideo(
            name=first["video"],
            info=info,
            questions=tuple(_question(row) for row in rows),
            tracks=tracks,
            object_names=object_names,
            object_classes=object_classes,
            object_attributes=object_attributes,
            frame_names=frame_names_of(info),
        )
    except DataError:
        raise
    except _BROKEN as error:
        raise DataError(f"{file}: video {first.get('video')!r} is not as it was written: {error!r}") from error


def _mask(entry: dict[str, Any]) -> LabelMask:
    is_occluded = entry.get("is_occluded", False)  # older bundles do not say
    return LabelMask(rle_from_coco(entry), entry["score"], entry["provenance"], is_occluded)


def _info(row: dict[str, Any], finder: VideoFinder) -> VideoInfo:
    """Return what the bundle says of the video; its path only where that may be opened and is still there.

    Raises:
        DataError: the video that was named has other frames than the one that was labelled.
    """
    found = finder.find(row["video"]).info
    labelled = (row["num_frames"], (row["width"], row["height"]))
    if found and (found.num_frames, found.size_wh) != labelled:
        raise DataError(
            f"{found.path} has {found.num_frames} frames of {found.size_wh}, the video that was labelled {labelled[0]} "
            f"of {labelled[1]}: name that one"
        )
    path = found.path if found else str(finder.named(row["path"]) or "")
    return VideoInfo(
        path=path,
        num_frames=row["num_frames"],
        size_wh=(row["width"], row["height"]),
        fps=row["fps"],
        first_timestamp=row["first_timestamp"],
        last_timestamp=row["last_timestamp"],
        has_variable_rate=row["has_variable_rate"],
        decoder=row["decoder"] if path else "",
    )


def _question(row: dict[str, Any]) -> LabelledQuestion:
    prompts = row["prompts"]
    return LabelledQuestion(
        name=row["question"],
        instruction=row["instruction"],
        object_ids=tuple(entry["object_id"] for entry in row["objects"]),
        type=row["type"],
        status=row["status"],
        reasoning=row["reasoning_state"],
        thought=row["reasoning"],
        answer_text=row["answer_text"],
        shown=tuple(row["frames_shown"]),
        keyframe=row["keyframe"],
        prompts=tuple(
            Prompt(
                object_id=entry["object_id"],
                frame_index=entry["frame_index"],
                box=Box(*entry["box"]) if entry["box"] else None,
                clicks=tuple(Click(**click) for click in entry["clicks"]),
                mask=rle_from_coco(entry["mask"]) if entry["mask"] else None,
            )
            for entry in prompts
        ),
        by_hand=frozenset((entry["object_id"], entry["frame_index"]) for entry in prompts if entry["is_by_hand"]),
        policy=row["policy"],
        segmenter=row["segmenter"],
        original=row["original"],
        disputed_by=tuple(row.get("disputed_by", ())),  # bundles of before a review have none
        guess=str(row.get("guess", "")),
    )
