"""The policy that ships: right on the bundled examples, and it reads what it is asked and how frames are called."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

from veason import hub
from veason.boxes import box_iou, boxes_array, match_boxes
from veason.masks import empty_mask, union_mask
from veason.metrics import jaccard
from veason.pipeline import Pipeline, load_pipeline
from veason.profile import load_profile, sample_indices
from veason.tracks import merge_tracks
from veason.types import Answer, Answered, ContinuingPolicy, FrameMasks, ModelOptions
from veason.video import open_video
from veason_nano.dataset import clip_seed
from veason_nano.examples import CLIPS, SIZE_WH, ExampleClip, example_scene, find_question
from veason_nano.language.claims import prominence
from veason_nano.language.questions import WorldQuestion, draw_questions
from veason_nano.language.truth import check_thought
from veason_nano.policy.model import load_weights
from veason_nano.policy.pool import ClipMaker
from veason_nano.policy.score import answer_questions, look_through, read_text, score_boxes
from veason_nano.world.facts import Facts
from veason_nano.world.footage import DrawnVideo
from veason_nano.world.stories import make_scene
from veason_nano.world.view import View, look_at

pytestmark = pytest.mark.skipif(not hub.has_embedded("policy"), reason="assets/nano/policy is not here")

SIDE = (112, 112)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return load_pipeline(hub.NANO, hub.NANO, ModelOptions(device="cpu"))


@pytest.fixture(scope="module")
def policy() -> tuple[Any, ClipMaker]:
    folder = hub.embedded("policy")
    model = load_weights(folder)
    return model, ClipMaker(load_profile(str(folder)))


@pytest.fixture(scope="module")
def drawn() -> list[tuple[View, list[WorldQuestion]]]:
    views = [look_at(Facts(make_scene(clip_seed("test", 3, number))), SIDE) for number in range(6)]
    return [(view, draw_questions(view, np.random.default_rng(view.facts.scene.seed), 6)) for view in views]


def seen_by_the_policy(clip: ExampleClip) -> View:
    """Return an example's view with the pictures of its file, as the app shows them to the policy."""
    with open_video(hub.ASSETS / "examples" / clip.file) as video:
        return look_through(look_at(Facts(example_scene(clip)), SIDE), video)


def assert_boxes(view: View, question: WorldQuestion, answer: Answer) -> None:
    """Each target has a box of its own on a frame that shows it well, or there is none and nothing is boxed."""
    assert answer.is_absent == (not question.targets)
    if not question.targets:
        return
    place = view.shown.index(answer.keyframe)
    truth = boxes_array([view.box(actor, place) for actor in question.targets])
    table = box_iou(boxes_array(answer.boxes), truth)
    assert len(answer.boxes) == len(truth)
    assert all(table[pair] > 0.5 for pair in match_boxes(table))
    assert prominence(view, question.targets)[place] > 0.5


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.act)
def test_everything_said_of_an_example_is_true_and_the_right_things_are_boxed(policy: tuple, clip: ExampleClip) -> None:
    model, maker = policy
    view = seen_by_the_policy(clip)
    wide = look_at(Facts(example_scene(clip)), SIZE_WH)
    for ask, text in zip(clip.asks, answer_questions(model, maker, view, clip.asks), strict=True):
        answer = read_text(text, maker.context(view))
        assert answer is not None, text
        assert_boxes(view, find_question(wide, ask), answer)
        assert [one for one in check_thought(answer.thought, view) if not one.is_true] == []


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.act)
def test_masks_follow_what_an_example_is_asked_for(pipeline: Pipeline, clip: ExampleClip) -> None:
    scene, text = example_scene(clip), clip.asks[0]
    question = find_question(look_at(Facts(scene), SIZE_WH), text)
    with open_video(hub.ASSETS / "examples" / clip.file) as video:
        events = list(pipeline.ask(video, text))
    (answered,) = (event for event in events if isinstance(event, Answered))
    assert_boxes(look_at(Facts(scene), SIZE_WH), question, answered.answer)
    tracks = merge_tracks({}, [event for event in events if isinstance(event, FrameMasks)])
    drawn = DrawnVideo(scene, SIZE_WH)
    scores = []
    for frame in range(0, scene.num_frames, 8):
        if masks := drawn.masks(question.targets, frame):
            found = [track.frames[frame].rle for track in tracks.values() if frame in track.frames]
            scores.append(
                jaccard(union_mask(found) if found else empty_mask(SIZE_WH), union_mask(list(masks.values())))
            )
    assert np.mean(scores) > 0.5


