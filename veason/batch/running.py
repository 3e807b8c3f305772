"""Workers that go through the jobs and do what nobody has done; the caller sees what came of each."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from veason.batch.jobs import Job
from veason.batch.results import ResultFolder
from veason.errors import AnswerError, DeviceError, ExportError, VeasonError
from veason.profile import sample_indices
from veason.types import Answer, Answered, FrameMasks, ObjectMask, VideoInfo
from veason.video import open_video

if TYPE_CHECKING:
    from veason.pipeline import Pipeline

MakePipeline = Callable[[], "Pipeline"]

MOST_DEATHS = 5
"""A question over which so many workers died is not given to another: its result is that error."""


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What came of a job.

    Attributes:
        key: the job's.
        kind: "answered", "absent", or "error", which is kept as a result too.
        message: the error.
        seconds: how long it took.
    """

    key: str
    kind: Literal["answered", "absent", "error"]
    message: str = ""
    seconds: float = 0.0


def run_batch(
    jobs: Sequence[Job], make_pipeline: MakePipeline, out: Path, *, workers: int = 1, retry_errors: bool = False
) -> Generator[JobOutcome, None, None]:
    """Do every job that has no result yet, and yield what came of it; jobs that others do meanwhile are passed over.

    A bad video or answer is a result with an error, not an end. Closing the generator stops the workers.

    Args:
        jobs: what to do.
        make_pipeline: called once in each worker; it must be picklable for more than one.
        out: the folder of results.
        workers: processes; 1 works in this one.
        retry_errors: do again what ended with an error.

    Raises:
        VeasonError: a result cannot be kept, the device is out of memory, or workers keep dying.
    """
    folder = ResultFolder(out)
    left = [job for job in jobs if not folder.has(job.key, retry_errors=retry_errors)]
    if workers <= 1:
        yield from work(left, make_pipeline, folder, retry_errors)
        return
    yield from _supervise(left, make_pipeline, out, workers, retry_errors)


def _supervise(
    left: Sequence[Job], make_pipeline: MakePipeline, out: Path, workers: int, retry_errors: bool
) -> Generator[JobOutcome, None, None]:
    """Run the workers and yield what they tell. Each has a pipe of its own: one that dies holds up no other."""
    context = multiprocessing.get_context("spawn")
    at_work: dict[Connection, Any] = {}

    def start(number: int) -> None:
        # Each worker begins elsewhere, so that they seldom reach for the same job.
        order = [*left[number * len(left) // workers :], *left[: number * len(left) // workers]]
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(
            target=run_worker, args=(order, make_pipeline, out, retry_errors, sending), daemon=True
        )
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


def run_worker(
    jobs: Sequence[Job], make_pipeline: MakePipeline, out: Path, retry_errors: bool, told: Connection
) -> None:
    """Do jobs until none is left, and tell of each, or of the error that ended it. The entry point of a worker."""
    try:
        for outcome in work(jobs, make_pipeline, ResultFolder(out), retry_errors):
            told.send(outcome)
    except VeasonError as error:
        told.send(error)
    except (KeyboardInterrupt, BrokenPipeError):
        return


def work(
    jobs: Sequence[Job], make_pipeline: MakePipeline, folder: ResultFolder, retry_errors: bool
) -> Generator[JobOutcome, None, None]:
    """Do the jobs that nobody holds and that have no result; the models are loaded for the first of them."""
    pipeline: Pipeline | None = None
    for job in jobs:
        if folder.has(job.key, retry_errors=retry_errors):
            continue
        with folder.taking(job.key) as died:
            if died is None or folder.has(job.key, retry_errors=retry_errors):
                continue
            pipeline = pipeline or make_pipeline()
            started = time.perf_counter()
            record = answer_job(pipeline, job) if died < MOST_DEATHS else deadly(pipeline, job, died)
            folder.write(job.key, record)
        kind: Literal["answered", "absent", "error"]
        kind = "error" if record["error"] else "absent" if record["absent"] else "answered"
        yield JobOutcome(job.key, kind, record["error"] or "", time.perf_counter() - started)


def deadly(pipeline: Pipeline, job: Job, died: int) -> dict[str, Any]:
    """Return the result of a job over which `died` workers died."""
    told = f"{died} workers died over this question (out of memory?): --retry-errors asks it again"
    return as_record(pipeline, job, failure=told)


def answer_job(pipeline: Pipeline, job: Job) -> dict[str, Any]:
    """Return the result of a job; what is wrong with its video or answer is its error, and then there are no masks.

    Raises:
        DeviceError: the accelerator ran out of memory, which the next job would as well.
        ExportError: the disk is full.
    """
    assert pipeline.policy is not None
    made: dict[str, Any] = {}
    objects: dict[int, dict[int, ObjectMask]] = {}
    try:
        with open_video(job.video) as video:
            made["info"] = video.info
            made["shown"] = sample_indices(video.info.num_frames, pipeline.policy.frame_count)
            for event in pipeline.ask(video, job.instruction, shown=made["shown"]):
                if isinstance(event, Answered):
                    made.setdefault("answer", event.answer)
                elif isinstance(event, FrameMasks):
                    for number, mask in event.masks.items():
                        objects.setdefault(number, {})[event.frame_index] = mask
    except (DeviceError, ExportError):
        raise
    except VeasonError as error:
        text = error.text if isinstance(error, AnswerError) else ""
        return as_record(pipeline, job, **made, failure=str(error), text=text)
    return as_record(pipeline, job, **made, objects=objects)


def as_record(
    pipeline: Pipeline,
    job: Job,
    *,
    info: VideoInfo | None = None,
    shown: Sequence[int] = (),
    answer: Answer | None = None,
    failure: str = "",
    text: str = "",
    objects: Mapping[int, Mapping[int, ObjectMask]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return a result as JSON values.

    Boxes are xyxy in source pixels; masks are [compressed COCO run lengths, object score] by object and frame index.
    """
    assert pipeline.policy is not None
    return {
        "key": job.key,
        "video": job.video,
        "instruction": job.instruction,
        "policy": pipeline.policy.name,
        "segmenter": pipeline.segmenter.name,
        "size_wh": list(info.size_wh) if info else [0, 0],
        "num_frames": info.num_frames if info else 0,
        "frames_shown": list(shown),
        "error": failure or None,
        "absent": answer.is_absent if answer and not failure else None,
        "keyframe": answer.keyframe if answer else None,
        "boxes_xyxy": [list(box.xyxy) for box in answer.boxes] if answer else [],
        "notes": [asdict(note) for note in answer.notes] if answer else [],
        "think": answer.thought if answer else None,
        "text": answer.text if answer else text,
        "objects": [{"id": number, "masks": _codes(frames)} for number, frames in sorted(objects.items())],
    }


def _codes(frames: Mapping[int, ObjectMask]) -> dict[str, list[Any]]:
    return {str(frame): [mask.rle.counts, round(mask.score, 4)] for frame, mask in sorted(frames.items())}
