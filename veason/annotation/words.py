"""What steps are called in the lists of undo and redo: "move the box of dog on frame 4", in the words of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from veason.annotation.edits import (
    Asked,
    Classed,
    Drawn,
    DropPrompt,
    Duplicated,
    Edit,
    GotAnswer,
    Locked,
    Marked,
    Merged,
    MoveKeyframe,
    Named,
    Occluded,
    PutPrompt,
    Reasoned,
    Reworded,
)
from veason.types import Prompt

LONGEST = 40
"""Characters of a question that a step shows."""


_TOOLS = {
    "fill": "fill the holes of",
    "despeck": "drop specks of",
    "largest": "keep the largest part of",
    "subtract": "subtract another object from",
    "intersect": "intersect another object with",
}
"""What tools are called before the name of an object, where it is not their own name."""


def describe(edits: Sequence[Edit], names: Mapping[int, str], last: int) -> list[str]:
    """Return the names of the last so many edits, oldest first; each begins with a verb.

    The edits before them tell whether a box was drawn or moved, and an object is new. `names` are those of objects.
    """
    first = max(len(edits) - last, 0)
    return [_described(edit, edits[:number], names) for number, edit in enumerate(edits) if number >= first]


def _described(edit: Edit, before: Sequence[Edit], names: Mapping[int, str]) -> str:
    match edit:
        case PutPrompt(prompt):
            return _drawn(prompt, before, names)
        case Drawn(object_id, prompts, how):
            frames = [prompt.frame_index for prompt in prompts]
            where = f"frame {frames[0]}" if len(frames) == 1 else f"{len(frames)} frames"
            return f"{_TOOLS.get(how, how)} {_called(names, object_id)} on {where}"
        case DropPrompt(object_id, frame_index):
            return f"delete {_called(names, object_id)} on frame {frame_index}"
        case Duplicated(source_id, object_id):
            return f"duplicate {_called(names, source_id)} as {_called(names, object_id)}"
        case Merged(source_id, target_id):
            return f"merge {_called(names, source_id)} into {_called(names, target_id)}"
        case MoveKeyframe(frame_index):
            return f"make frame {frame_index} the keyframe"
        case Marked():
            return _marked(edit, names)
        case Occluded():
            not_ = "" if edit.is_occluded else "not "
            return f"mark {_called(names, edit.object_id)} {not_}occluded on {_frames(edit)}"
        case Reasoned(thought):
            return "confirm the reasoning" if thought is None else "rewrite the reasoning"
        case Named(object_id, name):
            return f"name object {object_id} “{name}”" if name else f"take the name of object {object_id} away"
        case Classed(object_id, name):
            return (
                f"make {_called(names, object_id)} a {name}"
                if name
                else f"take the class of {_called(names, object_id)}"
            )
        case Reworded(instruction):
            return f"reword to “{_short(instruction)}”"
        case Locked(object_id, is_locked):
            return f"{'lock' if is_locked else 'unlock'} {_called(names, object_id)}"
        case GotAnswer():
            return "take another answer"
        case Asked(instruction):
            return f"ask “{_short(instruction)}”"
    return type(edit).__name__


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _called(names: Mapping[int, str], object_id: int) -> str:
    return names.get(object_id, f"object {object_id}")


def _drawn(prompt: Prompt, before: Sequence[Edit], names: Mapping[int, str]) -> str:
    where = f"{_called(names, prompt.object_id)} on frame {prompt.frame_index}"
    place = (prompt.object_id, prompt.frame_index)
    old = next((one for edit in reversed(before) if (one := _prompt_at(edit, place))), None)
    if prompt.mask is not None:
        return f"paint {where}"
    if prompt.clicks and (old is None or old.clicks != prompt.clicks):
        return f"click {'on' if prompt.clicks[-1].is_positive else 'off'} {where}"
    return f"move the box of {where}" if old is not None and old.box is not None else f"box {where}"


def _prompt_at(edit: Edit, place: tuple[int, int]) -> Prompt | None:
    if not isinstance(edit, PutPrompt):
        return None
    return edit.prompt if (edit.prompt.object_id, edit.prompt.frame_index) == place else None


def _frames(edit: Marked | Occluded) -> str:
    last = edit.stop - 1
    return f"frame {edit.start}" if last == edit.start else f"frames {edit.start} to {last}"


def _marked(edit: Marked, names: Mapping[int, str]) -> str:
    name, where = _called(names, edit.object_id), _frames(edit)
    if edit.kind is None:
        return f"take the mark of {name} away on {where}"
    return f"verify {name} on {where}" if edit.kind == "verified" else f"mark {name} absent on {where}"
