"""A ZeroGPU Space, which lends its GPU: work runs in a forked process, for a time that is asked for beforehand.

Arguments and what comes back are pickled. What the `spaces` package makes of an error of the work is its class alone,
so errors that are meant for people travel as values. What had come before an error stays.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from veason.errors import DeviceError, VeasonError

MOST_LENT_S = 120.0
"""No more is asked for at a time: a visitor without an account has as much for a whole day."""

RESERVE_S = 4.0
"""Work ends so long before the time that it was lent for, since later it would be killed."""


_TAKEN_BACK = (
    "the GPU was taken back before the work was done: what was made is kept; try again, or choose a shorter range"
)


@dataclass(frozen=True, slots=True)
class _Ended:
    """The last value of the work; what ends without it was broken off."""

    error: VeasonError | None


def is_zero_gpu() -> bool:
    """Tell whether this is a ZeroGPU Space. Before it was asked, torch does not know of the GPU that will be lent."""
    if importlib.util.find_spec("spaces") is None:
        return False
    from spaces.config import Config

    return bool(Config.zero_gpu)


def lend_gpu(work: Callable[..., Iterator[Any]], seconds: Callable[..., float]) -> Callable[..., Iterator[Any]]:
    """Return `work`, a generator function, so wrapped that the Space lends it a GPU while it runs.

    Args:
        work: what runs in the forked process; it sees this one as it was when it began, and changes nothing of it.
        seconds: returns how long the GPU is wanted, called with the arguments of `work`; at most MOST_LENT_S counts.

    The wrapped function raises DeviceError where no GPU is lent (the quota is used up, say), where it is taken back,
    and where the time is over; VeasonErrors of the work as they are; and RuntimeError for any other error of it.
    """
    import spaces

    def lent_seconds(*args: Any) -> float:
        return min(seconds(*args), MOST_LENT_S)

    def carried(*args: Any) -> Iterator[Any]:
        failure = None
        lent = lent_seconds(*args)
        end = time.monotonic() + lent - RESERVE_S
        try:
            with closing(work(*args)) as values:  # type: ignore[type-var]  # a generator
                for value in values:
                    yield value
                    if time.monotonic() > end:
                        raise DeviceError(
                            f"the GPU was lent for {lent:.0f} seconds, which are over: what was made is kept; go on "
                            "with a shorter range"
                        )
        except VeasonError as error:
            failure = error
        yield _Ended(failure)

    lent_work: Callable[..., Any] = spaces.GPU(carried, duration=lent_seconds)

    def asking(*args: Any) -> Iterator[Any]:
        ended = None
        with _lending_errors(), closing(lent_work(*args)) as values:
            for value in values:  # to the end: closing it early could stop the next visitor's work in the same process
                if isinstance(value, _Ended):
                    ended = value
                else:
                    yield value
        if ended is None:
            raise DeviceError(_TAKEN_BACK)
        if ended.error is not None:
            raise ended.error

    return asking


@contextmanager
def _lending_errors() -> Iterator[None]:
    """Turn the errors of the lender, which are those of gradio, into ours."""
    from gradio import Error

    try:
        yield
    except Error as error:
        title, message = error.title, str(error.message)
        if title != "ZeroGPU worker error":
            raise DeviceError(f"{title}: {message}") from error
        if "abort" in message:
            raise DeviceError(_TAKEN_BACK) from error
        raise RuntimeError(f"the work on the lent GPU failed: {message}") from error
