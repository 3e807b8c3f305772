"""Workers that go through the jobs and do what nobody has done; the caller sees what came of each."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from veason.batch.answering import NOTHING_SPENT, JobThought, MakePipeline, PolicyRunner, Spent, as_record, track_job
from veason.batch.jobs import Job, unique_jobs
from veason.batch.results import ResultFolder
from veason.batch.videos import VideoFetcher
from veason.cluster.stages import MOST_DEATHS
from veason.errors import VeasonError

if TYPE_CHECKING:
    from veason.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What came of a job.

    Attributes:
        key: the job's.
        kind: "answered", "absent", or "error", which is kept as a result too.
        message: the error.
        seconds: how long it took, from its beginning to its result on the disk.
        spent: what of that its models took.
    """

    key: str
    kind: Literal["answered", "absent", "error"]
    message: str = ""
    seconds: float = 0.0
    spent: Spent = NOTHING_SPENT

    @classmethod
    def of(cls, record: dict[str, Any], seconds: float = 0.0, spent: Spent = NOTHING_SPENT) -> JobOutcome:
        """Return what a result says."""
        kind: Literal["answered", "absent", "error"]
        kind = "error" if record["error"] else "absent" if record["absent"] else "answered"
        return cls(record["key"], kind, record["error"] or "", seconds, spent)


def run_batch(
    jobs: Sequence[Job],
    make_pipeline: MakePipeline,
    out: Path,
    *,
    workers: int = 1,
    threads: int | None = None,
    retry_errors: bool = False,
) -> Generator[JobOutcome, None, None]:
    """Do every job that has no result yet, and yield what came of it; jobs that others do meanwhile are passed over.

    A bad video or answer is a result with an error, not an end. Closing the generator stops the workers.

    Args:
        jobs: what to do.
        make_pipeline: called once in each worker.
        out: the folder of results.
        workers: processes; 1 works in this one.
        threads: how many threads a worker computes with on the processor, which changes last bits; None leaves that to
            torch.
        retry_errors: do again what ended with an error.

    Raises:
        VeasonError: a result cannot be kept, the device is out of memory, workers keep dying, or a cluster works in the
            same folder.
    """
    folder = ResultFolder(out)
    with folder.running(is_alone=False):
        done = folder.done(retry_errors=retry_errors)
        left = [job for job in unique_jobs(jobs) if job.key not in done]
        failed = {job.key: folder.stamp(job.key) for job in left} if retry_errors else {}
        task = _Task(make_pipeline, out, threads, failed)
        if workers <= 1:
            yield from work(left, task)
        else:
            yield from _supervise(left, task, workers)


@dataclass(frozen=True, slots=True)
class _Task:
    """What all workers are told."""

    make_pipeline: MakePipeline
    out: Path
    threads: int | None
    failed: Mapping[str, int | None]
    """Stamps of the errors that are asked again: once one differs, somebody has asked it."""

    def is_done(self, folder: ResultFolder, key: str) -> bool:
        """Tell whether a job has a result that this run need not make."""
        stamp = folder.stamp(key)
        return stamp is not None and stamp != self.failed.get(key)


def _supervise(left: Sequence[Job], task: _Task, workers: int) -> Generator[JobOutcome, None, None]:
    """Run the workers and yield what they tell. Each has a pipe of its own: one that dies holds up no other."""
    context = multiprocessing.get_context("spawn")
    at_work: dict[Connection, Any] = {}

    def start(number: int) -> None:
        # Each worker begins elsewhere, so that they seldom reach for the same job.
        order = [*left[number * len(left) // workers :], *left[: number * len(left) // workers]]
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=run_worker, args=(order, task, sending), daemon=True)
        process.start()
        sending.close()
        at_work[receiving] = process

    deaths = 0
    try:
        for number in range(workers):
            start(number)
        while at_work:
            for connection in wait(list(at_work)):
                assert isinstance(connection, Connection)
                try:
                    told = connection.recv()
                except (EOFError, OSError):
                    process = at_work.pop(connection)
                    process.join()
                    if process.exitcode:
                        deaths += 1
                        _check_deaths(deaths, workers, process.exitcode)
                        start(random.randrange(workers))
                    continue
                if isinstance(told, VeasonError):
                    raise told
                deaths = 0
                yield told
    finally:
        for process in at_work.values():
            process.terminate()
            process.join()


def _check_deaths(deaths: int, workers: int, exitcode: int) -> None:
    if deaths > MOST_DEATHS * workers:
        raise VeasonError(
            f"{deaths} workers died one after the other (last exit code {exitcode}; out of memory?): use fewer; what "
            "is done stays"
        )


def run_worker(jobs: Sequence[Job], task: _Task, told: Connection) -> None:
    """Do jobs until none is left, and tell of each, or of the error that ended it. The entry point of a worker."""
    try:
        for outcome in work(jobs, task):
            told.send(outcome)
    except VeasonError as error:
        told.send(error)
    except (KeyboardInterrupt, BrokenPipeError):
        return


def work(jobs: Sequence[Job], task: _Task) -> Generator[JobOutcome, None, None]:
    """Do the jobs that nobody holds and that have no result; the models are loaded for the first of them."""
    pipeline: Pipeline | None = None
    policy: PolicyRunner | None = None
    folder, footage = ResultFolder(task.out), VideoFetcher()
    for job in jobs:
        if task.is_done(folder, job.key):
            continue
        with folder.taking(job.key) as died:
            if died is None or task.is_done(folder, job.key):
                continue
            started, spent = time.perf_counter(), NOTHING_SPENT
            if job.failure:
                record = as_record(JobThought(job, failure=job.failure))
            elif died >= MOST_DEATHS:
                record = deadly(JobThought(job), died)
            else:
                pipeline = pipeline or _load(task)
                policy = policy or PolicyRunner(pipeline, footage)
                record, spent = track_job(pipeline, policy.think(job), footage)
            folder.write(job.key, record)
        yield JobOutcome.of(record, time.perf_counter() - started, spent)


def _load(task: _Task) -> Pipeline:
    if task.threads is not None:
        from veason.device import bound_threads

        bound_threads(task.threads)
    return task.make_pipeline()


def deadly(thought: JobThought, died: int) -> dict[str, Any]:
    """Return the result of a question over which `died` workers died."""
    told = f"{died} workers died over this question (out of memory?): --retry-errors asks it again"
    return as_record(JobThought(thought.job, thought.policy, thought.info, thought.shown, failure=told))
