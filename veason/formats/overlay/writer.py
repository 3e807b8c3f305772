"""Overlay written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from veason.draw import overlay_video
from veason.errors import ExportError, VideoError
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledVideo
from veason.types import MaskTrack, ObjectMask
from veason.video import open_video


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write `<video>.mp4` from the first to the last labelled frame, at the video's rate and size.

    Raises:
        ExportError: a video is not known or cannot be read.
    """
    for video in videos:
        frames = video.labelled_frames()
        file = out / f"{video.name}.mp4"
        file.parent.mkdir(parents=True, exist_ok=True)
        tracks = [
            MaskTrack(
                object_id, {index: ObjectMask(mask.rle, mask.score) for index, mask in video.tracks[object_id].items()}
            )
            for object_id in video.object_ids
        ]
        _check_has_video(video)
        try:
            with open_video(video.info.path, limits=video.limits) as source:
                names = {key: name for key, name in video.object_names.items() if name}
                overlay_video(source, tracks, file, (frames[0], frames[-1] + 1), names=names)
        except VideoError as error:
            raise ExportError(f"video {video.name!r}: {error}") from error
        tally.counts["videos"] += 1
        tally.counts["frames"] += frames[-1] + 1 - frames[0]


def _check_has_video(video: LabelledVideo) -> None:
    if not video.info.path:
        raise ExportError(f"video {video.name!r} has labels but no pictures: name its file or folder of frames")
