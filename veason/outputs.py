"""Output files of a run: palette masks, overlay video and result.json. Every file is written atomically."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from veason.atomic import atomic_file, write_atomically
from veason.draw import MAX_PALETTE_ID, overlay_video, palette_image
from veason.errors import ExportError
from veason.masks import mask_area
from veason.tracks import masks_by_frame
from veason.types import Answer, Confidence, MaskTrack, OnProgress, VideoInfo, VideoSource

_MAX_NAME_BYTES = 255


@dataclass(slots=True)
class RunResult:
    """The result of one question, or of propagating given prompts, also if it ended early.

    Attributes:
        info: the video's properties.
        segmenter: name of the segmenter.
        policy: name of the policy, None without a question.
        instruction: the question, None without one.
        shown: absolute indices of the frames shown to the policy.
        answer: the policy's answer, None if there was no usable one.
        confidence: how probable the policy found its numbers, None where it is not known.
        failure: the reason of a failure, "" if there was none.
        text: the policy's text if it had no usable answer.
        tracks: masks by object id.
        timings: seconds by stage.
        is_cancelled: whether the run was interrupted.
        lost_pixels: pixels of overlapping objects that the palette masks give to another object.
    """

    info: VideoInfo
    segmenter: str
    policy: str | None = None
    instruction: str | None = None
    shown: tuple[int, ...] = ()
    answer: Answer | None = None
    confidence: Confidence | None = None
    failure: str = ""
    text: str = ""
    tracks: Mapping[int, MaskTrack] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    is_cancelled: bool = False
    lost_pixels: int = 0

    def record(self) -> dict[str, Any]:
        """Return the content of result.json. Boxes are xyxy in source pixels, frame indices absolute and 0-based."""
        answer = self.answer
        return {
            "video": self.info.path,
            "num_frames": self.info.num_frames,
            "fps": self.info.fps,
            "instruction": self.instruction,
            "policy": self.policy,
            "segmenter": self.segmenter,
            "think": answer.thought if answer else None,
            "keyframe": answer.keyframe if answer else None,
            "frames_shown": list(self.shown),
            "boxes_xyxy": [list(box.xyxy) for box in answer.boxes] if answer else [],
            "absent": answer.is_absent if answer else None,
            "guess": answer.is_guess if answer else None,
            "confidence": _confidence_record(self.confidence),
            "notes": [{"kind": note.kind, "message": note.message} for note in answer.notes] if answer else [],
            "text": answer.text if answer else self.text,
            "error": self.failure or None,
            "objects": [_object_record(track) for track in self.tracks.values()],
            "overlap_pixels_lost": self.lost_pixels,
            "cancelled": self.is_cancelled,
            "timings": {name: round(seconds, 3) for name, seconds in self.timings.items()},
            "peak_memory_mb": peak_memory_mb(),
        }


def _confidence_record(confidence: Confidence | None) -> dict[str, Any] | None:
    if confidence is None:
        return None
    keyframe = None if confidence.keyframe is None else round(confidence.keyframe, 4)
    return {"keyframe": keyframe, "boxes": [round(share, 4) for share in confidence.boxes]}


def _object_record(track: MaskTrack) -> dict[str, Any]:
    frames = {
        str(index): {"area": mask_area(mask.rle), "score": round(mask.score, 4)}
        for index, mask in sorted(track.frames.items())
    }
    return {"id": track.object_id, "frames": frames}


def video_name(info: VideoInfo) -> str:
    """Return the name of the video's mask folder: its file or folder name without extension."""
    return Path(info.path).stem


def write_run(run: RunResult, video: VideoSource, folder: Path) -> dict[str, Any]:
    """Write result.json, masks and overlay into `folder`; return the content of result.json.

    result.json is written first, so that a later failure loses no answer, and again with the lost pixels of the masks.
    Masks and overlay are written only if there are tracks.

    Raises:
        ExportError: the folder or a file in it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(run.record(), folder / "result.json")
        if run.tracks:
            run.lost_pixels = write_palette_masks(run.tracks, run.info, folder / "Annotations" / video_name(run.info))
            write_overlay_video(video, run.tracks, folder / "overlay.mp4")
        record = run.record()
        if run.tracks:
            write_json(record, folder / "result.json")
        return record
    except OSError as error:
        raise ExportError(f"cannot write into {folder}: {error.strerror or error}; choose another --out") from error


def check_palette_ids(object_ids: Iterable[int]) -> None:
    """Raise ExportError for an object id outside the range of palette images, before its masks are computed."""
    for object_id in object_ids:
        if not 1 <= object_id <= MAX_PALETTE_ID:
            raise ExportError(
                f"masks are written as palette images, which can have objects 1 to {MAX_PALETTE_ID}, got object "
                f"{object_id}: give it another number"
            )


def truncate_file_name(stem: str, ending: str = "") -> str:
    """Return `stem + ending`, with the stem truncated so that the UTF-8 name has at most 255 bytes.

    >>> len(truncate_file_name("\u00e4" * 200, "-masks.zip").encode())
    254
    """
    max_bytes = max(_MAX_NAME_BYTES - len(ending.encode()), 0)
    return stem.encode()[:max_bytes].decode(errors="ignore") + ending


def write_palette_masks(
    tracks: Mapping[int, MaskTrack], info: VideoInfo, folder: Path, on_progress: OnProgress | None = None
) -> int:
    """Write `<frame:05d>.png` for every frame with masks: pixel = object id, 0 = background.

    Where objects overlap, the one with the higher score is written. Returns the number of pixels lost that way.
    `on_progress` is called after each frame.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total_lost = 0
    frames = masks_by_frame(tracks)
    for number, (frame_index, masks) in enumerate(frames.items(), start=1):
        image, num_lost = palette_image(masks, info.size_wh)
        with atomic_file(folder / f"{frame_index:05d}.png") as file:
            image.save(file, format="PNG")
        total_lost += num_lost
        if on_progress is not None:
            on_progress(number, len(frames))
    return total_lost


def write_overlay_video(
    video: VideoSource, tracks: Mapping[int, MaskTrack], path: Path, on_progress: OnProgress | None = None
) -> None:
    """Write an MP4 of the frames from the first to the last one with masks, with the masks drawn in."""
    done = masks_by_frame(tracks)
    overlay_video(video, tracks.values(), path, (min(done), max(done) + 1), on_progress=on_progress)


def write_json(value: Any, path: Path) -> None:
    """Write a value as indented UTF-8 JSON."""
    write_atomically(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def peak_memory_mb() -> float | None:
    """Return the peak resident memory of this process in MB, or None if the system does not report it."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
