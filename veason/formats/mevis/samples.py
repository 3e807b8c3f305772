"""MeViS: <split>/JPEGImages/<video>/<frame>.jpg, <split>/meta_expressions.json, <split>/mask_dict.json.

    {"videos": {"a1b2c3": {"vid_id": 0, "frames": ["00000", "00001"], "expressions": {
        "0": {"exp": "bird moving left", "obj_id": [0, 2], "anno_id": [5, 7]}}}}}

As ReVOS without sizes and types. "valid_u" is the split that is scored offline; "valid" has no public ground truth. A
sentence without objects (MeViSv2) is about an absent target. Source: henghuiding/MeViS, described in method.md 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from veason.errors import DataError
from veason.formats.benchmarks.read import Complaints, RleTruth, check_row, get, read_videos, video_frames
from veason.formats.benchmarks.rle_file import masks_json, row_writer
from veason.formats.benchmarks.write import WriteVideo, write_frames, write_json
from veason.formats.revos.samples import id_list, meta_entry
from veason.types import Sample

SPLITS = ("valid_u", "train", "valid")
NO_TRUTH = "valid"


def read(root: Path, split: str, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples of a split in file order. Raises DataError."""
    file = meta_file(root, split)
    for video, entry in read_videos(file, complaints):
        with complaints.row():
            yield from _read_video(root / split, file, video, entry, complaints)


def meta_file(root: Path, split: str) -> Path:
    """Return the file with the expressions of a split."""
    return root / split / "meta_expressions.json"


def _read_video(
    folder: Path, file: Path, video: str, entry: dict[str, Any], complaints: Complaints
) -> Iterator[Sample]:
    where = f"videos.{video}"
    frames = video_frames(entry, file, where, complaints)
    expressions = get(entry, "expressions", dict, file, where)
    pictures = folder / "JPEGImages" / video
    masks, first_frame = folder / "mask_dict.json", pictures / f"{frames[0]}.jpg"
    all_ids = tuple(dict.fromkeys(str(number) for row in expressions.values() for number in id_list(row, "anno_id")))
    for expression_id, row in expressions.items():
        with complaints.row():
            place = f"{where}.expressions.{expression_id}"
            instruction = get(row, "exp", str, file, place)
            has_truth = "anno_id" in row
            check_row(has_truth or folder.name == NO_TRUTH, file, place, "the key 'anno_id'", sorted(row))
            object_ids = tuple(str(number) for number in id_list(row, "obj_id"))
            anno_ids = tuple(str(number) for number in id_list(row, "anno_id"))
            check_row(len(object_ids) == len(anno_ids), file, place, "as many obj_id as anno_id", row)
            yield Sample(
                dataset="mevis",
                video=video,
                expression_id=expression_id,
                instruction=instruction,
                type="absent" if has_truth and not anno_ids else None,
                frame_names=frames,
                frames_dir=pictures,
                object_ids=object_ids,
                key=f"{video}/{expression_id}",
                source=RleTruth(
                    file=masks,
                    foreground_file=None,
                    video=video,
                    object_ids=object_ids,
                    anno_ids=anno_ids,
                    all_anno_ids=all_ids,
                    num_frames=len(frames),
                    size_wh=None,
                    first_frame=first_frame,
                )
                if has_truth
                else None,
            )


def write_mevis(root: str | Path, videos: Iterable[WriteVideo], split: str = "train") -> None:
    """Write videos as one split of a MeViS dataset, one at a time; for "valid" the ground truth is left out.

    Raises:
        DataError: a video does not fit the format, or comes twice.
    """
    folder = Path(root) / split
    folder.mkdir(parents=True, exist_ok=True)
    meta, masks = meta_file(Path(root), split), folder / "mask_dict.json"
    meta.unlink(missing_ok=True)
    entries: dict[str, Any] = {}
    next_id = 0
    with row_writer(masks) as write_row:
        for video in videos:
            if video.name in entries:
                raise DataError(f"video {video.name!r} comes twice: names are unique")
            write_frames(folder / "JPEGImages" / video.name, video)
            anno_ids = {object_id: next_id + place for place, object_id in enumerate(video.objects)}
            next_id += len(anno_ids)
            for object_id, rles in video.objects.items() if split != NO_TRUTH else ():
                write_row(str(anno_ids[object_id]), masks_json(rles))
            entry = meta_entry(video, anno_ids, len(entries), has_types=False)
            for row in entry["expressions"].values() if split == NO_TRUTH else ():
                del row["obj_id"], row["anno_id"]
            entries[video.name] = entry
    if split == NO_TRUTH:
        masks.unlink()
    write_json(meta, {"videos": entries})
