"""GRPO: what answers earn, how they are compared, and that a run can be cut off and goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.rewards_on_clips import serving
from tests.standins import BoxFiller
from veason.errors import OptionError
from veason.reward_service.client import RewardClient
from veason.rewards import RewardRules, Weights
from veason.segmenter import load_segmenter
from veason_nano.language.corpus import TrainingExample, answer_text, draw_examples, image_context
from veason_nano.policy import grpo
from veason_nano.policy.grpo import Grpo, GrpoSettings, RolloutBatch, grpo_loss, make_batch
from veason_nano.policy.judge import Judge
from veason_nano.policy.judge_service import ShownFootage, score_with_service
from veason_nano.policy.model import build_policy, build_tokenizer, save_policy
from veason_nano.world.facts import Facts
from veason_nano.world.stories import make_scene
from veason_nano.world.view import View, look_at

SIDE = (112, 112)


@pytest.fixture(scope="module")
def view() -> View:
    return look_at(Facts(make_scene(6)), SIDE)


@pytest.fixture(scope="module")
def examples(view: View) -> list[TrainingExample]:
    return draw_examples(view, np.random.default_rng(0), 12)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    save_policy(build_policy(build_tokenizer()), folder)
    return folder


def test_right_answers_earn_format_boxes_and_a_prominent_keyframe(view: View, examples: list[TrainingExample]) -> None:
    judge = Judge(view, image_context(view, SIDE), BoxFiller())
    for example in examples:
        score = judge.score(example.question, answer_text(example, image_context(view, SIDE)))
        assert score.format.value == 1
        assert score.boxes.value == pytest.approx(1)
        assert score.keyframe.value > 0.3
        assert score.tracks.value > 0.1


def test_one_propagation_serves_equal_boxes(view: View, examples: list[TrainingExample]) -> None:
    class Counting(BoxFiller):
        calls = 0

        def track(self, *args, **options):
            self.calls += 1
            return super().track(*args, **options)

    counting = Counting()
    judge = Judge(view, image_context(view, SIDE), counting)
    example = next(example for example in examples if example.boxes)
    texts = [answer_text(example, image_context(view, SIDE))] * 3
    assert len({judge.score(example.question, text).total for text in texts}) == 1
    assert counting.calls == 1


def test_a_reward_without_weight_needs_no_segmenter(view: View, examples: list[TrainingExample]) -> None:
    judge = Judge(view, image_context(view, SIDE), None, RewardRules("extended", Weights(tracks=0.0)))
    example = next(example for example in examples if example.boxes)
    score = judge.score(example.question, answer_text(example, image_context(view, SIDE)))
    assert score.total == pytest.approx(2 + score.keyframe.value)


def test_the_reward_service_gives_the_same_as_a_segmenter_here(
    view: View, examples: list[TrainingExample], tmp_path: Path
) -> None:
    context = image_context(view, SIDE)
    judge = Judge(view, context, load_segmenter("nano"))
    answers = [(one.question, answer_text(one, context)) for one in examples[:5]]
    wanted = [judge.score(question, text) for question, text in answers]
    with serving("--footage", str(tmp_path)) as (url, _):
        footage = ShownFootage(view, RewardClient(url), tmp_path)
        asked = [(judge.case(question), text) for question, text in answers]
        found = score_with_service(asked, footage, RewardRules("extended"))
        footage.close()
    assert found == wanted
    assert any(0 < one.tracks.value < 1 for one in found)
    assert not list(tmp_path.iterdir())


def test_a_service_wants_a_folder_for_its_footage(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="go together"):
        GrpoSettings(tmp_path, service="http://127.0.0.1:1")


def test_only_drawn_tokens_are_weighed() -> None:
    batch = make_batch([[1, 2, 3], [4]], [[5], [6, 7]], np.array([1.0, -1.0]), end=9)
    assert batch.ids.tolist() == [[1, 2, 3, 5, 9], [4, 6, 7, 9, 9]]
    assert batch.is_written.tolist() == [[False, False, True, True], [True, True, True, False]]


def test_the_loss_is_the_clipped_gain_and_the_k3_penalty() -> None:
    batch = RolloutBatch(
        torch.zeros(2, 2, dtype=torch.long), torch.ones(2, 1, dtype=torch.bool), torch.tensor([1.0, -2.0])
    )
    now, old, start = torch.tensor([0.5, 0.0]), torch.tensor([0.0, 0.5]), torch.tensor([0.0, 0.0])
    loss, kl = grpo_loss(now, old, start, batch, clip=0.2, kl=0.1)
    penalty = (np.exp(-0.5) + 0.5 - 1 + 0) / 2
    gain = (min(np.exp(0.5), 1.2) * 1.0 + min(np.exp(-0.5) * -2.0, 0.8 * -2.0)) / 2
    assert kl == pytest.approx(penalty)
    assert float(loss) == pytest.approx(0.1 * penalty - gain)


def test_a_step_makes_a_rewarded_answer_likelier() -> None:
    logits = torch.zeros(2, 3, requires_grad=True)
    now = logits.log_softmax(-1)[:, 0]
    batch = RolloutBatch(
        torch.zeros(2, 2, dtype=torch.long), torch.ones(2, 1, dtype=torch.bool), torch.tensor([1.0, -1.0])
    )
    grpo_loss(now, now.detach(), now.detach(), batch, clip=0.2, kl=0.0)[0].backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] < 0 < logits.grad[1, 0]


def test_a_killed_run_goes_on_to_the_same_weights(start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpo, "LONGEST_ANSWER", 8)
    settings = GrpoSettings(start, steps=2, questions=2, group=3, without=("tracks",))

    def weights(run: Grpo) -> torch.Tensor:
        return torch.cat([weight.detach().flatten() for weight in run.model.parameters()])

    whole = Grpo(settings, tmp_path / "whole")
    whole.run()
    cut = Grpo(settings, tmp_path / "cut")
    cut.learn()
    cut.step = 1
    cut.save()
    rest = Grpo(settings, tmp_path / "cut")
    assert rest.step == 1
    rest.run()
    assert torch.equal(weights(whole), weights(rest))
    assert (tmp_path / "cut" / "export" / "model.safetensors").is_file()
    assert (tmp_path / "cut" / "log.png").is_file()
