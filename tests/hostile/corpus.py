"""All hostile inputs, in a fixed order: the same seed gives the same ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.archives import LABELS, hostile_archives
from tests.hostile.asked import hostile_requests
from tests.hostile.labels import broken_json, broken_pictures, broken_xml, packed
from tests.hostile.media import hostile_media
from tests.hostile.target import Target, small_exports, write_clip
from veason.errors import VeasonError
from veason.formats.projects.confined import read_upload
from veason.project.folder import pack
from veason.studio.server.api import read_prompts
from veason.video import UNTRUSTED, open_video

BYTES = 2_000_000_000


@dataclass(frozen=True)
class Case:
    """A hostile input: `run` tries it, and returns "refused: ..." or "taken: ..."."""

    name: str
    run: Callable[[], str]


def corpus(target: Target, *, scale: int = 1, seed: int = 0) -> Iterator[Case]:
    """Yield every case; with a larger `scale` more of those that chance makes."""
    rng = random.Random(seed)
    for door, name, told, sent in hostile_requests(target.work, target.key):
        ask = target.send if door == "event" else target.look_up
        yield Case(f"{door} {name}: {told}", lambda ask=ask, name=name, sent=sent: ask(name, sent))  # type: ignore[misc]
    yield from _labels(target, rng, scale)
    for told, content in hostile_archives("labels.json", LABELS):
        yield Case(f"archive of labels: {told}", lambda content=content: _read(target, "coco", "x.zip", content))  # type: ignore[misc]
    project = target.folder / "packed.zip"
    pack(target.project, project)
    for told, content in hostile_archives("project.sqlite", b"SQLite format 3\0" + bytes(4000)):
        yield Case(f"archive of a project: {told}", lambda content=content: _unpack(target, content))  # type: ignore[misc]
    for number in range(20 * scale):
        content = _changed(project.read_bytes(), rng)
        yield Case(f"packed project, broken {number}", lambda content=content: _unpack(target, content))  # type: ignore[misc]
    clip = write_clip(target.folder / "clip.mp4", (64, 48), 12).read_bytes()
    for name, content in hostile_media(clip, target.canary, rng, 40 * scale):
        yield Case(f"media: {name}", lambda name=name, content=content: _open(target, name, content))  # type: ignore[misc]
    for told, rows in _prompts():
        yield Case(f"prompts of a program: {told}", lambda rows=rows: _prompts_read(rows))  # type: ignore[misc]


def _labels(target: Target, rng: random.Random, scale: int) -> Iterator[Case]:
    folder = target.folder / "exports"
    folder.mkdir()
    with small_exports(folder) as exports:
        found = dict(exports)
    for format, path in found.items():
        files = {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
        text = next((name for name in sorted(files) if _is_labels(name)), None)
        broken: Iterator[tuple[str, bytes]]
        if text is None:
            broken = broken_pictures(path, rng)
        elif text.endswith(".xml"):
            changed = broken_xml(files[text].decode(), rng, 24 * scale)
            broken = ((told, packed({**files, text: content})) for told, content in changed)
        else:
            first, rest = files[text], b""
            if text.endswith(".jsonl"):
                first, _, rest = files[text].partition(b"\n")
            made = broken_json(json.loads(first), rng, 24 * scale)
            broken = ((told, packed({**files, text: content + b"\n" + rest})) for told, content in made)
        for told, content in broken:
            name = f"{format}: {told}"
            yield Case(name, lambda format=format, content=content: _read(target, format, "x.zip", content))  # type: ignore[misc]
    for format in ("coco", "cvat", "davis", "label-studio"):
        yield Case(f"{format}: a file of noise", lambda format=format: _read(target, format, "x", rng.randbytes(5000)))  # type: ignore[misc]


def _is_labels(name: str) -> bool:
    return name.endswith((".json", ".jsonl", ".xml")) and "veason_export" not in name


def _read(target: Target, format: str, name: str, content: bytes) -> str:
    """Read labels as the confined process does, in this one: the first wall must hold by itself."""
    upload = Path(target.upload(name, content))
    room = upload.parent / "room"
    room.mkdir()
    return _told(lambda: f"{read_upload(str(upload), str(room), str(room) + '.jsonl', format, {}, BYTES)}"[:99])


def _unpack(target: Target, content: bytes) -> str:
    return target.send(
        "take", {"path": target.upload("x.zip", content), "name": "x.zip", "format": "project", "tab": "a"}
    )


def _open(target: Target, name: str, content: bytes) -> str:
    def read() -> str:
        with open_video(target.upload(name, content), limits=UNTRUSTED) as video:
            wanted = {0, video.info.num_frames - 1}
            return f"{video.info.num_frames} frames, {[video.frame(index).shape for index in sorted(wanted)]}"

    return _told(read)


def _told(work: Callable[[], str]) -> str:
    try:
        return f"taken: {work()}"
    except VeasonError as error:
        return f"refused: {error}"


def _changed(content: bytes, rng: random.Random) -> bytes:
    broken = bytearray(content)
    for _ in range(rng.choice([1, 8, 64])):
        broken[rng.randrange(len(broken))] = rng.randrange(256)
    return bytes(broken)


def _prompts() -> Iterator[tuple[str, object]]:
    row = {"object": 1, "frame": 0, "box": [1, 1, 9, 9]}
    wrong = (float("nan"), 1e309, 2**70, -1, None, "1", True, [], {}, "\ud800")
    yield "nothing", None
    yield "an object", {}
    yield "many", [row] * 100_000
    yield "deep", [[[[[[]]]]]]
    for name in row:
        for value in wrong:
            yield f"{name} {str(value)[:20]!r}", [{**row, name: value}]
    for value in wrong:
        yield f"a corner {str(value)[:20]!r}", [{**row, "box": [1, value, 9, 9]}]
        yield f"a point {str(value)[:20]!r}", [{"object": 1, "frame": 0, "point": [value, 1]}]


def _prompts_read(rows: object) -> str:
    return _told(lambda: f"{len(read_prompts(rows))} prompts")
