"""What was read of a video serves the next question about it, and every answer is as if it had been read anew."""

import dataclasses
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from tests.policy.conftest import TINY
from veason.errors import DeviceError
from veason.policy.qwen import QwenPolicy
from veason.types import Frame, Sampling, Turn, Unanswered

INSTRUCTIONS = ("the red ball", "the red balloon that flies", "Everything else, then 2 boxes.")
GREEDY = Sampling(max_new_tokens=12)


def video(seed: int, shown: tuple[int, ...] = (0, 17, 35)) -> list[Frame]:
    random = np.random.default_rng(seed)
    return [Frame(index, random.integers(0, 255, (48, 64, 3), dtype=np.uint8)) for index in shown]


def policy_like(tiny: QwenPolicy, **options: Any) -> QwenPolicy:
    return QwenPolicy(tiny._model, tiny._processor, TINY, name="tiny", **options)


@pytest.fixture
def warm(tiny: QwenPolicy) -> QwenPolicy:
    return policy_like(tiny)


@pytest.fixture
def cold(tiny: QwenPolicy) -> QwenPolicy:
    return policy_like(tiny, prefix_bytes=0)


@dataclasses.dataclass
class Passes:
    """What went through the model: tokens and last logits of every forward pass, and calls of the vision tower."""

    num_tokens: list[int] = dataclasses.field(default_factory=list)
    logits: list[torch.Tensor] = dataclasses.field(default_factory=list)
    vision_calls: int = 0


@contextmanager
def watched(policy: QwenPolicy) -> Iterator[Passes]:
    passes = Passes()

    def after(_: Any, __: Any, kwargs: dict[str, Any], output: Any) -> None:
        passes.num_tokens.append(kwargs["input_ids"].shape[1])
        passes.logits.append(output.logits[0, -1])

    def after_vision(*_: Any) -> None:
        passes.vision_calls += 1

    handles = [
        policy._model.register_forward_hook(after, with_kwargs=True),
        policy._model.model.visual.register_forward_hook(after_vision),
    ]
    try:
        yield passes
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def before_every_call(module: torch.nn.Module, act: Any) -> Iterator[None]:
    handle = module.register_forward_pre_hook(lambda *_: act())
    try:
        yield
    finally:
        handle.remove()


def logits_of(policy: QwenPolicy, frames: list[Frame], instruction: str, turns: tuple[Turn, ...] = ()) -> torch.Tensor:
    """Return the logits, `(T, V)`, from which each greedy token was chosen."""
    with watched(policy) as passes:
        list(policy.write(frames, instruction, turns=turns, sampling=GREEDY))
    return torch.stack(passes.logits)


def assert_same_writing(got: torch.Tensor, wanted: torch.Tensor) -> None:
    assert torch.equal(got.argmax(-1), wanted.argmax(-1))
    torch.testing.assert_close(got, wanted, atol=1e-4, rtol=0)


def write(policy: QwenPolicy, frames: list[Frame], instruction: str, **options: Any) -> str:
    return "".join(piece.text for piece in policy.write(frames, instruction, **{"sampling": GREEDY, **options}))


def test_in_any_order_and_with_another_video_in_between_every_answer_is_as_read_anew(
    tiny: QwenPolicy, cold: QwenPolicy
) -> None:
    other = video(1, shown=(0, 9))  # fewer pictures, so another rope delta
    wanted = {text: logits_of(cold, video(0), text) for text in INSTRUCTIONS}
    wanted_other = {text: logits_of(cold, other, text) for text in INSTRUCTIONS}
    for order in itertools.permutations(INSTRUCTIONS):
        warm = policy_like(tiny)
        for text in order:
            assert_same_writing(logits_of(warm, video(0), text), wanted[text])
            assert_same_writing(logits_of(warm, other, text), wanted_other[text])
        assert warm.counts.vision_calls == 2


def test_the_answers_to_compare_do_differ_by_instruction_and_by_video(cold: QwenPolicy) -> None:
    texts = {write(cold, video(seed), text) for seed in (0, 1) for text in INSTRUCTIONS}
    assert len(texts) == 6


def test_a_second_question_reads_only_what_follows_the_pictures_and_sees_none(warm: QwenPolicy) -> None:
    prompts = [warm._inputs(video(0), text, ())["input_ids"][0] for text in INSTRUCTIONS[:2]]
    shared = int((prompts[0][: len(prompts[1])] != prompts[1][: len(prompts[0])]).nonzero()[0])
    write(warm, video(0), INSTRUCTIONS[0])
    with watched(warm) as passes:
        write(warm, video(0), INSTRUCTIONS[1])
    assert passes.vision_calls == 0
    assert passes.num_tokens == [len(prompts[1]) - shared] + [1] * (GREEDY.max_new_tokens - 1)
    assert warm.counts.vision_calls == 1
    assert warm.counts.prompt_tokens == len(prompts[0]) + len(prompts[1])
    assert warm.counts.prefill_tokens == len(prompts[0]) + len(prompts[1]) - shared
    assert '"the red ball' in warm._processor.tokenizer.decode(prompts[0][:shared])  # all up to where they part


