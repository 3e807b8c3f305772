"""A batch on a Ray cluster: actors with the policy, others with the segmenter; this process keeps the results."""

from __future__ import annotations

import socket
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from veason.batch.answering import NOTHING_SPENT, JobThought, MakePipeline, PolicyRunner, Spent, as_record, track_job
from veason.batch.jobs import Job, unique_jobs
from veason.batch.results import ResultFolder
from veason.batch.running import JobOutcome, deadly
from veason.batch.videos import VideoFetcher, is_address
from veason.cluster import Cluster, WorkItem, WorkStage, run_stages
from veason.errors import VideoError


@dataclass(frozen=True, slots=True)
class Pools:
    """How many actors there are, and what each asks for.

    Attributes:
        policies: actors with the policy.
        segmenters: actors with the segmenter.
        cpus: processors that an actor asks for; a policy on a server needs next to none, see `policy_cpus`.
        policy_cpus: processors of a policy's actor, where they differ.
        policy_gpus: GPUs of a policy's actor; may be a fraction.
        segmenter_gpus: likewise.
    """

    policies: int = 1
    segmenters: int = 1
    cpus: float = 1.0
    policy_cpus: float | None = None
    policy_gpus: float = 0.0
    segmenter_gpus: float = 0.0


def run_on_cluster(
    jobs: Sequence[Job],
    make_pipeline: MakePipeline,
    out: Path,
    cluster: Cluster,
    pools: Pools = Pools(),
    *,
    threads: int | None = None,
    retry_errors: bool = False,
) -> Generator[JobOutcome, None, None]:
    """Do every job that has no result yet, and yield what came of it. Results equal those of `run_batch` bit for bit.

    Only this process writes into `out`, so the cluster's machines need not see it; they need to see the videos.

    Args:
        jobs: what to do.
        make_pipeline: called in each actor, with one of its two models.
        out: the folder of results.
        cluster: where the actors run.
        pools: how many there are.
        threads: as for `run_batch`.
        retry_errors: do again what ended with an error.

    Raises:
        VeasonError: as for `run_batch`; or the cluster cannot be reached, is too small, or does not see the videos.
        MissingBackend: ray is not installed.
    """
    folder = ResultFolder(out)
    with folder.running(is_alone=True):
        done = folder.done(retry_errors=retry_errors)
        left = [job for job in unique_jobs(jobs) if job.key not in done]
        for job in left:
            if job.failure:
                yield _kept(folder, as_record(JobThought(job, failure=job.failure)), NOTHING_SPENT)
        items = [WorkItem(job.key, job) for job in left if not job.failure]
        for item in run_stages(items, _stages(make_pipeline, pools, threads), cluster):
            yield _kept(folder, *item.payload)


def _kept(folder: ResultFolder, record: dict[str, Any], spent: Spent) -> JobOutcome:
    folder.write(record["key"], record)
    return JobOutcome.of(record, spent.policy_s + spent.segmenter_s, spent)


def _stages(make_pipeline: MakePipeline, pools: Pools, threads: int | None) -> list[WorkStage]:
    policy_cpus = pools.cpus if pools.policy_cpus is None else pools.policy_cpus
    return [
        WorkStage(
            "policy", partial(_Thinking, make_pipeline), _give_up_thinking,
            workers=pools.policies, cpus=policy_cpus, gpus=pools.policy_gpus, threads=threads,
        ),
        WorkStage(
            "segmenter", partial(_Tracking, make_pipeline), _give_up_tracking,
            workers=pools.segmenters, cpus=pools.cpus, gpus=pools.segmenter_gpus, threads=threads,
        ),
    ]  # fmt: skip


class _Thinking:
    """The policy of an actor."""

    def __init__(self, make_pipeline: MakePipeline) -> None:
        self._policy = PolicyRunner(make_pipeline(has_segmenter=False), VideoFetcher())
        self._has_seen = False

    def __call__(self, job: Job) -> JobThought:
        # The first video that is missing tells of a disk that is not there; a later one is gone, and a row.
        if not (self._has_seen or is_address(job.video) or Path(job.video).exists()):
            raise VideoError(
                f"{socket.gethostname()} does not see {job.video}: give the cluster's machines the same disk, or name "
                "videos by their address in a store; what is done stays"
            )
        self._has_seen = True
        return self._policy.think(job)


class _Tracking:
    """The segmenter of an actor."""

    def __init__(self, make_pipeline: MakePipeline) -> None:
        self._pipeline, self._footage = make_pipeline(has_policy=False), VideoFetcher()

    def __call__(self, thought: JobThought) -> tuple[dict[str, Any], Spent]:
        return track_job(self._pipeline, thought, self._footage)


def _give_up_thinking(job: Job, died: int) -> JobThought:
    return JobThought(job, failure=deadly(JobThought(job), died)["error"])


def _give_up_tracking(thought: JobThought, died: int) -> tuple[dict[str, Any], Spent]:
    return deadly(thought, died), thought.spent
