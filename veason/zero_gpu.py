"""ZeroGPU Spaces: GPU work runs in a forked process, for a duration that is requested beforehand.

Arguments and what comes back are pickled. What the `spaces` package makes of an error of the work is its class alone,
so VeasonErrors travel as values. What was yielded before an error stays.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from veason.errors import DeviceError, VeasonError

MAX_DURATION_S = 120.0
"""The longest duration that is requested: the daily quota of a visitor without an account."""

STARTUP_S, FRAME_S, ANSWER_S, SAFETY_FACTOR = 15.0, 0.5, 25.0, 1.5
"""Seconds to move the models to the GPU, per frame shown to the policy, per answer of some 500 tokens, and the factor
on the estimated seconds of propagation."""

STOP_BEFORE_S = 4.0
"""Work stops this long before its duration is over, as the worker may be killed then."""


_ABORTED = (
    "the GPU was taken away before the work was done: what was made is kept; try again, or choose a shorter range"
)


@dataclass(frozen=True, slots=True)
class _Ended:
    """The last value of the work; what ends without it was broken off."""

    error: VeasonError | None


def is_zero_gpu() -> bool:
    """Tell whether this is a ZeroGPU Space. torch reports the emulated GPU only after the first call."""
    if importlib.util.find_spec("spaces") is None:
        return False
    from spaces.config import Config

    return bool(Config.zero_gpu)


def thinking_duration(num_frames: int, num_samples: int) -> float:
    """Return the seconds to request for `num_samples` answers about `num_frames` frames.

    >>> thinking_duration(8, 1), thinking_duration(8, 8)
    (44.0, 120.0)
    """
    return min(STARTUP_S + FRAME_S * num_frames + ANSWER_S * num_samples, MAX_DURATION_S)


def propagation_duration(estimated_s: float) -> float:
    """Return the seconds to request for propagating that is estimated to take `estimated_s`."""
    return min(STARTUP_S + SAFETY_FACTOR * estimated_s, MAX_DURATION_S)


def run_on_zero_gpu(work: Callable[..., Iterator[Any]], seconds: Callable[..., float]) -> Callable[..., Iterator[Any]]:
    """Wrap a generator function so that it runs in a ZeroGPU worker.

    Args:
        work: a generator function. The worker is a fork of this process and changes nothing in it.
        seconds: returns the duration to request, called with the arguments of `work`; at most MAX_DURATION_S is used.

    Returns:
        A generator function. While iterating, it raises DeviceError if no GPU is allocated (the quota is used up, for
        example), if the worker is aborted, or if the duration is over; VeasonErrors of `work` unchanged; RuntimeError
        for any other error of `work`.
    """
    import spaces

    def duration(*args: Any) -> float:
        return min(seconds(*args), MAX_DURATION_S)

    def carried(*args: Any) -> Iterator[Any]:
        failure = None
        allocated_s = duration(*args)
        end = time.monotonic() + allocated_s - STOP_BEFORE_S
        try:
            with closing(work(*args)) as values:  # type: ignore[type-var]  # a generator
                for value in values:
                    yield value
                    if time.monotonic() > end:
                        raise DeviceError(
                            f"the {allocated_s:.0f} seconds of GPU time are over: what was made is kept; go on with a "
                            "shorter range"
                        )
        except VeasonError as error:
            failure = error
        yield _Ended(failure)

    gpu_work: Callable[..., Any] = spaces.GPU(carried, duration=duration)

    def asking(*args: Any) -> Iterator[Any]:
        ended = None
        with _zero_gpu_errors(), closing(gpu_work(*args)) as values:
            for value in values:  # to the end: closing it early could stop the next visitor's work in the same process
                if isinstance(value, _Ended):
                    ended = value
                else:
                    yield value
        if ended is None:
            raise DeviceError(_ABORTED)
        if ended.error is not None:
            raise ended.error

    return asking


@contextmanager
def _zero_gpu_errors() -> Iterator[None]:
    """Turn errors of the `spaces` package, which are those of gradio, into DeviceError."""
    from gradio import Error

    try:
        yield
    except Error as error:
        title, message = error.title, str(error.message)
        if title != "ZeroGPU worker error":
            raise DeviceError(f"{title}: {message}") from error
        if "abort" in message:
            raise DeviceError(_ABORTED) from error
        raise RuntimeError(f"the work in the ZeroGPU worker failed: {message}") from error
