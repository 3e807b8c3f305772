"""How labels call what a project holds: its videos, its questions, and labels that came without words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from veason.formats.labels.footage import on_any_disk
from veason.project import StoredVideo
from veason.project.videos import VIDEOS

NO_WORDS = "(imported without an instruction)"
"""What earlier versions called labels that came without words; such an instruction is never exported."""

IMPORTED = "import"
"""What labels are said to come from that another program made."""

_MARK = 8
"""Letters of a content's hash that tell videos of one name apart."""


def label_name(video: StoredVideo) -> str:
    """Return the name of a video's file or folder, without the mark that a copy inside the project carries."""
    name = video.path.name if video.path.is_dir() else video.path.stem
    return name.removeprefix(f"{video.sha256[:16]}-").replace("\\", "_") or "video"


def export_names(videos: Sequence[StoredVideo]) -> dict[int, str]:
    """Return the name that labels have for each video of a project, by its id, each name once.

    Videos of one name are told apart by their content, so that labels find back to theirs in any project, whatever
    the order in which it got its videos. Names that some disks take for one count as one.
    """
    stems = {video.id: label_name(video) for video in videos}
    counts = Counter(map(on_any_disk, stems.values()))
    return {
        video.id: stems[video.id] if counts[on_any_disk(stems[video.id])] == 1 else marked_name(video)
        for video in videos
    }


def marked_name(video: StoredVideo) -> str:
    """Return a name that only this content has."""
    return f"{_shortened(label_name(video))}-{video.sha256[:_MARK]}"


def videos_called(videos: Sequence[StoredVideo], name: str) -> list[StoredVideo]:
    """Return the videos that labels called `name` may be about: one where an export named it, else all of that name.

    `name` may have folders before it and an ending after it, and may be written as another disk writes it.
    """
    path = name.replace("\\", "/").rstrip("/")
    last = path.rpartition("/")[2]
    for wanted in dict.fromkeys((name, last, _without_ending(last))):
        for same in (str, on_any_disk):
            for called in (marked_name, label_name):
                if found := [one for one in videos if same(called(one)) == same(wanted)]:
                    return _in_folder(found, _without_ending(path))
    return []


def _in_folder(videos: list[StoredVideo], path: str) -> list[StoredVideo]:
    """Return those of the videos that lie in the folder that a name tells, or all where it tells none of them."""
    inside = [one for one in videos if "/" in path and _without_ending(one.path.as_posix()).endswith(f"/{path}")]
    return inside or videos


def _without_ending(name: str) -> str:
    stem, point, ending = name.rpartition(".")
    return stem if point + ending.lower() in VIDEOS else name


def _shortened(stem: str) -> str:
    """Return a name with room for the mark, and an ending, in the 255 bytes that a disk takes."""
    return stem.encode()[: 255 - _MARK - 20].decode(errors="ignore")


def name_note(question_id: int) -> str:
    """Return the key of the note that keeps what a question was called where it came from."""
    return f"called {question_id}"
