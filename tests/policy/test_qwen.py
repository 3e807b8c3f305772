import dataclasses
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.policy.conftest import TINY
from tests.tiny_qwen import save_tiny_qwen
from veason.errors import DeviceError, MissingBackend, OptionError, ProfileError, PromptError
from veason.policy.decoding import GumbelSampler
from veason.policy.loading import load_qwen
from veason.policy.pictures import resize_frame
from veason.policy.qwen import QwenPolicy, _acquire_lock
from veason.types import Frame, ModelOptions, Sampling, ThoughtDelta, Turn, Unanswered

SHOWN = (0, 17, 35)


def make_frames(size_wh: tuple[int, int] = (64, 48), seed: int = 0) -> list[Frame]:
    random = np.random.default_rng(seed)
    width, height = size_wh
    colours = random.integers(0, 255, (len(SHOWN), 1, 1, 3), dtype=np.uint8)
    return [
        Frame(index, colour.repeat(height, 0).repeat(width, 1)) for index, colour in zip(SHOWN, colours, strict=True)
    ]


def texts(policy: QwenPolicy, sampling: Sampling, seed: int = 0) -> list[str]:
    events = policy.stream(make_frames(seed=seed), "the ball", num_frames=36, sampling=sampling)
    return [event.text for event in events if isinstance(event, Unanswered)]


@contextmanager
def hooked(policy: QwenPolicy, hook: Any) -> Iterator[None]:
    """Call `hook` before every forward pass of the model."""

    def before(*_: Any) -> None:
        hook()

    handle = policy._model.register_forward_pre_hook(before)
    try:
        yield
    finally:
        handle.remove()


def test_gibberish_ends_in_unanswered_with_the_whole_text(tiny: QwenPolicy) -> None:
    *events, last = tiny.stream(make_frames(), "the ball", num_frames=36, sampling=Sampling(max_new_tokens=24))
    assert isinstance(last, Unanswered)
    assert len(last.text) > 10
    assert all(isinstance(event, ThoughtDelta) for event in events)


def test_pieces_are_one_a_token_and_join_to_the_decoded_answer(tiny: QwenPolicy) -> None:
    pieces = list(tiny.write(make_frames(), "the ball", sampling=Sampling(max_new_tokens=24)))
    inputs = tiny._inputs(make_frames(), "the ball", ())
    ids = tiny._model.generate(**inputs, max_new_tokens=24, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert "".join(piece.text for piece in pieces) == tiny._processor.tokenizer.decode(ids, skip_special_tokens=True)
    assert len(pieces) in (24, 25)  # the last one may be half a character that no token completes
    assert [piece.seconds for piece in pieces] == sorted(piece.seconds for piece in pieces)


def test_a_character_of_several_tokens_arrives_whole(tiny: QwenPolicy) -> None:
    text = "a 猫 and 🙂 <think>é</think>"
    ids = tiny._processor.tokenizer(text)["input_ids"]
    pieces = list(tiny._decode([index] for index in ids))
    assert "".join(pieces) == text
    assert len(pieces) == len(ids)
    assert not any("\ufffd" in piece for piece in pieces)


def test_text_streams_while_the_model_still_writes(tiny: QwenPolicy) -> None:
    calls: list[int] = []
    with hooked(tiny, lambda: (calls.append(1), time.sleep(0.02))):
        pieces = tiny.write(make_frames(), "the ball", sampling=Sampling(max_new_tokens=40))
        next(pieces)
        assert len(calls) < 10
        assert len(list(pieces)) >= 39


def test_closing_the_stream_stops_the_model_within_one_token(tiny: QwenPolicy) -> None:
    calls: list[int] = []
    with hooked(tiny, lambda: (calls.append(1), time.sleep(0.05))):
        events = tiny.stream(make_frames(), "the ball", num_frames=36, sampling=Sampling(max_new_tokens=500))
        next(events)
        before = len(calls)
        events.close()
        after = len(calls)
        time.sleep(0.2)
        assert len(calls) == after
        assert after - before <= 2  # the pass that is under way, and one token that was on its way to the reader
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("veason-policy")]


def test_a_failure_in_the_thread_surfaces_in_the_reader(tiny: QwenPolicy) -> None:
    calls: list[int] = []

    def fail_at_the_third() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise ZeroDivisionError("third pass")

    with hooked(tiny, fail_at_the_third), pytest.raises(ZeroDivisionError, match="third pass"):
        list(tiny.stream(make_frames(), "the ball", num_frames=36, sampling=Sampling(max_new_tokens=9)))
    assert len(texts(tiny, Sampling(max_new_tokens=4))) == 1  # and the lock is free again


