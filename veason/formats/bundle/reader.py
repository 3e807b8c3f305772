"""The bundle read: every number is checked, every mask and prompt is counted as it stands in the file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from veason.errors import DataError, VeasonError
from veason.formats.bundle.writer import BUNDLE_VERSION, LABELS_FILE
from veason.formats.labels.footage import VideoFinder, frame_names_of
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.numbers import (
    ShapeError,
    checked_size,
    frame_count,
    frame_number,
    real_number,
    rle_of,
    shortened,
    whole_number,
)
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.jsonkeys import unique_keys
from veason.masks import mask_area
from veason.types import Box, Click, Prompt, SampleType, VideoInfo

_BROKEN = (KeyError, TypeError, ValueError, AttributeError, IndexError, VeasonError)
_MOST_ID = 2**31 - 1
_MOST_SECONDS = 1e7


@dataclass(frozen=True, slots=True)
class _Line:
    """A question as it stands in the file; `place` names file and line."""

    row: dict[str, Any]
    place: str


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of a bundle; the lines of one video come together.

    Raises:
        DataError: the file is missing, or a line is not what was written.
    """
    file = source / LABELS_FILE if source.is_dir() else source
    group: list[_Line] = []
    for line in _lines(file):
        if group and group[-1].row.get("video") != line.row.get("video"):
            yield _read_video(group, finder, tally)
            group = []
        group.append(line)
    if group:
        yield _read_video(group, finder, tally)


def _lines(file: Path) -> Iterator[_Line]:
    try:
        with file.open(encoding="utf-8", newline="\n") as stream:
            for number, line in enumerate(stream, start=1):
                place = f"{file}: line {number}"
                try:
                    row = json.loads(line, object_pairs_hook=unique_keys)
                except (ValueError, RecursionError) as error:
                    raise DataError(f"{place} is not JSON ({error}): delete the line") from error
                if not isinstance(row, dict) or row.get("version") != BUNDLE_VERSION:
                    raise DataError(f"{place}: want a question of bundle version {BUNDLE_VERSION}")
                yield _Line(row, place)
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); it should hold one question a line") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: is not UTF-8 text ({error.reason}); it should hold one question a line") from error


def _read_video(lines: Sequence[_Line], finder: VideoFinder, tally: ImportTally) -> LabelledVideo:
    place = lines[0].place
    try:
        name, info = _text(lines[0].row["video"], place), _info(lines[0].row, finder, place)
        tracks: dict[int, dict[int, LabelMask]] = {}
        object_names: dict[int, str] = {}
        object_classes: dict[int, str] = {}
        object_attributes: dict[int, dict[str, str]] = {}
        whole = []
        for line in lines:
            place = line.place
            _check_same_video(line, info)
            whole += [line] if _is_whole(line, info, tally) else []
        for line in whole:
            place = line.place
            for entry in line.row["objects"]:
                object_id = _object_id(entry, place)
                tracks.setdefault(object_id, {})
                object_names |= {object_id: _text(entry["name"], place)} if entry["name"] else {}
                if entry.get("class"):  # older bundles have none
                    object_classes[object_id] = _text(entry["class"], place)
                    object_attributes[object_id] = _attributes(entry, place)
            _read_masks(line, info, tracks, tally)
        video = LabelledVideo(
            name=name,
            info=info,
            questions=tuple(_question(line, info, tally) for line in whole),
            tracks=tracks,
            object_names=object_names,
            object_classes=object_classes,
            object_attributes=object_attributes,
            frame_names=frame_names_of(info),
        )
    except DataError:
        raise
    except _BROKEN as error:
        what = f"has no {error}" if isinstance(error, KeyError) else "a value is of another kind"
        told = str(error) if isinstance(error, VeasonError) else what
        raise DataError(f"{place}: is not as it was written: {told}") from error
    tally.take("mask", sum(not mask.is_empty for track in tracks.values() for mask in track.values()))
    for question in video.questions:
        tally.take("box", sum(prompt.box is not None for prompt in question.prompts))
        tally.take("click", sum(len(prompt.clicks) for prompt in question.prompts))
        tally.take("drawn mask", sum(prompt.mask is not None for prompt in question.prompts))
    return video


