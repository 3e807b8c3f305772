"""How a checkpoint wants its frames and writes its answers. Nano and Veason-R1 are two profiles of one code path."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from veason.errors import ProfileError

PROFILE_FILE = "profile.json"
"""Name of the profile file in a checkpoint's folder."""

SMALLEST_SIDE = 28
"""Least width and height in pixels of a frame for the model: one cell of Qwen2.5-VL's vision tower."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The input and output conventions of one checkpoint: frame size, labels, keys and prompt.

    Attributes:
        name: name of the profile in messages.
        frame_count: number of frames to show (fewer when the video is shorter).
        size_wh: width and height to which every frame is resized, bilinear, aspect not kept; with `coordinates`
            "pixels" the boxes are answered in this space.
        label_form: text before each image; `{index}` stands for the frame's label.
        labels: "absolute" frame indices, or "relative" places 0, 1, 2 ... (only for the ablation of the paper).
        coordinates: "pixels" of `size_wh`, or "thousandths" of the picture's sides.
        keyframe_key: JSON key of the keyframe.
        boxes_key: JSON key of the list of boxes.
        prompt_template: path of a text file with the user prompt ("": the wording of `veason.policy.prompt`).
        system: the system message.
        lowercase_instruction: lower-case the instruction and strip its outer dots.
        max_new_tokens: tokens of the longest answer, 1 or more.
        step_marks: the words that open each step of the reasoning, () where the steps are not marked.
        vocabulary: every word the policy has been trained on, () for an open vocabulary.
        largest_label: the largest number of a frame that the policy was trained on, None where any number will do.
        seen_pictures: path of the file that tells what pictures the policy was trained on (see
            `veason.policy.seen_pictures`), "" where it may be shown any.
        trained_on: a caution for the page's header, for example "rendered scenes only".
        doubt_threshold: frames whose doubt (see `veason.consistency`) is above this are shown as doubtful; 0 to 1.

    Raises:
        ProfileError: a value is of the wrong type or outside its range.
    """

    name: str
    frame_count: int = 8
    size_wh: tuple[int, int] = (560, 560)
    label_form: str = "({index}s)"
    labels: Literal["absolute", "relative"] = "absolute"
    coordinates: Literal["pixels", "thousandths"] = "pixels"
    keyframe_key: str = "keyframe_timestamp"
    boxes_key: str = "bbox_2d_list"
    prompt_template: str = ""
    system: str = "You are a helpful assistant."
    lowercase_instruction: bool = True
    max_new_tokens: int = 1024
    step_marks: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    largest_label: int | None = None
    seen_pictures: str = ""
    trained_on: str = ""
    doubt_threshold: float = 0.5

    def __post_init__(self) -> None:
        text, some_text, words = "text", "text that is not empty", "a list of texts"
        checks: dict[str, tuple[str, bool]] = {
            "name": (text, isinstance(self.name, str)),
            "frame_count": ("a whole number, 1 or more", _is_whole(self.frame_count, 1)),
            "size_wh": ("a width and a height of 28 or more", _is_size(self.size_wh)),
            "label_form": ("text with {index} and no other field in braces", _is_label_form(self.label_form)),
            "labels": ('"absolute" or "relative"', self.labels in ("absolute", "relative")),
            "coordinates": ('"pixels" or "thousandths"', self.coordinates in ("pixels", "thousandths")),
            "keyframe_key": (some_text, isinstance(self.keyframe_key, str) and bool(self.keyframe_key)),
            "boxes_key": (some_text, isinstance(self.boxes_key, str) and bool(self.boxes_key)),
            "prompt_template": (text, isinstance(self.prompt_template, str)),
            "system": (text, isinstance(self.system, str)),
            "lowercase_instruction": ("true or false", isinstance(self.lowercase_instruction, bool)),
            "max_new_tokens": ("a whole number, 1 or more", _is_whole(self.max_new_tokens, 1)),
            "step_marks": (words, _is_texts(self.step_marks)),
            "vocabulary": (words, _is_texts(self.vocabulary)),
            "largest_label": ("a whole number or null", self.largest_label is None or _is_whole(self.largest_label, 0)),
            "seen_pictures": (text, isinstance(self.seen_pictures, str)),
            "trained_on": (text, isinstance(self.trained_on, str)),
            "doubt_threshold": ("a number from 0 to 1", _is_share(self.doubt_threshold)),
        }
        for key, (wanted, is_good) in checks.items():
            if not is_good:
                raise ProfileError(f"profile {self.name!r}: {key} is {wanted}, got {getattr(self, key)!r}")

    @property
    def space_wh(self) -> tuple[int, int]:
        """Width and height of the space in which the policy writes boxes."""
        return self.size_wh if self.coordinates == "pixels" else (1000, 1000)


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_size(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(_is_whole(side, SMALLEST_SIDE) for side in value)


def _is_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(word, str) for word in value)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_label_form(value: object) -> bool:
    if not isinstance(value, str) or "{index}" not in value:
        return False
    try:
        value.format(index=0)
    except (ValueError, LookupError, AttributeError):
        return False
    return True


