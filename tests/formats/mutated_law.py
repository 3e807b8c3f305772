"""What holds of every file of labels, whatever was done to it: the law that fuzzers of importers check.

It is refused in words or comes in; nothing but a VeasonError is raised; no file outside of what was sent is opened;
what it holds, counted here by rules of a few lines, is taken or told as left out; and a project has what is told.
"""

from __future__ import annotations

import json
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any
from xml.etree import ElementTree

from tests.formats.mutated import Files
from tests.formats.reading import CASE_CLIP
from tests.hostile.labels import packed
from tests.hostile.target import RAW
from veason.errors import VeasonError
from veason.formats.importing import import_labels
from veason.formats.labels.carried import carried, labels_of
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.confined import read_upload
from veason.formats.projects.into_project import into_project, own_videos
from veason.masks import mask_area
from veason.project import Project
from veason.types import VideoInfo

MASKS = ("mask", "polygon", "ellipse", "brush mask", "bitmask")
PROMPTS = ("box", "click", "drawn mask")
_BYTES = 2_000_000_000
_MOST_TOLD = 2000
"""Letters of an error, of which a person reads the first line."""

_ALLOWED = tuple(
    str(Path(path).resolve())
    for path in {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *sys.path[1:], CASE_CLIP.parents[2]}
    if Path(path).is_absolute()
)


class Opened:
    """Paths that were opened outside of a folder, of the libraries, and of our sources, while it watches."""

    def __init__(self) -> None:
        self.inside: Path | None = None
        self.outside: list[str] = []
        sys.addaudithook(self._watch)

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.inside is None or event not in ("open", "os.link", "os.rename", "os.symlink", "socket.connect"):
            return
        path = arguments[0]
        if isinstance(path, bytes):
            path = path.decode(errors="replace")
        inside = (str(self.inside), *_ALLOWED, f"{gettempdir()}/veason", "/dev/")
        if isinstance(path, str) and not path.startswith(inside):
            self.outside.append(f"{event} {path}")

    @contextmanager
    def watching(self, folder: Path) -> Iterator[None]:
        """Watch for the block. Raises AssertionError where something else was opened."""
        self.inside, self.outside = folder, []
        try:
            yield
        finally:
            self.inside = None
        assert not self.outside, f"opened {self.outside[:3]}"


@lru_cache(maxsize=1)
def opened() -> Opened:
    """Return the only one that watches: a hook stays."""
    return Opened()


@lru_cache(maxsize=1)
def own() -> dict[str, VideoInfo]:
    """Return the videos that a visitor's project has already."""
    with TemporaryDirectory() as folder, _project(Path(folder)) as project:
        return own_videos(project)


def _project(folder: Path) -> Project:
    made = Project.create(folder / "project", is_untrusted=True)
    made.library.add_video(CASE_CLIP)
    return made


def check_mutated(format: str, files: Files, *, is_kept: bool) -> str:
    """Import files and check the law; return "refused" or "taken".

    Args:
        format: one of IMPORTABLE.
        files: what was sent.
        is_kept: also as a ZIP file, as visitors send them, and into a project.

    Raises:
        AssertionError: the law is broken; anything but a VeasonError passes through.
    """
    known = own()
    with TemporaryDirectory(prefix="veason-mutated-") as name:
        folder = Path(name).resolve()
        source = _lay_out(files, folder / "sent")
        tally, videos, told = ImportTally(), list[LabelledVideo](), None
        with opened().watching(folder):
            try:
                videos = list(import_labels(source, format, own=known, tally=tally))
            except VeasonError as error:
                told = str(error)
        if told is not None:
            _check_told(told)
        else:
            _check_counts(format, source, videos, tally)
            for video in videos:
                assert labels_of(json.loads(carried(video)), folder) is not None
        if is_kept:
            _check_kept(format, source, folder, is_refused=told is not None)
            _check_upload(format, files, folder, known)
        return "taken" if told is None else "refused"