def _is_whole(line: _Line, info: VideoInfo, tally: ImportTally) -> bool:
    """Tell whether the shapes of a question can be read; of one in which one cannot, nothing is kept."""
    row, found = line.row, Counter[str]()
    damage: tuple[str, ShapeError] | None = None
    counting = ImportTally()
    for number, entry in enumerate(row["masks"]):
        try:
            found["mask"] += mask_area(rle_of(entry, info.size_wh, f"{line.place}: masks[{number}]")) > 0
        except ShapeError as error:
            damage = damage or ("mask", error)
            found["mask"] += 1
    for number, entry in enumerate(row["prompts"]):
        try:
            _prompt(entry, info, f"{line.place}: prompts[{number}]", counting)
        except ShapeError as error:
            damage = damage or ("box" if entry["box"] else "click" if entry["clicks"] else "drawn mask", error)
    if damage is None:
        return True
    kind, error = damage
    found += counting.found
    for each, number in found.items():
        tally.find(each, number)
        tally.leave(each, "of a question with a shape that cannot be read", number - (each == kind))
    tally.leave_damaged(kind, error)
    return False


def _check_same_video(line: _Line, info: VideoInfo) -> None:
    told = (line.row["num_frames"], line.row["width"], line.row["height"])
    if told != (info.num_frames, *info.size_wh):
        raise DataError(
            f"{line.place}: its video has {told[0]} frames of {told[1]}x{told[2]}, in the line before "
            f"{info.num_frames} of {info.size_wh[0]}x{info.size_wh[1]}"
        )


def _read_masks(line: _Line, info: VideoInfo, tracks: dict[int, dict[int, LabelMask]], tally: ImportTally) -> None:
    """Put the masks of a line into the tracks; one that an earlier question has as well has to be the same."""
    for number, entry in enumerate(line.row["masks"]):
        place = f"{line.place}: masks[{number}]"
        object_id, index = _object_id(entry, place), frame_number(entry["frame_index"], place, info.num_frames)
        rle = rle_of(entry, info.size_wh, place)
        score, is_occluded = real_number(entry["score"], f"{place}: score"), entry.get("is_occluded", False)
        mask = LabelMask(rle, score, entry["provenance"], _flag(is_occluded, place))  # older bundles know no occlusion
        if object_id not in tracks:
            raise DataError(f"{place}: is of object {object_id}, which the question does not name")
        known = tracks[object_id].setdefault(index, mask)
        if known is mask:
            tally.find("mask", int(mask_area(rle) > 0))
        elif known != mask:
            raise DataError(f"{place}: object {object_id} has another mask on frame {index} in an earlier line")


def _info(row: dict[str, Any], finder: VideoFinder, place: str) -> VideoInfo:
    """Return what the bundle says of the video; its path only where that may be opened and is still there.

    Raises:
        DataError: the video that was named has other frames than the one that was labelled.
    """
    name = _text(row["video"], place)
    num_frames, size_wh = frame_count(row["num_frames"], place), checked_size(row["width"], row["height"], place)
    found = finder.find(name).info
    if found and (found.num_frames, found.size_wh) != (num_frames, size_wh):
        raise DataError(
            f"{place}: {found.path} has {found.num_frames} frames of {found.size_wh}, the video that was labelled "
            f"{num_frames} of {size_wh}: name that one"
        )
    path = found.path if found else str(finder.named(_text(row["path"], place)) or "")
    first, last = (
        real_number(row[key], f"{place}: {key}", least=-_MOST_SECONDS, most=_MOST_SECONDS)
        for key in ("first_timestamp", "last_timestamp")
    )
    return VideoInfo(
        path=path,
        num_frames=num_frames,
        size_wh=size_wh,
        fps=real_number(row["fps"], f"{place}: fps", least=1e-3, most=1e5),
        first_timestamp=first,
        last_timestamp=last,
        has_variable_rate=_flag(row["has_variable_rate"], place),
        decoder=row["decoder"] if path else "",
    )


