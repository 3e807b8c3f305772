"""Files of labels that were right and had something done to them: a strategy of Hypothesis, so that failures shrink.

A seed is a folder of files in memory, which an exporter of ours or another program wrote. A mutation changes a value,
moves or repeats a part, renames a file, or changes bytes.
"""

from __future__ import annotations

import copy
import io
import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

from hypothesis import strategies as st
from PIL import Image

from tests.formats.generated import FILES, labels_of
from tests.formats.reading import CASES
from veason.errors import ExportError
from veason.formats.catalogue import EXPORTABLE
from veason.formats.exporting import export_labels
from veason.formats.labels.options import ExportOptions

Files = dict[str, bytes]
"""What lies in a folder, by path with slashes."""

Draw = Callable[[st.SearchStrategy[Any]], Any]

VALUES: tuple[Any, ...] = (
    float("nan"), float("inf"), -float("inf"), -1, -3.5, 0, 0.5, 1, 2**31, 2**40, 2**64, 10**400, 1e308, -1e308, 5e-324,
    "", "x", "nan", "-1", "7", " 7 ", "1e5", "0x10", "\u0663", "é\u2028", "\ud800", "a\0b", "../../etc/passwd",
    "/etc/passwd", "C:\\x", "\\\\host\\x", "file:///etc/passwd", "http://127.0.0.1/x", "data:image/png;base64,AAAA",
    "x" * 300_000, "9" * 5000, None, True, False, [], {}, [[]], [1], [[1, 2, 3]], [0] * 50_000, {"size": [2**20] * 2},
    {"size": [120, 160], "counts": [0, 2**40]}, {"size": [120, 160], "counts": [-5, 19_205]}, {"counts": "o" * 999},
)  # fmt: skip
"""What stands where something else should."""

NAMES = (
    "../up.json", "/etc/x", "a\\b", "CON", ".hidden", "labels.json", "a" * 200, "\u202egpj", "00000.png", "-1.png",
    f"{10**30}.png", "meta.json", "Annotations/x/00001.png", "annotations.xml", "clip.mp4", "mask_dict.json", "x.jsonl",
)  # fmt: skip
"""What files are renamed to; those that lead out of a folder are used in archives alone."""

_CASE_FORMATS = {"coco": "coco", "cvat": "cvat", "davis": "davis", "ls": "label-studio"}


@cache
def seeds(format: str) -> tuple[Files, ...]:
    """Return what is mutated: files that other programs wrote, exports of ours, and such as chance makes."""
    found = [_read(case) for case in sorted(CASES.iterdir()) if _CASE_FORMATS.get(case.name.split("-")[0]) == format]
    for seed in range(4):
        with TemporaryDirectory() as folder:
            path, _ = FILES[format](random.Random(seed), Path(folder))
            found.append(_read(path))
        if format in EXPORTABLE:
            with TemporaryDirectory() as folder:
                try:
                    export_labels([labels_of(random.Random(seed))], format, folder, ExportOptions(has_pictures=False))
                except ExportError:  # nothing to export in this format
                    continue
                found.append(_read(Path(folder)))
    return tuple(files for files in found if files)


def _read(path: Path) -> Files:
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@st.composite
def mutated(draw: Draw, format: str) -> Files:
    """Draw a seed of a format with one to four mutations."""
    files = dict(draw(st.sampled_from(seeds(format))))
    for _ in range(draw(st.integers(1, 4))):
        files = _mutate(draw, files)
    return files


def _mutate(draw: Draw, files: Files) -> Files:
    if not files:
        return {"labels.json": b""}
    name = draw(st.sampled_from(sorted(files)))
    how = draw(st.sampled_from(["inside"] * 6 + ["bytes", "files"]))
    if how == "files":
        return _with_other_files(draw, files, name)
    content = _other_bytes(draw, files[name]) if how == "bytes" else _inside(draw, name, files[name])
    return {**files, name: content}


def _with_other_files(draw: Draw, files: Files, name: str) -> Files:
    how = draw(st.sampled_from(["rename", "repeat", "drop", "swap"]))
    other = draw(st.sampled_from(NAMES))
    other = f"{name.rpartition('/')[0]}/{other}".lstrip("/") if draw(st.booleans()) else other
    kept = {key: value for key, value in files.items() if key != name}
    if how == "drop":
        return kept
    if how == "swap":
        second = draw(st.sampled_from(sorted(files)))
        return {**files, name: files[second], second: files[name]}
    return {**(kept if how == "rename" else files), other: files[name]}


def _other_bytes(draw: Draw, content: bytes) -> bytes:
    begin, end = sorted(draw(st.integers(0, len(content))) for _ in range(2))
    how = draw(st.sampled_from(["cut", "drop", "repeat", "put", "zero"]))
    if how == "cut":
        return content[:begin]
    middle = {
        "drop": b"", "repeat": content[begin:end] * 2, "put": draw(st.binary(max_size=8)), "zero": bytes(end - begin)
    }[how]  # fmt: skip
    return content[:begin] + middle + content[end if how != "put" else begin :]


