"""A pipeline whose models run in workers."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from veason.device import visible_gpus
from veason.errors import OptionError
from veason.model_workers.pool import WorkerPool
from veason.model_workers.worker import Load, PolicyFacts, WorkerSetting
from veason.pipeline import Cursor, FixedMasks, Pipeline
from veason.types import (
    Bounds,
    Frame,
    FrameMasks,
    FrameRange,
    Holding,
    Note,
    Order,
    Passes,
    PolicyEvent,
    Prompt,
    Rle,
    Sampling,
    Turn,
    VideoSource,
    Withheld,
)


class WorkerPolicy:
    """The policy of the workers, as a `Policy`.

    Args:
        pool: the workers.
        facts: what it is.
    """

    def __init__(self, pool: WorkerPool, facts: PolicyFacts) -> None:
        self._pool = pool
        self.name, self.frame_count, self.profile = facts.name, facts.frame_count, facts.profile
        self.is_recorded, self.can_sample = facts.is_recorded, facts.can_sample

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return the words that it was never trained on, see `Policy.unknown_words`."""
        return tuple(self._pool.aside("unknown_words", instruction))

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        fps: float | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        """Yield events while the model of a worker writes, see `Policy.stream`."""
        arguments = {"frames": frames, "instruction": instruction, "num_frames": num_frames, "fps": fps}
        return self._pool.run("stream", None, {**arguments, "turns": turns, "sampling": sampling})


class WorkerSegmenter:
    """The segmenter of the workers, as a `Segmenter`.

    Args:
        pool: the workers.
        name: its name.
    """

    def __init__(self, pool: WorkerPool, name: str) -> None:
        self._pool, self.name = pool, name

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        """Return the expected seconds by the pace of the worker that was used last."""
        return float(self._pool.aside("estimate_seconds", num_frames, num_objects))

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield masks that a worker makes, see `Segmenter.track`."""
        return self._pool.run("track", video, {"prompts": prompts, "fixed": fixed, "frames": frames})


class WorkerPipeline(Pipeline):
    """A pipeline that runs as many requests at a time as it has workers; further ones wait for a free one.

    Args:
        pool: the workers.
    """

    def __init__(self, pool: WorkerPool) -> None:
        facts = pool.facts
        policy = None if facts.policy is None else WorkerPolicy(pool, facts.policy)
        super().__init__(policy, WorkerSegmenter(pool, facts.segmenter), shown_bytes=0, speculates=False)
        self.pool = pool

    def _answers(
        self,
        video: VideoSource,
        instruction: str,
        shown: tuple[int, ...],
        turns: tuple[Turn, ...],
        sampling: Sampling,
        guess: bool,
    ) -> Generator[PolicyEvent | Withheld, None, None]:
        arguments = {"instruction": instruction, "shown": shown, "turns": turns, "sampling": sampling}
        return self.pool.run("think", video, {**arguments, "guess": guess})

    def outside_training(
        self, video: VideoSource, instruction: str, *, shown: Sequence[int] | None = None
    ) -> tuple[Note, ...]:
        """Return what `Pipeline.outside_training` does, of a worker."""
        return tuple(self.pool.run("outside_training", video, {"instruction": instruction, "shown": shown}))

    def propagate(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: FixedMasks | None = None,
        frames: FrameRange | None = None,
        order: Order = "stock",
        cursor: Cursor | None = None,
        passes: Passes | None = None,
        bounds: Bounds | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield masks as `Pipeline.propagate` does, of a worker; it asks here for cursor and bounds."""
        arguments: dict[str, Any] = {"prompts": tuple(prompts), "fixed": fixed, "frames": frames, "order": order}
        answers = {"cursor": cursor, "bounds": bounds}
        with closing(self.pool.run("propagate", video, {**arguments, "passes": passes}, answers)) as arriving:
            yield from arriving

    @property
    def can_settle(self) -> bool:
        """Whether the segmenter of the workers can end runs early."""
        return self.pool.facts.can_settle

    @property
    def num_workers(self) -> int:
        """How many workers have their models loaded."""
        return len(self.pool.pids)

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """What all workers hold together, with the memory that they take."""
        return self.pool.holdings

    def close(self) -> None:
        """End the workers."""
        self.pool.close()


def load_workers(count: int, load: Load, *, device: str = "auto") -> WorkerPipeline:
    """Start workers and return a pipeline that uses them.

    Args:
        count: how many, 1 or more. Several GPUs are shared out among them in turn, and the cores of a CPU.
        load: loads the models of each, such as a `functools.partial` of `load_pipeline`; it is pickled.
        device: the device that `load` chooses; with "auto" or "cuda" each worker sees one GPU.

    Raises:
        OptionError: there are fewer than one.
        VeasonError: the models cannot be loaded; the first worker's error.
    """
    if count < 1:
        raise OptionError(f"--workers is 1 or more, got {count}")
    gpus = visible_gpus() if device in ("auto", "cuda") else ()
    threads = None if gpus else max(1, (os.cpu_count() or 1) // count)
    settings = [
        WorkerSetting({"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} if gpus else {}, threads)
        for number in range(count)
    ]
    return WorkerPipeline(WorkerPool(load, settings))
