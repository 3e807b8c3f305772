"""The answer format in words, for the prompt of a model that was not trained on it."""

from __future__ import annotations

import json

from veason.answer.wording import ANSWER_CLOSE, ANSWER_OPEN, THINK_CLOSE, THINK_OPEN
from veason.profile import Profile


def format_instructions(profile: Profile) -> str:
    """Return the paragraph of a prompt that describes the tags, the steps and the JSON of an answer."""
    width, height = profile.space_wh
    if profile.coordinates == "pixels":
        space = f"in pixels of the {width}x{height} image, x from 0 to {width} and y from 0 to {height}"
    else:
        space = "in thousandths of the image's width and height, from 0 to 1000"
    example = json.dumps(
        {profile.keyframe_key: 12, profile.boxes_key: [[width // 5, height // 4, width // 2, height // 2]]}
    )
    return (
        f"First reason inside {THINK_OPEN}{THINK_CLOSE}, in three steps: what happens in the video; why the frame you "
        "choose shows the target best; where in that frame the target is.\n"
        f'Then answer inside {ANSWER_OPEN}{ANSWER_CLOSE} with one JSON object: "{profile.keyframe_key}" is the number '
        f'in the timestamp of the chosen frame, "{profile.boxes_key}" is a list with one [x1, y1, x2, y2] per object, '
        f"left top and right bottom corner {space}. An example of the form:\n"
        f"{ANSWER_OPEN}{example}{ANSWER_CLOSE}\n"
        f'If the target is in none of the frames, "{profile.boxes_key}" is the empty list [].'
    )