def test_more_samples_of_one_instruction_read_one_token_each(warm: QwenPolicy, cold: QwenPolicy) -> None:
    sampling = Sampling(temperature=1.0, top_p=0.95, max_new_tokens=8, num_samples=8, seed=5)

    def texts(policy: QwenPolicy) -> list[str]:
        events = policy.stream(video(0), INSTRUCTIONS[0], num_frames=36, sampling=sampling)
        return [event.text for event in events if isinstance(event, Unanswered)]

    length = warm._inputs(video(0), INSTRUCTIONS[0], ())["input_ids"].shape[1]
    assert texts(warm) == texts(cold)
    assert (warm.counts.prefill_tokens, warm.counts.prompt_tokens) == (length + 7, 8 * length)
    assert (warm.counts.vision_calls, cold.counts.vision_calls) == (1, 8)


def test_thinking_again_goes_on_from_the_first_answer(warm: QwenPolicy, cold: QwenPolicy) -> None:
    turns = (Turn(write(warm, video(0), INSTRUCTIONS[0]), "no, the other one"),)
    before = warm.counts
    assert_same_writing(
        logits_of(warm, video(0), INSTRUCTIONS[0], turns), logits_of(cold, video(0), INSTRUCTIONS[0], turns)
    )
    first = warm._inputs(video(0), INSTRUCTIONS[0], ())["input_ids"].shape[1]
    whole = warm._inputs(video(0), INSTRUCTIONS[0], turns)["input_ids"].shape[1]
    assert warm.counts.prefill_tokens - before.prefill_tokens <= whole - first
    assert warm.counts.vision_calls == before.vision_calls


def test_a_cancelled_answer_leaves_what_was_read_as_it_was(warm: QwenPolicy, cold: QwenPolicy) -> None:
    write(warm, video(0), INSTRUCTIONS[0])
    (reading,) = warm._prefixes._entries.values()
    copies = [tensor.clone() for pair in reading.layers for tensor in pair]
    for text in INSTRUCTIONS[1:]:
        pieces = warm.write(video(0), text, sampling=Sampling(max_new_tokens=500))
        next(pieces)
        pieces.close()
    tensors = [tensor for pair in reading.layers for tensor in pair]
    assert all(torch.equal(tensor, copy) for tensor, copy in zip(tensors, copies, strict=True))
    for text in reversed(INSTRUCTIONS):
        assert_same_writing(logits_of(warm, video(0), text), logits_of(cold, video(0), text))
    assert warm.counts.vision_calls == 1


def test_a_first_question_that_is_cancelled_still_spares_the_second_one_the_pictures(warm: QwenPolicy) -> None:
    pieces = warm.write(video(0), INSTRUCTIONS[0], sampling=Sampling(max_new_tokens=500))
    next(pieces)
    pieces.close()
    write(warm, video(0), INSTRUCTIONS[1])
    assert warm.counts.vision_calls == 1


def test_a_pass_that_fails_between_two_layers_leaves_nothing_half_read(warm: QwenPolicy, cold: QwenPolicy) -> None:
    write(warm, video(0), INSTRUCTIONS[0])

    def fail() -> None:
        raise ZeroDivisionError("second layer")

    with before_every_call(warm._model.model.language_model.layers[1], fail):
        for seed in (0, 1):
            with pytest.raises(ZeroDivisionError):
                write(warm, video(seed), INSTRUCTIONS[1])
    assert warm.counts.kept_videos == 1
    assert_same_writing(logits_of(warm, video(0), INSTRUCTIONS[1]), logits_of(cold, video(0), INSTRUCTIONS[1]))


def test_running_out_of_memory_lets_go_of_what_was_kept(warm: QwenPolicy) -> None:
    write(warm, video(0), INSTRUCTIONS[0])
    assert warm.counts.kept_bytes > 0

    def fail() -> None:
        raise torch.cuda.OutOfMemoryError("tried to allocate 9 GiB")

    with before_every_call(warm._model, fail), pytest.raises(DeviceError, match="9 GiB"):
        write(warm, video(0), INSTRUCTIONS[1])
    assert warm.counts.kept_bytes == 0
    assert write(warm, video(0), INSTRUCTIONS[1])


def test_the_rope_deltas_that_others_leave_on_the_model_do_not_matter(warm: QwenPolicy, cold: QwenPolicy) -> None:
    wanted = logits_of(cold, video(0), INSTRUCTIONS[1])
    write(warm, video(0), INSTRUCTIONS[0])

    def shift() -> None:
        warm._model.model.rope_deltas = torch.tensor([[-977]])

    shift()
    with before_every_call(warm._model, shift):  # and again before every token
        got = logits_of(warm, video(0), INSTRUCTIONS[1])
    assert_same_writing(got, wanted)


