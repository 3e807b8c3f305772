"""Running groups of tasks in one or several processes. A group belongs to one video, so that caches are reused."""

from __future__ import annotations

import multiprocessing
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from veason.errors import VeasonError
from veason.evaluate.live import Live, predict
from veason.evaluate.score import Task, score_task, task_fingerprint
from veason.metrics import OutlineCache

TaskGroup = Sequence[Task]


@dataclass(frozen=True, slots=True)
class ScoringJob:
    """The common input of all workers.

    Attributes:
        predictions: folder of the mask images.
        live: the models that make them, None if they are saved already.
    """

    predictions: Path
    live: Live | None = None

    def stamp(self, task: Task) -> str:
        """Return the fingerprint of a finished row. For masks of this evaluation it uses names and sizes, not times."""
        return task_fingerprint(task, self.predictions, with_times=self.live is None)


def score_groups(job: ScoringJob, groups: Sequence[TaskGroup], workers: int) -> Generator[dict[str, Any], None, None]:
    """Yield the row of every finished task. With several workers the order is not fixed.

    Closing the generator stops the workers; unfinished rows are lost.

    Raises:
        VeasonError: a task failed, or a worker process died.
    """
    if not groups:
        return
    if workers <= 1 or len(groups) == 1:
        worker = Worker(job)
        for group in groups:
            for task in group:
                yield worker.score(task)
        return
    context = multiprocessing.get_context("spawn")
    remaining = list(reversed(groups))
    processes = []
    busy: dict[Connection, None] = {}
    try:
        for _ in range(min(workers, len(groups))):
            parent_end, worker_end = context.Pipe()
            process = context.Process(target=run_scoring_worker, args=(worker_end, job), daemon=True)
            process.start()
            worker_end.close()
            processes.append(process)
            parent_end.send(remaining.pop())
            busy[parent_end] = None
        while busy:
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                message = _receive(connection)
                if message is not None:
                    yield message
                elif remaining:
                    connection.send(remaining.pop())
                else:
                    connection.send(None)
                    del busy[connection]
        for process in processes:
            process.join()
    finally:
        for process in processes:
            process.terminate()
            process.join()


def run_scoring_worker(connection: Connection, job: ScoringJob) -> None:
    """Score the groups received until None arrives or the parent ends. The entry point of a worker process."""
    worker: Worker | None = None
    try:
        while (group := connection.recv()) is not None:
            try:
                worker = worker or Worker(job)
                for task in group:
                    connection.send(worker.score(task))
            except VeasonError as error:
                connection.send(error)
                return
            connection.send(None)
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        return


class Worker:
    """The models and caches of one process."""

    def __init__(self, job: ScoringJob) -> None:
        self.job = job
        self.cache = OutlineCache()
        if job.live and job.live.threads is not None:
            from veason.device import bound_threads

            bound_threads(job.live.threads)
        self.pipeline = job.live.make_pipeline() if job.live else None

    def score(self, task: Task) -> dict[str, Any]:
        """Return the row of a task, after running the models if the job has any."""
        if self.pipeline is None or task.is_official:
            row = score_task(task, self.job.predictions, self.cache)
        else:
            answer = predict(self.pipeline, task.samples[0], self.job.predictions)
            row = score_task(replace(task, answer=answer), self.job.predictions, self.cache)
            row["answer"] = answer.record()
        return {**row, "stamp": self.job.stamp(task)}


def _receive(connection: Connection) -> dict[str, Any] | None:
    try:
        message: dict[str, Any] | VeasonError | None = connection.recv()
    except (EOFError, ConnectionResetError) as error:
        raise VeasonError(
            "a worker process ended unexpectedly (see its message above; out of memory?): "
            "start the same command again to go on, perhaps with fewer --workers"
        ) from error
    if isinstance(message, VeasonError):
        raise message
    return message
