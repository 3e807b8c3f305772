"""What is asked at the same time is answered together, by one thread, and no more waits than is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from veason.errors import VeasonError

_Item = TypeVar("_Item")
_Reply = TypeVar("_Reply")


class Busy(VeasonError):  # noqa: N818  # said to whoever asks, who comes again
    """As many questions wait as may."""


class Batcher(Generic[_Item, _Reply]):
    """Hands questions to a function that takes many, a batch at a time.

    Args:
        work: answers questions, each with a value or the error to raise; runs in a thread of its own.
        most: questions of a batch.
        waiting: questions that may wait for their turn.
        linger_s: how long a batch waits for more questions after its first.
    """

    def __init__(
        self,
        work: Callable[[Sequence[_Item]], Sequence[_Reply | VeasonError]],
        *,
        most: int = 64,
        waiting: int = 1024,
        linger_s: float = 0.005,
    ) -> None:
        self._work, self._most, self._linger_s = work, most, linger_s
        self._queue: asyncio.Queue[tuple[_Item, asyncio.Future[_Reply]]] = asyncio.Queue(waiting)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scorer")
        self._running: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many questions wait."""
        return self._queue.qsize()

    async def ask(self, question: _Item) -> _Reply:
        """Return the answer.

        Raises:
            Busy: too many wait.
            VeasonError: the question cannot be answered.
        """
        future: asyncio.Future[_Reply] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((question, future))
        except asyncio.QueueFull as error:
            raise Busy(f"{self._queue.maxsize} questions wait already: ask again in a while") from error
        return await future

    def start(self) -> None:
        """Begin to answer, in the running event loop."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop answering; questions that wait are never answered."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            await asyncio.sleep(self._linger_s)
            while len(batch) < self._most and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            batch = [(question, future) for question, future in batch if not future.done()]  # whoever left needs none
            if batch:
                await self._answer(batch)

    async def _answer(self, batch: Sequence[tuple[_Item, asyncio.Future[_Reply]]]) -> None:
        questions = [question for question, _ in batch]
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._work, questions)
        await asyncio.wait([work])
        failure = work.exception()
        answers: Sequence[_Reply | BaseException] = [failure] * len(batch) if failure is not None else work.result()
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)  # what is no VeasonError is answered with 500 at the door
            else:
                future.set_result(answer)
