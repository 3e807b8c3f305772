"""What a list of instructions asks of the videos that are there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from veason.batch.jobs import BatchQuestion
from veason.batch.videos import is_address
from veason.errors import OptionError
from veason.project.listings import read_instructions
from veason.project.video_names import VideoNames
from veason.texts import has_half_letters


def ask_all(videos: Iterable[str], instruction: str) -> list[BatchQuestion]:
    """Return one question about every video. Raises OptionError where it has no words."""
    if not instruction.strip():
        raise OptionError("the instruction is empty: describe what to segment, in words")
    if has_half_letters(instruction):
        raise OptionError("the instruction holds bytes that are no text: write it in UTF-8")
    return [_question(video, instruction.strip()) for video in videos]


def read_asked(file: str, videos: Sequence[str]) -> tuple[list[BatchQuestion], list[str]]:
    """Return the questions of a list, and a sentence for each row that is left out or asks what another one asks.

    A row without a video is about all of them. One whose video is not among them, or could be several, is a question
    that cannot be answered, and says why.

    Raises:
        ProjectError: the list cannot be read.
        OptionError: it asks nothing of these videos.
    """
    listing = read_instructions(file)
    names = _Names(videos)
    asked: dict[tuple[str, str], BatchQuestion] = {}
    told = list(listing.left_out)
    for row in listing.wanted:
        meant = names.find(row.video) if row.video else list(videos)
        failure = ""
        if row.video and len(meant) != 1:
            failure = (
                f"{row.video!r} is none of the videos given"
                if not meant
                else f"{row.video!r} could be any of {len(meant)} videos: write its path"
            )
            told.append(f"{row.row}: {failure}")
            meant = [row.video]
        again = [video for video in meant if (video, row.instruction) in asked]
        if again and row.video:
            told.append(f"{row.row}: asks the same as a row before")
        for video in meant:
            asked.setdefault((video, row.instruction), _question(video, row.instruction, failure))
    if all(one.failure for one in asked.values()):
        raise OptionError(f"{file}: asks nothing of these videos", *told)
    return list(asked.values()), told


def _question(video: str, instruction: str, failure: str = "") -> BatchQuestion:
    """Return a question; one about a video whose name cannot be written says so, under a name that can."""
    if not has_half_letters(video):
        return BatchQuestion(video, instruction, failure)
    written = video.encode("utf-8", "backslashreplace").decode()
    return BatchQuestion(written, instruction, f"the name {written!r} holds bytes that are no text: rename the video")


class _Names:
    """Videos by all that a list may call them."""

    def __init__(self, videos: Sequence[str]) -> None:
        self._videos = frozenset(videos)
        self._names = VideoNames[str]()
        for video in videos:
            self._names.enter(PurePosixPath(_path_in(video)), video)
            if not is_address(video):
                self._names.enter(Path(os.path.abspath(video)), video)

    def find(self, name: str) -> list[str]:
        """Return the videos that a name fits: that of the whole path alone, where there is one."""
        if name in self._videos:
            return [name]
        return self._names.find(_path_in(name)) or self._names.find(os.path.normpath(_path_in(name)))


def _path_in(place: str) -> str:
    return place.partition("://")[2] if is_address(place) else place.replace("\\", "/")
