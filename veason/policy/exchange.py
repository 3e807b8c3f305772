"""The requests of one question to a server, on a thread of their own, so that they can be stopped at any moment.

A request that waits for its first word cannot be left from the thread that waits. Here it runs in an event loop, and
stopping cancels it: the connection is closed at once, also while the server still reads the prompt.
"""

from __future__ import annotations

import asyncio
import threading
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
        write: yields what is written for the samples of a part, each with its number: pieces of its text, then None at
            its end, or the error that it ended with. A sample of several that it leaves without an end is asked for
            alone. Where it raises, those that it left end with that error, and no further part is asked for.
        num_samples: how many samples there are.
    """

    def __init__(
        self,
        open_client: Callable[[], AbstractAsyncContextManager[EndpointClient]],
        split: Callable[[EndpointClient], Awaitable[Sequence[range]]],
        write: Callable[[EndpointClient, range], AsyncGenerator[tuple[int, Piece | Exception | None], None]],
        num_samples: int,
    ) -> None:
        self._open_client, self._split, self._write = open_client, split, write
        self._queues = [SimpleQueue[Piece | Exception | None]() for _ in range(num_samples)]
        self._failure: Exception | None = None
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
                group.create_task(self._ask(client, part, slots, group))

    async def _ask(
        self, client: EndpointClient, part: range, slots: asyncio.Semaphore, group: asyncio.TaskGroup
    ) -> None:
        """Ask for a part; what it leaves of several samples is asked for one by one."""
        left = set(part)
        async with slots:
            end = self._failure or await self._read(client, part, left)
        if end is None and len(part) > 1:
            for sample in sorted(left):
                group.create_task(self._ask(client, range(sample, sample + 1), slots, group))
            return
        for sample in left:
            self._queues[sample].put(end)

    async def _read(self, client: EndpointClient, part: range, left: set[int]) -> Exception | None:
        """Put what is written for a part into the queues and take samples that ended out of `left`; return an error."""
        try:
            async with aclosing(self._write(client, part)) as texts:
                async for sample, said in texts:
                    self._queues[sample].put(said)
                    if not isinstance(said, Piece):
                        left.discard(sample)
        except Exception as error:  # noqa: BLE001  # raised in `pieces`
            self._failure = error
            return error
        return None


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