def test_it_goes_on_from_its_own_reasoning_to_its_own_answer_and_from_another_s_to_another(pipeline: Pipeline) -> None:
    clip = CLIPS[0]
    with open_video(hub.ASSETS / "examples" / clip.file) as video:
        count = video.info.num_frames
        frames = list(video.frames(sample_indices(count, 8)))
    model: Any = pipeline.policy
    assert isinstance(model, ContinuingPolicy)
    (first, other) = (
        event.answer
        for ask in clip.asks[:2]
        for event in model.stream(frames, ask, num_frames=count)
        if isinstance(event, Answered)
    )
    head = first.text.split("<answer>")[0]
    for begun, wanted in ((head + "<answer>", first), (other.text.split("<answer>")[0] + "<answer>", None)):
        (event,) = (
            one for one in model.go_on(frames, clip.asks[0], begun, num_frames=count) if isinstance(one, Answered)
        )
        assert event.answer.text.startswith(begun)
        assert wanted is None or (event.answer.text, event.answer.boxes) == (wanted.text, wanted.boxes)
        assert wanted is not None or event.answer.thought == other.thought


def test_another_question_gets_another_answer(policy: tuple, drawn: list[tuple[View, list[WorldQuestion]]]) -> None:
    model, maker = policy
    differing = same = 0
    for view, questions in drawn:
        asked = {question.targets: question for question in questions}
        texts = answer_questions(model, maker, view, [question.text for question in asked.values()])
        answers = [read_text(text, maker.context(view)) for text in texts]
        boxed = [(answer.keyframe, answer.boxes) if answer else None for answer in answers]
        pairs = [(a, b) for place, a in enumerate(boxed) for b in boxed[:place]]
        differing += sum(a != b for a, b in pairs)
        same += sum(a == b for a, b in pairs)
    assert differing > 3 * same


def test_shuffled_frame_numbers_move_the_keyframe_number(
    policy: tuple, drawn: list[tuple[View, list[WorldQuestion]]]
) -> None:
    """Every picture gets the number of another one, three times as large: the answer must name it by that."""
    model, maker = policy
    near, shares = [], []
    for view, questions in drawn:
        asked = [question for question in questions if question.targets][:3]
        order = np.random.default_rng(view.facts.scene.seed).permutation(len(view.shown))
        moved = dataclasses.replace(view, shown=tuple(3 * view.shown[place] for place in order))
        context = dataclasses.replace(maker.context(view), shown=moved.shown, num_frames=1000)
        for question, text in zip(
            asked, answer_questions(model, maker, moved, [question.text for question in asked]), strict=True
        ):
            answer = read_text(text, context)
            if answer is not None and answer.keyframe is not None:
                apart = np.abs(np.array(moved.shown) - answer.keyframe)
                near.append(apart.min() <= 2)
                shares.append(prominence(view, question.targets)[apart.argmin()])
    assert len(near) > 8
    assert np.mean(near) > 0.8
    assert np.mean(shares) > 0.6


def test_what_is_not_there_is_said_to_be_absent(policy: tuple, drawn: list[tuple[View, list[WorldQuestion]]]) -> None:
    model, maker = policy
    right: dict[bool, list[bool]] = {True: [], False: []}
    for view, questions in drawn:
        texts = answer_questions(model, maker, view, [question.text for question in questions])
        for question, text in zip(questions, texts, strict=True):
            answer = read_text(text, maker.context(view))
            right[bool(question.targets)].append(answer is not None and answer.is_absent != bool(question.targets))
    assert np.mean(right[False]) >= 0.8
    assert np.mean(right[True]) >= 0.8


def test_boxes_lie_on_what_is_meant(policy: tuple, drawn: list[tuple[View, list[WorldQuestion]]]) -> None:
    model, maker = policy
    scores = []
    for view, questions in drawn:
        present = [question for question in questions if question.targets]
        texts = answer_questions(model, maker, view, [question.text for question in present])
        for question, text in zip(present, texts, strict=True):
            assert re.match(r"<think>What happens:", text)
            scores.append(score_boxes(view, question, read_text(text, maker.context(view)))[1])
    assert np.mean(scores) > 0.4
