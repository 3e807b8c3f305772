"""The requests of one question to a server, on a thread of their own, so that they can be stopped at any moment.

A request that waits for its first word cannot be left from the thread that waits. Here it runs in an event loop, and
stopping cancels it: the connection is closed at once, also while the server still reads the prompt.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from veason.policy.pieces import Piece

MAX_PARALLEL_REQUESTS = 4
"""Most requests of one question at a time."""

LOOK_S = 0.25
"""How often whoever waits for text is told that there is none yet, and can stop."""

CLOSE_S = 5.0
"""For how long a cancelled exchange is waited for; it ends by itself after that."""

EndpointClient = TypeVar("EndpointClient")
Result = TypeVar("Result")


class Exchange(Generic[EndpointClient]):
    """The samples of one question, requested together and read one after another.

    Args:
        open_client: opens what requests are made with; entered once, for all samples.
        split: returns which samples are requested at once, each of them in one part.
        write: yields the text of the samples of a part, each with its number.
        num_samples: how many samples there are.
    """

    def __init__(
        self,
        open_client: Callable[[], AbstractAsyncContextManager[EndpointClient]],
        split: Callable[[EndpointClient], Awaitable[Sequence[range]]],
        write: Callable[[EndpointClient, range], AsyncGenerator[tuple[int, str], None]],
        num_samples: int,
    ) -> None:
        self._open_client, self._split, self._write = open_client, split, write
        self._queues = [SimpleQueue[Piece | Exception | None]() for _ in range(num_samples)]
        self._is_running = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="veason-endpoint", daemon=True)
        self._thread.start()

    def pieces(self, sample: int) -> Generator[Piece | None, None, None]:
        """Yield the pieces of a sample, and None now and then while there are none.

        Raises:
            Exception: what its request ended with.
        """
        while True:
            try:
                piece = self._queues[sample].get(timeout=LOOK_S)
            except Empty:
                yield None
                continue
            if isinstance(piece, Exception):
                raise piece
            if piece is None:
                return
            yield piece

    def close(self) -> None:
        """Stop all requests and close their connections."""
        self._is_running.wait()
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._exchange())
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001  # raised in `pieces`: otherwise its caller would wait for ever
            for queue in self._queues:
                queue.put(error)
        finally:
            self._is_running.set()

    async def _exchange(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._is_running.set()
        slots = asyncio.Semaphore(MAX_PARALLEL_REQUESTS)
        async with self._open_client() as client, asyncio.TaskGroup() as group:
            for part in await self._split(client):
                group.create_task(self._part(client, part, slots))

    async def _part(self, client: EndpointClient, part: range, slots: asyncio.Semaphore) -> None:
        end: Exception | None = None
        try:
            async with slots:
                start = time.perf_counter()
                async with aclosing(self._write(client, part)) as texts:
                    async for sample, text in texts:
                        self._queues[sample].put(Piece(time.perf_counter() - start, text))
        except Exception as error:  # noqa: BLE001  # raised in `pieces`
            end = error
        for sample in part:
            self._queues[sample].put(end)


def run_apart(make: Callable[[], Coroutine[None, None, Result]]) -> Result:
    """Run a coroutine to its end on a thread of its own, where no event loop is in the way, and return its result."""
    outcome: SimpleQueue[Result | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put(asyncio.run(make()))
        except BaseException as error:  # noqa: BLE001  # raised below
            outcome.put(error)

    threading.Thread(target=run, name="veason-endpoint", daemon=True).start()
    result = outcome.get()
    if isinstance(result, BaseException):
        raise result
    return result
