"""Files of labels made by chance, whole and damaged, and the law that every import and export of them keeps.

A seed makes a file. What is in it is counted here while it is written, apart from the readers, so that
`found = taken + left out` means something.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from tests.formats.chance import NUM_FRAMES, SIZE_WH, damage, mask_of
from tests.formats.generated_sets import SETS
from tests.formats.kept import KEPT, Sample, samples_of
from tests.formats.reading import CASE_CLIP
from veason.errors import DataError, ExportError, VeasonError
from veason.formats.catalogue import IMPORTABLE, format_named
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.report import ExportReport
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import coco_dict, encode_mask, mask_box
from veason.types import Box, Prompt, Rle, VideoInfo
from veason.video import open_video


def coco_file(chance: random.Random, folder: Path) -> tuple[Path, Counter[str]]:
    """Write a COCO file and return it with the shapes in it by kind."""
    counts: Counter[str] = Counter()
    frames = chance.sample(range(NUM_FRAMES), chance.randrange(1, 6))
    form = chance.choice(["clip/{:05d}.jpg", "clip\\frame_{:06d}.PNG", "frame_{:06d}.png", "images/clip_{}.jpg"])
    images = [
        {"id": at, "file_name": form.format(frame), "width": SIZE_WH[0], "height": SIZE_WH[1]}
        for at, frame in enumerate(frames)
    ]
    id_key = chance.choice(["track_id", "instance_id", "attributes", ""])
    annotations = []
    for number in range(chance.randrange(12)):
        row: dict[str, Any] = {
            "id": number,
            "image_id": chance.randrange(len(frames) + 1),
            "category_id": chance.randrange(3),
        }
        row["image_id"] = str(row["image_id"]) if chance.random() < 0.2 else row["image_id"]
        kind, shape = _coco_shape(chance)
        counts[kind] += 1
        row |= shape
        if id_key and chance.random() < 0.9:
            id = chance.choice([0, 1, 2, "a", "3", -1, None])
            row |= {"attributes": {"track_id": id}} if id_key == "attributes" else {id_key: id}
        if chance.random() < 0.1:
            row.setdefault("attributes", {})["colour"] = "red"
            counts["attribute"] += 1
        annotations.append(row)
    categories = [{"id": at, "name": name} for at, name in enumerate(("car", "dog"))]
    file = folder / "labels.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return file, counts


def _coco_shape(chance: random.Random) -> tuple[str, dict[str, Any]]:
    kind = chance.choice(["mask", "runs", "polygon", "polygon", "box", "nothing"])
    if kind == "mask":
        return "mask", {"segmentation": coco_dict(encode_mask(mask_of(chance)))}
    if kind == "runs":
        flat = mask_of(chance).ravel(order="F")
        ends = [*np.flatnonzero(np.diff(flat)) + 1, flat.size]
        runs = np.diff([0, *ends]).tolist()
        counts = [0, *runs] if flat[0] else runs
        return "mask", {"segmentation": {"size": list(SIZE_WH[::-1]), "counts": counts}}
    if kind == "polygon":
        parts = [
            [
                value
                for _ in range(chance.randrange(1, 6))
                for value in (chance.uniform(-9, 170), chance.uniform(-9, 130))
            ]
            for _ in range(chance.randrange(1, 3))
        ]
        return "polygon", {"segmentation": parts[0] if len(parts) == 1 and chance.random() < 0.3 else parts}
    if kind == "box":
        box = [chance.uniform(-9, 150), chance.uniform(-9, 110), chance.uniform(-1, 30), chance.uniform(-1, 30)]
        return "box", {"segmentation": [], "bbox": box}
    return "annotation", {"keypoints": [1, 2, 2]}


def youtube_vis_file(chance: random.Random, folder: Path) -> tuple[Path, Counter[str]]:
    """Write a YouTube-VIS file and return it with the shapes in it by kind."""
    counts: Counter[str] = Counter()
    frames = sorted(chance.sample(range(NUM_FRAMES), chance.randrange(1, 6)))
    video = {"id": 1, "width": SIZE_WH[0], "height": SIZE_WH[1], "file_names": [f"clip/{at:05d}.jpg" for at in frames]}
    rows = []
    for number in range(chance.randrange(4)):
        segments, boxes = [], []
        for _ in frames:
            kind, shape = _coco_shape(chance) if chance.random() < 0.7 else ("", {})
            segments.append(shape.get("segmentation") or None)
            boxes.append(shape.get("bbox"))
            if kind and kind != "annotation":
                counts[kind] += 1
        id = chance.choice([number, 0, "a"])
        rows.append({"id": id, "video_id": 1, "category_id": 1, "segmentations": segments, "bboxes": boxes})
    file = folder / "labels.json"
    file.write_text(json.dumps({"videos": [video], "annotations": rows, "categories": [{"id": 1, "name": "car"}]}))
    return file, counts


def cvat_file(chance: random.Random, folder: Path) -> tuple[Path, Counter[str]]:
    """Write a CVAT file, for video or for images, and return it with the shapes in it by kind."""
    counts: Counter[str] = Counter()
    parts = []
    for number in range(chance.randrange(5)):
        frames = sorted(chance.sample(range(NUM_FRAMES), chance.randrange(1, 5)))
        shapes = []
        for frame in frames:
            outside = chance.random() < 0.2
            kind, text, attributes = _cvat_shape(chance, f'frame="{frame}" keyframe="1" outside="{int(outside)}"')
            counts[kind] += not outside
            counts["attribute"] += attributes
            shapes.append(text)
        group = chance.choice(["", 'group_id="0"', 'group_id="1"'])
        label = quoteattr(chance.choice(["car", "a & b"]))
        parts.append(f'<track id="{number}" label={label} {group}>{"".join(shapes)}</track>')
    for frame in chance.sample(range(NUM_FRAMES), chance.randrange(4)):
        shapes = []
        for _ in range(chance.randrange(4)):
            kind, text, attributes = _cvat_shape(chance, 'label="car"')
            counts[kind] += 1
            counts["attribute"] += attributes
            shapes.append(text)
        parts.append(f'<image id="{frame}" name="frame_{frame:06d}">{"".join(shapes)}</image>')
    chance.shuffle(parts)
    meta = "<task><name>clip</name><original_size><width>160</width><height>120</height></original_size></task>"
    file = folder / "annotations.xml"
    file.write_text(f"<annotations><meta>{meta}</meta>{''.join(parts)}</annotations>")
    return file, counts


def _cvat_shape(chance: random.Random, head: str) -> tuple[str, str, int]:
    """Return the kind of a shape, its text, and how many attributes it has that no project holds."""
    has_attribute = chance.random() < 0.1
    inner = '<attribute name="colour">red</attribute>' if has_attribute else ""
    x, y = chance.uniform(-9, 170), chance.uniform(-9, 130)
    kind = chance.choice(["mask", "mask", "polygon", "box", "ellipse", "points", "sphere"])
    if kind == "mask":
        left, top, width, height = (
            chance.randrange(100),
            chance.randrange(90),
            chance.randrange(1, 30),
            chance.randrange(1, 30),
        )
        first = chance.randrange(width * height + 1)
        shape = f'rle="{first}, {width * height - first}" left="{left}" top="{top}" width="{width}" height="{height}"'
    elif kind == "box":
        shape = f'xtl="{x}" ytl="{y}" xbr="{x + 20}" ybr="{y + 9}" rotation="{chance.choice([0, 0, 30.5, 90])}"'
    elif kind == "ellipse":
        shape = f'cx="{x}" cy="{y}" rx="{chance.uniform(0, 30)}" ry="{chance.uniform(0, 30)}"'
    else:
        corners = [(x + chance.uniform(-9, 9), y + chance.uniform(-9, 9)) for _ in range(chance.randrange(1, 6))]
        shape = 'points="' + ";".join(f"{x:.2f},{y:.2f}" for x, y in corners) + '"'
    counted = "element" if kind == "sphere" else kind
    return counted, f"<{kind} {head} {shape}>{inner}</{kind}>", int(has_attribute)


FILES: dict[str, Callable[[random.Random, Path], tuple[Path, Counter[str]]]] = {
    "coco": coco_file,
    "youtube-vis": youtube_vis_file,
    "cvat": cvat_file,
    **SETS,
}
"""What makes a file or folder of each format that can be imported, and counts what is in it."""


_TOLD_BESIDE = ("video", "part of a polygon")
"""Kinds that are counted only once something has become of their whole."""


def check_import(format: str, seed: int, folder: Path, *, is_damaged: bool) -> str:
    """Import a file made by chance and check the law; return what came of it.

    Raises:
        AssertionError: something is lost, made up, or told wrongly; any exception but a VeasonError passes through.
    """
    chance = random.Random(seed)
    file, written = FILES[format](chance, folder)
    if is_damaged:
        damage(chance, file)
    tally, videos = ImportTally(), []
    named = {"clip": CASE_CLIP} if chance.random() < 0.7 else None
    try:
        for video in import_labels(file, format, videos=named, tally=tally):
            videos.append(video)
    except VeasonError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert str(file) in told, f"{told} tells no place"
        assert is_damaged or "nothing of it can be imported" in told or "name the video as well" in told, told
        assert is_damaged or not any(tally.taken.values()), tally.taken
        return "refused"
    masks = sum(not mask.is_empty for video in videos for track in video.tracks.values() for mask in track.values())
    prompts = sum(len(question.prompts) for video in videos for question in video.questions)
    shapes = sum(tally.taken[kind] for kind in ("mask", "polygon", "ellipse", "brush mask", "bitmask"))
    assert masks == shapes, (masks, tally.taken)
    assert prompts <= sum(tally.taken[kind] for kind in ("box", "click", "drawn mask")), (prompts, tally.taken)
    tally.check(file)
    if not is_damaged:
        found = {kind: number for kind, number in tally.found.items() if number and kind not in _TOLD_BESIDE}
        assert found == {kind: number for kind, number in written.items() if number}, (found, written)
    return "imported"


def labels_of(chance: random.Random) -> LabelledVideo:
    """Return labels made by chance."""
    tracks: dict[int, dict[int, LabelMask]] = {}
    for object_id in sorted(chance.sample(range(1, 9), chance.randrange(1, 5))):
        frames = sorted(chance.sample(range(NUM_FRAMES), chance.randrange(5)))
        tracks[object_id] = {
            frame: LabelMask(encode_mask(mask_of(chance)), is_occluded=chance.random() < 0.2) for frame in frames
        }
    ids = list(tracks)
    texts = ["the dog", "the dog", "", "a <b> & 'c'\nnew", "\u2028\x0b", "ist da"]
    questions = []
    for number in range(chance.randrange(1, 4)):
        own = tuple(chance.sample(ids, chance.randrange(len(ids) + 1)))
        prompts = tuple(Prompt(each, 3, Box(1, 2, 30, 40)) for each in own if not tracks[each])
        places = frozenset((each.object_id, each.frame_index) for each in prompts)
        question = LabelledQuestion(
            str(number), chance.choice(texts), own, status="accepted", prompts=prompts, by_hand=places
        )
        questions.append(_reasoned(chance, question, tracks))
    named = {object_id for question in questions for object_id in question.object_ids}
    info = VideoInfo("", NUM_FRAMES, SIZE_WH, 12.0, 0.0, 5.0, False, "")
    names = {object_id: chance.choice(["car", "a & b"]) for object_id in named if chance.random() < 0.5}
    kept = {object_id: track for object_id, track in tracks.items() if object_id in named}
    return LabelledVideo("clip", info, tuple(questions), kept, names)


def _reasoned(
    chance: random.Random, question: LabelledQuestion, tracks: dict[int, dict[int, LabelMask]]
) -> LabelledQuestion:
    """Return a question with reasoning in any state, or none, and a keyframe: of a mask, of a prompt, or anything."""
    frames = [frame for object_id in question.object_ids for frame in (tracks[object_id] or {3: None})]
    keyframe = chance.choice([*frames * 3, chance.randrange(NUM_FRAMES), None])
    thought = chance.choice(["It is near at (3s).", "<image> & <b>\n\u2028", ""])
    reasoning = chance.choice([None, "confirmed", "edited", "regenerated", "fresh", "stale"]) if thought else None
    return replace(question, thought=thought, reasoning=reasoning, keyframe=keyframe)


def check_export(format: str, seed: int, folder: Path) -> str:
    """Export labels made by chance: what others' rules keep is what the report says, and comes back as it was.

    Raises:
        AssertionError: something is lost or told wrongly.
    """
    video = labels_of(random.Random(seed))
    if format_named(format).pictures == "needed" or format == "grpo":
        video = replace(video, info=_clip_info())
    out = folder / "out"
    refused = ""
    try:
        report = export_labels([video], format, out, ExportOptions(has_pictures=False))
    except ExportError as error:
        refused = str(error)
    if refused:
        assert "nothing to export" in refused, refused
        return "nothing"
    assert (report.counts.get("masks", 0), report.counts.get("boxes", 0)) == KEPT[format](out), report
    if format in ("sft", "grpo"):
        assert report.counts["samples"] + sum(report.left_out.values()) == len(video.questions), report
        if format == "sft":
            assert _are_near(samples_of(out), _taught(video)), (samples_of(out), _taught(video))
        return "exported"
    covered = sum(number for what, number in report.lost.items() if "wholly under" in what)
    spoken_of = {key for question in video.questions if question.instruction.strip() for key in question.object_ids}
    visible = _visible(video, spoken_of if format in ("mevis", "revos") else set(video.tracks))
    if format != "ref-youtube-vos":  # it leaves out instructions with their objects
        assert report.counts.get("masks", 0) + covered == len(visible), report
    if format in IMPORTABLE:
        _check_round_trip(format, out, report, video, visible)
    return "exported"


def _are_near(found: list[Sample], wanted: list[Sample]) -> bool:
    """Tell whether samples have the same keyframes, and boxes that differ by rounding alone."""
    if [frame for frame, _ in found] != [frame for frame, _ in wanted]:
        return False
    boxes = ([box for _, each in samples for box in each] for samples in (found, wanted))
    return all(max(abs(a - b) for a, b in zip(*pair, strict=True)) <= 1 for pair in zip(*boxes, strict=True))


def _taught(video: LabelledVideo) -> list[Sample]:
    """Return keyframe and boxes, in the model's 560x560, of what a fine-tuning set teaches."""
    taught: list[Sample] = []
    scale = (560 / SIZE_WH[0], 560 / SIZE_WH[1])
    for question in video.questions:
        shown = _visible(video, set(question.object_ids))
        is_sure = bool(question.thought) and question.reasoning in ("confirmed", "edited", "regenerated")
        prompted = {
            prompt.object_id: prompt.box for prompt in question.prompts if prompt.frame_index == question.keyframe
        }
        boxes = [
            box
            for key in question.object_ids
            if (box := _box_on(video, key, question.keyframe, prompted.get(key))) is not None
        ]
        if not question.instruction.strip() or not is_sure or (question.object_ids and not (shown and boxes)):
            continue
        numbers = [tuple(value * scale[at % 2] for at, value in enumerate(box.xyxy)) for box in boxes]
        taught.append((question.keyframe if boxes else None, numbers))
    return taught


