"""Ref-YouTube-VOS: meta_expressions/<split>/meta_expressions.json, <split>/JPEGImages/, <split>/Annotations/ (palette).

    {"videos": {"0a1b": {"frames": ["00000", "00005"], "expressions": {"0": {"exp": "a dog", "obj_id": "1"}}}}}

One object an expression. Only train has ground truth. The published valid file lists the test videos as well: those
that the test file names are left out. Frames are usually every fifth of the film, and only these are on disk.
Source: the challenge's files and VISA's loaders, described in method.md 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from veason.errors import DataError
from veason.formats.benchmarks.read import Complaints, PaletteTruth, check_row, get, read_videos, video_frames
from veason.formats.benchmarks.write import WriteVideo, write_frames, write_json, write_palettes
from veason.types import Sample

SPLITS = ("valid", "train", "test")
WITH_TRUTH = ("train",)


def read(root: Path, split: str, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples of a split in file order. Raises DataError."""
    left_out: set[str] = set()
    if split == "valid" and meta_file(root, "test").is_file():
        left_out = {video for video, _ in read_videos(meta_file(root, "test"), complaints)}
    for sample in read_split(root, split, complaints, "ref-youtube-vos", WITH_TRUTH):
        if sample.video not in left_out:
            yield sample


def read_split(
    root: Path, split: str, complaints: Complaints, kind: str, with_truth: tuple[str, ...]
) -> Iterator[Sample]:
    """Yield the samples of a split of this format; Ref-DAVIS17 has the same."""
    file = meta_file(root, split)
    for video, entry in read_videos(file, complaints):
        with complaints.row():
            where = f"videos.{video}"
            frames = video_frames(entry, file, where, complaints)
            folder = root / split / "Annotations" / video
            pictures = root / split / "JPEGImages" / video
            for expression_id, row in get(entry, "expressions", dict, file, where).items():
                with complaints.row():
                    here = f"{where}.expressions.{expression_id}"
                    object_id = str(row.get("obj_id", "")) if isinstance(row, dict) else ""
                    has_truth = split in with_truth
                    is_good = object_id.isdecimal() and 1 <= int(object_id) <= 255
                    wanted = "the number of a palette colour, 1 to 255"
                    check_row(is_good or not has_truth, file, f"{here}.obj_id", wanted, row)
                    yield Sample(
                        dataset=kind,
                        video=video,
                        expression_id=expression_id,
                        instruction=get(row, "exp", str, file, here),
                        type=None,
                        frame_names=frames,
                        frames_dir=pictures,
                        object_ids=(object_id,) if object_id else (),
                        key=f"{video}/{expression_id}",
                        source=PaletteTruth(folder, frames, object_id) if has_truth else None,
                    )


def meta_file(root: Path, split: str) -> Path:
    """Return the file with the expressions of a split."""
    return root / "meta_expressions" / split / "meta_expressions.json"


def write_ref_youtube_vos(root: str | Path, videos: Iterable[WriteVideo], split: str = "train") -> None:
    """Write videos as one split, one at a time; only train gets ground truth. Every expression names one object.

    Raises:
        DataError: a video does not fit the format (two objects on one pixel, for example), or comes twice.
    """
    write_split(Path(root), videos, split, has_truth=split in WITH_TRUTH)


def write_split(root: Path, videos: Iterable[WriteVideo], split: str, *, has_truth: bool) -> None:
    """Write one split of this format; Ref-DAVIS17 has the same."""
    meta = meta_file(root, split)
    meta.unlink(missing_ok=True)
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
            expressions[name] = {"exp": item.text} | ({"obj_id": str(item.object_ids[0])} if has_truth else {})
        write_frames(root / split / "JPEGImages" / video.name, video)
        if has_truth:
            write_palettes(root / split / "Annotations" / video.name, video)
        entries[video.name] = {"frames": list(video.frame_names), "expressions": expressions}
    write_json(meta, {"videos": entries})
