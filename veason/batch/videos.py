"""Videos by path, pattern or address of an object store; what tells them apart, and how a worker gets at them."""

from __future__ import annotations

import glob
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from veason.errors import ExportError, MissingBackend, VideoError
from veason.libraries import library_imports
from veason.project.videos import VIDEOS, hash_video, is_video_file, stamp_video
from veason.video.images import is_picture, is_system_file

DIGESTS = "digests.jsonl"
"""Name of the file in the folder of results with what is known of the videos' content."""

_CHUNK = 1 << 20
_READERS = 8
"""Videos that are read at a time to learn their digests."""

_STAMPS = ("ETag", "etag", "mtime", "LastModified", "updated", "md5", "content_md5", "generation")
"""What stores tell of a file that changes with its content, by the names that they have for it."""

_STORE_ERRORS = (("aiohttp", "ClientError"), ("botocore.exceptions", "BotoCoreError"), ("gcsfs.retry", "HttpError"))
"""Errors of stores that are no OSError, by module; they are looked up only where the module has been loaded."""


def is_address(place: str) -> bool:
    """Tell whether a place is an address of a store, such as s3://bucket/clip.mp4, and no path.

    >>> is_address("s3://bucket/clips"), is_address("clips/a.mp4"), is_address("c:/clips")
    (True, False, False)
    """
    return "://" in place


def find_videos(places: Iterable[str]) -> list[str]:
    """Return the videos of files, folders (with all below), patterns and addresses, each once, in order.

    A folder of pictures is one video, unless it holds video files as well: then its pictures are none.

    Raises:
        VideoError: a place holds none, or a store refuses.
        MissingBackend: the library of a store is not installed.
    """
    found: dict[str, None] = {}
    for place in places:
        inside = _in_store(place) if is_address(place) else [str(one) for one in _on_disk(place)]
        if not inside:
            raise VideoError(f"{place}: holds no video (looked for {', '.join(VIDEOS)} and folders of pictures)")
        found |= dict.fromkeys(inside)
    return list(found)


def _on_disk(place: str) -> list[Path]:
    path = Path(place)
    if path.is_file():
        return [path]
    try:
        if path.is_dir():
            return _below(path)
        matching = [Path(name) for name in sorted(glob.glob(place, recursive=True))]
        # A pattern names what is meant: folders that it matches are videos only where they hold pictures.
        return [one for one in matching if is_video_file(one) or (one.is_dir() and _below(one) == [one])]
    except OSError as error:
        raise VideoError(f"{error.filename or place}: cannot be read ({error.strerror})") from error


def _below(folder: Path) -> list[Path]:
    """Return the videos in a folder and below, in order: files, and folders of pictures with no file in or below."""
    found: list[Path] = []
    with_files: set[Path] = set()

    def fail(error: OSError) -> None:
        raise error

    for name, folders, names in os.walk(folder, topdown=False, onerror=fail):
        here = Path(name)
        if any(is_system_file(part) for part in here.relative_to(folder).parts):
            continue
        videos = [here / one for one in names if is_video_file(here / one)]
        if videos or any(here / one in with_files for one in folders):
            with_files.add(here)
        elif any(is_picture(here / one) for one in names):
            found.append(here)
        found += videos
    return sorted(found)


def _in_store(place: str) -> list[str]:
    with _store(place) as (store, path):
        is_web = place.lower().startswith(("http://", "https://"))  # no lists there, and ? and * are letters
        if not is_web and glob.has_magic(path):
            inside = sorted(store.glob(path))
        elif not is_web and store.isdir(path):
            inside = sorted(store.find(path))
        else:
            return [place] if store.exists(path) else []
        names = ((one, one.rstrip("/").rpartition("/")[2]) for one in inside)
        return [
            store.unstrip_protocol(one)
            for one, name in names
            if name.lower().endswith(VIDEOS) and not is_system_file(name)
        ]


@contextmanager
def _store(place: str) -> Iterator[tuple[Any, str]]:
    """Give the file system of an address and the path in there; what it raises becomes a sentence."""
    with library_imports():
        import fsspec
    try:
        yield fsspec.core.url_to_fs(place)
    except ImportError as error:  # the library of one protocol, which fsspec names
        raise MissingBackend(f"{place}: {error}") from error
    except _store_errors() as error:
        raise VideoError(f"{place}: cannot be read ({str(error) or type(error).__name__})") from error