def _box_on(video: LabelledVideo, object_id: int, frame: int | None, prompted: Box | None) -> Box | None:
    """Return the box of an object on a frame: around its mask, else the one that prompted it."""
    mask = None if frame is None else video.tracks[object_id].get(frame)
    return prompted if mask is None else mask_box(mask.rle)


def _visible(video: LabelledVideo, object_ids: set[int]) -> dict[tuple[int, int], Rle]:
    return {
        (object_id, frame): mask.rle
        for object_id in object_ids
        for frame, mask in video.tracks[object_id].items()
        if not mask.is_empty
    }


def _check_round_trip(
    format: str, out: Path, report: ExportReport, video: LabelledVideo, visible: dict[tuple[int, int], Rle]
) -> None:
    tally, back, refused = ImportTally(), [], ""
    try:
        back += import_labels(out, format, tally=tally)
    except DataError as error:
        refused = str(error)
    if refused:
        assert not visible, refused
        assert "nothing of it can be imported" in refused or "holds no" in refused, refused
        return
    found = [rle for each in back for rle in _visible(each, set(each.tracks)).values()]
    assert len(found) == report.counts.get("masks", 0)
    if format_named(format).holds.masks == "exact":
        assert sorted(map(repr, found)) == sorted(map(repr, visible.values()))
    assert not [line for line in tally.lines() if "video" not in line], tally.lines()
    texts = [question.instruction for question in video.questions if question.instruction]
    words = sorted(text for text in texts if text.strip() or format not in ("mevis", "revos"))  # they take no blanks
    spoken = sorted(question.instruction for each in back for question in each.questions if question.instruction)
    told = {**report.left_out, **report.lost}
    gone = sum(number for what, number in told.items() if "instructions" in what or "words" in what)
    assert len(words) == len(spoken) + gone, (words, spoken, report)
    assert gone or format == "cvat" or words == spoken


@lru_cache(maxsize=1)
def _clip_info() -> VideoInfo:
    with open_video(CASE_CLIP) as clip:
        return clip.info
