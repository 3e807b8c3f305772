"""The policy that ships knows what it does not know: words, frame numbers and pictures that it was never trained on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.nano.policy.strangers import HELD_BACK, LOOKED_AT
from veason import hub
from veason.errors import AnswerError
from veason.pipeline import Pipeline, load_pipeline
from veason.policy.qwen import QwenPolicy
from veason.profile import load_profile, sample_indices
from veason.types import Answered, Frame, ModelOptions, Withheld
from veason.video import open_video
from veason_nano.dataset import choose_questions, draw_scene
from veason_nano.policy.seen import SEED, clips

pytestmark = pytest.mark.skipif(not hub.has_embedded("policy"), reason="assets/nano/policy is not here")


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return load_pipeline(hub.NANO, hub.NANO, ModelOptions(device="cpu"))


@pytest.fixture(scope="module")
def policy(pipeline: Pipeline) -> QwenPolicy:
    assert isinstance(pipeline.policy, QwenPolicy)
    return pipeline.policy


def natural_clip() -> list[Frame]:
    """Return a walk over a photograph, which stands for anybody's video."""
    data = pytest.importorskip("skimage.data", reason="needs the photographs of scikit-image")
    picture = data.astronaut()
    return [Frame(index, picture[index : index + 400, 2 * index : 2 * index + 400]) for index in range(0, 56, 7)]


def kinds(reasons: Sequence[object]) -> str:
    return " ".join(str(reason) for reason in reasons)


def test_nothing_of_what_strangers_ask_is_answered_as_if_it_were_known(policy: QwenPolicy) -> None:
    frames = natural_clip()
    for instruction in (*LOOKED_AT, *HELD_BACK):
        assert policy.outside_training(frames, instruction), instruction


def test_words_that_it_never_saw_are_told_without_any_picture(policy: QwenPolicy) -> None:
    world = next(clips("test", 1, SEED))
    for instruction, told in (("the blue mug", "mug"), ("???", "no word"), ("\u26bd", "\u26bd"), ("der Hund", "hund")):
        assert told in kinds(policy.outside_training(world, instruction))
    assert not policy.outside_training(world, "the BLUE ball?")


def test_frame_numbers_beyond_its_training_are_told(policy: QwenPolicy) -> None:
    frames = [Frame(index, frame.image) for index, frame in zip(sample_indices(18_000, 8), natural_clip(), strict=True)]
    assert "frame numbers up to 999, and this clip has 17999" in kinds(policy.outside_training(frames, "the ball"))


def test_questions_about_the_world_are_not_refused(policy: QwenPolicy) -> None:
    refused = total = 0
    for number, frames in enumerate(clips("test", 12, SEED + 1)):
        for question in choose_questions(draw_scene("test", SEED + 1, number, 300), 4):
            total += 1
            refused += bool(policy.outside_training(frames, question.text))
    assert total > 30
    assert refused == 0


def test_the_bundled_examples_are_known(policy: QwenPolicy) -> None:
    for file in sorted((hub.ASSETS / "examples").glob("*.mp4")):
        with open_video(file) as video:
            frames = list(video.frames(sample_indices(video.info.num_frames, 8)))
        assert not policy.outside_training(frames, "the ball"), file.name


def test_a_question_beyond_its_training_is_not_asked_unless_it_may_guess_and_then_says_so(pipeline: Pipeline) -> None:
    with open_video(hub.ASSETS / "examples" / "chase.mp4") as video:
        events = list(pipeline.think(video, "the dog that barks"))
        assert isinstance(events[-1], Withheld)
        assert len(events) == 2
        assert "dog, barks" in events[-1].text
        with pytest.raises(AnswerError, match="would only guess"):
            list(pipeline.ask(video, "the dog that barks"))
        guessed = [one for one in pipeline.think(video, "the dog that barks", guess=True) if isinstance(one, Answered)]
        assert all(one.answer.is_guess for one in guessed)
        known = [one for one in pipeline.think(video, "the pursuer") if isinstance(one, Answered)]
        assert [one.answer.is_guess for one in known] == [False]


def test_what_is_fitted_belongs_to_the_weights_that_ship() -> None:
    profile = load_profile(str(hub.embedded("policy")))
    assert profile.largest_label == 999
    assert profile.seen_pictures.endswith("seen_pictures.tensors")
