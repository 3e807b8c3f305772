"""Labels as JSON, to carry them from a process that reads what strangers send to the one that keeps them.

    lines = [carried(video) for video in videos]
    videos = [labels_of(json.loads(line), folder) for line in lines]

Whoever wrote the JSON is not trusted: every value is checked against the type that its field declares, masks against
the size of their video, and no path leads out of the folder that came along.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from veason.errors import DataError, VeasonError
from veason.formats.labels.values import LabelledVideo
from veason.masks import check_runs
from veason.project.videos import is_own_file
from veason.types import Rle, VideoInfo
from veason.video import UNTRUSTED

_WRONG = "the labels that were read do not have the form that they should have"


def carried(video: LabelledVideo) -> str:
    """Return a labelled video as one line of JSON; limits stay behind."""
    return json.dumps(_plain(dataclasses.replace(video, limits=UNTRUSTED)))


def labels_of(record: object, folder: Path) -> LabelledVideo:
    """Return the labelled video that a line of `carried` holds; its files must be plain ones in `folder`.

    Raises:
        DataError: a value is not what its field declares, a mask does not have its size, or a path leads elsewhere.
    """
    try:
        found = _value(LabelledVideo, record)
    except (VeasonError, LookupError, ValueError, TypeError, ArithmeticError) as error:
        raise DataError(_WRONG) from error
    video: LabelledVideo = found
    paths = [Path(video.info.path)] if video.info.path else []
    for path in (*paths, *map(Path, video.info.files), *video.frame_files.values()):
        if not path.resolve().is_relative_to(folder.resolve()) or not (path.is_dir() or is_own_file(path)):
            raise DataError(_WRONG)
    return video


def info_to(info: VideoInfo) -> list[Any]:
    """Return what is known of a video as JSON holds it."""
    found: list[Any] = _plain(info)
    return found


def info_from(record: object) -> VideoInfo:
    """Return what is known of a video from what `info_to` made."""
    found: VideoInfo = _value(VideoInfo, record)
    return found


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it: a record as the list of its fields, a mapping as pairs."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [_plain(getattr(value, name)) for name in _fields(type(value))]
    if isinstance(value, Mapping):
        return [[_plain(key), _plain(one)] for key, one in value.items()]
    if isinstance(value, tuple | frozenset):
        return [_plain(one) for one in (sorted(value) if isinstance(value, frozenset) else value)]
    return str(value) if isinstance(value, Path) else value


@functools.cache
def _fields(kind: Any) -> dict[str, Any]:
    """Return the declared types of what is carried of a record, in its order."""
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in dataclasses.fields(kind) if one.name != "limits"}


def _value(wanted: Any, sent: Any) -> Any:
    """Return a value of a declared type. Raises TypeError or ValueError where it is none."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        (inner,) = [one for one in parts if one is not types.NoneType]
        return None if sent is None else _value(inner, sent)
    if origin is Literal:
        if sent not in parts or isinstance(sent, bool):
            raise ValueError(sent)
        return sent
    if origin is Mapping or wanted is Mapping:
        return {_value(parts[0], key): _value(parts[1], one) for key, one in _list(sent)}
    if origin is frozenset:
        return frozenset(_value(parts[0], one) for one in _list(sent))
    if origin is tuple:
        kinds = [parts[0]] * len(_list(sent)) if parts[-1] is Ellipsis else parts
        return tuple(_value(kind, one) for kind, one in zip(kinds, _list(sent), strict=True))
    if dataclasses.is_dataclass(wanted):
        return _record(wanted, sent)
    if wanted is Path:
        return Path(_value(str, sent))
    if wanted is float and type(sent) is int:
        return float(sent)
    if type(sent) is not wanted:
        raise TypeError(f"want {wanted.__name__}, got {type(sent).__name__}")
    return sent


def _record(kind: Any, sent: Any) -> Any:
    declared = _fields(kind)
    values = {name: _value(wanted, one) for (name, wanted), one in zip(declared.items(), _list(sent), strict=True)}
    if kind is LabelledVideo:
        values["limits"] = UNTRUSTED
    made = kind(**values)
    if isinstance(made, Rle):
        check_runs(made.counts.encode(), made.size_hw)
    return made


def _list(sent: Any) -> list[Any]:
    if not isinstance(sent, list):
        raise TypeError(sent)
    return sent