def _store_errors() -> tuple[type[Exception], ...]:
    loaded = (getattr(sys.modules[name], error) for name, error in _STORE_ERRORS if name in sys.modules)
    return (OSError, ValueError, *loaded)


def stamp_of(place: str) -> str:
    """Return a text that changes with a video's content and costs no reading, "" where there is none.

    Raises:
        VideoError: it is not there, or the store refuses.
    """
    if is_address(place):
        with _store(place) as (store, path):
            told = store.info(path)
        known = {name: str(told[name]) for name in _STAMPS if told.get(name)}
        return json.dumps([told.get("size"), known], sort_keys=True) if known else ""
    try:
        return stamp_video(Path(place))
    except OSError as error:
        raise VideoError(f"{place}: cannot be read ({error.strerror})") from error


def digest_of(place: str) -> str:
    """Return the SHA-256 of a video's content, of a folder's pictures with their names. Raises VideoError."""
    if is_address(place):
        with tempfile.TemporaryDirectory(prefix="veason-batch-") as folder:
            return hash_video(_download(place, Path(folder)))
    try:
        return hash_video(Path(place))
    except OSError as error:
        raise VideoError(f"{place}: cannot be read ({error.strerror})") from error


def digest_videos(places: Iterable[str], known: Path | None = None) -> Mapping[str, str | VideoError]:
    """Return the digest of each video, or why it has none.

    Args:
        places: the videos.
        known: a folder that keeps what was learnt, so that an unchanged video is read once.

    Raises:
        ExportError: the folder cannot be written.
    """
    places = list(places)
    before = _kept(known / DIGESTS) if known else {}

    def learn(place: str) -> tuple[str, str | VideoError]:
        try:
            stamp = stamp_of(place)
            kept, digest = before.get(place, ("", ""))
            return stamp, digest if stamp and stamp == kept else digest_of(place)
        except VideoError as error:
            return "", error

    with ThreadPoolExecutor(_READERS) as pool:
        learnt = dict(zip(places, pool.map(learn, places), strict=True))
    if known:
        new = [
            {"video": place, "stamp": stamp, "digest": digest}
            for place, (stamp, digest) in learnt.items()
            if stamp and before.get(place) != (stamp, digest)
        ]
        _keep(known / DIGESTS, new)
    return {place: digest for place, (_, digest) in learnt.items()}


def _kept(file: Path) -> dict[str, tuple[str, str]]:
    """Return stamp and digest by place; a line that was cut by a kill says nothing."""
    kept: dict[str, tuple[str, str]] = {}
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return kept
    except OSError as error:
        raise ExportError(f"{file}: cannot be read ({error.strerror})") from error
    for line in lines:
        try:
            row = json.loads(line)
            kept[str(row["video"])] = (str(row["stamp"]), str(row["digest"]))
        except (ValueError, KeyError, TypeError):
            continue
    return kept


def _keep(file: Path, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as stream:  # a line break first: the last line may have been cut
            stream.write(b"\n" + b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    except OSError as error:
        raise ExportError(f"cannot write into {file.parent} ({error.strerror}): make room and start again") from error


class VideoFetcher:
    """How a worker gets at videos: those of a store are downloaded, and the last one stays for its next question.

    Content is checked against the digest that the video was listed with, so that no result is of another video than it
    says.
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._last = ("", "", "")
        self._path = Path()

    def path_of(self, place: str, digest: str) -> Path:
        """Return the file or folder of a video on this machine.

        Raises:
            VideoError: it is gone, cannot be read, or is no longer what was listed.
        """
        stamp = stamp_of(place)
        if self._last == (place, digest, stamp) and stamp:
            return self._path
        if is_address(place):
            if self._folder:
                self._folder.cleanup()
            self._folder = tempfile.TemporaryDirectory(prefix="veason-batch-")
            path = _download(place, Path(self._folder.name))
            found = hash_video(path)
        else:
            path, found = Path(place), digest_of(place)
        if found != digest:
            raise VideoError(f"{place}: was changed after it was listed: start again, and it is another video")
        self._path, self._last = path, (place, digest, stamp)
        return path


def _download(place: str, folder: Path) -> Path:
    """Copy a video of a store into a folder and return the file. Raises VideoError."""
    name = place.partition("?")[0].rpartition("/")[2]
    target = folder / f"video{Path(name).suffix}"
    with _store(place) as (store, path), store.open(path, "rb") as source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
    return target
