"""Masks made by chance, and damage to files: what the generated labels share."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image

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


def damage(chance: random.Random, file: Path) -> None:
    """Change something in a file, or in one of a folder: a value, a key, an attribute, a picture's mode, or bytes."""
    if file.is_dir():
        files = sorted(each for each in file.rglob("*") if each.is_file())
        texts = [each for each in files if each.suffix != ".png"]
        file = chance.choice(texts if texts and chance.random() < 0.7 else files)
    is_picture = file.suffix.lower() in (".png", ".jpg")
    if is_picture and chance.random() < 0.7:
        picture = Image.open(file).convert(chance.choice(["L", "RGB", "RGBA", "1", "LA"]))
        picture.resize((chance.choice([160, 80]), 120), Image.Resampling.NEAREST).save(file, "PNG")
    elif chance.random() < 0.2 or is_picture:
        data = bytearray(file.read_bytes())
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        file.write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
    elif file.suffix in (".json", ".jsonl"):
        rows = [json.loads(line) for line in file.read_text().split("\n") if line.strip()]
        for _ in range(chance.randrange(1, 4)):
            _damage_json(chance, rows)
        file.write_text("\n".join(map(json.dumps, rows)))
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
                content[key] = copy.deepcopy(chance.choice(ODD))
            return
        content = content[key]
