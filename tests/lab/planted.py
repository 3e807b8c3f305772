"""A dataset of coloured blocks, and a scripted policy that answers it honestly but for lies of known kinds.

Two blocks a video, red on the left and blue on the right, which move down. Each video has four expressions: the red
one, the blue one, both, and one that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from veason.formats.benchmarks.predictions import SavedAnswer, write_prediction, write_saved_answers
from veason.formats.datasets import Dataset, WriteExpression, WriteVideo, open_dataset, write_dataset
from veason.masks import encode_mask
from veason.types import Answer, Box, Rle, Sample

WIDTH, HEIGHT, FRAMES = 40, 24, 4
RED, BLUE = 1, 2
PLACES = {RED: 4, BLUE: 26}
COLOURS = {RED: (220, 20, 20), BLUE: (20, 40, 220)}
WORDS = {RED: ("red", "left"), BLUE: ("blue", "right")}

Lie = Callable[[Sample, Answer], Answer]


def block(number: int, frame: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2 + 3 * frame : 10 + 3 * frame, PLACES[number] : PLACES[number] + 8] = True
    return mask


def box_of(number: int, frame: int) -> Box:
    x, y = PLACES[number], 2 + 3 * frame
    return Box(x, y, x + 8, y + 8)


def picture(frame: int) -> np.ndarray:
    drawn = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for number, colour in COLOURS.items():
        drawn[block(number, frame)] = colour
    return drawn


def make_dataset(root: Path, videos: int) -> Dataset:
    tracks: dict[int, list[Rle | None]] = {
        number: [encode_mask(block(number, frame)) for frame in range(FRAMES)] for number in PLACES
    }
    asked = [
        WriteExpression("the red block", (RED,), "referring"),
        WriteExpression("which one is the colour of the sky", (BLUE,), "reasoning"),
        WriteExpression("everything that falls", (RED, BLUE), "reasoning"),
        WriteExpression("the green block", (), "absent"),
    ]
    frames = [picture(frame) for frame in range(FRAMES)]
    write_dataset(root, "revos", (WriteVideo(f"v{one:03d}", frames, tracks, asked) for one in range(videos)))
    return open_dataset(root, "revos")


def honest(sample: Sample) -> Answer:
    """The right answer, with a reasoning that says what is true."""
    numbers = [int(name) for name in sample.object_ids]
    keyframe = 2
    if not numbers:
        return Answer("The target is not in the video.", None, ())
    if len(numbers) == 1:
        colour, side = WORDS[numbers[0]]
        thought = f"The target is {colour}. The target is on the {side}. Frame {keyframe} is the best frame."
    else:
        thought = f"There are two targets. Frame {keyframe} is the best frame."
    return Answer(thought, keyframe, tuple(box_of(number, keyframe) for number in numbers))


def answers_the_absent(sample: Sample, answer: Answer) -> Answer:
    return Answer("It can be seen well. Frame 1 is the best frame.", 1, (box_of(RED, 1),))


def denies_the_present(sample: Sample, answer: Answer) -> Answer:
    return Answer("The target is not in the video.", None, ())


def names_another_frame(sample: Sample, answer: Answer) -> Answer:
    return Answer(answer.thought.replace("Frame 2", "Frame 0"), answer.keyframe, answer.boxes)


def counts_wrong(sample: Sample, answer: Answer) -> Answer:
    return Answer(answer.thought.replace("two targets", "three targets"), answer.keyframe, answer.boxes)


def swaps_the_side(sample: Sample, answer: Answer) -> Answer:
    said = answer.thought.replace("left", "?").replace("right", "left").replace("?", "right")
    return Answer(said, answer.keyframe, answer.boxes)


def takes_the_other(sample: Sample, answer: Answer) -> Answer:
    other = BLUE if sample.object_ids == (str(RED),) else RED
    colour, side = WORDS[other]
    thought = f"The target is {colour}. The target is on the {side}. Frame 2 is the best frame."
    return Answer(thought, 2, (box_of(other, 2),))


def swaps_the_colour(sample: Sample, answer: Answer) -> Answer:
    said = answer.thought.replace("is red", "is green").replace("is blue", "is yellow")
    return Answer(said, answer.keyframe, answer.boxes)


LIES: dict[str, tuple[Lie, int]] = {
    "absent_answered": (answers_the_absent, 3),
    "present_denied": (denies_the_present, 0),
    "frame_differs": (names_another_frame, 1),
    "count_differs": (counts_wrong, 2),
    "side_differs": (swaps_the_side, 0),
    "wrong_instance": (takes_the_other, 1),
    "colour_differs": (swaps_the_colour, 0),
}
"""The flag that should find a lie, the lie, and which of the four expressions of a video it is told about."""

LIES_EACH = 10


def plan_lies(dataset: Dataset) -> dict[str, str]:
    """Return which cases are lied about, by key: ten of each kind, no two in one video."""
    videos = sorted({sample.video for sample in dataset})
    places = {sample.key: sample for sample in dataset}
    told = {}
    for number, video in enumerate(videos[: len(LIES) * LIES_EACH]):
        kind = list(LIES)[number % len(LIES)]
        keys = [key for key, sample in places.items() if sample.video == video]
        told[keys[LIES[kind][1]]] = kind
    return told


def answer_all(dataset: Dataset, told: dict[str, str], root: Path) -> Path:
    """Save the answers and masks of the scripted policy as predictions."""

    def saved() -> Iterator[SavedAnswer]:
        for sample in dataset:
            answer = honest(sample)
            if sample.key in told:
                answer = LIES[told[sample.key]][0](sample, answer)
            write_prediction(root, sample, masks_of(answer), (WIDTH, HEIGHT))
            yield SavedAnswer(sample.key, sample.instruction, answer, text=answer.thought, shown=tuple(range(FRAMES)))

    root.mkdir(parents=True, exist_ok=True)
    write_saved_answers(root, list(saved()))
    return root


def masks_of(answer: Answer) -> dict[int, np.ndarray]:
    """What a perfect segmenter makes of the boxes of an answer."""
    assert answer.keyframe is not None or not answer.boxes
    numbers = [number for number in PLACES if answer.boxes and box_of(number, answer.keyframe or 0) in answer.boxes]
    if not numbers:
        return {}
    return {frame: np.any([block(number, frame) for number in numbers], axis=0) for frame in range(FRAMES)}
