"""Label files in every format that can be imported, each with one thing in it that no program writes."""

from __future__ import annotations

import copy
import io
import json
import random
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

VALUES: dict[str, Any] = {
    "nan": float("nan"),
    "infinite": float("-inf"),
    "huge": 1e308,
    "beyond 64 bits": 2**64,
    "a number of 400 digits": 10**400,
    "below zero": -1,
    "a billion": 10**9,
    "nothing": None,
    "yes": True,
    "no text": "",
    "a way out": "../../canary.txt",
    "an absolute path": "/etc/passwd",
    "a page": "<script>alert(1)</script>",
    "a zero byte": "a\0b",
    "half a letter": "\ud800",
    "letters that turn round": "\u202egnp.\u2066",
    "a long text": "x" * 300_000,
    "a list": [[[]]],
    "many": [0] * 200_000,
    "an object": {"counts": "o" * 999, "size": [2**31, 2**31]},
    "a polygon far away": [[1e300, -1e300, 5, 5, 9, 9]],
    "run lengths of terabytes": {"size": [2**20, 2**20], "counts": [0, 2**40]},
    "run lengths below zero": {"size": [24, 32], "counts": [-5, 773]},
}
TEXTS = {name: value for name, value in VALUES.items() if isinstance(value, str | int | float | bool)}


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of everything in JSON but the whole."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*here, key)
        yield from places(one, (*here, key))


def with_value(record: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of JSON with another value at a place."""
    found = copy.deepcopy(record)
    inner = found
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return found


def broken_json(record: Any, rng: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield so many copies of JSON with a hostile value at a place, and some that are hostile as a whole."""
    everywhere = list(places(record))
    names = list(VALUES)
    for number in range(count):
        place, name = rng.choice(everywhere), names[number % len(names)]
        told = ".".join(map(str, place))[-60:]
        try:
            yield f"{name} at {told}", json.dumps(with_value(record, place, VALUES[name])).encode()
        except ValueError:  # more digits than Python writes
            text = json.dumps(with_value(record, place, "DIGITS")).replace('"DIGITS"', "9" * 5000)
            yield f"{name} at {told}", text.encode()
    text = json.dumps(record).encode()
    yield "cut off", text[: len(text) // 2]
    yield "deep", b"[" * 100_000
    yield "deep object", b'{"a":' * 100_000
    yield "no JSON", b"\xff\xfe\x00" * 100
    yield "a key twice", text[:-1] + b"," + text[1:]
    yield "empty", b""


def broken_xml(text: str, rng: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield so many copies of XML with a hostile value in an attribute or text, and some hostile as a whole."""
    spots = [match.span(1) for match in re.finditer(r'="([^"]*)"', text)]
    spots += [match.span(1) for match in re.finditer(r">([^<>]+)<", text)]
    values = {
        name: str(value) for name, value in TEXTS.items() if name not in ("a number of 400 digits", "half a letter")
    }
    names = list(values)
    for number in range(count):
        (begin, end), name = rng.choice(spots), names[number % len(names)]
        value = values[name].replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
        yield f"{name} at {begin}", (text[:begin] + value + text[end:]).encode()
    bomb = "".join(f'<!ENTITY x{n + 1} "{f"&x{n};" * 10}">' for n in range(9))
    yield "a billion laughs", f'<!DOCTYPE a [<!ENTITY x0 "lol">{bomb}]><annotations>&x9;</annotations>'.encode()
    outside = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>'
    yield "an entity of a file", outside.encode()
    yield "a style sheet", b'<?xml-stylesheet href="file:///etc/passwd"?>' + text.split("?>", 1)[-1].encode()
    yield "deep", b"<annotations>" * 100_000
    yield "in another encoding", b'<?xml version="1.0" encoding="utf-7"?><annotations/>'
    yield "many attributes", b"<annotations " + b" ".join(b'a%d="1"' % n for n in range(50_000)) + b"/>"
    yield "cut off", text[: len(text) // 2].encode()


def broken_pictures(folder: Path, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield ZIP files of a folder of mask pictures with a hostile picture among them."""
    files = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    masks = sorted(name for name in files if name.endswith(".png"))
    hostile = {
        "a bomb": png(30_000, 30_000),
        "another size": png(640, 480),
        "colours": _saved("RGB"),
        "sixteen bits": _saved("I;16"),
        "with alpha": _saved("RGBA"),
        "a GIF": _saved("P", "GIF"),
        "a TIFF of many pages": _pages("TIFF"),
        "moving": _pages("PNG"),
        "cut off": files[masks[0]][:60] if masks else b"",
        "a page": b"<svg><script>alert(1)</script></svg>",
        "empty": b"",
    }
    for told, content in hostile.items():
        place = rng.choice(masks) if masks else "Annotations/480p/clip/00000.png"
        yield f"{told} at {place}", packed({**files, place: content})
    for told, name in (("a negative number", "-0001.png"), ("a huge number", f"{10**30}.png"), ("no number", "a.png")):
        folder_of = Path(masks[0]).parent.as_posix() if masks else "Annotations"
        yield told, packed({**files, f"{folder_of}/{name}": files[masks[0]] if masks else b""})


def png(width: int, height: int) -> bytes:
    """Return a PNG that says it is of a size, without the pixels."""
    whole = _saved("P")
    import zlib

    head = whole[8:33]
    body = head[4:8] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + head[16:21]
    return whole[:8] + head[:4] + body + zlib.crc32(body).to_bytes(4, "big") + whole[33:]


def packed(files: dict[str, bytes]) -> bytes:
    """Return a ZIP file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def _saved(mode: str, kind: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.new(mode, (32, 24)).save(made, kind)
    return made.getvalue()


def _pages(kind: str, count: int = 300) -> bytes:
    made = io.BytesIO()
    pages = [Image.new("P", (32, 24), shade % 3) for shade in range(count)]
    pages[0].save(made, kind, save_all=True, append_images=pages[1:])
    return made.getvalue()
