"""Groups of tasks on a Ray cluster. Its machines read the dataset and keep the masks: all of them see the same disk."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from veason.cluster import Cluster, WorkItem, WorkStage, run_stages
from veason.errors import DataError, VeasonError
from veason.evaluate.workers import ScoringJob, TaskGroup, Worker


@dataclass(frozen=True, slots=True)
class ClusterWorkers:
    """Where an evaluation runs, in place of processes.

    Attributes:
        cluster: where.
        workers: actors, each with the models.
        gpus: that an actor asks for; may be a fraction.
    """

    cluster: Cluster
    workers: int = 1
    gpus: float = 0.0


def score_on_cluster(
    job: ScoringJob, groups: Sequence[TaskGroup], where: ClusterWorkers
) -> Generator[dict[str, Any], None, None]:
    """Yield the row of every finished task, in no fixed order; the scores are those of `score_groups`.

    Raises:
        VeasonError: a task failed, actors keep dying over one, or a machine does not see the predictions' folder.
    """
    if not groups:
        return
    mark = job.predictions / f".seen-{uuid.uuid4().hex}"
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        raise DataError(f"cannot write into {job.predictions} ({error.strerror}): choose another --out") from error
    try:
        make = partial(_Scoring, job, mark)
        stage = WorkStage("scoring", make, _give_up, workers=where.workers, gpus=where.gpus)
        items = [WorkItem(group[0].key, group) for group in groups]
        for item in run_stages(items, [stage], where.cluster):
            yield from item.payload
    finally:
        with suppress(OSError):
            mark.unlink(missing_ok=True)


class _Scoring:
    """The models and caches of an actor."""

    def __init__(self, job: ScoringJob, mark: Path) -> None:
        if not mark.exists():
            raise DataError(
                f"{socket.gethostname()} does not see {mark.parent}: the cluster's machines need the same disk for the "
                "dataset and for --out"
            )
        self._worker = Worker(job)

    def __call__(self, group: TaskGroup) -> list[dict[str, Any]]:
        return [self._worker.score(task) for task in group]


def _give_up(group: TaskGroup, died: int) -> Any:
    raise VeasonError(
        f"{died} actors died over {group[0].key} (out of memory?): start the same command again to go on, perhaps with "
        "fewer --workers"
    )
