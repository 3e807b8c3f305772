"""Tasks of Label Studio, bundles, pictures and datasets of expressions made by chance, with what is in them."""

from __future__ import annotations

import base64
import io
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.formats.chance import NUM_FRAMES, SIZE_WH, mask_of
from veason.formats.label_studio.brush import encode_brush
from veason.masks import coco_dict, encode_mask

Made = tuple[Path, Counter[str]]


def label_studio_file(chance: random.Random, folder: Path) -> Made:
    """Write an export of Label Studio, of pictures and of the film, and return it with the shapes in it by kind."""
    counts: Counter[str] = Counter()
    tasks: list[dict[str, Any]] = []
    for number, frame in enumerate(chance.sample(range(NUM_FRAMES), chance.randrange(5))):
        annotations = []
        for _ in range(chance.choice([1, 1, 2])):
            result = [_region(chance, counts, f"{number}-{place}") for place in range(chance.randrange(4))]
            annotations.append({"result": result, "was_cancelled": chance.random() < 0.2})
        task = {"id": number, "data": {"image": f"/data/upload/1/0a1b2c3d-clip_{frame:05d}.jpg"}}
        tasks.append(task | {chance.choice(["annotations"] * 4 + ["predictions"]): annotations})
    if chance.random() < 0.5:
        result = []
        for number in range(chance.randrange(3)):
            frames = sorted(chance.sample(range(1, NUM_FRAMES + 1), chance.randrange(5)))
            sequence = [_place(chance) | {"frame": frame, "enabled": chance.random() < 0.8} for frame in frames]
            counts["box"] += len(sequence)
            value = {"framesCount": NUM_FRAMES, "sequence": sequence, "labels": [chance.choice(["car", "dog"])]}
            result.append({"id": f"v{number}", "type": "videorectangle", "value": value})
        tasks.append(
            {"id": 99, "data": {"video": "/data/upload/1/0a1b2c3d-clip.mp4"}, "annotations": [{"result": result}]}
        )
    file = folder / "export.json"
    file.write_text(json.dumps(tasks))
    return file, counts


def _place(chance: random.Random) -> dict[str, float]:
    sides = {"width": chance.uniform(-1, 30), "height": chance.uniform(-1, 30), "rotation": chance.choice([0, 0, 30])}
    return {"x": chance.uniform(-9, 105), "y": chance.uniform(-9, 105), **sides}


