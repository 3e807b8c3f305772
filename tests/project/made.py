"""Small projects for the tests, a policy that needs no weights, and random edits."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from veason.annotation import (
    Asked,
    DropPrompt,
    GotAnswer,
    GotMasks,
    Mark,
    Marked,
    MoveKeyframe,
    PutPrompt,
    Reasoned,
    Tracked,
)
from veason.annotation.marks import with_settled
from veason.errors import SessionError
from veason.masks import encode_mask
from veason.profile import GENERIC, Profile
from veason.project import Project
from veason.types import (
    Answer,
    Answered,
    Box,
    Frame,
    FrameMasks,
    ObjectMask,
    PolicyEvent,
    Prompt,
    Sampling,
    ThoughtDelta,
    Turn,
    Unanswered,
)

SIZE_WH = (32, 24)
NUM_FRAMES = 6
QUESTION = "the ball"


def make_frames(folder: Path, num_frames: int = NUM_FRAMES, shade: int = 0) -> Path:
    """Write a folder of small grey pictures."""
    folder.mkdir(parents=True)
    for index in range(num_frames):
        picture = np.full((*SIZE_WH[::-1], 3), (10 * index + shade) % 256, np.uint8)
        Image.fromarray(picture).save(folder / f"{index:05d}.png")
    return folder


def make_project(folder: Path, num_frames: int = NUM_FRAMES) -> tuple[Project, int]:
    """Return a project of one video with one question."""
    project = Project.create(folder / "project")
    video = project.library.add_video(make_frames(folder / "clip", num_frames))
    return project, project.library.add_question(video, QUESTION)


def mask(x: int, score: float = 5.0) -> ObjectMask:
    """Return a square that starts at column `x`."""
    picture = np.zeros(SIZE_WH[::-1], bool)
    picture[4:12, x : x + 8] = True
    return ObjectMask(encode_mask(picture), score)


def put_mark(
    project: Project, question: int, object_id: int, frames: tuple[int, int], kind: Mark | None, **options: str
) -> None:
    """Mark the masks of a half-open range of frames as a person does in the app."""
    edit = Marked(object_id, *frames, kind)
    size_wh = project.library.video(project.library.question(question).video_id).size_wh
    project.labels.record(question, *with_settled(project.labels.state(question), edit, size_wh), **options)


def box_prompt(object_id: int = 1, frame_index: int = 2, x: float = 4) -> Prompt:
    """Return a box of eight by eight pixels."""
    return Prompt(object_id, frame_index, box=Box(x, 4, x + 8, 12))


def answer(keyframe: int = 2, num_boxes: int = 1) -> Answer:
    """Return an answer with that many boxes."""
    boxes = tuple(Box(4 * number, 4, 4 * number + 8, 12) for number in range(num_boxes))
    return Answer(f"the ball is seen in frame {keyframe}", keyframe, boxes, text="<think>...")


def masks_on(frames: Sequence[int], object_id: int = 1, x: int = 4) -> list[GotMasks]:
    """Return masks of one object on some frames."""
    return [GotMasks(FrameMasks(index, {object_id: mask(x)})) for index in frames]


def ask(project: Project, question: int, num_boxes: int = 1) -> None:
    """Ask, take the answer and propagate it."""
    project.labels.record(question, Asked(QUESTION, (0, 2, 5)))
    prompts = tuple(box_prompt(number + 1, x=4 * number) for number in range(num_boxes))
    project.labels.follow(
        question, [GotAnswer(answer(num_boxes=num_boxes), prompts)], source="policy", sampling=Sampling()
    )
    for number in range(num_boxes):
        project.labels.follow(question, masks_on(range(NUM_FRAMES), number + 1, 4 * number), source="segmenter")
    project.labels.follow(question, [Tracked(frozenset(range(1, num_boxes + 1)))], source="segmenter")


class Ball:
    """A policy that sees a ball in the middle frame of every video, and counts how often it was asked."""

    name = "ball"
    frame_count = 3
    profile: Profile = GENERIC
    is_recorded, can_sample = False, True

    def __init__(self, says: str = "ball") -> None:
        self._says = says
        self.asked: list[str] = []

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        return ()

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
        self.asked.append(instruction)
        yield ThoughtDelta("I see")
        if self._says == "ball":
            yield Answered(answer(frames[1].index))
        elif self._says == "nothing":
            yield Answered(Answer("no ball", None, ()))
        else:
            yield Unanswered("no JSON", self._says)


def random_edit(project: Project, question: int, chance: random.Random) -> None:
    """Make one random change; one that does not fit is made no further."""
    object_id, frame = chance.randint(1, 3), chance.randrange(NUM_FRAMES)
    try:
        match chance.randrange(8):
            case 0:
                ask(project, question, chance.randint(1, 3))
            case 1 | 2:
                project.labels.record(question, PutPrompt(box_prompt(object_id, frame, chance.randrange(20))))
            case 3:
                project.labels.record(question, DropPrompt(object_id, frame))
            case 4:
                project.labels.record(question, MoveKeyframe(frame))
            case 5:
                project.labels.follow(question, masks_on(range(frame, NUM_FRAMES), object_id, chance.randrange(20)))
            case 6:
                project.labels.record(
                    question, Marked(object_id, frame, NUM_FRAMES, chance.choice(("verified", "absent")))
                )
                project.labels.record(question, Reasoned(chance.choice((None, "because"))))
            case 7:
                chance.choice((project.labels.undo, project.labels.redo))(question)
    except SessionError:
        pass
