"""A cache of fixed size changes no word, goes on from what was read before, and is one piece of memory for all."""

import itertools
from typing import Any

import numpy as np
import pytest
from transformers import LogitsProcessorList

from tests.policy.conftest import TINY
from veason.policy.decoding import ChosenProbabilities
from veason.policy.qwen import QwenPolicy
from veason.policy.static import CAPACITY_STEP, ReusableStaticCache
from veason.types import Frame, Sampling, Turn, Unanswered

INSTRUCTIONS = ("the red ball", "the red balloon that flies", "Everything else, then 2 boxes.")
GREEDY = Sampling(max_new_tokens=12)


def video(seed: int, shown: tuple[int, ...] = (0, 17, 35)) -> list[Frame]:
    random = np.random.default_rng(seed)
    return [Frame(index, random.integers(0, 255, (48, 64, 3), dtype=np.uint8)) for index in shown]


def write(policy: QwenPolicy, seed: int, text: str, turns: tuple[Turn, ...] = ()) -> list[int]:
    chosen = ChosenProbabilities(LogitsProcessorList())
    prepared = policy._prepare(video(seed), text, turns)
    return [token for ids in policy._generate(prepared, GREEDY, chosen) for token in ids]


def like(tiny: QwenPolicy, **options: Any) -> QwenPolicy:
    return QwenPolicy(tiny._model, tiny._processor, TINY, name="tiny", **options)


@pytest.mark.parametrize("reuse", [False, True], ids=["read anew", "reused"])
def test_a_static_cache_gives_the_greedy_ids_of_a_dynamic_one_in_any_order(tiny: QwenPolicy, reuse: bool) -> None:
    wanted = {(seed, text): write(like(tiny, prefix_bytes=0), seed, text) for seed in (0, 1) for text in INSTRUCTIONS}
    assert len(set(map(tuple, wanted.values()))) == len(wanted), "answers that are all alike prove nothing"
    static = like(tiny, prefix_bytes=1 << 30 if reuse else 0, static_cache=True)
    for order in (sorted(wanted), sorted(wanted, reverse=True)):
        for (seed, text), again in itertools.product(order, range(2)):
            assert write(static, seed, text) == wanted[seed, text], (seed, text, again)
    assert static.counts.vision_calls == (2 if reuse else 4 * len(wanted))


def test_thinking_again_and_samples_go_on_from_what_a_static_cache_read(tiny: QwenPolicy) -> None:
    static, dynamic = like(tiny, static_cache=True), like(tiny)
    answers = ["".join(piece.text for piece in policy.write(video(0), INSTRUCTIONS[0])) for policy in (static, dynamic)]
    assert answers[0] == answers[1]
    turns = (Turn(answers[0], "no, the other one"),)
    assert write(static, 0, INSTRUCTIONS[0], turns) == write(dynamic, 0, INSTRUCTIONS[0], turns)
    assert static.counts == dynamic.counts

    drawn = Sampling(temperature=1.0, top_p=0.95, max_new_tokens=8, num_samples=3, seed=5)
    texts = [
        [
            e.text
            for e in policy.stream(video(0), INSTRUCTIONS[1], num_frames=36, sampling=drawn)
            if type(e) is Unanswered
        ]
        for policy in (static, dynamic)
    ]
    assert texts[0] == texts[1]


def test_one_cache_serves_all_prompts_until_a_longer_one_comes(tiny: QwenPolicy) -> None:
    static_cache = ReusableStaticCache(tiny._model.config.get_text_config(decoder=True))
    first = static_cache.start(100, None)
    assert static_cache.start(CAPACITY_STEP, None) is first
    longer = static_cache.start(CAPACITY_STEP + 1, None)
    assert longer is not first
    lengths = [{layer.max_cache_len for layer in cache.layers} for cache in (first, longer)]
    assert lengths == [{CAPACITY_STEP}, {2 * CAPACITY_STEP}]
