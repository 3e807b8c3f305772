"""Ref-DAVIS17 written: a Ref-YouTube-VOS split whose expressions come in order."""

from __future__ import annotations

from collections.abc import Iterable

from veason.errors import DataError
from veason.formats.benchmarks.videos import WriteVideo
from veason.formats.record import Split
from veason.formats.ref_davis17.reader import ANNOTATORS
from veason.formats.ref_youtube_vos.writer import write as write_split


def write(split: Split, videos: Iterable[WriteVideo]) -> None:
    """Write videos as one split, one at a time.

    Raises:
        DataError: a video does not fit the format: objects are 1, 2, ... and each has four expressions, in order.
    """
    write_split(split, (_checked(video) for video in videos))


def _checked(video: WriteVideo) -> WriteVideo:
    named = [item.object_ids for item in video.expressions]
    wanted = [(object_id,) for object_id in sorted(video.objects) for _ in range(ANNOTATORS)]
    if named != wanted or sorted(video.objects) != list(range(1, len(video.objects) + 1)):
        raise DataError(
            f"video {video.name!r}: Ref-DAVIS17 wants objects 1, 2, ... with four expressions each, in order; "
            f"got objects {sorted(video.objects)}, expressions about {named}"
        )
    return video
