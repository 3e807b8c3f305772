import dataclasses
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny_qwen import save_tiny_qwen
from veason.errors import DeviceError
from veason.policy.loading import load_qwen
from veason.policy.qwen import QwenPolicy
from veason.profile import GENERIC
from veason.types import Frame, ModelOptions, Sampling, Unanswered

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]

TINY = dataclasses.replace(GENERIC, name="tiny", size_wh=(112, 84), frame_count=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_qwen(tmp_path_factory.mktemp("tiny_qwen"))


@pytest.fixture(scope="module")
def on_gpu(folder: Path) -> QwenPolicy:
    return load_qwen(folder, TINY, ModelOptions(device="cuda"))


def frames() -> list[Frame]:
    random = np.random.default_rng(0)
    return [Frame(index, random.integers(0, 255, (48, 64, 3), dtype=np.uint8)) for index in (0, 17, 35)]


def first_logits(policy: QwenPolicy) -> torch.Tensor:
    inputs = policy._inputs(frames(), "the ball", ()).to(policy._model.device)
    with torch.inference_mode():
        return policy._model(**inputs).logits[0, -1].float().cpu()


def test_bfloat16_is_the_choice_on_cuda_and_agrees_with_float32_on_the_cpu(folder: Path, on_gpu: QwenPolicy) -> None:
    assert on_gpu._model.dtype == torch.bfloat16
    wanted = first_logits(load_qwen(folder, TINY, ModelOptions(device="cpu")))
    got = first_logits(on_gpu)
    assert torch.nn.functional.cosine_similarity(got, wanted, dim=0) > 0.99


def test_float32_on_cuda_agrees_closely_with_the_cpu(folder: Path) -> None:
    wanted = first_logits(load_qwen(folder, TINY, ModelOptions(device="cpu")))
    got = first_logits(load_qwen(folder, TINY, ModelOptions(device="cuda", dtype="float32")))
    torch.testing.assert_close(got, wanted, atol=2e-2, rtol=2e-2)


def test_out_of_memory_is_a_device_error_and_the_policy_lives_on(on_gpu: QwenPolicy) -> None:
    def ask_for_an_exabyte(*_: object) -> None:
        torch.empty(2**57, device="cuda")

    sampling = Sampling(max_new_tokens=4)
    handle = on_gpu._model.register_forward_pre_hook(ask_for_an_exabyte)
    with pytest.raises(DeviceError, match="ran out of memory"):
        list(on_gpu.stream(frames(), "the ball", num_frames=36, sampling=sampling))
    handle.remove()
    *_, last = on_gpu.stream(frames(), "the ball", num_frames=36, sampling=sampling)
    assert isinstance(last, Unanswered)


def test_closing_the_stream_stops_the_gpu_within_one_token(on_gpu: QwenPolicy) -> None:
    calls: list[int] = []

    def count(*_: object) -> None:
        calls.append(1)
        time.sleep(0.05)

    handle = on_gpu._model.register_forward_pre_hook(count)
    stream = on_gpu.write(frames(), "the ball", sampling=Sampling(max_new_tokens=500))
    next(stream)
    before = len(calls)
    stream.close()
    handle.remove()
    assert len(calls) - before <= 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("veason-policy")]


def test_seeded_samples_repeat_on_the_gpu(on_gpu: QwenPolicy) -> None:
    sampling = Sampling(temperature=1.0, top_p=0.95, max_new_tokens=16, seed=3)
    first, second = (
        "".join(piece.text for piece in on_gpu.write(frames(), "the ball", sampling=sampling)) for _ in range(2)
    )
    assert first == second
