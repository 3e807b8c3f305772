"""Devices: the choice of a device, no tensors in the results of GPU work, and messages when memory runs out."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch

from veason.device import assert_no_tensor, choose_device, choose_dtype, memory_guard, wrap_gpu_work
from veason.errors import DeviceError
from veason.types import FrameMasks, ObjectMask, Rle


def test_auto_is_cuda_where_it_is_there_and_cpu_elsewhere() -> None:
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_dtype(torch.device("cpu")) == torch.float32
    assert choose_dtype(torch.device("cuda")) == torch.bfloat16


@pytest.mark.parametrize("name", ["tpu", "", "cpu:0 "])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(DeviceError, match="cpu, cuda or auto"):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_is_refused_where_there_is_none() -> None:
    with pytest.raises(DeviceError, match="no CUDA"):
        choose_device("cuda")


def test_out_of_memory_becomes_a_message_with_a_cure() -> None:
    with pytest.raises(DeviceError, match="shorter range") as caught, memory_guard():
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB\nlong tail")
    assert "long tail" not in str(caught.value)


def test_values_without_tensors_pass_the_door_as_they_are() -> None:
    masks = FrameMasks(3, {1: ObjectMask(Rle((2, 2), "04"), 1.5)})
    assert list(wrap_gpu_work(lambda count: (masks for _ in range(count)), lambda count: 1)(2)) == [masks, masks]


def test_no_tensor_leaves_the_door_however_deep_it_hides() -> None:
    hidden = FrameMasks(3, {1: ObjectMask(torch.zeros(1), 1.5)})  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="tensor"):
        assert_no_tensor([("deep", hidden)])


def test_closing_the_door_closes_the_work_behind_it() -> None:
    closed = []

    def work() -> Iterator[int]:
        try:
            yield from range(10)
        finally:
            closed.append(True)

    values = wrap_gpu_work(work, lambda: 1)()
    assert next(values) == 0
    values.close()
    assert closed == [True]


@pytest.mark.parametrize(("variable", "lends"), [("true", True), ("", False)])
def test_a_zerogpu_space_is_known_by_what_it_sets(variable: str, lends: bool) -> None:
    pytest.importorskip("spaces", reason="spaces is not installed: pip install spaces")
    code = f"from veason.device import is_zero_gpu; assert is_zero_gpu() is {lends}"
    settings = {"SPACES_ZERO_GPU": variable, "SPACES_ZERO_DEVICE_API_URL": "http://127.0.0.1:1"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **settings}, capture_output=True)
