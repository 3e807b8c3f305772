"""The app's programming interface: what the page does, for programs, over gradio's client, plain HTTP and MCP.

ask      a question about a clip: reasoning, keyframe, boxes, then masks as they come
answers  several answers to one question, and how far they agree
track    boxes and clicks by hand, then masks
export   the masks of an earlier call as a file

Each of the first three streams events, the first of which tell how long it waits, and ends with a result that holds
everything. Boxes are x1, y1, x2, y2 in pixels
of the video, frames are counted from 0, masks are run-length code of COCO: `{"size": [height, width], "counts": text}`.
"""

import functools
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec
from zipfile import ZipFile

from veason.errors import OptionError, PromptError, SessionError, VeasonError
from veason.libraries import library_imports
from veason.masks import coco_dict
from veason.outputs import write_palette_masks
from veason.pipeline import FramesShown, Pipeline
from veason.profile import sample_indices
from veason.studio.server.call_arguments import checked_arguments
from veason.studio.server.call_prompts import read_prompts
from veason.studio.server.callers import program_of
from veason.studio.server.failures import ErrorFormatter
from veason.studio.server.model_choice import ModelChoice
from veason.studio.server.model_line import LinePlace, ModelLine, Ticket
from veason.studio.server.outbox import Outbox
from veason.studio.server.proposals import Gathering, describe_agreement, samplings
from veason.studio.server.uploads import is_upload
from veason.tracks import masks_by_frame, merge_tracks, prompts_from_answer
from veason.types import (
    Answer,
    Answered,
    BoxClosed,
    FrameMasks,
    FrameRange,
    KeyframeChosen,
    MaskTrack,
    PolicyEvent,
    Prompt,
    Sampling,
    ThoughtDelta,
    Unanswered,
    VideoInfo,
    Withheld,
)
from veason.video import UNTRUSTED, Video, VideoLimits, open_video

with library_imports():
    import gradio as gr

ApiEvent = dict[str, Any]
Arguments = ParamSpec("Arguments")

KEPT_RUNS = 32
"""So many results can still be exported; the oldest one goes first."""

_WAIT_S = 1.0
"""How often a call that waits for the models looks where it stands."""

