"""ZIP files that are none, or hold what leads elsewhere, far more than they seem, or each other."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator

LABELS = b'{"images": [], "annotations": [], "categories": []}'


def hostile_archives(inside: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield archives; `inside` is the file in them that makes them look right, with its content."""
    ways_out = {
        "up": "../../../canary.txt",
        "absolute": "/tmp/canary.txt",
        "a drive": "C:\\canary.txt",
        "a backslash": "..\\..\\canary.txt",
        "a device": "CON",
        "a zero byte": "a\0b.json",
        "half a letter": "\udcff.json",
        "letters that turn round": "\u202egpj.exe",
        "a long name": "a" * 300 + ".json",
        "very deep": "/".join("d" * 900) + "/x.json",
        "a folder and a file": f"{inside}/x",
        "points alone": "...",
    }
    for told, name in ways_out.items():
        try:
            yield f"a name that leads: {told}", _zip({inside: content, name: b"x"})
        except UnicodeEncodeError:
            yield f"a name that leads: {told}", _zip({inside: content, name.encode("utf-8", "replace").decode(): b"x"})
    yield "a link", _with_link(inside, content)
    yield "a link in place of the labels", _with_link("other", b"x", inside)
    yield "a bomb", _bomb(inside, content)
    yield "bombs in bombs", _nested(inside, content)
    yield "the same name twice", _zip({inside: content}) + _zip({inside: b"x"})
    yield "many names", _zip({inside: content, **{f"{n}.txt": b"" for n in range(60_000)}})
    yield "encrypted", _flagged(_zip({inside: content}), 0x1)
    yield "an unknown way of packing", _method(_zip({inside: content}), 99)
    yield "a directory that lies", _patched(_zip({inside: content}), b"PK\x01\x02", 24, struct.pack("<I", 2**32 - 2))
    yield "an end that lies", _patched(_zip({inside: content}), b"PK\x05\x06", 10, struct.pack("<H", 65_534))
    yield "cut off", _zip({inside: content})[:-9]
    yield "no archive", b"PK\x03\x04" + b"\0" * 400
    yield "empty", _zip({})


def _zip(files: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def _bomb(inside: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(inside, content)
        with archive.open("zeros", "w") as file:
            for _ in range(150):
                file.write(bytes(1_000_000))
    return made.getvalue()


def _with_link(inside: str, content: bytes, link: str = "link.json") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(inside, content)
        info = zipfile.ZipInfo(link)
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return made.getvalue()


def _nested(inside: str, content: bytes) -> bytes:
    found = _zip({"zeros": bytes(3_000_000)}, zipfile.ZIP_DEFLATED)
    for _ in range(5):
        found = _zip({f"{n}.zip": found for n in range(10)}, zipfile.ZIP_DEFLATED)
    return _zip({inside: content, "nested.zip": found})


def _patched(archive: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    at = archive.rindex(mark) + offset
    return archive[:at] + value + archive[at + len(value) :]


def _flagged(archive: bytes, flag: int) -> bytes:
    return _patched(
        _patched(archive, b"PK\x01\x02", 8, struct.pack("<H", flag)), b"PK\x03\x04", 6, struct.pack("<H", flag)
    )


def _method(archive: bytes, method: int) -> bytes:
    packed = struct.pack("<H", method)
    return _patched(_patched(archive, b"PK\x01\x02", 10, packed), b"PK\x03\x04", 8, packed)
