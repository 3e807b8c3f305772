"""A whole `eval` run with stand-ins for the models, as a program: tests start it, and kill it.

    python -m tests.live_eval ROOT OUT WORKERS [LOG]

It asks policy and segmenter in turn as Pipeline does, but without importing torch, so that it starts fast.

The policy reads its answer from the instruction ("x1,y1,x2,y2@frame", "nothing" or "nonsense") and writes down in LOG
what it was asked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.standins import BoxFiller
from veason.errors import AnswerError
from veason.evaluate import Live, evaluate
from veason.formats.datasets import open_dataset
from veason.types import (
    Answer,
    Answered,
    Box,
    Frame,
    FrameMasks,
    PolicyEvent,
    Prompt,
    Sampling,
    Turn,
    Unanswered,
    VideoSource,
)


class Obedient:
    """A Policy that answers what the instruction says."""

    name, frame_count = "obedient", 2

    def __init__(self, log: Path | None) -> None:
        self.log = log

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        fps: float | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        if self.log:
            with self.log.open("a") as stream:
                stream.write(instruction + "\n")
        words, _, place = instruction.partition("@")
        if words == "nonsense":
            yield Unanswered("no JSON in the answer", "I see a box.")
        elif words == "nothing":
            yield Answered(Answer("There is no such object in the video.", None, ()))
        else:
            yield Answered(Answer("A box.", int(place.split()[0]), (Box(*map(float, words.split(","))),)))


class Plain:
    """What evaluation uses of a Pipeline."""

    def __init__(self, policy: Obedient) -> None:
        self.policy = policy

    def ask(
        self, video: VideoSource, instruction: str, *, shown: Sequence[int], guess: bool = False
    ) -> Iterator[PolicyEvent | FrameMasks]:
        for event in self.policy.stream(list(video.frames(shown)), instruction, num_frames=video.info.num_frames):
            yield event
            if isinstance(event, Unanswered):
                raise AnswerError(event.reason, event.text)
            if isinstance(event, Answered) and event.answer.keyframe is not None:
                keyframe = event.answer.keyframe
                prompts = [Prompt(number, keyframe, box) for number, box in enumerate(event.answer.boxes, start=1)]
                yield from BoxFiller().track(video, prompts)


def make_pipeline(log: Path | None = None) -> Plain:
    return Plain(Obedient(log))


def main(root: str, out: str, workers: str, log: str = "") -> None:
    live = Live(partial(make_pipeline, Path(log) if log else None), {"policy": "obedient"})
    evaluate(open_dataset(root, "revos"), live, Path(out), workers=int(workers))


if __name__ == "__main__":
    main(*sys.argv[1:])