MOST_FRAMES, MOST_ANSWERS = 64, 16
"""What one call may ask for: frames shown to the policy, answers."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """What an earlier call made, for `export`."""

    info: VideoInfo
    tracks: Mapping[int, MaskTrack]


def told_to_clients(
    handler: Callable[Concatenate["Api", Arguments], Iterator[ApiEvent]],
) -> Callable[Concatenate["Api", Arguments], Iterator[ApiEvent]]:
    """Return the handler with arguments of the declared types, and errors in the form that gradio hands on."""

    @functools.wraps(handler)
    def guarded(self: "Api", /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Iterator[ApiEvent]:
        try:
            yield from handler(self, **checked_arguments(handler, args, kwargs))  # type: ignore[call-arg]  # by name
        except Exception as error:
            raise gr.Error(self.error_formatter.words(error), print_exception=False) from error

    return guarded


class Api:
    """The endpoints with what they share.

    Args:
        models: those in use; a call ends on the ones that it began with.
        line: the line for them; programs wait in it like everybody else, told apart by their addresses.
        outbox: where files to download lie.
        error_formatter: says what is told of errors.
        limits: what a clip may ask for.
    """

    def __init__(
        self,
        models: ModelChoice,
        line: ModelLine,
        outbox: Outbox,
        error_formatter: ErrorFormatter,
        *,
        limits: VideoLimits = UNTRUSTED,
    ) -> None:
        self._models, self._line, self._outbox, self._limits = models, line, outbox, limits
        self.error_formatter = error_formatter
        self._runs: OrderedDict[str, FinishedRun] = OrderedDict()
        self._lock = threading.Lock()

    @told_to_clients
    def ask(
        self,
        video: gr.FileData,
        instruction: str,
        frames: int = 0,
        temperature: float = 0.0,
        seed: int = 0,
        start: int = 0,
        stop: int = 0,
        guess: bool = False,
        request: gr.Request | None = None,
    ) -> Iterator[ApiEvent]:
        """Segment what an instruction describes: think, pick the keyframe, box the target, follow it.

        Args:
            video: the clip.
            instruction: what to look for, such as "the person who enters last".
            frames: how many frames the policy sees; 0 is its own number.
            temperature: 0 decodes greedily.
            seed: for temperatures above 0.
            start: first frame to segment.
            stop: frame after the last one to segment; 0 is the end of the clip.
            guess: answer also where the policy was not trained for the question; the answer says "guess" then.
            request: who calls; not to be given.
        """
        sampling = Sampling(temperature=temperature, seed=seed)
        pipeline = self._models.pipeline
        with self._opened(video) as clip, self._line.ticket(program_of(request), "ask") as ticket:
            yield from _waiting(ticket)
            part = _part(clip.info, start, stop)
            shown = _shown(pipeline, clip.info, frames)
            answer: Answer | None = None
            with closing(_think(pipeline, clip, instruction, shown, sampling, guess)) as events:
                for event in events:
                    if isinstance(event, Answered):
                        answer = event.answer
                    elif isinstance(event, Unanswered):
                        raise SessionError(f"the answer cannot be used: {event.reason}")
                    yield from _policy_event(event)
            if answer is None:
                raise SessionError("the policy wrote nothing: ask again")
            tracks: dict[int, MaskTrack] = {}
            prompts = prompts_from_answer(answer)
            if prompts:
                yield from self._follow(pipeline, clip, prompts, part, tracks)
            yield self._result(clip.info, tracks, answer, shown)

    @told_to_clients
    def answers(
        self,
        video: gr.FileData,
        instruction: str,
        count: int = 4,
        temperature: float = 0.8,
        seed: int = 0,
        guess: bool = False,
        request: gr.Request | None = None,
    ) -> Iterator[ApiEvent]:
        """Answer one question several times, and tell how far the answers agree; no masks are made.

        Args:
            video: the clip.
            instruction: what to look for.
            count: how many answers.
            temperature: of all but the first answer, which is greedy.
            seed: of the second answer; later ones count up.
            guess: as for `ask`.
            request: who calls; not to be given.
        """
        if not 1 <= count <= MOST_ANSWERS:
            raise OptionError(f"count is 1 to {MOST_ANSWERS}, got {count}")
        gathering = Gathering()
        pipeline = self._models.pipeline
        with self._opened(video) as clip, self._line.ticket(program_of(request), f"answers {count}") as ticket:
            yield from _waiting(ticket)
            shown = _shown(pipeline, clip.info, 0)
            is_recorded = pipeline.policy is not None and pipeline.policy.is_recorded
            for sampling in samplings(count, is_recorded):
                if sampling.temperature:
                    sampling = Sampling(temperature, num_samples=sampling.num_samples, seed=seed + sampling.seed)
                for event in _think(pipeline, clip, instruction, shown, sampling, guess):
                    if not isinstance(event, FramesShown) and gathering.take(event):
                        yield {"kind": "answered", **_answer(gathering.proposals[-1].answer)}
                gathering.next_call()
        found = [one.answer for one in gathering.proposals]
        yield {
            "kind": "result",
            "answers": [_answer(one) for one in found],
            "agreement": describe_agreement(found, count),
        }

    @told_to_clients
    def track(
        self,
        video: gr.FileData,
        prompts: list[dict[str, Any]],
        start: int = 0,
        stop: int = 0,
        request: gr.Request | None = None,
    ) -> Iterator[ApiEvent]:
        """Follow objects that are boxed or clicked by hand.

        Args:
            video: the clip.
            prompts: one a box or click: {"object": 1, "frame": 0, "box": [x1, y1, x2, y2]} or {"object": 1, "frame": 0,
                "point": [x, y], "positive": true}.
            start: first frame to segment.
            stop: frame after the last one to segment; 0 is the end of the clip.
            request: who calls; not to be given.
        """
        pipeline = self._models.pipeline
        with self._opened(video) as clip, self._line.ticket(program_of(request), "track") as ticket:
            yield from _waiting(ticket)
            part = _part(clip.info, start, stop)
            tracks: dict[int, MaskTrack] = {}
            yield from self._follow(pipeline, clip, read_prompts(prompts), part, tracks)
            yield self._result(clip.info, tracks, None, ())

    def export(self, run: str, form: Literal["palette", "rle"] = "palette") -> gr.FileData:
        """Return the masks of an earlier call as a file.

        Args:
            run: the "run" of its result; the last results are kept for a while.
            form: "palette" is a ZIP with a palette PNG a frame, whose pixels are object ids; "rle" is JSON with the
                run-length code of every frame.
        """
        try:
            checked_arguments(Api.export, (run, form), {})
        except OptionError as error:
            raise gr.Error(str(error), print_exception=False) from error
        with self._lock:
            finished = self._runs.get(run)
        if finished is None:
            raise gr.Error("that run is not kept any more: ask again", print_exception=False)
        folder = self._outbox.new_folder()
        if form == "rle":
            path = folder / "masks.json"
            path.write_text(json.dumps(_masks(finished.tracks)), encoding="utf-8")
        else:
            path = folder / "masks.zip"
            write_palette_masks(finished.tracks, finished.info, folder / "masks")
            with ZipFile(path, "w") as archive:
                for file in sorted((folder / "masks").iterdir()):
                    archive.write(file, file.name)
        return gr.FileData(path=str(path), orig_name=path.name)

    @contextmanager
    def _opened(self, video: Any) -> Iterator[Video]:
        """Open a file that was uploaded; nothing else of this machine can be named."""
        path = video.get("path") if isinstance(video, dict) else getattr(video, "path", None)
        if not isinstance(path, str) or not is_upload(Path(path)):
            raise SessionError("give the clip as a file: it was not uploaded here")
        with open_video(path, limits=self._limits) as clip:
            yield clip

    def _follow(
        self, pipeline: Pipeline, clip: Video, prompts: Sequence[Prompt], part: FrameRange, tracks: dict[int, MaskTrack]
    ) -> Iterator[ApiEvent]:
        """Yield the masks of each frame as they come, and put them into `tracks`; before an error, where they are."""
        arrived: list[FrameMasks] = []
        try:
            for masks in pipeline.propagate(clip, prompts, frames=part, order="nearest"):
                arrived.append(masks)
                found = {str(object_id): coco_dict(mask.rle) for object_id, mask in masks.masks.items()}
                yield {"kind": "masks", "frame": masks.frame_index, "masks": found}
        except VeasonError:
            if arrived:
                yield {"kind": "partial", "run": self._keep(clip.info, merge_tracks({}, arrived))}
            raise
        tracks |= merge_tracks({}, arrived)

    def _keep(self, info: VideoInfo, tracks: Mapping[int, MaskTrack]) -> str:
        """Keep masks for `export`, and return by what name."""
        run = secrets.token_urlsafe(12)
        with self._lock:
            self._runs[run] = FinishedRun(info, tracks)
            while len(self._runs) > KEPT_RUNS:
                self._runs.popitem(last=False)
        return run

    def _result(
        self, info: VideoInfo, tracks: Mapping[int, MaskTrack], answer: Answer | None, shown: Sequence[int]
    ) -> ApiEvent:
        answered = {} if answer is None else {**_answer(answer), "frames_shown": list(shown)}
        size = {"num_frames": info.num_frames, "width": info.size_wh[0], "height": info.size_wh[1], "fps": info.fps}
        return {"kind": "result", "run": self._keep(info, tracks), **size, **answered, "masks": _masks(tracks)}


def _shown(pipeline: Pipeline, info: VideoInfo, frames: int) -> tuple[int, ...]:
    if not 0 <= frames <= MOST_FRAMES:
        raise OptionError(f"frames is 1 to {MOST_FRAMES}, or 0 for the policy's own number, got {frames}")
    own = pipeline.policy.frame_count if pipeline.policy is not None else 8
    return sample_indices(info.num_frames, frames or own)


def _think(
    pipeline: Pipeline, clip: Video, instruction: str, shown: Sequence[int], sampling: Sampling, guess: bool
) -> Generator[FramesShown | PolicyEvent, None, None]:
    """Yield the policy's events. Raises SessionError where it would only guess and need not."""
    thinking = pipeline.think(clip, instruction, shown=shown, sampling=sampling, guess=guess)
    with closing(thinking) as events:  # type: ignore[type-var]  # a generator
        for event in events:
            if isinstance(event, Withheld):
                raise SessionError(f"the policy would only guess: {event.text}; guess=true has it answer anyway")
            yield event


