"""Score nano-policy by itself, without a segmenter: does it speak, choose a good frame, box the right thing?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from veason.answer import AnswerContext, parse_answer
from veason.boxes import box_iou, boxes_array, match_boxes
from veason.errors import AnswerError
from veason.policy.pictures import resize_frame
from veason.profile import load_profile
from veason.types import Answer, VideoSource
from veason_nano.dataset import clip_seed
from veason_nano.language.claims import prominence
from veason_nano.language.questions import WorldQuestion, draw_questions
from veason_nano.policy.forward import PromptCache, encode_prompts, see
from veason_nano.policy.generate import generate_answers
from veason_nano.policy.model import END, build_tokenizer, load_weights, nano_profile
from veason_nano.policy.pool import ClipMaker
from veason_nano.world.facts import Facts
from veason_nano.world.stories import make_scene
from veason_nano.world.view import View, look_at

LONGEST_ANSWER = 600
"""Tokens after which an answer is cut off: seven objects' records and three steps need 550."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredAnswer:
    """A question, the view it is about, what the policy wrote, and what that is read against."""

    view: View
    question: WorldQuestion
    text: str
    context: AnswerContext


def score_policy(
    weights: Path, *, clips: int = 40, seed: int = 7, questions: int = 6, threads: int = 1
) -> dict[str, float]:
    """Return measurements over clips whose seeds are never trained on.

    Raises:
        MissingBackend: the folder `weights` holds none.
    """
    torch.set_num_threads(threads)
    model = load_weights(weights)
    maker = ClipMaker(load_profile(str(weights)))
    asked: list[ScoredAnswer] = []
    for number in range(clips):
        scene_seed = clip_seed("test", seed, number)
        side = nano_profile().size_wh
        view = look_at(Facts(make_scene(scene_seed)), side)
        drawn = draw_questions(view, np.random.default_rng([scene_seed, 31]), questions)
        texts = answer_questions(model, maker, view, [question.text for question in drawn])
        context = maker.context(view)
        asked += [ScoredAnswer(view, question, text, context) for question, text in zip(drawn, texts, strict=True)]
    return measure_answers(asked)


def look_through(view: View, video: VideoSource) -> View:
    """Return the view with the pictures of a video of its scene, shrunk as they are for a policy."""
    shrunk = [np.asarray(resize_frame(frame, view.size_wh)) for frame in video.frames(view.shown)]
    return replace(view, images=np.stack(shrunk))


def answer_questions(
    model: Any, maker: ClipMaker, view: View, instructions: Sequence[str], most: int = LONGEST_ANSWER
) -> list[str]:
    """Return what the policy writes, greedily, to instructions about one view; the pictures are read once."""
    return answer_views(model, maker, [view], [instructions], most)[0]


def answer_views(
    model: Any,
    maker: ClipMaker,
    views: Sequence[View],
    instructions: Sequence[Sequence[str]],
    most: int = LONGEST_ANSWER,
    *,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[list[str]]:
    """Return what the policy writes to the instructions about each view; all answers are written side by side.

    At a temperature of 0 the likeliest token is taken, otherwise `seed` seeds the draw.
    """
    tokenizer = build_tokenizer()
    end = int(tokenizer.convert_tokens_to_ids(END))
    owner = [place for place, asked in enumerate(instructions) for _ in asked]
    questions = [
        maker.question_ids(view.shown, one).tolist()
        for view, asked in zip(views, instructions, strict=True)
        for one in asked
    ]
    written = generate_answers(
        model,
        read_views(model, maker, views),
        questions,
        end=end,
        most=most,
        owner=owner,
        temperature=temperature,
        generator=torch.Generator().manual_seed(seed),
    )
    texts = iter([tokenizer.decode(ids) for ids in written])
    return [[next(texts) for _ in asked] for asked in instructions]


@torch.no_grad()
def read_views(model: Any, maker: ClipMaker, views: Sequence[View]) -> PromptCache:
    """Return the prompts of views, one row each, read up to their last pictures."""
    seen = see(model.model.visual, torch.from_numpy(np.concatenate([view.images for view in views])))
    ids = torch.from_numpy(np.stack([maker.prefix(view.shown) for view in views])).long()
    return encode_prompts(model, ids, seen, 0)


def measure_answers(asked: Sequence[ScoredAnswer]) -> dict[str, float]:
    """Return shares and means over answers; an unreadable answer counts as wrong everywhere."""
    present = [one for one in asked if one.question.targets]
    absent = [one for one in asked if not one.question.targets]
    answers = {id(one): read_text(one.text, one.context) for one in asked}
    boxed = [answers[id(one)] for one in present]
    scores = [score_boxes(one.view, one.question, answer) for one, answer in zip(present, boxed, strict=True)]
    said_absent = [answers[id(one)] for one in absent]
    return {
        "questions": float(len(asked)),
        "readable": _mean([answer is not None for answer in answers.values()]),
        "t_acc": _mean([answer is not None and not answer.is_absent for answer in boxed]),
        "n_acc": _mean([answer is not None and answer.is_absent for answer in said_absent]),
        "keyframe_shown": _mean(
            [a is not None and a.keyframe in o.view.shown for o, a in zip(present, boxed, strict=True)]
        ),
        "keyframe_prominence": _mean([share for share, _ in scores]),
        "box_iou": _mean([iou for _, iou in scores]),
        "box_iou_over_half": _mean([iou > 0.5 for _, iou in scores]),
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def read_text(text: str, context: AnswerContext) -> Answer | None:
    """Return what an answer says, None where it cannot be read."""
    try:
        return parse_answer(text, context)
    except AnswerError:
        return None


def score_boxes(view: View, question: WorldQuestion, answer: Answer | None) -> tuple[float, float]:
    """Return the prominence of the chosen frame, and the box IoU on it (over the larger number of boxes).

    The answer's boxes are in pixels of the view's images.
    """
    if answer is None or answer.keyframe not in view.shown:
        return 0.0, 0.0
    place = view.shown.index(answer.keyframe)
    truth = [box for actor in question.targets if (box := view.box(actor, place))]
    table = box_iou(boxes_array(answer.boxes), boxes_array(truth))
    matched = sum(table[row, column] for row, column in match_boxes(table))
    share = float(prominence(view, question.targets)[place])
    return share, float(matched) / max(len(answer.boxes), len(truth), 1)