def _lay_out(files: Files, folder: Path) -> Path:
    """Write files below a folder, whatever their names lead to; return the folder, or the only file in it."""
    folder.mkdir()
    for name, content in files.items():
        path = folder.joinpath(*(part for part in name.split("/") if part not in ("", ".", "..")))
        if path.exists() or any(above.is_file() for above in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    found = list(folder.iterdir())
    return found[0] if len(found) == 1 and found[0].is_file() else folder


def _check_told(told: str) -> None:
    assert len(told) <= _MOST_TOLD, f"{len(told)} letters are told: {told[:300]}"
    assert not any(raw in told for raw in RAW), told
    assert told.strip()
    assert "lost count" not in told, told
    told.encode()  # half a letter could not be sent


def _check_counts(format: str, source: Path, videos: list[LabelledVideo], tally: ImportTally) -> None:
    masks = sum(not mask.is_empty for video in videos for track in video.tracks.values() for mask in track.values())
    prompts = sum(  # two questions may be about one object, whose prompts both have
        len({(one.object_id, one.frame_index) for question in video.questions for one in question.prompts})
        for video in videos
    )
    assert masks == sum(tally.taken[kind] for kind in MASKS), (masks, tally.taken)
    assert prompts <= sum(tally.taken[kind] for kind in PROMPTS), (prompts, tally.taken)
    tally.check(source)
    for line in tally.lines():
        _check_told(line)
    holds = SHAPES[format](source) if format in SHAPES else None
    if holds is not None:
        found = sum(number for kind, number in tally.found.items() if kind not in _BESIDE)
        assert found == holds, f"the file holds {holds} shapes, the import found {tally.found}"


def _check_kept(format: str, source: Path, folder: Path, *, is_refused: bool) -> None:
    with _project(folder) as project:
        try:
            told = into_project(project, source, format, copy=True)
        except VeasonError as error:
            _check_told(str(error))
            assert not project.library.questions(), "something of what was refused is kept"
            return
        assert not is_refused, "what cannot be read alone came into a project"
        masks = [mask for one in project.library.questions() for mask in project.labels.masks(one.id)]
        kept = sum(1 for mask in masks if mask_area(mask.rle))
        assert kept >= told.num_masks, (kept, told)


def _check_upload(format: str, files: Files, folder: Path, known: dict[str, VideoInfo]) -> None:
    upload, room = folder / "x.zip", folder / "room"
    try:
        upload.write_bytes(packed(files))
    except (UnicodeEncodeError, ValueError):  # a name that no archive holds
        return
    room.mkdir()
    with opened().watching(folder):
        try:
            read_upload(str(upload), str(room), str(folder / "out"), format, {}, _BYTES)
        except VeasonError as error:
            _check_told(str(error))


_BESIDE = ("attribute", "part of a polygon", "video", "picture", "instruction")
"""Kinds that are counted and are no shapes."""


def _one(source: Path, ending: str) -> Path | None:
    found = [source] if source.is_file() else sorted(source.rglob(f"*{ending}"))
    found = [path for path in found if not path.name.startswith((".", "veason_export"))]
    return found[0] if len(found) == 1 else None


def _coco(source: Path) -> int | None:
    """Count annotations."""
    file = _one(source, ".json")
    return None if file is None else len(_annotations(file))


def _youtube_vis(source: Path) -> int | None:
    """Count the masks and boxes of tracks, picture by picture; a mask goes before the box of the same picture."""
    file = _one(source, ".json")
    if file is None:
        return None
    rows = [(row.get("segmentations") or [], row.get("bboxes") or []) for row in _annotations(file)]
    pairs = [
        (masks[at : at + 1], boxes[at : at + 1]) for masks, boxes in rows for at in range(max(len(masks), len(boxes)))
    ]
    return sum(any(mask) or any(box) for mask, box in pairs)


def _annotations(file: Path) -> list[Any]:
    return json.loads(file.read_bytes()).get("annotations") or []


def _cvat(source: Path) -> int | None:
    """Count the elements of tracks and pictures but attributes, and those that say that an object has left."""
    files = [source] if source.is_file() else sorted(source.rglob("*.xml"))
    roots = [ElementTree.parse(file).getroot() for file in files]
    return sum(
        element.get("outside", "0").strip() in ("0", "false", "False", "")
        for root in roots
        for holder in root
        if holder.tag in ("track", "image")
        for element in holder
        if element.tag != "attribute" or holder.tag == "image"
    )


SHAPES = {"coco": _coco, "youtube-vis": _youtube_vis, "cvat": _cvat}
"""How many shapes a file of a format holds, None where that takes more than a few lines to say."""
