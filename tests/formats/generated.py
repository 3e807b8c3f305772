"""Files of labels made by chance, whole and damaged, and the law that every import and export of them keeps.

A seed makes a file. What is in it is counted here while it is written, apart from the readers, so that
`found = taken + left out` means something.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np

from tests.formats.reading import CASE_CLIP
from veason.errors import VeasonError
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import coco_dict, encode_mask
from veason.types import Box, Prompt, VideoInfo

SIZE_WH, NUM_FRAMES = (160, 120), 60
ODD = (
    float("nan"), float("inf"), -1, -3.5, 0, 2**40, 2**70, 10**400, 1e308, "", "x", "nan", "-1", "7", "é\u2028", None,
    True, [], {}, [[]], [1], "a\\b", "../../etc/passwd", "\x00",
)  # fmt: skip
"""What stands in damaged files where something else should."""


def mask_of(chance: random.Random) -> np.ndarray:
    """Return a mask: a block, a speck, nothing, or noise."""
    mask = np.zeros(SIZE_WH[::-1], bool)
    x, y = chance.randrange(150), chance.randrange(110)
    kind = chance.choice(["block"] * 5 + ["speck", "nothing", "noise"])
    if kind == "block":
        mask[y : y + chance.randrange(1, 40), x : x + chance.randrange(1, 40)] = True
    elif kind == "speck":
        mask[y, x] = True
    elif kind == "noise":
        mask[y : y + 9, x : x + 9] = np.random.default_rng(chance.randrange(2**32)).random((min(9, 120 - y), 9)) < 0.5
    return mask


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
}


def damage(chance: random.Random, file: Path) -> None:
    """Change something in a file: a value, a key, an attribute, or bytes."""
    if chance.random() < 0.2:
        data = bytearray(file.read_bytes())
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        file.write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
    elif file.suffix == ".json":
        content = json.loads(file.read_text())
        for _ in range(chance.randrange(1, 4)):
            _damage_json(chance, content)
        file.write_text(json.dumps(content))
    else:
        root = ElementTree.parse(file).getroot()
        for _ in range(chance.randrange(1, 4)):
            element = chance.choice(list(root.iter()))
            if element.attrib and chance.random() < 0.8:
                key = chance.choice(list(element.attrib))
                element.attrib[key] = str(chance.choice(ODD)).replace("\x00", "")
            else:
                element.text = str(chance.choice(ODD)).replace("\x00", "")
        ElementTree.ElementTree(root).write(file, encoding="utf-8")


def _damage_json(chance: random.Random, content: Any) -> None:
    while isinstance(content, (dict, list)) and content:
        key: Any = chance.choice(list(content)) if isinstance(content, dict) else chance.randrange(len(content))
        if chance.random() < 0.3 or not isinstance(content[key], (dict, list)) or not content[key]:
            if isinstance(content, dict) and chance.random() < 0.2:
                del content[key]
            else:
                content[key] = chance.choice(ODD)
            return
        content = content[key]


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
        assert is_damaged or "nothing of it can be imported" in told, told
        assert is_damaged or not any(tally.taken.values()), tally.taken
        return "refused"
    masks = sum(not mask.is_empty for video in videos for track in video.tracks.values() for mask in track.values())
    prompts = sum(len(question.prompts) for video in videos for question in video.questions)
    shapes = sum(tally.taken[kind] for kind in ("mask", "polygon", "ellipse"))
    assert masks == shapes, (masks, tally.taken)
    assert prompts <= tally.taken["box"], (prompts, tally.taken)
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
        questions.append(
            LabelledQuestion(str(number), chance.choice(texts), own, status="accepted", prompts=prompts, by_hand=places)
        )
    named = {object_id for question in questions for object_id in question.object_ids}
    info = VideoInfo("", NUM_FRAMES, SIZE_WH, 12.0, 0.0, 5.0, False, "")
    names = {object_id: chance.choice(["car", "a & b"]) for object_id in named if chance.random() < 0.5}
    kept = {object_id: track for object_id, track in tracks.items() if object_id in named}
    return LabelledVideo("clip", info, tuple(questions), kept, names)


def check_export(format: str, seed: int, folder: Path) -> str:
    """Export labels made by chance: what others' rules keep is what the report says, and comes back as it was.

    Raises:
        AssertionError: something is lost or told wrongly.
    """
    video = labels_of(random.Random(seed))
    out = folder / "out"
    visible = {
        (object_id, frame): mask.rle
        for object_id, track in video.tracks.items()
        for frame, mask in track.items()
        if not mask.is_empty
    }
    tally, back = ImportTally(), []
    try:
        report = export_labels([video], format, out, ExportOptions(has_pictures=False))
        assert (report.counts.get("masks", 0), report.counts.get("boxes", 0)) == KEPT[format](out), report.counts
        back += import_labels(out, format, tally=tally)
    except VeasonError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert not visible
        assert "nothing to export" in told or "nothing of it can be imported" in told, told
        return "nothing"
    assert report.counts.get("masks", 0) == len(visible)
    found = {
        (object_id, frame): mask.rle
        for each in back
        for object_id, track in each.tracks.items()
        for frame, mask in track.items()
        if not mask.is_empty
    }
    assert sorted(map(repr, found.values())) == sorted(map(repr, visible.values()))
    assert not [line for line in tally.lines() if "video" not in line], tally.lines()
    words = sorted(question.instruction for question in video.questions if question.instruction)
    spoken = sorted(question.instruction for each in back for question in each.questions if question.instruction)
    gone = sum(
        number for what, number in {**report.left_out, **report.lost}.items() if "instr" in what or "words" in what
    )
    assert len(words) == len(spoken) + gone, (words, spoken, report)
    assert gone or format == "cvat" or words == spoken
    return "exported"


def _kept_coco(out: Path) -> tuple[int, int]:
    """Return how many masks and boxes a reader of COCO keeps: annotations with a code, of pictures that are listed."""
    content = json.loads((out / "annotations" / "instances_train.json").read_text())
    listed = {image["id"] for image in content["images"]}
    return sum(row["image_id"] in listed and bool(row["segmentation"]["counts"]) for row in content["annotations"]), 0


def _kept_youtube_vis(out: Path) -> tuple[int, int]:
    content = json.loads((out / "train" / "instances.json").read_text())
    return sum(mask is not None for row in content["annotations"] for mask in row["segmentations"]), 0


def _kept_cvat(out: Path) -> tuple[int, int]:
    """Return how many masks and boxes CVAT keeps: of a track that begins with a mask, that one; else all keyframes.

    It stops at a track without shapes. Source: `load_anno` in cvat/apps/dataset_manager/formats/cvat.py.
    """
    masks = boxes = 0
    for track in ElementTree.parse(out / "clip.xml").getroot().iter("track"):
        shapes = [shape for shape in track if shape.get("keyframe") == "1"]
        if shapes[0].tag == "mask":
            masks += 1
        else:
            boxes += sum(shape.tag == "box" and shape.get("outside") == "0" for shape in shapes)
    return masks, boxes


KEPT = {"coco": _kept_coco, "youtube-vis": _kept_youtube_vis, "cvat": _kept_cvat}
"""What the import rules of others keep of our exports, as (masks, boxes)."""