def _region(chance: random.Random, counts: Counter[str], id: str) -> dict[str, Any]:
    kind = chance.choice(["brush", "bitmask", "polygon", "rectangle", "ellipse", "keypoint"])
    value: dict[str, Any] = {}
    if kind == "brush":
        value = {"format": "rle", "rle": encode_brush(mask_of(chance))}
    elif kind == "bitmask":
        stream = io.BytesIO()
        alpha = mask_of(chance).astype(np.uint8) * 255
        Image.fromarray(np.stack([alpha] * 4, -1)).save(stream, "PNG")
        value = {"imageDataURL": f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"}
    elif kind == "polygon":
        points = [[chance.uniform(-9, 105), chance.uniform(-9, 105)] for _ in range(chance.randrange(1, 6))]
        value = {"points": points, "closed": True}
    elif kind == "rectangle":
        value = _place(chance)
    elif kind == "ellipse":
        value = {"x": 50, "y": chance.uniform(-9, 105), "radiusX": chance.uniform(0, 20), "radiusY": 9, "rotation": 0}
    else:
        value = {"x": 5, "y": 5, "width": 1}
    names = {"brush": "brush mask", "rectangle": "box", "keypoint": "result"}
    counts[names.get(kind, kind)] += 1
    labels = [chance.choice(["car", "dog"])] if chance.random() < 0.9 else []
    row = {"id": id, "type": f"{kind}labels", "original_width": SIZE_WH[0], "original_height": SIZE_WH[1]}
    return row | {"image_rotation": 0, "value": value | {f"{kind}labels": labels}}


def bundle_file(chance: random.Random, folder: Path) -> Made:
    """Write a bundle, whose questions share objects, and return it with the shapes in it by kind."""
    counts: Counter[str] = Counter()
    ids = chance.sample(range(1, 9), chance.randrange(1, 4))
    masks = {
        id: {frame: mask_of(chance) for frame in sorted(chance.sample(range(NUM_FRAMES), chance.randrange(5)))}
        for id in ids
    }
    named: set[int] = set()
    rows = []
    for number in range(chance.randrange(1, 4)):
        own = chance.sample(ids, chance.randrange(len(ids) + 1))
        named |= set(own)
        prompts = []
        for id in own:
            if chance.random() < 0.5:
                box = [1, 2.5, 30, 40] if chance.random() < 0.6 else None
                clicks = [{"x": 5, "y": 6.5, "is_positive": True}] * (chance.randrange(3) if box else 1)
                counts["box"] += box is not None
                counts["click"] += len(clicks)
                prompts.append(
                    {"object_id": id, "frame_index": 3, "box": box, "clicks": clicks, "mask": None, "is_by_hand": True}
                )
        rows.append(
            {
                "version": 1, "video": "clip", "path": "", "num_frames": NUM_FRAMES, "width": SIZE_WH[0],
                "height": SIZE_WH[1], "fps": 12.0, "first_timestamp": 0.0, "last_timestamp": 4.9,
                "has_variable_rate": False, "decoder": "", "question": str(number), "instruction": "the dog\u2028",
                "type": "referring" if own else "absent", "status": "in review", "reasoning": "",
                "reasoning_state": None,
                "answer_text": "", "frames_shown": [0, 59], "keyframe": 3 if own else None, "policy": "",
                "segmenter": "",
                "original": "", "disputed_by": [], "objects": [{"object_id": id, "name": "car"} for id in own],
                "prompts": prompts,
                "masks": [
                    {"object_id": id, "frame_index": frame, **coco_dict(encode_mask(mask)), "score": 4.5,
                     "provenance": "propagated", "is_occluded": False}
                    for id in own for frame, mask in masks[id].items()
                ],
            }
        )  # fmt: skip
    counts["mask"] += sum(mask.any() for id in named for mask in masks[id].values())
    file = folder / "labels.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=chance.random() < 0.5) for row in rows), encoding="utf-8")
    return file, counts


def palette_folder(chance: random.Random, folder: Path) -> Made:
    """Write palette or grey pictures in one of their layouts and return the folder with the masks in it."""
    counts: Counter[str] = Counter()
    layout = chance.choice(
        [
            "clip",
            "Annotations/480p/clip",
            "Annotations_unsupervised/480p/clip",
            "train/Annotations/clip",
            "valid/Annotations/clip",
        ]
    )
    form = chance.choice(["{:05d}.png", "{}.png", "frame_{:06d}.PNG"])
    ids = chance.sample([1, 2, 5, 255], chance.randrange(1, 4))
    pictures = []
    for frame in sorted(chance.sample(range(NUM_FRAMES), chance.randrange(1, 5))):
        picture = np.zeros(SIZE_WH[::-1], np.uint8)
        for place, id in enumerate(ids):
            if chance.random() < 0.7:
                picture[20 * place : 20 * place + 15, chance.randrange(100) :][:, :30] = id
        pictures.append((frame, picture))
    values = {int(value) for _, picture in pictures for value in np.unique(picture)} - {0}
    (folder / "labels" / layout).mkdir(parents=True)
    for frame, picture in pictures:
        found = set(np.unique(picture).tolist()) - {0}
        counts["area"] += 255 in found and values != {255}
        counts["mask"] += len(found - ({255} if values != {255} else set()))
        Image.fromarray(picture).save(folder / "labels" / layout / form.format(frame))
    if chance.random() < 0.3:
        Image.new("RGB", SIZE_WH).save(folder / "labels" / layout / "00100.jpg")
        counts["picture"] += 1
    return folder / "labels", counts


def _expressions(chance: random.Random, folder: Path, meta: str, masks_file: str, *, has_types: bool) -> Made:
    counts: Counter[str] = Counter()
    frames = sorted(chance.sample(range(NUM_FRAMES), chance.randrange(1, 5)))
    masks = {number: [mask_of(chance) if chance.random() < 0.7 else None for _ in frames] for number in range(3)}
    masks[0][0] = np.ones(SIZE_WH[::-1], bool)
    expressions = {}
    named: set[int] = set()
    for number in range(chance.randrange(1, 4)):
        own = chance.sample(range(3), chance.randrange(3)) if number else [0]
        named |= set(own)
        row: dict[str, Any] = {"exp": f"thing {number}", "obj_id": own, "anno_id": [10 + each for each in own]}
        expressions[str(number)] = row | ({"type_id": 0 if own else 2} if has_types else {})
        counts["instruction"] += 1
    sizes = {"width": SIZE_WH[0], "height": SIZE_WH[1]} if has_types else {}
    entry = {"vid_id": 0, **sizes, "frames": [f"{frame:05d}" for frame in frames], "expressions": expressions}
    counts["mask"] = sum(mask is not None and mask.any() for number in named for mask in masks[number])
    counts["row of masks"] = len(set(masks) - named)
    root = folder / "dataset"
    (root / meta).parent.mkdir(parents=True)
    (root / meta).write_text(json.dumps({"videos": {"clip": entry}}))
    rows = {
        str(10 + number): [None if mask is None else coco_dict(encode_mask(mask)) for mask in row]
        for number, row in masks.items()
    }
    (root / masks_file).write_text(json.dumps(rows))
    return root, counts


def mevis_folder(chance: random.Random, folder: Path) -> Made:
    """Write a MeViS dataset without pictures and return it with what is in it."""
    return _expressions(chance, folder, "train/meta_expressions.json", "train/mask_dict.json", has_types=False)


def revos_folder(chance: random.Random, folder: Path) -> Made:
    """Write a ReVOS dataset without pictures and return it with what is in it."""
    return _expressions(chance, folder, "meta_expressions_train_.json", "mask_dict.json", has_types=True)


SETS: dict[str, Callable[[random.Random, Path], Made]] = {
    "label-studio": label_studio_file,
    "veason": bundle_file,
    "davis": palette_folder,
    "youtube-vos": palette_folder,
    "mevis": mevis_folder,
    "revos": revos_folder,
}
