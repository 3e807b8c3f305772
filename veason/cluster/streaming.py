"""Items through stages of actors, with Ray Data."""

from __future__ import annotations

import logging
import math
import os
import pickle
import socket
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from veason import __version__
from veason.cluster.stages import MOST_DEATHS, Cluster, WorkItem, WorkStage
from veason.errors import DeviceError, OptionError, VeasonError
from veason.libraries import library_imports

_COLUMN = "item"
_MOST_A_BLOCK = 8
"""Most items that an actor gets at once; what it had in hand is done again if it dies."""

_BLOCKS_A_WORKER = 64
_POLL_S = 1.0
_KNOCK_S = 10.0


def run_stages(
    items: Sequence[WorkItem], stages: Sequence[WorkStage], cluster: Cluster
) -> Generator[WorkItem, None, None]:
    """Yield each item once, in no fixed order, with what the last stage made of it. Closing it stops the actors.

    Raises:
        VeasonError: of a stage; or the cluster cannot be reached, or lacks what the stages ask for.
        MissingBackend: ray is not installed.
    """
    if not items:
        return
    with library_imports():
        import pyarrow as pa
        import ray.data
    with _connected(cluster, stages):
        data = ray.data.from_arrow(pa.table({_COLUMN: pa.array([pickle.dumps(item) for item in items], pa.binary())}))
        most = max(stage.workers for stage in stages)
        size = min(max(len(items) // (most * _BLOCKS_A_WORKER), 1), _MOST_A_BLOCK)
        data = data.repartition(target_num_rows_per_block=size)
        ledger = _start_ledger()
        for stage in stages:
            data = data.map_batches(
                _Actor,
                fn_constructor_args=(stage, __version__, ledger),
                batch_size=None,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=stage.workers),
                num_cpus=stage.cpus,
                num_gpus=stage.gpus,
            )
        seen: set[str] = set()
        for row in data.iter_rows():
            item = pickle.loads(row[_COLUMN])
            if isinstance(item.payload, VeasonError):
                raise item.payload
            if item.name not in seen:  # a block whose actor died after its end is done twice
                seen.add(item.name)
                yield item


class _Actor:
    """A stage in an actor's process. It loads its models with the first item, so that their errors can be told."""

    def __init__(self, stage: WorkStage, version: str, ledger: Any) -> None:
        self._stage, self._version, self._ledger = stage, version, ledger
        self._work: Any = None

    def __call__(self, block: Any) -> Any:
        import pyarrow as pa

        done = [pickle.dumps(self._do(pickle.loads(row))) for row in block[_COLUMN].to_pylist()]
        return pa.table({_COLUMN: pa.array(done, pa.binary())})

    def _do(self, item: WorkItem) -> WorkItem:
        import ray

        if isinstance(item.payload, VeasonError):
            return item
        place = f"{self._stage.name} {item.name}"
        died = ray.get(self._ledger.begin.remote(place))
        payload: Any
        try:
            payload = self._loaded()(item.payload) if died < MOST_DEATHS else self._stage.give_up(item.payload, died)
        except VeasonError as error:
            payload = error
        self._ledger.end.remote(place)
        return WorkItem(item.name, payload)

    def _loaded(self) -> Any:
        if self._work is None:
            if self._version != __version__:
                raise VeasonError(
                    f"the cluster's machines have veason {__version__}, this one has {self._version}: install the same"
                )
            if self._stage.threads is not None:
                from veason.device import bound_threads

                bound_threads(self._stage.threads)
            self._work = self._stage.make()
        return self._work


class _Ledger:
    """Counts how often an item was begun and not ended, which is how many workers died over it."""

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}

    def begin(self, place: str) -> int:
        """Note a beginning and return how many there were without an end."""
        died = self._begun.get(place, 0)
        self._begun[place] = died + 1
        return died

    def end(self, place: str) -> None:
        """Note an end."""
        self._begun[place] -= 1
        if not self._begun[place]:
            del self._begun[place]


def _start_ledger() -> Any:
    """Return the ledger's actor, on the machine of this process: as long as it lives there is somebody to ask."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    actor = ray.remote(_Ledger).options(num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy=here)
    return actor.remote()


@contextmanager
def _connected(cluster: Cluster, stages: Sequence[WorkStage]) -> Iterator[None]:
    """Be connected to the cluster while the block runs; a connection that is there already is used, and stays."""
    import ray

    wanted = _wanted(stages)
    is_ours = not ray.is_initialized()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
    if is_ours:
        _connect(cluster, wanted)
    try:
        _quieten()
        _wait_for(wanted, cluster.wait_s if cluster.address else 0.0)
        yield
    finally:
        if is_ours:
            ray.shutdown()


def _wanted(stages: Sequence[WorkStage]) -> dict[str, float]:
    """Return what the actors ask for together, and one processor for Ray's own tasks."""
    return {
        "CPU": sum(stage.workers * stage.cpus for stage in stages) + 1,
        "GPU": sum(stage.workers * stage.gpus for stage in stages),
    }


def _connect(cluster: Cluster, wanted: dict[str, float]) -> None:
    import ray

    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    if cluster.address is None:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # else a token is written into the home folder
        ray.init(
            address="local",
            num_cpus=math.ceil(wanted["CPU"]),
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            **quiet,
        )
        return
    try:
        _knock(cluster.address)
        ray.init(address=cluster.address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        raise OptionError(
            f"no Ray cluster at {cluster.address!r} ({error}): start one with `ray start --head`, or leave it out"
        ) from error


def _knock(address: str) -> None:
    """Raise OSError where nobody listens at host:port; Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].partition("/")[0].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()


def _quieten() -> None:
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False


def _wait_for(wanted: dict[str, float], seconds: float) -> None:
    """Wait until the cluster is large enough: actors without a place would hold up the others for ever."""
    import ray

    until = time.monotonic() + seconds
    while True:
        there = ray.cluster_resources()
        lacking = {name: there.get(name, 0) for name, number in wanted.items() if there.get(name, 0) < number}
        if not lacking:
            return
        if time.monotonic() >= until:
            asked = " and ".join(f"{wanted[name]:g} {name}s (there are {found:g})" for name, found in lacking.items())
            raise DeviceError(f"the workers need {asked}: start with fewer of them, or give the cluster more machines")
        time.sleep(_POLL_S)
