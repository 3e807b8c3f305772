"""What is known of a video when labels come in: the video itself, or the pictures beside the labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from veason.errors import DataError, VideoError
from veason.formats.labels.numbers import is_number
from veason.project.videos import VIDEOS
from veason.types import VideoInfo
from veason.video import UNTRUSTED, VideoLimits, open_video
from veason.video.images import is_picture, is_system_file
from veason.video.limits import ANY

UNKNOWN_FPS = 24.0
"""Rate of a video of which only labels are known. Source: as for folders of frames, see `veason.video`."""


@dataclass(frozen=True, slots=True)
class Footage:
    """A video, or some of its frames.

    Attributes:
        info: None where the whole video is not known.
        frame_names: how files call the frames, where that is not their number.
        files: the pictures that are known, by frame index, where the whole video is not.
    """

    info: VideoInfo | None = None
    frame_names: tuple[str, ...] = ()
    files: Mapping[int, Path] = field(default_factory=dict)

    def index_of(self, frame_name: str, file: Path) -> int:
        """Return the index of a frame: its place among the names, or else the number that it is called by.

        Raises:
            DataError: the name, met in `file`, is neither.
        """
        if self.frame_names:
            if frame_name in self.frame_names:
                return self.frame_names.index(frame_name)
            raise DataError(
                f"{file}: frame {frame_name!r} is not in the video, whose frames are {self.frame_names[0]} to "
                f"{self.frame_names[-1]}"
            )
        if not is_number(frame_name):
            raise DataError(f"{file}: frame {frame_name!r} should be called by its number in the video")
        return int(frame_name)

    def info_or(self, *, num_frames: int, size_wh: tuple[int, int], fps: float = UNKNOWN_FPS) -> VideoInfo:
        """Return what is known of the video, or else what its labels tell."""
        return self.info or VideoInfo("", num_frames, size_wh, fps, 0.0, max(num_frames - 1, 0) / fps, False, "")


@dataclass(frozen=True, slots=True)
class VideoFinder:
    """Finds the videos that labels are about.

    Labels name videos, folders and pictures, and whoever wrote them may write any name there. So nothing is opened but
    what `known` says and what lies in `folder` or `beside`, wherever a name points to, unless the labels are the
    owner's own.

    Attributes:
        known: files or folders of frames by the name of a video.
        folder: searched for what is not in `known`; a video file is the one that all labels are about.
        own: what a project has already, by name. Labels about it come without a path, and are bounded by it. A video
            may have several names.
        beside: the folder of the labels, with what came along with them; None where they came alone.
        is_owners: the owner of this machine imports, so that paths in the labels may be opened.
    """

    known: Mapping[str, str | Path] = field(default_factory=dict)
    folder: Path | None = None
    own: Mapping[str, VideoInfo] = field(default_factory=dict)
    beside: Path | None = None
    is_owners: bool = False

    def find(self, name: str, pictures: Path | None = None) -> Footage:
        """Return the video called `name`, or else what the folder `pictures` beside the labels holds, or the project.

        Pictures called by their numbers are frames of a longer video, unless they are numbered from 0 without a gap.

        Raises:
            DataError: the video is there and cannot be read.
        """
        path, own = self._path(name), self._own(name)
        files: dict[int, Path] = {}
        if path is None and pictures is not None and self._may_open(pictures, self.beside) and _is_folder(pictures):
            numbered = _numbered(pictures)
            if numbered and list(numbered) != list(range(len(numbered))):
                files = numbered
            else:
                path = pictures if _in_order(pictures) else None
        if path is None:
            return Footage(own and replace(own, path=""), frame_names_of(own) if own else (), files)
        try:
            with open_video(path, limits=self._limits) as video:
                return Footage(video.info, frame_names_of(video.info))
        except VideoError as error:
            raise DataError(f"the video of the labels {name!r}: {error}") from error

    def choose(self, names: Iterable[str]) -> str | None:
        """Return the first of several names that something is known of: what was named for the import comes first.

        A name may have the ending of a video's file.
        """
        tried = []
        for name in filter(None, names):
            tried += [name, name.removesuffix(PurePath(name).suffix)] if _is_video_name(name) else [name]
        named = (name for name in tried if self._path(name) is not None)
        return next(named, None) or next((name for name in tried if self._own(name) is not None), None)

    @property
    def is_named(self) -> bool:
        """Tell whether videos were named for the import."""
        return bool(self.known) or self.folder is not None

    def only(self) -> str | None:
        """Return the name of the only video that labels without a name can be about; None where there are several."""
        if self.known:
            names = list(self.known)
        elif self.folder is not None:
            names = [self.folder.stem] if self.folder.is_file() else _videos_in(self.folder)
        else:
            names = list({id(info): name for name, info in self.own.items()}.values())
        return names[0] if len(names) == 1 else None

    def _own(self, name: str) -> VideoInfo | None:
        last = Path(name).name
        if found := self.own.get(name) or self.own.get(last):
            return found
        alike = {id(info): info for key, info in self.own.items() if on_any_disk(key) == on_any_disk(last)}
        return next(iter(alike.values())) if len(alike) == 1 else None

    def named(self, path: str) -> Path | None:
        """Return a path that labels name, where it may be opened and something is there, else None."""
        try:
            return Path(path) if self.is_owners and path and Path(path).exists() else None
        except (OSError, ValueError):  # a name that no disk takes
            return None

    def _path(self, name: str) -> Path | None:
        if name in self.known:
            return Path(self.known[name])
        if self.folder is not None and self.folder.is_file():
            return self.folder
        for folder in (self.folder, self.beside):
            if folder is not None and self._may_open(folder / name, folder):
                found = _in_folder(folder, name)
                if found is not None and (folder is self.folder or found.suffix.lower() in VIDEOS):
                    return found
        return None

    @property
    def _limits(self) -> VideoLimits:
        """What videos may ask for: those that the owner of this machine named may take their time."""
        return ANY if self.is_owners or self.known or self.folder else UNTRUSTED

    def _may_open(self, path: Path, folder: Path | None) -> bool:
        """Tell whether a path that labels make up may be opened; of strangers' only what lies in `folder`."""
        if self.is_owners:
            return True
        try:
            return folder is not None and path.resolve().is_relative_to(folder.resolve())
        except (OSError, ValueError):  # a name that no disk takes
            return False