def test_out_of_memory_becomes_a_device_error(tiny: QwenPolicy) -> None:
    def fail() -> None:
        raise torch.cuda.OutOfMemoryError("tried to allocate 9 GiB")

    with hooked(tiny, fail), pytest.raises(DeviceError, match="9 GiB"):
        texts(tiny, Sampling(max_new_tokens=4))
    assert len(texts(tiny, Sampling(max_new_tokens=4))) == 1


def test_greedy_repeats_and_depends_on_the_pictures(tiny: QwenPolicy) -> None:
    greedy = Sampling(max_new_tokens=16)
    assert texts(tiny, greedy) == texts(tiny, greedy)
    assert texts(tiny, greedy) != texts(tiny, greedy, seed=1)


def test_two_samples_differ_and_the_same_seed_repeats_them(tiny: QwenPolicy) -> None:
    sampling = Sampling(temperature=1.0, top_p=0.95, max_new_tokens=16, num_samples=2, seed=3)
    first = texts(tiny, sampling)
    torch.rand(7)  # the global generator has no say
    assert texts(tiny, sampling) == first
    assert first[0] != first[1]
    assert texts(tiny, dataclasses.replace(sampling, seed=4)) != first


def test_events_carry_the_number_of_their_sample(tiny: QwenPolicy) -> None:
    sampling = Sampling(temperature=1.0, max_new_tokens=6, num_samples=2)
    events = list(tiny.stream(make_frames(), "the ball", num_frames=36, sampling=sampling))
    assert [event.sample for event in events if isinstance(event, Unanswered)] == [0, 1]
    assert [event.sample for event in events] == sorted(event.sample for event in events)


def test_draws_follow_the_softmax() -> None:
    scores = torch.tensor([[0.0, 1.0, 2.0, -torch.inf]]).repeat(20_000, 1)
    drawn = GumbelSampler(0, torch.device("cpu"))(torch.empty(0), scores).argmax(-1)
    shares = torch.bincount(drawn, minlength=4) / len(drawn)
    torch.testing.assert_close(shares, scores[0].softmax(-1), atol=0.015, rtol=0)


def test_labels_stand_before_their_images_in_the_tokens(tiny: QwenPolicy) -> None:
    inputs = tiny._inputs(make_frames(), "The Ball.", ())
    text = tiny._processor.tokenizer.decode(inputs["input_ids"][0])
    image = "<|vision_start|>" + "<|image_pad|>" * 12 + "<|vision_end|>"  # 112x84 is 4x3 cells of 28 pixels
    assert f"user\n(0s){image}, (17s){image}, (35s){image}\n" in text
    assert text.count("<|image_pad|>") == 36
    assert '"the ball"' in text
    assert text.endswith("<|im_start|>assistant\n")


def test_every_turn_reaches_the_tokens(tiny: QwenPolicy) -> None:
    inputs = tiny._inputs(make_frames(), "the ball", [Turn("it is here", "no, there")])
    text = tiny._processor.tokenizer.decode(inputs["input_ids"][0])
    assert "assistant\nit is here<|im_end|>\n<|im_start|>user\nno, there<|im_end|>" in text


@pytest.mark.parametrize("size_wh", [(1280, 720), (30, 500)], ids=["wide", "tall"])
def test_frames_are_squashed_to_the_size_of_the_profile(tiny: QwenPolicy, size_wh: tuple[int, int]) -> None:
    assert tiny._inputs(make_frames(size_wh), "x", ())["image_grid_thw"].tolist() == [[1, 6, 8]] * 3


def test_squashing_blends_pixels_and_does_not_keep_the_aspect() -> None:
    chequered = ((np.indices((96, 160)).sum(0) % 2) * 255).astype(np.uint8)
    squashed = resize_frame(Frame(0, np.repeat(chequered[..., None], 3, axis=2)), (40, 48))
    assert squashed.size == (40, 48)
    assert np.abs(np.asarray(squashed, dtype=int) - 127).max() < 32  # picking single pixels would give 0 and 255


def test_the_processors_pixel_limits_do_not_change_the_box_space(tiny: QwenPolicy) -> None:
    profile = dataclasses.replace(TINY, size_wh=(1400, 980))  # more than the 1 megapixel that the processor keeps
    policy = QwenPolicy(tiny._model, tiny._processor, profile, name="large")
    assert policy._inputs(make_frames()[:1], "x", ())["image_grid_thw"].tolist() == [[1, 70, 100]]


def test_a_size_off_the_patch_grid_is_refused(tiny: QwenPolicy) -> None:
    with pytest.raises(ProfileError, match="multiples of 28"):
        QwenPolicy(tiny._model, tiny._processor, dataclasses.replace(TINY, size_wh=(112, 100)), name="off")