def add_endpoints(api: Api) -> None:
    """Offer the endpoints on the page that is being built. Calls of the models wait in the page's own line."""
    for name in ("ask", "answers", "track"):
        gr.api(getattr(api, name), api_name=name, concurrency_limit=4, concurrency_id="api")
    gr.api(api.export, api_name="export", concurrency_limit=4)


def _waiting(ticket: Ticket) -> Iterator[ApiEvent]:
    """Wait for the models; meanwhile the caller is told where it stands in the line."""
    told: LinePlace | None = None
    while not ticket.wait(_WAIT_S):
        place = ticket.place
        if place != told:
            told = place
            yield {"kind": "queued", "ahead": place.ahead, "seconds": place.seconds}


def _part(info: VideoInfo, start: int, stop: int) -> FrameRange:
    stop = stop or info.num_frames
    if not 0 <= start < stop <= info.num_frames:
        raise PromptError(f"frames {start} to {stop - 1} are not in this clip, which has {info.num_frames} frames")
    return start, stop


def _policy_event(event: FramesShown | PolicyEvent) -> Iterator[ApiEvent]:
    """Yield the form in which a program gets an event of the policy, where it gets it at all."""
    match event:
        case FramesShown(frame_indices):
            yield {"kind": "shown", "frames": list(frame_indices)}
        case ThoughtDelta(text):
            yield {"kind": "thought", "text": text}
        case KeyframeChosen(frame_index):
            yield {"kind": "keyframe", "frame": frame_index}
        case BoxClosed(box, number):
            yield {"kind": "box", "object": number + 1, "box": list(box.xyxy)}
        case Answered(answer):
            yield {"kind": "answered", **_answer(answer)}


def _answer(answer: Answer) -> ApiEvent:
    return {
        "thought": answer.thought,
        "keyframe": answer.keyframe,
        "boxes": [list(box.xyxy) for box in answer.boxes],
        "absent": answer.is_absent,
        "guess": answer.is_guess,
        "notes": [note.message for note in answer.notes],
    }


def _masks(tracks: Mapping[int, MaskTrack]) -> dict[str, dict[str, Any]]:
    """Return masks by frame and object, both as text, as JSON wants its keys."""
    return {
        str(frame_index): {str(object_id): coco_dict(mask.rle) for object_id, mask in masks.items()}
        for frame_index, masks in masks_by_frame(tracks).items()
    }
