"""Training: the same steps give the same weights, also when a run is cut off and goes on."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from veason.errors import DataError
from veason_nano.policy import pool
from veason_nano.policy.batches import BatchMaker, load_batches
from veason_nano.policy.loss import CellWords, cell_targets, token_loss
from veason_nano.policy.model import LARGEST_LABEL, Size, build_tokenizer, training_profile
from veason_nano.policy.names import draw_names, say_labels, with_names
from veason_nano.policy.padding import pad, prompt_labels
from veason_nano.policy.pool import Branch, ClipMaker
from veason_nano.policy.recipe import TRAIN_SEED, Recipe
from veason_nano.policy.train import PolicyTrainer

WORDS = CellWords.of(build_tokenizer())
IMAGE_ID = int(build_tokenizer().convert_tokens_to_ids("<|image_pad|>"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[pool.TrainingClip]:
    maker = ClipMaker(training_profile(tmp_path_factory.mktemp("maker")))
    return [maker.make(TRAIN_SEED + number) for number in range(3)]


@pytest.fixture
def small_pool(clips: list[pool.TrainingClip], tmp_path: Path) -> Path:
    import pickle

    full = (clips * pool.SHARD)[: pool.SHARD]
    for number in range(2):
        (tmp_path / f"clips_{TRAIN_SEED}_{number}.pickle").write_bytes(pickle.dumps(full))
    return tmp_path


def weights(trainer: PolicyTrainer) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in trainer.model.parameters()])


@pytest.mark.parametrize("stage", ["see", "multi", "sft"])
def test_a_killed_run_goes_on_to_the_same_weights(stage: str, small_pool: Path, tmp_path: Path) -> None:
    recipe = Recipe(stage, steps=3, clips=2)
    whole = PolicyTrainer(recipe, tmp_path / "whole", small_pool, None)
    whole.run()
    cut = PolicyTrainer(recipe, tmp_path / "cut", small_pool, None)
    cut.learn()
    cut.step = 1
    cut.save()
    rest = PolicyTrainer(recipe, tmp_path / "cut", small_pool, None)
    assert rest.step == 1
    rest.run()
    assert torch.equal(weights(whole), weights(rest))
    assert (tmp_path / "cut" / "export" / "model.safetensors").is_file()
    assert (tmp_path / "cut" / "log.png").is_file()


def test_the_next_stage_starts_from_the_exported_weights(small_pool: Path, tmp_path: Path) -> None:
    first = PolicyTrainer(Recipe("see", steps=1, clips=2), tmp_path / "see", small_pool, None)
    export = first.run()
    second = PolicyTrainer(Recipe("multi", steps=1, clips=2), tmp_path / "multi", small_pool, export)
    assert torch.allclose(weights(first), weights(second), atol=0.02)
    assert torch.equal(first.head[0].read.weight, second.head[0].read.weight)


def test_learning_lowers_the_loss(small_pool: Path, tmp_path: Path) -> None:
    trainer = PolicyTrainer(Recipe("multi", steps=200, clips=2), tmp_path, small_pool, None)
    trainer.step = 20
    losses = [trainer.learn()["loss"] for _ in range(12)]
    assert losses[-1] < losses[0] - 1


def test_workers_make_the_same_batches(small_pool: Path) -> None:
    recipe = Recipe("sft", clips=2, shards=1, first_shards=1)
    marks, options = WORDS.marks, {"filler": 0, "image_id": IMAGE_ID}
    alone = BatchMaker(recipe, small_pool, Size(), marks, **options)
    helped = BatchMaker(dataclasses.replace(recipe, workers=1), small_pool, Size(), marks, **options)
    for ours, theirs, _ in zip(load_batches(alone, 3), load_batches(helped, 3), range(2), strict=False):
        assert torch.equal(ours.images, theirs.images)
        for group, other in zip(ours.groups, theirs.groups, strict=True):
            assert torch.equal(group.padded.ids, other.padded.ids)


@pytest.mark.parametrize("large", [pytest.param(False, id="small"), pytest.param(True, id="large")])
def test_frames_get_other_numbers_wherever_they_are_named(clips: list[pool.TrainingClip], large: bool) -> None:
    tokenizer, pattern = build_tokenizer(), r'(frame |"keyframe_timestamp": )(\d+)'
    for clip in clips:
        names = draw_names(clip.shown, np.random.default_rng(1), 1.0 - large, float(large))
        assert set(names) == set(clip.shown)
        assert (max(names.values()) > 999) == large
        for branch in (*clip.examples, *clip.corrections, *clip.tracks):
            ids = with_names(branch.ids, names, WORDS.marks)
            text, renamed = tokenizer.decode(branch.ids), tokenizer.decode(ids)
            said, told = ([int(number) for _, number in re.findall(pattern, one)] for one in (text, renamed))
            assert told == [names[number] for number in said]
            assert re.sub(pattern, r"\1", text) == re.sub(pattern, r"\1", renamed), "nothing else is changed"
            assert tokenizer(renamed)["input_ids"] == ids.tolist(), "as inference would read it"
            assert len(ids) == len(branch.ids)
        prefix = with_names(clip.prefix, names, WORDS.marks)
        labels = prompt_labels(prefix, IMAGE_ID, WORDS.marks)
        assert [1000 * thousands + int(tokenizer.decode([rest])) for thousands, rest in labels] == [*names.values()]


def test_most_clips_keep_their_numbers() -> None:
    shown = (0, 9, 20)
    drawn = [draw_names(shown, np.random.default_rng(seed), 0.3, 0.2) for seed in range(300)]
    assert 0.4 < np.mean([bool(names) for names in drawn]) < 0.6
    large = [names for names in drawn if max(names.values(), default=0) > 999]
    assert 0.1 < len(large) / 300 < 0.3
    assert all(0 <= number <= LARGEST_LABEL for names in drawn for number in names.values())
    assert all(len(set(names.values())) == 3 for names in drawn if names)


def test_an_answer_about_other_numbers_is_read_in_the_clips_own() -> None:
    text = 'frame 1012 1/2 frame 99, size 40 <answer>{"keyframe_timestamp": 1012'
    assert say_labels(text, {1012: 12, 1099: 99}) == (
        'frame 12 1/2 frame 1000000, size 40 <answer>{"keyframe_timestamp": 12'
    )


def test_a_pool_that_was_drawn_with_another_vocabulary_is_refused(small_pool: Path) -> None:
    maker = BatchMaker(Recipe("sft", clips=2, shards=1), small_pool, Size(), WORDS.marks, filler=0, image_id=3)
    with pytest.raises(DataError, match=r"392 visual tokens .* drawn with another vocabulary"):
        maker[0]


def test_a_run_that_draws_nothing_takes_what_lies_in_the_pool(small_pool: Path) -> None:
    assert pool.count_shards(small_pool, TRAIN_SEED) == 2
    recipe = Recipe("see", clips=2, first_shards=0)
    maker = BatchMaker(recipe, small_pool, Size(), WORDS.marks, filler=0, image_id=IMAGE_ID)
    assert maker[0].fresh is not None


def test_a_pool_is_drawn_by_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "make_shard", lambda *drawn: drawn)
    (tmp_path / f"clips_{TRAIN_SEED}_0.pickle").touch()
    pool._draw(tmp_path, TRAIN_SEED, 0, "full")
    assert pool.count_shards(tmp_path, TRAIN_SEED) == 1


def test_a_near_number_costs_less_than_a_far_one() -> None:
    branch = Branch(np.array([500, 40]), 1, np.array([False, True]), np.array([-1, -1]))
    padded = pad([branch], 0, WORDS.marks)
    table = torch.eye(1000)
    costs = []
    for guess in (40, 42, 60):
        hidden = torch.zeros(1, 2, 1000)
        hidden[0, 0, guess] = 8.0
        costs.append(float(token_loss(hidden, table, padded)[0]))
    assert costs[0] < costs[1] < costs[2]


def test_padding_is_not_learnt() -> None:
    short, long = (Branch(np.arange(1, n), 2, np.zeros(n - 1, bool), np.full(n - 1, -1)) for n in (5, 9))
    padded = pad([short, long], 0, WORDS.marks)
    assert padded.is_word.sum(1).tolist() == [2, 6]


def test_cells_hold_the_larger_of_two_objects() -> None:
    boxes = np.array([[0, 0, 10, 10], [2, 2, 26, 26], [np.nan] * 4], np.float32)
    target = cell_targets(np.array([[1, 2, 0], [3, 4, 1], [5, 6, 2]]), boxes, 112, 4)
    assert target[0].tolist()[:3] == [1, 3, 4]
    assert target[1:].sum() == 0
