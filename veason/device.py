"""Devices and GPU work: choose a device, wrap work for ZeroGPU Spaces, turn out-of-memory failures into DeviceError."""

from __future__ import annotations

import dataclasses
import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import torch

from veason.errors import DeviceError
from veason.zero_gpu import is_zero_gpu, run_on_zero_gpu


def choose_device(name: str = "auto") -> torch.device:
    """Return the device for "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        DeviceError: CUDA was requested and is not available, or the name is unknown.
    """
    is_zero_gpu()  # on such a Space torch tells of a GPU from here on
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name != "cpu" and not name.startswith("cuda"):
        raise DeviceError(f"unknown device {name!r}: use cpu, cuda or auto")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise DeviceError(f"device {name!r} was requested, but this machine has no CUDA: use --device cpu")
    return torch.device(name)


def choose_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 on CUDA and float32 elsewhere."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def gpu_memory() -> tuple[str, int]:
    """Return the name and the bytes of memory of the first CUDA device, ("", 0) if there is none."""
    if not torch.cuda.is_available():
        return "", 0
    return torch.cuda.get_device_name(0), int(torch.cuda.get_device_properties(0).total_memory)


def visible_gpus() -> tuple[str, ...]:
    """Return the CUDA devices that this process may use, as CUDA_VISIBLE_DEVICES names them; none of them is used."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    if named is None:
        return tuple(map(str, range(count)))
    return tuple(name.strip() for name in named.split(",")[:count])


def bound_threads(count: int) -> None:
    """Let torch compute with so many threads in this process."""
    torch.set_num_threads(count)


def wrap_gpu_work(work: Callable[..., Iterator[Any]], seconds: Callable[..., float]) -> Callable[..., Iterator[Any]]:
    """Wrap a generator function so that it gets a GPU on a ZeroGPU Space and out-of-memory failures become DeviceError.

    Args:
        work: a generator function. Its arguments and values must be picklable, since a ZeroGPU worker is another
            process, and its values must contain no tensor.
        seconds: returns the GPU time to request in seconds, called with the same arguments.

    Raises:
        DeviceError: while iterating, if the accelerator runs out of memory.
    """

    def guarded(*args: Any) -> Iterator[Any]:
        with memory_guard(), closing(work(*args)) as values:  # type: ignore[type-var]
            for value in values:
                assert_no_tensor(value)
                yield value

    return run_on_zero_gpu(guarded, seconds) if is_zero_gpu() else guarded


@contextmanager
def memory_guard() -> Iterator[None]:
    """A context that turns an out-of-memory failure of CUDA into a DeviceError and frees the memory."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        message = str(error).splitlines()[0]
        error.__traceback__ = None  # the frames of the failed call refer to the tensors
        gc.collect()
        torch.cuda.empty_cache()
        raise DeviceError(
            f"the GPU ran out of memory ({message}): choose a shorter range, a smaller segmenter, or --device cpu"
        ) from None


class SideStream:
    """A context that runs CUDA work on a separate stream, beside other work. It does nothing on a CPU.

    It may be entered repeatedly, in one thread. Its exit waits for the stream, so that other streams and threads can
    read the results.
    """

    def __init__(self, device: torch.device | str) -> None:
        is_cuda = torch.device(device).type == "cuda"
        self._stream = torch.cuda.Stream(device) if is_cuda else None
        self._stream_context: Any = None

    def __enter__(self) -> None:
        if self._stream is not None:
            self._stream_context = torch.cuda.stream(self._stream)
            self._stream_context.__enter__()

    def __exit__(self, *error: Any) -> None:
        if self._stream is not None:
            self._stream.synchronize()
            self._stream_context.__exit__(*error)


def assert_no_tensor(value: Any) -> None:
    """Raise AssertionError if a value contains a tensor. Dataclasses, mappings and sequences are searched."""
    if isinstance(value, torch.Tensor):
        raise AssertionError("GPU work returned a tensor: return numbers, text or RLE")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            assert_no_tensor(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            assert_no_tensor(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            assert_no_tensor(item)
