"""What there is to do: a question about a video, named by the content of both and by the models that answer."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from veason.errors import VideoError
from veason.project.sources import VIDEOS
from veason.video.images import is_system_file


@dataclass(frozen=True, slots=True)
class Job:
    """One question about one video.

    Attributes:
        key: hexadecimal digest of the video's content, the instruction and the settings: the name of the result.
        video: the file, or the folder of its frames.
        instruction: what to look for.
    """

    key: str
    video: str
    instruction: str


def find_videos(places: Iterable[str]) -> list[Path]:
    """Return the videos of files, folders (with all below) and glob patterns, each once, in order.

    Raises:
        VideoError: a place holds none.
    """
    found: dict[Path, None] = {}
    for place in places:
        path = Path(place)
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if _is_video(one))
        elif path.is_file():
            inside = [path]
        else:
            inside = sorted(Path(one) for one in glob.glob(place, recursive=True) if _is_video(Path(one)))
        if not inside:
            raise VideoError(f"{place}: holds no video (looked for {', '.join(VIDEOS)})")
        found |= dict.fromkeys(inside)
    return list(found)


def plan_jobs(videos: Sequence[Path], asked: Mapping[Path, Sequence[str]] | Sequence[str], settings: str) -> list[Job]:
    """Return the jobs, equal ones once.

    Args:
        videos: the files.
        asked: instructions for every video, or for each of them.
        settings: text that changes when the models or their settings do.

    Raises:
        VideoError: a file cannot be read.
    """
    jobs: dict[str, Job] = {}
    for video in videos:
        content = digest_file(video)
        for instruction in asked.get(video, ()) if isinstance(asked, Mapping) else asked:
            key = hashlib.blake2b(f"{content}\n{settings}\n{instruction}".encode(), digest_size=16).hexdigest()
            jobs.setdefault(key, Job(key, str(video), instruction))
    return list(jobs.values())


def digest_file(file: Path) -> str:
    """Return a hexadecimal digest of a file's bytes. Raises VideoError where it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise VideoError(f"{file}: cannot be read ({error.strerror})") from error


def _is_video(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in VIDEOS and not is_system_file(path.name)
