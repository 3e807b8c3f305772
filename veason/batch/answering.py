"""One question answered, in the two steps that may run on different machines: what the policy says, and the masks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from veason.batch.jobs import Job
from veason.batch.videos import VideoFetcher
from veason.errors import AnswerError, DeviceError, EndpointError, ExportError, MissingBackend, VeasonError
from veason.policy.outcome import require_answer
from veason.profile import sample_indices
from veason.tracks import prompts_from_answer
from veason.types import Answer, Answered, ObjectMask, VideoInfo
from veason.video import open_video

if TYPE_CHECKING:
    from veason.pipeline import Pipeline

STOPPING = (DeviceError, ExportError, MissingBackend)
"""Errors that the next question would meet as well: they end a run, and are no result."""


class MakePipeline(Protocol):
    """What loads the models in a worker, whole or one of the two; it must be picklable for more than one process."""

    def __call__(self, *, has_policy: bool = True, has_segmenter: bool = True) -> Pipeline:
        """Return the pipeline."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a question cost.

    Attributes:
        policy_s: seconds of the policy, with reading the frames that it is shown.
        segmenter_s: seconds of the segmenter, with reading all frames.
        prompt_tokens: that a model server read, 0 where it does not tell or there is none.
        answer_tokens: that it wrote.
    """

    policy_s: float = 0.0
    segmenter_s: float = 0.0
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


MOST_SERVER_FAILURES = 5
"""So many questions in a row that a model server fails end a run: those that follow would meet the same."""

NOTHING_SPENT = Spent()
"""What a question costs that no model is asked."""


@dataclass(frozen=True, slots=True)
class JobThought:
    """What the policy made of a question.

    Attributes:
        job: the question.
        policy: name of the policy, None where it died over the question.
        info: the video's, None where it could not be opened.
        shown: indices of the frames shown.
        answer: None where there is none.
        failure: why there is no answer, "" where there is one.
        text: what was written, where that is no answer.
        spent: so far.
        is_server_failure: the failure is that of a model server, and says nothing about the question.
    """

    job: Job
    policy: str | None = None
    info: VideoInfo | None = None
    shown: tuple[int, ...] = ()
    answer: Answer | None = None
    failure: str = ""
    text: str = ""
    spent: Spent = NOTHING_SPENT
    is_server_failure: bool = False


class PolicyRunner:
    """The policy of a worker, question after question.

    Args:
        pipeline: with a policy.
        fetcher: where the videos come from.
    """

    def __init__(self, pipeline: Pipeline, fetcher: VideoFetcher) -> None:
        self._pipeline, self._fetcher = pipeline, fetcher
        self._failures = 0

    def think(self, job: Job) -> JobThought:
        """Return what `think_job` does.

        Raises:
            EndpointError: a server has failed so many questions in a row that it is not theirs.
            As `think_job`.
        """
        thought = think_job(self._pipeline, job, self._fetcher)
        self._failures = self._failures + 1 if thought.is_server_failure else 0
        if self._failures >= MOST_SERVER_FAILURES:
            raise EndpointError(
                f"the server failed {self._failures} questions in a row, the last one so: {thought.failure}. See to it "
                "and start again with --retry-errors; what is done stays"
            )
        return thought


def think_job(pipeline: Pipeline, job: Job, footage: VideoFetcher) -> JobThought:
    """Ask the policy; what is wrong with the video or the answer is the thought's failure.

    Raises:
        DeviceError: the accelerator ran out of memory, which the next job would as well.
        MissingBackend: a library is not installed.
    """
    assert pipeline.policy is not None
    started = time.perf_counter()
    thought = JobThought(job, pipeline.policy.name)
    try:
        with open_video(footage.path_of(job.video, job.digest)) as video:
            shown = tuple(sample_indices(video.info.num_frames, pipeline.policy.frame_count))
            thought = replace(thought, info=video.info, shown=shown)
            for event in require_answer(pipeline.think(video, job.instruction, shown=shown)):
                if isinstance(event, Answered) and thought.answer is None:
                    thought = replace(thought, answer=event.answer)
    except STOPPING:
        raise
    except VeasonError as error:
        text = error.text if isinstance(error, AnswerError) else ""
        is_server = isinstance(error, EndpointError)
        thought = replace(thought, failure=str(error), text=text, is_server_failure=is_server)
    usage = getattr(pipeline.policy, "usage", None)
    is_asked = thought.answer is not None or thought.text  # else it tells of the question before
    tokens = (usage.prompt_tokens, usage.completion_tokens) if usage and is_asked else (0, 0)
    return replace(thought, spent=Spent(time.perf_counter() - started, 0.0, *tokens))


def track_job(pipeline: Pipeline, thought: JobThought, footage: VideoFetcher) -> tuple[dict[str, Any], Spent]:
    """Track what the policy found, and return the result with what it cost; the masks are whole, or there are none.

    Raises:
        As `think_job`.
    """
    started = time.perf_counter()
    job, answer = thought.job, thought.answer
    objects: dict[int, dict[int, ObjectMask]] = {}
    if answer is not None and not answer.is_absent and not thought.failure:
        try:
            with open_video(footage.path_of(job.video, job.digest)) as video:
                for received in pipeline.propagate(video, prompts_from_answer(answer), order="nearest"):
                    for number, mask in received.masks.items():
                        objects.setdefault(number, {})[received.frame_index] = mask
        except STOPPING:
            raise
        except VeasonError as error:
            thought, objects = replace(thought, failure=str(error)), {}
    record = as_record(thought, pipeline.segmenter.name, objects)
    return record, thought.spent + Spent(0.0, time.perf_counter() - started)


def as_record(
    thought: JobThought, segmenter: str | None = None, objects: Mapping[int, Mapping[int, ObjectMask]] | None = None
) -> dict[str, Any]:
    """Return a result as JSON values; nothing in there depends on when and where it was made.

    Boxes are xyxy in source pixels; masks are [compressed COCO run lengths, object score] by object and frame index.
    """
    job, answer, info = thought.job, thought.answer, thought.info
    return {
        "key": job.key,
        "video": job.video,
        "instruction": job.instruction,
        "policy": thought.policy,
        "segmenter": segmenter,
        "size_wh": list(info.size_wh) if info else [0, 0],
        "num_frames": info.num_frames if info else 0,
        "frames_shown": list(thought.shown),
        "error": thought.failure or None,
        "absent": answer.is_absent if answer and not thought.failure else None,
        "keyframe": answer.keyframe if answer else None,
        "boxes_xyxy": [list(box.xyxy) for box in answer.boxes] if answer else [],
        "notes": [asdict(note) for note in answer.notes] if answer else [],
        "think": answer.thought if answer else None,
        "text": answer.text if answer else thought.text,
        "objects": [{"id": number, "masks": _codes(frames)} for number, frames in sorted((objects or {}).items())],
    }


def _codes(frames: Mapping[int, ObjectMask]) -> dict[str, list[Any]]:
    return {str(frame): [mask.rle.counts, round(mask.score, 4)] for frame, mask in sorted(frames.items())}