@pytest.mark.parametrize("size_wh", [(112, 84), (56, 140), (84, 84), (28, 28)], ids=["wide", "tall", "square", "one"])
def test_positions_after_the_pictures_are_those_that_the_model_works_out(
    tiny: QwenPolicy, size_wh: tuple[int, int]
) -> None:
    policy = QwenPolicy(tiny._model, tiny._processor, dataclasses.replace(TINY, size_wh=size_wh), name="sized")
    write(policy, video(0), INSTRUCTIONS[0])
    inputs = policy._inputs(video(0), INSTRUCTIONS[1], ())
    inputs.pop("pixel_values")
    wanted, _ = tiny._model.model.get_rope_index(**inputs)
    resumed = policy._reuse_prefix(policy._prepare(video(0), INSTRUCTIONS[1], ()))
    assert resumed is not None
    start = resumed["past_key_values"].get_seq_length()
    assert torch.equal(resumed["position_ids"][1:, :, start:], wanted[:, :, start:])


@pytest.mark.parametrize(
    "instruction",
    ["the ball", "  Spaces  and\ttabs\n", '"quoted"', "größer, 球 🙂 é", "<|image_pad|> 12 <|im_end|>", ""],
)
def test_tokens_of_a_prompt_are_those_that_the_processor_makes(tiny: QwenPolicy, instruction: str) -> None:
    turns = (Turn(f"it is {instruction}", "no 🙂"),)
    wanted = tiny._inputs(video(0), instruction, turns)["input_ids"][0]
    assert torch.equal(tiny._tokenize(tiny._text(video(0), instruction, turns)), wanted)


def test_another_pixel_or_another_place_in_the_video_is_another_video(warm: QwenPolicy) -> None:
    write(warm, video(0), INSTRUCTIONS[0])
    changed = video(0)
    changed[1].image[3, 5, 0] ^= 1
    write(warm, changed, INSTRUCTIONS[0])
    write(warm, video(0, shown=(0, 17, 36)), INSTRUCTIONS[0])
    assert warm.counts.vision_calls == 3
    write(warm, changed, INSTRUCTIONS[1])
    assert warm.counts.vision_calls == 3


def test_what_is_kept_stays_within_the_budget_and_the_video_asked_longest_ago_goes(tiny: QwenPolicy) -> None:
    probe = policy_like(tiny)
    write(probe, video(0), INSTRUCTIONS[0])
    budget = int(2.5 * probe.counts.kept_bytes)
    warm = policy_like(tiny, prefix_bytes=budget)
    for seed in (0, 1, 0, 2):  # 1 is the one asked longest ago when 2 comes
        write(warm, video(seed), INSTRUCTIONS[0])
        assert 0 < warm.counts.kept_bytes <= budget
    assert (warm.counts.kept_videos, warm.counts.vision_calls) == (2, 3)
    write(warm, video(0), INSTRUCTIONS[1])
    assert warm.counts.vision_calls == 3
    write(warm, video(1), INSTRUCTIONS[1])
    assert warm.counts.vision_calls == 4


def test_without_a_budget_every_prompt_is_read_whole_and_answered_alike(tiny: QwenPolicy, cold: QwenPolicy) -> None:
    none = policy_like(tiny, prefix_bytes=0)
    sampling = Sampling(temperature=1.0, max_new_tokens=6, num_samples=2)
    events = [list(policy.stream(video(0), "x", num_frames=36, sampling=sampling)) for policy in (none, cold)]
    assert [event for event in events[0] if isinstance(event, Unanswered)] == [
        event for event in events[1] if isinstance(event, Unanswered)
    ]
    assert (none.counts.vision_calls, none.counts.kept_bytes) == (2, 0)


def test_reuse_can_be_switched_off(cold: QwenPolicy) -> None:
    for text in INSTRUCTIONS:
        write(cold, video(0), text)
    assert cold.counts.vision_calls == cold.counts.prompts == 3
    assert cold.counts.prefill_tokens == cold.counts.prompt_tokens
    assert cold.counts.kept_bytes == 0


def test_visitors_at_the_same_time_get_the_answers_they_would_get_alone(warm: QwenPolicy, cold: QwenPolicy) -> None:
    asked = [(seed, text) for seed in (0, 1) for text in INSTRUCTIONS]
    alone = {(seed, text): write(cold, video(seed, (0, 9, 30)[seed:]), text) for seed, text in asked}
    together: dict[tuple[int, str], str] = {}

    def ask(seed: int, text: str) -> None:
        together[seed, text] = write(warm, video(seed, (0, 9, 30)[seed:]), text)

    threads = [threading.Thread(target=ask, args=visitor) for visitor in asked]
    with before_every_call(warm._model, lambda: time.sleep(0.002)):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert together == alone
    assert warm.counts.vision_calls == 2  # also where two first questions about a video came at once