def _inside(draw: Draw, name: str, content: bytes) -> bytes:
    """Change something of what a file says; what cannot be read any more has its bytes changed."""
    try:
        if name.endswith((".json", ".jsonl")):
            if name.endswith(".json"):
                return _written(_json(draw, json.loads(content)))
            rows = [json.loads(line) for line in content.decode().split("\n") if line.strip()]
            return b"\n".join(map(_written, _json(draw, rows)))
        if name.endswith(".xml"):
            return _xml(draw, content)
        if name.lower().endswith((".png", ".jpg")):
            return _picture(draw, content)
    except (ValueError, ElementTree.ParseError, OSError, RecursionError, TypeError, SyntaxError):
        pass
    return _other_bytes(draw, content)


def _written(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except ValueError:  # a number with more digits than Python writes
        return json.dumps(value, default=str).encode() if not isinstance(value, int) else b"9" * 5000


def _json(draw: Draw, whole: Any) -> Any:
    """Return JSON with a value changed, dropped, repeated, or taken from elsewhere in it."""
    whole = copy.deepcopy(whole)
    above, key = _place(draw, whole)
    if above is None:
        return draw(st.sampled_from(VALUES))
    how = draw(st.sampled_from(["value"] * 4 + ["near", "drop", "repeat", "from elsewhere", "wrap", "rename"]))
    if how == "value":
        above[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    elif how == "near" and isinstance(above[key], int | float):
        above[key] += draw(st.sampled_from([-1, 1, 0.5, 60, -60, 1000]))
    elif how == "drop":
        del above[key]
    elif how == "repeat" and isinstance(above, list):
        above.insert(key, copy.deepcopy(above[key]))
    elif how == "from elsewhere":
        other, place = _place(draw, whole)
        above[key] = copy.deepcopy(other[place] if other is not None else None)
    elif how == "wrap":
        above[key] = draw(st.sampled_from([[above[key]], {"0": above[key]}, str(above[key])[:99]]))
    elif how == "rename" and isinstance(above, dict):
        above[draw(st.sampled_from(["", "x", "1", "-1", "id", "\ud800"]))] = above.pop(key)
    return whole


def _place(draw: Draw, whole: Any) -> tuple[Any, Any]:
    """Draw a place in JSON, as what is above it and its key; (None, None) where there is none."""
    above, key, here = None, None, whole
    while isinstance(here, dict | list) and here and (above is None or draw(st.integers(0, 3))):
        key = draw(st.sampled_from(list(here) if isinstance(here, dict) else range(min(len(here), 500))))
        above, here = here, here[key]
    return above, key


def _xml(draw: Draw, content: bytes) -> bytes:
    root = ElementTree.fromstring(content)
    everything = list(root.iter())
    one = draw(st.sampled_from(everything))
    how = draw(st.sampled_from(["attribute"] * 4 + ["drop", "text", "tag", "repeat", "move", "declared"]))
    if how == "declared":
        entity = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        return entity + ElementTree.tostring(root).replace(b"</annotations>", b"&x;</annotations>")
    text = str(draw(st.sampled_from([value for value in VALUES if not isinstance(value, int) or value < 2**70])))
    text = text.replace("\0", "").replace("\ud800", "?")
    if how == "attribute" and one.attrib:
        one.set(draw(st.sampled_from(sorted(one.attrib))), text)
    elif how == "drop" and one.attrib:
        del one.attrib[draw(st.sampled_from(sorted(one.attrib)))]
    elif how == "tag":
        one.tag = draw(st.sampled_from(["mask", "polygon", "box", "ellipse", "points", "skeleton", "track", "image"]))
    elif how == "repeat" and len(one):
        one.append(copy.deepcopy(one[draw(st.integers(0, len(one) - 1))]))
    elif how == "move":
        part = draw(st.sampled_from(everything))
        if one not in part.iter():
            one.append(copy.deepcopy(part))
    else:
        one.text = text
    return ElementTree.tostring(root)


def _picture(draw: Draw, content: bytes) -> bytes:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    how = draw(st.sampled_from(["mode", "size", "value", "kind"]))
    kind = "PNG"
    if how == "mode":
        picture = picture.convert(draw(st.sampled_from(["L", "RGB", "RGBA", "1", "LA", "I;16", "F", "CMYK"])))
        kind = "TIFF" if picture.mode in ("F", "CMYK") else kind
    elif how == "size":
        picture = picture.resize(draw(st.sampled_from([(1, 1), (160, 121), (80, 60), (3000, 2000)])), 0)
    elif how == "kind":
        kind = draw(st.sampled_from(["GIF", "BMP", "TIFF", "WEBP"]))
        picture = picture.convert("RGB") if kind == "WEBP" else picture
    elif picture.mode in ("P", "L"):
        picture.putpixel((0, 0), draw(st.integers(0, 255)))
    saved = io.BytesIO()
    picture.save(saved, kind)
    return saved.getvalue()
