"""Ref-YouTube-VOS written: expressions, and one palette picture a frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from veason.errors import DataError
from veason.formats.benchmarks.files import write_compact_json
from veason.formats.benchmarks.pictures import write_frames, write_palettes
from veason.formats.benchmarks.videos import WriteVideo
from veason.formats.record import Split


def write(split: Split, videos: Iterable[WriteVideo]) -> None:
    """Write videos as one split, one at a time, with ground truth where the split has any.

    Raises:
        DataError: a video does not fit the format (an expression about two objects, two objects on one pixel), or
            comes twice.
    """
    folder, has_truth = split.root / split.name, split.has_truth
    split.meta.unlink(missing_ok=True)
    entries: dict[str, Any] = {}
    for video in videos:
        if video.name in entries:
            raise DataError(f"video {video.name!r} comes twice: names are unique")
        expressions: dict[str, Any] = {}
        for name, item in video.numbered():
            if len(item.object_ids) != 1:
                raise DataError(
                    f"video {video.name!r}: expression {item.text!r} has {len(item.object_ids)} objects; "
                    "this format holds exactly one an expression"
                )
            owner = {"obj_id": str(item.object_ids[0])} if has_truth else {}
            expressions[name] = {"exp": item.text, **owner, **dict(item.models)}
        write_frames(folder / "JPEGImages" / video.name, video)
        if has_truth:
            write_palettes(folder / "Annotations" / video.name, video)
        entries[video.name] = {"frames": list(video.frame_names), "expressions": expressions}
    write_compact_json(split.meta, {"videos": entries})
