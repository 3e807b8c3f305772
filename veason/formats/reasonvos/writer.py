"""ReasonVOS written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from veason.errors import DataError
from veason.formats.benchmarks.files import fresh_folder, put_folder, write_compact_json
from veason.formats.benchmarks.pictures import write_frames
from veason.formats.benchmarks.videos import WriteVideo
from veason.formats.record import Split
from veason.masks import decode_mask


def write(split: Split, videos: Iterable[WriteVideo]) -> None:
    """Write videos as a ReasonVOS dataset, one at a time. Every expression names exactly one object.

    An expression's own id is its exp_id where it is a number, else they are numbered by object.

    Raises:
        DataError: a video does not fit the format, or comes twice.
    """
    root = split.root
    entries: dict[str, Any] = {}
    split.meta.unlink(missing_ok=True)
    for video in videos:
        if video.name in entries:
            raise DataError(f"video {video.name!r} comes twice: names are unique")
        write_frames(root / "JPEGImages" / video.name, video)
        rows = []
        numbers = dict.fromkeys(video.objects, 0)
        for item in video.expressions:
            if len(item.object_ids) != 1:
                raise DataError(
                    f"video {video.name!r}: expression {item.text!r} has {len(item.object_ids)} objects; "
                    "ReasonVOS holds exactly one an expression"
                )
            (object_id,) = item.object_ids
            number = int(item.expression_id) if item.expression_id.isdecimal() else numbers[object_id]
            numbers[object_id] += 1
            is_sentence = item.text.rstrip().endswith(("?", "."))
            row = {"obj_id": str(object_id), "exp_id": number, "exp_text": item.text, "is_sent": is_sentence}
            rows.append({**row, **dict(item.models)})
        for object_id in numbers:
            _write_grey(root / "Annotations" / f"{video.source}_{video.name}_{object_id}", video, object_id)
        entries[video.name] = {"source": video.source, "frames": list(video.frame_names), "expressions": rows}
    write_compact_json(split.meta, {"videos": entries})


def _write_grey(folder: Path, video: WriteVideo, object_id: int) -> None:
    beside = fresh_folder(folder)
    for name, rle in zip(video.frame_names, video.objects[object_id], strict=True):
        mask = decode_mask(rle) if rle else np.zeros(video.size_wh[::-1], bool)
        Image.fromarray(mask.astype(np.uint8) * 255).save(beside / f"{name}.png")
    put_folder(beside, folder)
