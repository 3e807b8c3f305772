"""How a checkpoint wants its frames and writes its answers. Nano and Veason-R1 are two profiles of one code path."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from veason.errors import ProfileError

PROFILE_FILE = "profile.json"
"""Name of the profile that lies beside a checkpoint."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One checkpoint's habits.

    Attributes:
        name: what the profile is called in messages.
        frame_count: number of frames to show (fewer when the video is shorter).
        size_wh: every frame is squashed to this size, bilinear, aspect not kept; boxes are answered in this space.
        label_form: text before each image; `{index}` is the absolute frame index.
        labels: "absolute" frame indices, or "relative" places 0, 1, 2 ... (only for the ablation of the paper).
        coordinates: "pixels" of `size_wh`, or "thousandths" of the picture's sides.
        keyframe_key: JSON key of the keyframe.
        boxes_key: JSON key of the list of boxes.
        prompt_template: path of a text file with the user prompt ("" = our own wording, see `veason.policy.prompt`).
        system: the system message.
        lowercase_instruction: lower-case the instruction and strip its outer dots.
        max_new_tokens: longest answer.
        step_marks: the words that open each step of the reasoning, () when the text is not marked.
        vocabulary: every word the policy has been trained on, () for an open vocabulary.
        trained_on: a caution for the header, for example "rendered scenes only".
        doubt_threshold: frames whose doubt (see `veason.consistency`) is above this are shown as doubtful.
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
    trained_on: str = ""
    doubt_threshold: float = 0.5

    def __post_init__(self) -> None:
        checks = {
            "frame_count": self.frame_count >= 1,
            "size_wh": len(self.size_wh) == 2 and min(self.size_wh) >= 28,
            "label_form": "{index}" in self.label_form,
            "labels": self.labels in ("absolute", "relative"),
            "coordinates": self.coordinates in ("pixels", "thousandths"),
            "keyframe_key": bool(self.keyframe_key),
            "boxes_key": bool(self.boxes_key),
            "doubt_threshold": 0 <= self.doubt_threshold <= 1,
        }
        for key, is_good in checks.items():
            if not is_good:
                raise ProfileError(
                    f"profile {self.name!r}: {key} has the value {getattr(self, key)!r}, see veason.profile.Profile"
                )

    @property
    def space_wh(self) -> tuple[int, int]:
        """Width and height of the space in which the policy writes boxes."""
        return self.size_wh if self.coordinates == "pixels" else (1000, 1000)


GENERIC = Profile(name="generic Qwen2.5-VL")
"""Used for a checkpoint that nothing is known about. Source of the numbers: the Veason-R1 inference settings."""

BUILT_IN = {"SitongGong/Veason-R1": dataclasses.replace(GENERIC, name="Veason-R1")}
"""Profiles by hub id. Source: Veason-R1 at dde0d9b, batch_eval_keyframe_sft_dataset_.py."""


def load_profile(checkpoint: str, file: str | Path | None = None) -> Profile:
    """Return the profile for `checkpoint` (a folder or hub id).

    Order: the `file` the user named, else profile.json in the folder, else the hub id's built-in one, else GENERIC.

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
    """Read a profile file; a template path in it is relative to the file. Raises ProfileError."""
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(f"cannot read the profile {path}: {error.strerror}; give a JSON file") from error
    except ValueError as error:
        raise ProfileError(f"the profile {path} is not JSON: {error}") from error
    known = {field.name for field in dataclasses.fields(Profile)}
    if not isinstance(values, dict) or not set(values) <= known:
        wrong = sorted(set(values) - known) if isinstance(values, dict) else type(values).__name__
        raise ProfileError(f"the profile {path} has unknown keys {wrong}; known are {sorted(known)}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    template = values.get("prompt_template", "")
    if template:
        values["prompt_template"] = str(path.parent / template)
    try:
        return Profile(**{"name": path.parent.name, **values})
    except TypeError as error:
        raise ProfileError(f"the profile {path} holds a value of the wrong type: {error}") from error


def write_profile(profile: Profile, path: Path) -> None:
    """Write a profile as JSON, in the form `read_profile` takes."""
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
