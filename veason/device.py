"""The one door for GPU work: choose the device, wrap for ZeroGPU, turn out-of-memory into an error people can read."""

from __future__ import annotations

import dataclasses
import gc
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import torch

from veason.errors import DeviceError


def choose_device(name: str = "auto") -> torch.device:
    """Return the device for "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        DeviceError: CUDA was asked for and is not there, or the name is unknown.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name != "cpu" and not name.startswith("cuda"):
        raise DeviceError(f"unknown device {name!r}: use cpu, cuda or auto")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise DeviceError(f"device {name!r} was asked for, but this machine has no CUDA: use --device cpu")
    return torch.device(name)


def choose_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 on CUDA and float32 elsewhere."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def gpu_memory() -> tuple[str, int]:
    """Return the name and the bytes of memory of the first CUDA device, ("", 0) where there is none."""
    if not torch.cuda.is_available():
        return "", 0
    return torch.cuda.get_device_name(0), int(torch.cuda.get_device_properties(0).total_memory)


def is_zero_gpu() -> bool:
    """Tell whether this is a ZeroGPU Space, where work behind the door runs in a process that ends with it."""
    if importlib.util.find_spec("spaces") is None:
        return False
    from spaces.config import Config

    return bool(Config.zero_gpu)


def wrap_gpu_work(
    work: Callable[..., Iterator[Any]], duration: Callable[..., float] | float = 60
) -> Callable[..., Any]:
    """Return `work`, a generator function, so wrapped that a ZeroGPU Space lends it a GPU; elsewhere it only guards.

    Arguments and yields must be picklable and hold no tensor, since a ZeroGPU worker is another process.
    `duration` is seconds, or a callable of the same arguments.
    """

    def guarded(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with memory_guard(), closing(work(*args, **kwargs)) as values:  # type: ignore[type-var]
            for value in values:
                assert_no_tensor(value)
                yield value

    if importlib.util.find_spec("spaces") is None:
        return guarded
    import spaces

    lent: Callable[..., Any] = spaces.GPU(guarded, duration=duration)
    return lent


@contextmanager
def memory_guard() -> Iterator[None]:
    """Turn an out-of-memory failure of the accelerator into a DeviceError, and give the memory back."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        message = str(error).splitlines()[0]
        error.__traceback__ = None  # the frames of the failed call hold the tensors
        gc.collect()
        torch.cuda.empty_cache()
        raise DeviceError(
            f"the GPU ran out of memory ({message}): choose a shorter range, a smaller segmenter, or --device cpu"
        ) from None


class SideStream:
    """A context for work beside other work on the same device: on CUDA it runs on a stream of its own.

    It may be entered again and again, in one thread. When it ends, its work is done, so that other streams and threads
    may read what was made.
    """

    def __init__(self, device: torch.device | str) -> None:
        is_cuda = torch.device(device).type == "cuda"
        self._stream = torch.cuda.Stream(device) if is_cuda else None
        self._inside: Any = None

    def __enter__(self) -> None:
        if self._stream is not None:
            self._inside = torch.cuda.stream(self._stream)
            self._inside.__enter__()

    def __exit__(self, *error: Any) -> None:
        if self._stream is not None:
            self._stream.synchronize()
            self._inside.__exit__(*error)


def assert_no_tensor(value: Any) -> None:
    """Check that a value that leaves the GPU door holds no tensor (dataclasses, mappings and lists are searched)."""
    if isinstance(value, torch.Tensor):
        raise AssertionError("a tensor tried to leave the GPU door: send numbers, text or RLE")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            assert_no_tensor(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            assert_no_tensor(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            assert_no_tensor(item)
