"""The pictures of one folder of masks: which of them hold ids, and which frames they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from veason.errors import DataError
from veason.formats.labels.footage import Footage, natural_key
from veason.formats.labels.frame_numbers import ListedFrame
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.numbers import frame_number
from veason.video.images import is_picture

_NUMBERED = re.compile(r"[^\W\d_][^\d]*[0-9]+")
"""A frame that is called by a word and its number, such as frame_00012."""


@dataclass(frozen=True, slots=True)
class MaskFolder:
    """A folder with pictures of masks.

    Attributes:
        path: the folder.
        root: the folder of all videos above it.
    """

    path: Path
    root: Path

    @property
    def pictures(self) -> Path:
        """The folder beside the labels in which the video's own pictures would lie."""
        return self.root.parent / "JPEGImages" / self.path.relative_to(self.root)


def frame_files(folder: Path, tally: ImportTally) -> list[Path]:
    """Return the pictures with ids of one video; other pictures among them are counted."""
    pictures = sorted((file for file in folder.iterdir() if is_picture(file)), key=natural_key)
    files = [file for file in pictures if file.suffix.lower() == ".png"]
    others = len({file.stem for file in pictures} - {file.stem for file in files})
    tally.find("picture", others)
    tally.leave("picture", "that is no PNG, so that ids in it are lost", others)
    return files


def frame_numbers(files: list[Path], footage: Footage) -> list[int]:
    """Return the frame of each picture. Raises DataError where one is not in the video, or two are one."""
    num_frames = footage.info.num_frames if footage.info else None
    seen: dict[int, Path] = {}
    for file in files:
        is_worded = _NUMBERED.fullmatch(file.stem) is not None and file.stem not in footage.frame_names
        number = ListedFrame(file.name).number if is_worded else None
        index = frame_number(footage.index_of(file.stem, file) if number is None else number, str(file), num_frames)
        if index in seen:
            raise DataError(f"{file}: is frame {index}, as is {seen[index].name}: delete one of the two")
        seen[index] = file
    return list(seen)
