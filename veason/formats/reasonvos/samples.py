"""ReasonVOS: meta_expressions.json, JPEGImages/<video>/<frame>.jpg, Annotations/<source>_<video>_<object>/<frame>.png.

    {"videos": {"clip_b": {"source": "BURST", "frames": ["frame0001", "frame0002"], "expressions": [
        {"obj_id": "3", "exp_id": 0, "exp_text": "Which tool would open the crate?", "is_sent": true}]}}}

Test only. Expressions are a list; exp_id comes again for other objects of the video, so predictions go to
<source>_<video>_<object>/<exp_id>/. Masks are grey, above 0 is the target, and the names in the Annotations folder say
which frames are scored. Source: showlab/VideoLISA BENCHMARK.md, described in method.md 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from veason.errors import DataError
from veason.formats.benchmarks.read import Complaints, check_row, get, read_indices, read_videos, video_frames
from veason.formats.benchmarks.write import WriteVideo, fresh_folder, put_folder, write_frames, write_json
from veason.masks import decode_mask, encode_mask
from veason.types import Rle, Sample

SPLITS = ("test",)


def read(root: Path, split: str, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples in file order. Raises DataError."""
    file = meta_file(root, split)
    for video, entry in read_videos(file, complaints):
        with complaints.row():
            yield from _read_video(root, file, video, entry, complaints)


def meta_file(root: Path, split: str) -> Path:
    """Return the file with the expressions; there is one split only."""
    return root / "meta_expressions.json"


def _read_video(root: Path, file: Path, video: str, entry: dict[str, Any], complaints: Complaints) -> Iterator[Sample]:
    where = f"videos.{video}"
    frames = video_frames(entry, file, where, complaints)
    source = get(entry, "source", str, file, where)
    rows = get(entry, "expressions", list, file, where)
    all_ids = tuple(dict.fromkeys(str(row.get("obj_id")) for row in rows if isinstance(row, dict)))
    folders = {object_id: root / "Annotations" / f"{source}_{video}_{object_id}" for object_id in all_ids}
    all_folders, pictures = tuple(folders.values()), root / "JPEGImages" / video
    for place, row in enumerate(rows):
        with complaints.row():
            here = f"{where}.expressions[{place}]"
            instruction = get(row, "exp_text", str, file, here)
            for key in ("obj_id", "exp_id"):
                check_row(isinstance(row.get(key), (str, int)), file, f"{here}.{key}", "a text or number", row.get(key))
            object_id, expression_id = str(row["obj_id"]), str(row["exp_id"])
            yield Sample(
                dataset="reasonvos",
                video=video,
                expression_id=expression_id,
                instruction=instruction,
                type=None,
                frame_names=frames,
                frames_dir=pictures,
                object_ids=(object_id,),
                key=f"{source}_{video}_{object_id}/{expression_id}",
                source=GreyTruth(folders[object_id], all_folders, frames, object_id),
            )


@dataclass(frozen=True, slots=True)
class GreyTruth:
    """Ground truth in grey pictures `folder`/<frame name>.png, above 0 is the object; not every frame has one."""

    folder: Path
    all_folders: tuple[Path, ...]
    frame_names: tuple[str, ...]
    object_id: str

    def frame_indices(self) -> Sequence[int]:
        """Return the frames whose names are in the Annotations folder."""
        return _listed(self.folder, self.frame_names)

    def objects(self, frame_index: int) -> Mapping[str, Rle | None]:
        """Return the object's mask, None where it is not in this frame."""
        mask = self.mask(frame_index)
        return {self.object_id: encode_mask(mask) if mask.any() else None}

    def mask(self, frame_index: int) -> np.ndarray:
        """Return the `(H, W)` bool mask of the object."""
        return read_indices(self.folder / f"{self.frame_names[frame_index]}.png") > 0

    def foreground(self, frame_index: int) -> Rle:
        """Return the union of the video's objects that have a mask for this frame."""
        union = self.mask(frame_index)
        for folder in self.all_folders:
            file = folder / f"{self.frame_names[frame_index]}.png"
            if folder != self.folder and file.is_file():
                union = union | (read_indices(file) > 0)
        return encode_mask(union)


@lru_cache(maxsize=256)
def _listed(folder: Path, frame_names: tuple[str, ...]) -> tuple[int, ...]:
    if not folder.is_dir():
        raise DataError(f"{folder}: is missing; it should hold the object's masks, one PNG a frame")
    places = {name: index for index, name in enumerate(frame_names)}
    names = sorted(path.stem for path in folder.glob("*.png"))
    unknown = [name for name in names if name not in places]
    if unknown or not names:
        raise DataError(f"{folder}: want PNG names out of the video's frames ({frame_names[0]}, ...), got {names[:4]}")
    return tuple(places[name] for name in names)


def write_reasonvos(root: str | Path, videos: Iterable[WriteVideo], split: str = "test") -> None:
    """Write videos as a ReasonVOS dataset, one at a time. Every expression names exactly one object.

    An expression's own id is its exp_id where it is a number, else they are numbered by object.

    Raises:
        DataError: a video does not fit the format, or comes twice.
    """
    root = Path(root)
    meta = meta_file(root, split)
    entries: dict[str, Any] = {}
    meta.unlink(missing_ok=True)
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
            rows.append({"obj_id": str(object_id), "exp_id": number, "exp_text": item.text, "is_sent": is_sentence})
        for object_id in numbers:
            _write_grey(root / "Annotations" / f"{video.source}_{video.name}_{object_id}", video, object_id)
        entries[video.name] = {"source": video.source, "frames": list(video.frame_names), "expressions": rows}
    write_json(meta, {"videos": entries})


def _write_grey(folder: Path, video: WriteVideo, object_id: int) -> None:
    beside = fresh_folder(folder)
    for name, rle in zip(video.frame_names, video.objects[object_id], strict=True):
        mask = decode_mask(rle) if rle else np.zeros(video.size_wh[::-1], bool)
        Image.fromarray(mask.astype(np.uint8) * 255).save(beside / f"{name}.png")
    put_folder(beside, folder)
