"""Planted hallucinations: a scripted policy lies in six known ways about 60 of 1,000 cases; how many are found.

    python benchmarks/bench_planted.py [--videos 250]

Recall is the share of the lies of a kind that its flag finds, precision the share of what a flag finds that is such a
lie. The honest answers are no easy ground: each says things in one of several ways and beside them what sounds like
a lie and is none (what is not so, what holds at another time, ways that lead to the other side, other frames).
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from report import write_result

from tests.lab.planted import (
    BLUE,
    FRAMES,
    HEIGHT,
    RED,
    WIDTH,
    WORDS,
    box_of,
    make_dataset,
    masks_of,
)
from veason.formats.benchmarks.predictions import SavedAnswer, write_prediction, write_saved_answers
from veason.formats.datasets import Dataset
from veason.lab.importing import import_predictions
from veason.lab.query import compile_query
from veason.lab.store import Lab
from veason.types import Answer, Sample

EACH = 10
PLACES = {"absent_answered": (3,), "present_denied": (0, 1), "wrong_instance": (0, 1), "frame_differs": (0, 1, 2),
          "count_differs": (2,), "side_differs": (0, 1)}  # fmt: skip
"""The kinds of lie, and about which of the four expressions of a video each can be told."""

SIDES = (
    "The target is on the {side}.",
    "The target block is clearly visible on the {side} side of the picture.",
    "On frame 2 the target is located on the {side}, and it is large.",
    "the target is the one on the {side}.",
)
FRAMED = (
    "Frame {frame} is the best frame.",
    "I choose frame {frame}.",
    "The keyframe is frame {frame}, where it can be seen whole.",
    "So the best frame is {frame}.",
)
COUNTED = ("There are {count} targets.", "I see exactly {count} targets.", "The {count} targets fall side by side.")
ABSENT = (
    "The target is not in the video.",
    "There is no such object in any of the frames.",
    "No target is visible anywhere.",
    "None of the objects fits. The target is absent.",
)
BESIDE = (
    "The target does not move to the {other}.",
    "At first I looked to the {other}, but that is another block.",
    "The target is next to the block on the {other}.",
    "The other block never left the picture on the {side}.",
    "Frame 1 would be possible, but the target is hidden there.",
    "It is not green, and it could not be purple.",
    "The target is not on the {other}.",
    "In the first frame the target is still high up.",
    "The second block is of no interest.",
    "If the target were on the {other}, frame 3 would be better.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=250, help="four cases each (%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        dataset = make_dataset(root / "revos", args.videos)
        told = plan(dataset)
        run = import_predictions(Lab(root / "lab"), "liar", dataset, answer_all(dataset, told, root / "liar"))
        kinds = {}
        for kind in PLACES:
            planted = {key for key, lie in told.items() if lie == kind}
            found = set(run.table.filter(compile_query(kind)).get_column("key").to_list())
            hits = len(planted & found)
            kinds[kind] = {
                "planted": len(planted), "found": len(found), "recall": hits / len(planted),
                "precision": hits / len(found) if found else None, "false_alarms": sorted(found - planted),
                "missed": sorted(planted - found),
            }  # fmt: skip
    for kind, one in kinds.items():
        print(kind, one)
    print(write_result("planted", {"cases": len(dataset), "lies": len(told), "kinds": kinds}))


def plan(dataset: Dataset) -> dict[str, str]:
    """Return the kind of lie by key: ten of each kind, no two in one video."""
    rng = random.Random(7)
    videos = sorted({sample.video for sample in dataset})
    rng.shuffle(videos)
    kinds = [kind for kind in PLACES for _ in range(EACH)]
    return {f"{video}/{rng.choice(PLACES[kind])}": kind for video, kind in zip(videos, kinds, strict=False)}


def answer_all(dataset: Dataset, told: Mapping[str, str], root: Path) -> Path:
    """Save what the policy says of every case, and what a perfect segmenter makes of its boxes."""
    rng = random.Random(3)

    def saved() -> Iterator[SavedAnswer]:
        for sample in dataset:
            answer = say(sample, told.get(sample.key), rng)
            write_prediction(root, sample, masks_of(answer), (WIDTH, HEIGHT))
            yield SavedAnswer(sample.key, sample.instruction, answer, text=answer.thought, shown=tuple(range(FRAMES)))

    root.mkdir(parents=True)
    write_saved_answers(root, list(saved()))
    return root


def say(sample: Sample, lie: str | None, rng: random.Random) -> Answer:
    """Return the answer to one expression, honest but for a lie of one kind."""
    numbers = [int(name) for name in sample.object_ids]
    if lie == "absent_answered":
        numbers = [RED]
    if lie == "present_denied" or not numbers:
        return Answer(rng.choice(ABSENT), None, ())
    if lie == "wrong_instance":
        numbers = [BLUE if numbers == [RED] else RED]
    side = WORDS[numbers[0]][1]
    other = {"left": "right", "right": "left"}[side]
    said = [rng.choice(FRAMED).format(frame=rng.choice((0, 1, 3)) if lie == "frame_differs" else 2)]
    if len(numbers) > 1:
        said.append(rng.choice(COUNTED).format(count="three" if lie == "count_differs" else "two"))
    else:
        said.append(rng.choice(SIDES).format(side=other if lie == "side_differs" else side))
        said += [one.format(side=side, other=other) for one in rng.sample(BESIDE, 2)]
    rng.shuffle(said)
    return Answer(" ".join(said), 2, tuple(box_of(number, 2) for number in numbers))


if __name__ == "__main__":
    main()