GENERIC = Profile(name="generic Qwen2.5-VL")
"""The profile of a checkpoint without one of its own. Source of the numbers: the Veason-R1 inference settings."""

QWEN3_VL = dataclasses.replace(
    GENERIC, name="Qwen3-VL", size_wh=(576, 576), coordinates="thousandths", max_new_tokens=2048
)
"""The profile of a Qwen3-VL: frames in multiples of 32 pixels, boxes in thousandths; the Thinking ones write more."""

_ONE_PICTURE = dataclasses.replace(GENERIC, frame_count=1, size_wh=(840, 840))
"""Checkpoints that were trained on single pictures: they are shown one frame, which is the keyframe then."""

BUILT_IN = {
    "SitongGong/Veason-R1": dataclasses.replace(GENERIC, name="Veason-R1"),
    "Ricky06662/VisionReasoner-7B": dataclasses.replace(_ONE_PICTURE, name="VisionReasoner", boxes_key="bbox_2d"),
    "Ricky06662/Seg-Zero-7B": dataclasses.replace(_ONE_PICTURE, name="Seg-Zero", boxes_key="bbox"),
}
"""Profiles by hub id. Source: Veason-R1 at dde0d9b, batch_eval_keyframe_sft_dataset_.py; the papers of the others."""


_QWEN3_VL_NAME = re.compile(r"qwen[-_. ]?3[-_. ]?vl", re.IGNORECASE)


def profile_of_model(name: str) -> Profile:
    """Return the profile that goes with the name of a model on a server.

    >>> profile_of_model("qwen3-vl:8b").coordinates, profile_of_model("qwen2.5vl:7b").coordinates
    ('thousandths', 'pixels')
    """
    if _QWEN3_VL_NAME.search(name):
        return QWEN3_VL
    return BUILT_IN.get(name, GENERIC)


def load_profile(checkpoint: str, file: str | Path | None = None) -> Profile:
    """Return the profile of `checkpoint` (a folder or a hub id).

    It is read from `file` where one is given, else from profile.json in the folder; else it is the built-in one of the
    hub id, else GENERIC.

    Raises:
        ProfileError: the file is missing, is not JSON, or holds an unknown key or a wrong value.
    """
    beside = Path(checkpoint) / PROFILE_FILE
    if file is not None:
        return read_profile(Path(file))
    if beside.is_file():
        return read_profile(beside)
    return BUILT_IN.get(checkpoint, GENERIC)


def read_profile(path: Path) -> Profile:
    """Read a profile file; the paths of a template and of what was seen are relative to the file.

    Raises:
        ProfileError: the file cannot be read, is not a JSON object, or holds an unknown key or a wrong value.
    """
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(f"cannot read the profile {path}: {error.strerror}; give a JSON file") from error
    except ValueError as error:
        raise ProfileError(f"the profile {path} is not JSON: {error}") from error
    known = {field.name for field in dataclasses.fields(Profile)}
    if not isinstance(values, dict):
        raise ProfileError(f"the profile {path} is a JSON object, got {json.dumps(values)[:40]}")
    if wrong := sorted(set(values) - known):
        raise ProfileError(f"the profile {path} has unknown keys {wrong}; known are {sorted(known)}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    try:
        profile = Profile(**{"name": path.parent.name, **values})
    except ProfileError as error:
        raise ProfileError(f"{path}: {error}") from error
    return dataclasses.replace(
        profile,
        prompt_template=_beside(path, profile.prompt_template),
        seen_pictures=_beside(path, profile.seen_pictures),
    )


def _beside(path: Path, name: str) -> str:
    """Return the path of a file that is named in another one, "" for no file."""
    return str(path.parent / name) if name else ""


def write_profile(profile: Profile, path: Path) -> None:
    """Write a profile as a JSON file that `read_profile` reads."""
    path.write_text(json.dumps(dataclasses.asdict(profile), indent=1) + "\n", encoding="utf-8")


def sample_indices(num_frames: int, count: int) -> tuple[int, ...]:
    """Return the absolute indices of the frames to show: `min(count, num_frames)` of them, spread evenly.

    >>> sample_indices(300, 8)
    (0, 42, 85, 128, 170, 213, 256, 299)

    Source: Veason-R1 inference, linspace(0, L - 1, count) cast to int; a shorter video is shown whole.
    """
    if num_frames <= count:
        return tuple(range(num_frames))
    import numpy as np  # here, so that the command line starts without it

    return tuple(int(index) for index in np.linspace(0, num_frames - 1, count).astype(int))