def _is_video_name(name: str) -> bool:
    return PurePath(name).suffix.lower() in VIDEOS


def on_any_disk(name: str) -> str:
    """Return a name as a disk sees it that knows no case and one form of accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _in_folder(folder: Path, name: str) -> Path | None:
    """Return the folder or the only file called `name`, with or without its ending; a video before other files."""
    exact = folder / name
    if _is_folder(exact) and _in_order(exact):
        return exact
    files = [file for file in exact.parent.iterdir() if file.is_file()] if _is_folder(exact.parent) else []
    films = [file for file in files if file.suffix.lower() in VIDEOS and not is_system_file(file.name)]
    for same in (
        [file for file in films if file.name == exact.name],
        [file for file in films if file.stem == exact.name],
        [file for file in files if file.stem == exact.name and not is_system_file(file.name)],
    ):
        if same:
            return same[0] if len(same) == 1 else None
    return None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no disk takes
        return False


def _videos_in(folder: Path) -> list[str]:
    """Return the names of the videos and folders of frames in a folder; what systems leave there is none."""
    return [each.stem if each.is_file() else each.name for each in folder.iterdir() if not is_system_file(each.name)]


def frame_files_of(info: VideoInfo) -> tuple[Path, ...]:
    """Return the files behind a folder of frames in the order of its frames, () for a video file."""
    if info.decoder != "images" or not info.path:
        return ()
    path = Path(info.path)
    return (path,) if path.is_file() else _in_order(path)


def frame_names_of(info: VideoInfo) -> tuple[str, ...]:
    """Return the names of a folder's frames, () where they are 00000, 00001, ... or do not ascend as text."""
    names = tuple(file.stem for file in frame_files_of(info))
    is_plain = all(name == f"{index:05d}" for index, name in enumerate(names))
    return () if is_plain or list(names) != sorted(set(names)) else names


def natural_key(path: PurePath) -> list[tuple[int, int, str]]:
    """Return the sorting key by which `veason.video` orders the files of a folder: 2.jpg comes before 10.jpg."""
    parts = re.findall(r"(\d+)|(\D+)", path.name)
    # no file has a name of 256 digits, and Python reads no number of thousands
    return [(0, int(digits[:256]), digits) if digits else (1, 0, text) for digits, text in parts]


def _in_order(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted((file for file in folder.iterdir() if is_picture(file)), key=natural_key))


def _numbered(folder: Path) -> dict[int, Path]:
    """Return the pictures by number where all are called 00012 and the like, else {}."""
    files = _in_order(folder)
    is_numbered = all(file.stem.isdecimal() and file.stem == f"{int(file.stem):05d}" for file in files)
    return {int(file.stem): file for file in files} if is_numbered else {}
