"""What the page sends, checked: nothing from a browser is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from veason.boxes import clip_box
from veason.errors import PromptError, SessionError
from veason.project.state import Edit, Locked, Marked, Named, Occluded, Reasoned
from veason.session import DropPrompt, Duplicated, MoveKeyframe, PutPrompt, Session
from veason.studio.server.painted import painted_mask
from veason.types import Box, Click, FrameRange, Prompt

_LONGEST_NAME = 60
_FARTHEST = 1e6
"""No coordinate is larger, in pixels; NaN is not smaller either."""


def whole_number(payload: Any, key: str) -> int:
    """Return `payload[key]`, a whole number. Raises PromptError."""
    value = payload.get(key) if isinstance(payload, dict) else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise PromptError(f"{key} should be a whole number, got {value!r}")
    return value


def choice(payload: Any, key: str, allowed: Sequence[int]) -> int:
    """Return `payload[key]`, one of the allowed numbers. Raises PromptError."""
    value = whole_number(payload, key)
    if value not in allowed:
        raise PromptError(f"{key} should be one of {', '.join(map(str, allowed))}, got {value}")
    return value


def short_text(payload: Any, key: str, longest: int = 2000) -> str:
    """Return `payload[key]`, text of at most `longest` characters. Raises PromptError."""
    value = payload.get(key) if isinstance(payload, dict) else None
    if not isinstance(value, str) or len(value) > longest:
        raise PromptError(f"{key} should be text of at most {longest} characters")
    return value


def file_name(payload: Any, key: str) -> str:
    """Return `payload[key]` as the name of a file that any disk takes. Raises PromptError where it is no text."""
    name = "".join(letter for letter in Path(short_text(payload, key)).name if letter.isprintable() and letter != "\\")
    return name[-_LONGEST_NAME:].lstrip(".") or "video"


def _numbers(payload: Any, key: str, wanted: str, count: int) -> list[float]:
    values = payload.get(key) if isinstance(payload, dict) else None
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(isinstance(value, (int, float)) and abs(value) < _FARTHEST for value in values)
    ):
        raise PromptError(f"{wanted}, got {str(values)[:80]}")
    return [float(value) for value in values]


def box(payload: Any, size_wh: tuple[int, int]) -> Box:
    """Return `payload["xyxy"]` clipped to the picture. Raises PromptError where it is no box, or nothing is inside."""
    x1, y1, x2, y2 = _numbers(payload, "xyxy", "a box is four numbers x1, y1, x2, y2", 4)
    inside = clip_box(Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), size_wh)
    if inside is None:
        raise PromptError("the box lies outside the picture: draw it over the target")
    return inside


def frame_range(payload: Any, num_frames: int) -> FrameRange:
    """Return `payload["start"]` and `payload["stop"]` as a half-open range. Raises PromptError."""
    start, stop = whole_number(payload, "start"), whole_number(payload, "stop")
    if not 0 <= start < stop <= num_frames:
        raise PromptError(f"frames {start} to {stop - 1} are not a range of this video, which has {num_frames} frames")
    return (start, stop)


def _add_click(payload: Any, session: Session, size_wh: tuple[int, int]) -> PutPrompt:
    object_id = whole_number(payload, "object") or max(session.object_ids, default=0) + 1
    frame_index = whole_number(payload, "frame")
    x, y = _numbers(payload, "xy", "a click is two numbers x, y", 2)
    if not (0 <= x < size_wh[0] and 0 <= y < size_wh[1]):
        raise PromptError(f"the click at {x:.0f}, {y:.0f} lies outside the picture of {size_wh[0]}x{size_wh[1]}")
    old = session.prompts.get((object_id, frame_index))
    if old is not None and old.mask is not None:
        raise PromptError(f"object {object_id} is painted on frame {frame_index}: go on painting, or delete that first")
    clicks = (*(old.clicks if old else ()), Click(x, y, is_positive=payload.get("positive") is not False))
    return PutPrompt(Prompt(object_id, frame_index, old.box if old else None, clicks))


def edit(payload: Any, session: Session, size_wh: tuple[int, int]) -> Edit:
    """Return the edit that the page asks for; object 0 of a box, click or mask means a new object.

    Raises:
        SessionError: the kind of edit is unknown. PromptError: a value is not of its kind.
    """
    kind = payload.get("edit") if isinstance(payload, dict) else None
    if kind == "keyframe":
        return MoveKeyframe(whole_number(payload, "frame"))
    if kind == "drop":
        return DropPrompt(whole_number(payload, "object"), whole_number(payload, "frame"))
    if kind == "box":
        object_id = whole_number(payload, "object") or max(session.object_ids, default=0) + 1
        old = session.prompts.get((object_id, whole_number(payload, "frame")))
        clicks = old.clicks if old else ()
        return PutPrompt(Prompt(object_id, whole_number(payload, "frame"), box(payload, size_wh), clicks))
    if kind == "click":
        return _add_click(payload, session, size_wh)
    if kind == "mask":
        object_id = whole_number(payload, "object") or max(session.object_ids, default=0) + 1
        mask = painted_mask(payload.get("counts"), size_wh)
        return PutPrompt(Prompt(object_id, whole_number(payload, "frame"), mask=mask))
    if kind == "duplicate":
        return Duplicated(whole_number(payload, "object"), max(session.object_ids, default=0) + 1)
    if kind == "reason":
        return Reasoned(short_text(payload, "text", 20_000) if payload.get("text") is not None else None)
    return _object_edit(kind, payload, session)


def _object_edit(kind: object, payload: Any, session: Session) -> Edit:
    object_id = whole_number(payload, "object") if kind in ("absent", "occluded", "verified", "name", "lock") else 0
    if kind == "absent":
        start, stop = frame_range(payload, session.num_frames)
        return Marked(object_id, start, stop, "absent" if payload.get("on") is not False else None)
    if kind == "occluded":
        return Occluded(object_id, *frame_range(payload, session.num_frames), payload.get("on") is not False)
    if kind == "verified":
        return _verify(object_id, payload, session)
    if kind == "name":
        return Named(object_id, " ".join(short_text(payload, "name", 80).split()))
    if kind == "lock":
        return Locked(object_id, payload.get("on") is not False)
    raise SessionError(f"unknown edit {kind!r}")


def _verify(object_id: int, payload: Any, session: Session) -> Marked:
    start, stop = frame_range(payload, session.num_frames)
    if payload.get("on") is False:
        return Marked(object_id, start, stop, None)
    track = session.tracks.get(object_id)
    missing = next((frame for frame in range(start, stop) if track is None or frame not in track.frames), None)
    if missing is not None:
        raise SessionError(f"object {object_id} has no mask on frame {missing} to verify: propagate first")
    return Marked(object_id, start, stop, "verified")


def steps(payload: Any) -> int:
    """Return how many steps to undo or redo, 1 where nothing is said. Raises PromptError."""
    return whole_number(payload, "count") if "count" in payload else 1
