"""The teacher: any OpenAI-compatible server that sees pictures, asked for three steps that lead to a known answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from veason.corpus.checks import MOST_WORDS, STEPS, faults, thought_of
from veason.corpus.examples import CorpusExample
from veason.evaluate.live import open_sample
from veason.policy.endpoint import EndpointPolicy
from veason.profile import Profile
from veason.types import Answered, EndpointOptions, Frame, Sampling, Turn, Unanswered

LONGER_SIDE, SHORTER_SIDE = 640, 480
"""Bounds of a frame that the teacher sees, in pixels. Source: the method's data script."""

MOST_TOKENS = 4096
"""Tokens of a teacher's answer, its own thinking with it."""

_RED = (255, 0, 0)
_CELL = 28
_PROFILE = Profile(
    name="teacher",
    prompt_template=str(Path(str(files("veason.corpus"))) / "teacher.txt"),
    system="",
    lowercase_instruction=False,
    max_new_tokens=MOST_TOKENS,
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer of a teacher.

    Attributes:
        text: everything that it wrote.
        faults: what is wrong with it, () where it was taken.
        prompt_tokens: as the server counts them, 0 where it does not.
        completion_tokens: likewise.
        seconds: that it took.
    """

    text: str
    faults: tuple[str, ...]
    prompt_tokens: int
    completion_tokens: int
    seconds: float


class Teacher:
    """A teacher behind a server. One belongs to one thread.

    Args:
        address: the base URL, including `/v1`.
        options: the model's name, the API key and timeouts.
        temperature: 0 decodes greedily; further tries are always drawn.
    """

    def __init__(self, address: str, options: EndpointOptions, *, temperature: float = 0.0) -> None:
        self._address, self._options, self._temperature = address, options, temperature
        self._policies: dict[tuple[int, int], EndpointPolicy] = {}

    def check_reachable(self) -> str:
        """Return the name of the model. Raises EndpointError where nobody answers."""
        policy = self._policy((LONGER_SIDE, SHORTER_SIDE))
        policy.check_reachable()
        return policy.model

    def teach(self, example: CorpusExample, *, num_tries: int = 3, seed: int = 0) -> Iterator[Attempt]:
        """Yield attempts until one has no faults; each further one is told what was wrong with the one before.

        Raises:
            EndpointError: the server does not answer.
            VeasonError: pictures cannot be read.
        """
        shown = open_sample(example.sample).frames(example.shown)
        frames = [Frame(frame.index, _drawn(frame.image, example, frame.index)) for frame in shown]
        policy = self._policy(_bounded(example.info.size_wh))
        turns: tuple[Turn, ...] = ()
        for number in range(num_tries):
            temperature = self._temperature if number == 0 else max(self._temperature, 0.7)
            sampling = Sampling(temperature=temperature, max_new_tokens=MOST_TOKENS, seed=seed + number)
            started = time.monotonic()
            text = _written(policy, frames, question(example), example, turns, sampling)
            found = tuple(faults(thought_of(text), example))
            usage = policy.usage
            yield Attempt(text, found, usage.prompt_tokens, usage.completion_tokens, time.monotonic() - started)
            if not found:
                return
            turns = (Turn(text, _again(found)),)

    def _policy(self, size_wh: tuple[int, int]) -> EndpointPolicy:
        if size_wh not in self._policies:
            profile = replace(_PROFILE, size_wh=size_wh)
            self._policies[size_wh] = EndpointPolicy(self._address, self._options, profile)
        return self._policies[size_wh]


def question(example: CorpusExample) -> str:
    """Return what the teacher is asked about an example."""
    says = f'The instruction is: "{example.sample.instruction.strip()}".'
    form = (
        f"Write three steps between <steps> and </steps>, the first beginning with {STEPS[0]!r}, the second with "
        f"{STEPS[1]!r}, the third with {STEPS[2]!r}, in English and in at most {MOST_WORDS // 2} words together. Write "
        "as somebody who sees the plain video for the first time and works it out: no coordinates, and no word of "
        "anything that was drawn on the frames or told to you here."
    )
    if example.keyframe is None:
        return (
            f"The frames above are from one video; the number before each is its frame number. {says}\nNothing in the "
            "video fits it. Explain how one finds that out.\nStep one: what happens in the video, as far as it "
            f"matters. Step two: why no frame can be chosen. Step three: that the target is not in the video.\n{form}"
        )
    label = example.context.label_of(example.keyframe)
    count = len(example.answer_boxes)
    target = "the target" if count == 1 else f"the {count} objects of the target"
    return (
        f"The frames above are from one video; the number before each is its frame number. {says}\nFor you alone, red "
        f"boxes are drawn around {target}, and the frame ({label}s) was chosen. Explain how one finds both.\nStep one: "
        "what happens in the video, as far as it tells the target from everything else. Step two: why the frame "
        f"({label}s), named so, shows it best. Step three: where the target is in that frame and how one recognises it "
        f"there.\n{form}"
    )


def _again(found: tuple[str, ...]) -> str:
    return f"That cannot be used: {'; '.join(found)}. Write the three steps again, in the same form, without this."


def _written(
    policy: EndpointPolicy,
    frames: list[Frame],
    text: str,
    example: CorpusExample,
    turns: tuple[Turn, ...],
    sampling: Sampling,
) -> str:
    events = policy.stream(frames, text, num_frames=example.info.num_frames, turns=turns, sampling=sampling)
    with closing(events):  # type: ignore[type-var]  # it is a generator
        for event in events:
            if isinstance(event, Answered):
                return event.answer.text
            if isinstance(event, Unanswered):
                return event.text
    return ""


def _drawn(image: np.ndarray, example: CorpusExample, index: int) -> np.ndarray:
    """Return a frame with the boxes of the target drawn on it."""
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    width = max(round(max(picture.size) / 200), 1)
    for box in example.boxes.get(index, ()):
        pen.rectangle(box.xyxy, outline=_RED, width=width)
    return np.asarray(picture)


def _bounded(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Return the size at which a frame is shown: within the bounds, in its own proportions, in cells of 28 pixels."""
    width, height = size_wh
    bounds = (LONGER_SIDE, SHORTER_SIDE) if width >= height else (SHORTER_SIDE, LONGER_SIDE)
    scale = min(bounds[0] / width, bounds[1] / height, 1.0)
    across, up = (max(round(side * scale / _CELL), 1) * _CELL for side in (width, height))
    return across, up
