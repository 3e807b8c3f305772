"""Datasets of expressions made by chance, read as benchmarks and as questions of a project."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
from PIL import Image

from tests.formats.chance import SIZE_WH, damage, mask_of
from veason.errors import VeasonError
from veason.formats.catalogue import BENCHMARKS
from veason.formats.datasets import open_dataset
from veason.project import Project
from veason.project.sources import add_dataset

Truth = dict[tuple[str, int], np.ndarray]
"""The mask by expression and place among the frames."""

Objects = dict[int, list[np.ndarray]]

SPLITS = {"mevis": "train", "revos": "train", "ref-youtube-vos": "train", "ref-davis17": "train", "reasonvos": "test"}
assert set(SPLITS) == set(BENCHMARKS)


def benchmark_folder(kind: str, chance: random.Random, root: Path) -> Truth:
    """Write a dataset of one video with pictures into a folder and return what is true of it."""
    frames = [f"{at:05d}" for at in sorted(chance.sample(range(60), chance.randrange(1, 4)))]
    objects = {id: [mask_of(chance) for _ in frames] for id in range(1, chance.randrange(2, 4))}
    if kind.startswith("ref-"):  # a pixel holds one object there
        for masks in zip(*objects.values(), strict=True):
            for at, mask in enumerate(masks[1:], start=1):
                mask &= ~np.any(masks[:at], axis=0)
    times = 4 if kind == "ref-davis17" else 1
    about = [id for id in objects for _ in range(times)]
    pictures = root / "JPEGImages" / "clip"
    if kind in ("mevis", "ref-youtube-vos", "ref-davis17"):
        pictures = root / SPLITS[kind] / "JPEGImages" / "clip"
    pictures.mkdir(parents=True)
    for frame in frames:
        Image.new("RGB", SIZE_WH, (9, 9, 9)).save(pictures / f"{frame}.jpg")
    _WRITERS[kind](root, frames, objects, about)
    places = enumerate(about)
    return {(str(number), at): mask for number, id in places for at, mask in enumerate(objects[id])}


def _with_codes(root: Path, frames: list[str], objects: Objects, about: list[int], kind: str) -> None:
    from pycocotools import mask as coco

    rows: dict[str, list[object]] = {}
    for id, masks in objects.items():
        codes = [coco.encode(np.asfortranarray(mask, np.uint8)) for mask in masks]
        rows[str(id)] = [{"size": code["size"], "counts": code["counts"].decode()} for code in codes]
    expressions = {
        str(number): {"exp": f"dog {number}", "obj_id": [id], "anno_id": [id], "type_id": 0}
        for number, id in enumerate(about)
    }
    entry = {"vid_id": 0, "width": SIZE_WH[0], "height": SIZE_WH[1], "frames": frames, "expressions": expressions}
    folder = root / "train" if kind == "mevis" else root
    meta = "meta_expressions.json" if kind == "mevis" else "meta_expressions_train_.json"
    (folder / meta).write_text(json.dumps({"videos": {"clip": entry}}))
    (folder / "mask_dict.json").write_text(json.dumps(rows))


def _mevis(root: Path, frames: list[str], objects: Objects, about: list[int]) -> None:
    _with_codes(root, frames, objects, about, "mevis")


def _revos(root: Path, frames: list[str], objects: Objects, about: list[int]) -> None:
    _with_codes(root, frames, objects, about, "revos")


def _palettes(root: Path, frames: list[str], objects: Objects, about: list[int]) -> None:
    expressions = {str(number): {"exp": f"dog {number}", "obj_id": str(id)} for number, id in enumerate(about)}
    meta = root / "meta_expressions" / "train" / "meta_expressions.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"videos": {"clip": {"frames": frames, "expressions": expressions}}}))
    folder = root / "train" / "Annotations" / "clip"
    folder.mkdir(parents=True)
    for at, frame in enumerate(frames):
        picture = sum(id * masks[at].astype(np.uint8) for id, masks in objects.items())
        Image.fromarray(np.asarray(picture, np.uint8)).save(folder / f"{frame}.png")


def _reasonvos(root: Path, frames: list[str], objects: Objects, about: list[int]) -> None:
    rows = [
        {"obj_id": str(id), "exp_id": number, "exp_text": f"dog {number}", "is_sent": False}
        for number, id in enumerate(about)
    ]
    entry = {"source": "made", "frames": frames, "expressions": rows}
    (root / "meta_expressions.json").write_text(json.dumps({"videos": {"clip": entry}}))
    for id, masks in objects.items():
        folder = root / "Annotations" / f"made_clip_{id}"
        folder.mkdir(parents=True)
        for frame, mask in zip(frames, masks, strict=True):
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{frame}.png")


_WRITERS = {
    "mevis": _mevis, "revos": _revos, "ref-youtube-vos": _palettes, "ref-davis17": _palettes, "reasonvos": _reasonvos,
}  # fmt: skip


def check_benchmark(kind: str, seed: int, folder: Path, *, is_damaged: bool) -> str:
    """Read a dataset made by chance, as it is scored and into a project; return what came of it.

    Raises:
        AssertionError: a mask or an expression is lost or another one; any exception but a VeasonError passes through.
    """
    chance = random.Random(seed)
    root = folder / "dataset"
    truth = benchmark_folder(kind, chance, root)
    if is_damaged:
        damage(chance, root)
    refused = ""
    found: Truth = {}
    try:
        dataset = open_dataset(root, kind, SPLITS[kind])
        for sample in dataset:
            for index in sample.truth_indices():
                found[sample.expression_id, index] = sample.truth(index)
                sample.foreground(index)
        if seed % 8 == 0 and not is_damaged:
            with Project.create(folder / "project") as project:
                assert add_dataset(project, dataset).num_questions == len(dataset)
    except VeasonError as error:
        refused = str(error)
    if refused:
        assert is_damaged, refused
        assert str(folder) in refused or "'clip'" in refused, f"{refused} tells no place"
        return "refused"
    if not is_damaged:
        assert found.keys() == truth.keys()
        assert all(np.array_equal(found[key], truth[key]) for key in truth)
    return "read"