def _question(line: _Line, info: VideoInfo, tally: ImportTally) -> LabelledQuestion:
    row, place = line.row, line.place
    prompts = [
        _prompt(entry, info, f"{place}: prompts[{number}]", tally) for number, entry in enumerate(row["prompts"])
    ]
    by_hand = [
        (prompt.object_id, prompt.frame_index)
        for prompt, entry in zip(prompts, row["prompts"], strict=True)
        if _flag(entry["is_by_hand"], place)
    ]
    keyframe, shown = row["keyframe"], row["frames_shown"]
    if row["type"] not in (None, *get_args(SampleType)) or not isinstance(shown, list):
        wanted = ", ".join(get_args(SampleType))
        raise DataError(
            f"{place}: want a list of frames_shown and a type that is null or one of {wanted}, got "
            f"{shortened(shown)} and {shortened(row['type'])}"
        )
    return LabelledQuestion(
        name=_text(row["question"], place),
        instruction=_text(row["instruction"], place),
        object_ids=tuple(_object_id(entry, place) for entry in row["objects"]),
        type=row["type"],
        status=row["status"],
        reasoning=row["reasoning_state"],
        thought=_text(row["reasoning"], place),
        answer_text=_text(row["answer_text"], place),
        shown=tuple(frame_number(index, f"{place}: frames_shown", info.num_frames) for index in shown),
        keyframe=None if keyframe is None else frame_number(keyframe, f"{place}: keyframe", info.num_frames),
        prompts=tuple(prompts),
        by_hand=frozenset(by_hand),
        policy=_text(row["policy"], place),
        segmenter=_text(row["segmenter"], place),
        original=_text(row["original"], place),
        disputed_by=tuple(_text(each, place) for each in row.get("disputed_by", ())),  # older bundles have none
        guess=_text(row.get("guess", ""), place),
    )


def _prompt(entry: dict[str, Any], info: VideoInfo, place: str, tally: ImportTally) -> Prompt:
    def number(value: Any, axis: int) -> float:
        side = info.size_wh[axis]
        checked = real_number(value, f"{place}: {'xy'[axis]}", least=-side, most=2 * side)
        return value if isinstance(value, int) else checked  # so that it is written as it was read

    box, clicks = entry["box"], entry["clicks"]
    for kind, count in (("box", int(bool(box))), ("click", len(clicks)), ("drawn mask", int(bool(entry["mask"])))):
        tally.find(kind, count)
    if box and len(box) != 4:
        raise ShapeError(f"{place}: want a box as x1, y1, x2, y2, got {len(box)} numbers")
    return Prompt(
        object_id=_object_id(entry, place),
        frame_index=frame_number(entry["frame_index"], place, info.num_frames),
        box=Box(*(number(value, at % 2) for at, value in enumerate(box))) if box else None,
        clicks=tuple(
            Click(number(each["x"], 0), number(each["y"], 1), _flag(each["is_positive"], place)) for each in clicks
        ),
        mask=rle_of(entry["mask"], info.size_wh, f"{place}: mask") if entry["mask"] else None,
    )


def _object_id(entry: dict[str, Any], place: str) -> int:
    return whole_number(entry["object_id"], f"{place}: object_id", least=1, most=_MOST_ID)


def _attributes(entry: dict[str, Any], place: str) -> dict[str, str]:
    return {_text(key, place): _text(value, place) for key, value in entry.get("attributes", {}).items()}


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise DataError(f"{place}: want a text, got {shortened(value)}")
    return value


def _flag(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise DataError(f"{place}: want true or false, got {shortened(value)}")
    return value