def test_no_frames_are_refused(tiny: QwenPolicy) -> None:
    with pytest.raises(PromptError, match="no frames"):
        next(tiny.stream([], "x", num_frames=1))


def test_sessions_that_share_a_model_do_not_disturb_each_other(tiny: QwenPolicy) -> None:
    sampling = Sampling(max_new_tokens=24)
    alone = {count: _text(tiny, count, sampling) for count in (1, 3)}  # their rope offsets differ
    together: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda count=count: together.update({count: _text(tiny, count, sampling)}))
        for count in alone
    ]
    with hooked(tiny, lambda: time.sleep(0.01)):  # long enough for the other to come between two tokens
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert together == alone


def _text(policy: QwenPolicy, count: int, sampling: Sampling) -> str:
    return "".join(piece.text for piece in policy.write(make_frames()[:count], "the ball", sampling=sampling))


def test_a_session_that_waits_for_its_turn_can_be_cancelled(tiny: QwenPolicy) -> None:
    stop = threading.Event()
    with tiny._lock:
        threading.Timer(0.1, stop.set).start()
        with _acquire_lock(tiny._lock, stop) as is_held:
            assert not is_held


def test_end_token_ends_the_text_and_leaves_no_trace(tmp_path: Path) -> None:
    policy = load_qwen(save_tiny_qwen(tmp_path / "ends", end_token=True), TINY, ModelOptions(device="cpu"))
    sampling = Sampling(temperature=3.0, max_new_tokens=1000, seed=1)
    pieces = list(policy.write(make_frames(), "the ball", sampling=sampling))
    assert len(pieces) < 1000
    assert "<|" not in "".join(piece.text for piece in pieces)


def test_the_profile_limits_the_length(tiny: QwenPolicy) -> None:
    policy = QwenPolicy(tiny._model, tiny._processor, dataclasses.replace(TINY, max_new_tokens=5), name="short")
    assert len(list(policy.write(make_frames(), "x"))) in (5, 6)


def test_unknown_words_come_from_the_profile(tiny: QwenPolicy) -> None:
    policy = QwenPolicy(tiny._model, tiny._processor, dataclasses.replace(TINY, vocabulary=("the", "ball")), name="x")
    assert policy.unknown_words("The zebra") == ("zebra",)
    assert tiny.unknown_words("The zebra") == ()


def copy_of(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


def test_weights_that_miss_a_layer_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_folder, tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    weights.pop(next(key for key in weights if "mlp.down_proj" in key))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MissingBackend, match="lacks 1 weights"):
        load_qwen(folder, TINY, ModelOptions(device="cpu"))


def test_weights_that_are_cut_off_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_folder, tmp_path / "cut")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MissingBackend, match="cannot load a policy"):
        load_qwen(folder, TINY, ModelOptions(device="cpu"))


def test_the_checkpoints_own_decoding_gives_way_to_ours_except_for_its_penalty(
    tiny_folder: Path, tmp_path: Path, tiny: QwenPolicy
) -> None:
    folder = copy_of(tiny_folder, tmp_path / "habits")
    habits = json.loads((folder / "generation_config.json").read_text())
    habits.update(do_sample=True, temperature=5.0, top_k=3, max_length=7)  # as published checkpoints carry them
    (folder / "generation_config.json").write_text(json.dumps(habits))
    policy = load_qwen(folder, TINY, ModelOptions(device="cpu"))
    assert texts(policy, Sampling(max_new_tokens=16)) == texts(tiny, Sampling(max_new_tokens=16))
    habits.update(repetition_penalty=5.0)
    (folder / "generation_config.json").write_text(json.dumps(habits))
    policy = load_qwen(folder, TINY, ModelOptions(device="cpu"))
    assert texts(policy, Sampling(max_new_tokens=16)) != texts(tiny, Sampling(max_new_tokens=16))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param({"dtype": "int8"}, OptionError, "unknown dtype 'int8'", id="dtype"),
        pytest.param({"quantization": "3bit"}, OptionError, "unknown quantization '3bit'", id="quantization"),
        pytest.param({"device": "tpu"}, DeviceError, "unknown device 'tpu'", id="device"),
    ],
)
def test_bad_options_are_named(
    tiny_folder: Path, options: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_qwen(tiny_folder, TINY, ModelOptions(**options))  # type: ignore[arg-type]


def test_dtype_can_be_chosen(tiny_folder: Path) -> None:
    policy = load_qwen(tiny_folder, TINY, ModelOptions(device="cpu", dtype="bfloat16"))
    assert policy._model.dtype == torch.bfloat16
    assert len(list(policy.write(make_frames(), "x", sampling=Sampling(max_new_tokens=3)))) == 3
