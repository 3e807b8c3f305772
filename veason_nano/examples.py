"""The clips on the welcome page: drawn from fixed seeds, with questions and recorded answers made from their facts."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from veason.answer import AnswerContext
from veason.policy.pieces import Piece
from veason.policy.scripted import Recording, save_recordings, thumbnail_of
from veason.profile import GENERIC
from veason.types import Frame
from veason.video import open_video
from veason.video.writer import VideoWriter
from veason_nano.language.corpus import STEP_MARKS, answer_text, make_example
from veason_nano.language.questions import WorldQuestion, all_questions
from veason_nano.world.facts import Facts
from veason_nano.world.render import Renderer
from veason_nano.world.scene import Scene
from veason_nano.world.stories import make_scene
from veason_nano.world.view import View, look_at

SIZE_WH = (640, 360)
_FRAMES = 96
_FIRST_WORD_S, _WORD_S = 0.4, 0.03


@dataclass(frozen=True, slots=True)
class ExampleClip:
    """One example: a seed, the act that happens in it, and the questions wanted (wording and topic)."""

    file: str
    title: str
    seed: int
    act: str
    asks: tuple[str, ...]


CLIPS = (
    ExampleClip(
        "parade.mp4",
        "Who comes last?",
        119,
        "parade",
        ("the star that is not yellow", "the latecomer", "what goes out of the picture"),
    ),
    ExampleClip(
        "hide.mp4",
        "Behind the screen",
        104,
        "hide",
        ("what is out of sight for some time", "the object that enters", "the ball that is not red"),
    ),
    ExampleClip(
        "chase.mp4",
        "The chase",
        104,
        "chase",
        ("the pursuer", "the thing that is being chased", "the pink block"),
    ),
    ExampleClip(
        "collide.mp4",
        "A push",
        103,
        "collide",
        ("the cause of the push", "what would not have moved without the push", "the star that is not orange"),
    ),
    ExampleClip(
        "cover.mp4",
        "Gone under",
        106,
        "cover",
        ("what must be moved to see the hidden object", "what disappears under another", "all balls"),
    ),
)
"""The examples, in the order shown. Every wording is one that `veason_nano.language.questions` writes for that clip."""


def example_scene(clip: ExampleClip) -> Scene:
    """Return the scene of an example: without grain, which would only cost bytes."""
    scene = make_scene(clip.seed, num_frames=_FRAMES, aspect=SIZE_WH[0] / SIZE_WH[1], acts=(clip.act,))
    return dataclasses.replace(scene, noise=0.0)


def find_question(view: View, text: str) -> WorldQuestion:
    """Return the question with this wording.

    Raises:
        LookupError: no wording of any question about the view reads so; the message lists some.
    """
    seen: dict[str, WorldQuestion] = {}
    for seed in range(200):
        for question in all_questions(view, np.random.default_rng(seed)):
            seen.setdefault(question.text, question)
        if text in seen:
            return seen[text]
    raise LookupError(f"nobody asks {text!r} here, but for example {sorted(seen)}")


def write_examples(folder: Path) -> None:
    """Write the clips, examples.json and recordings.json."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, recordings = [], []
    for number, clip in enumerate(CLIPS):
        scene = example_scene(clip)
        view = look_at(Facts(scene), SIZE_WH)
        with VideoWriter(folder / clip.file, SIZE_WH, scene.fps) as writer:
            renderer = Renderer(scene, SIZE_WH)
            for frame_index in range(scene.num_frames):
                writer.write(renderer.frame(frame_index))
        with open_video(folder / clip.file) as video:  # as the policy will see them, after the codec
            thumbnails = tuple(thumbnail_of(Frame(index, video.frame(index))) for index in view.shown)
        questions = [find_question(view, text) for text in clip.asks]
        asked = [{"text": question.text, "kind": question.type} for question in questions]
        rows.append({"file": clip.file, "title": clip.title, "instructions": asked})
        for turn in (0, 1):
            recordings += [_record(view, thumbnails, question, clip, turn, number) for question in questions]
    (folder / "examples.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    save_recordings(recordings, folder / "recordings.json")


def _record(
    view: View, thumbnails: tuple[str, ...], question: WorldQuestion, clip: ExampleClip, turn: int, number: int
) -> Recording:
    """Return a true answer as if it were written word by word."""
    example = make_example(view, question, np.random.default_rng([number, turn]), is_best=True)
    context = AnswerContext(view.shown, view.facts.scene.num_frames, SIZE_WH, SIZE_WH)
    words = re.findall(r"\s*\S+", answer_text(example, context))
    pieces = tuple(Piece(_FIRST_WORD_S + place * _WORD_S, word) for place, word in enumerate(words))
    profile = dataclasses.replace(GENERIC, name="recorded answers", size_wh=SIZE_WH, step_marks=STEP_MARKS)
    num_frames, name = view.facts.scene.num_frames, Path(clip.file).stem
    return Recording(question.text, num_frames, view.shown, SIZE_WH, profile, pieces, name, turn, thumbnails)
