"""The segmenter's work while the policy still writes: frames are encoded, and boxes tracked as soon as they close.

What comes of it stays in the segmenter's caches, which hold what would be computed again, bit for bit. So an answer
that turns out otherwise costs time and changes nothing, and the propagation that follows finds its first frames done.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from types import TracebackType
from typing import Any

from veason.device import SideStream
from veason.errors import DeviceError, PromptError, VideoError
from veason.segmenter.order import NearestFirst
from veason.types import Box, BoxClosed, EncodingSegmenter, FrameMasks, KeyframeChosen, PolicyEvent, Prompt, VideoSource

LONGEST_STEP_S = 1.0
"""A segmenter that takes longer for a frame does not work ahead: stopping waits for the frame it is at."""

_LEAD = 14  # as in exact order: forward frames first, since those before the keyframe read them


class Speculation:
    """One answer's worth of work ahead, as a context: its end waits for the step at hand and stops the rest.

    The thread starts with the first event, so that it takes nothing from the first word.

    Args:
        segmenter: any segmenter; one that cannot encode ahead, or is slow, leaves this without effect.
        video: where the frames come from.
        shown: the frames that the policy sees, which are encoded first: the keyframe is most likely one of them.
    """

    def __init__(self, segmenter: object, video: VideoSource, shown: Sequence[int]) -> None:
        self._video = video
        self._shown = tuple(shown)
        self._segmenter: EncodingSegmenter | None = None
        if isinstance(segmenter, EncodingSegmenter) and segmenter.estimate_seconds(1, 1) <= LONGEST_STEP_S:
            self._segmenter = segmenter
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="veason-speculation")
        self._job: Future[None] | None = None
        self._news = threading.Condition()
        self._is_stopped = False
        self._keyframe: int | None = None
        self._boxes: dict[int, Box] = {}

    def __enter__(self) -> Speculation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._news:
            self._is_stopped = True
            self._news.notify()
        self._thread.shutdown()
        if self._job is not None and error is None:
            self._job.result()

    def see(self, event: PolicyEvent) -> None:
        """Take note of what the policy wrote; only the first sample counts."""
        if self._segmenter is None or event.sample != 0:
            return
        with self._news:
            if isinstance(event, KeyframeChosen):
                self._keyframe = event.frame_index
                self._boxes.clear()
            elif isinstance(event, BoxClosed):
                if event.number == 0:  # the policy began its list (anew)
                    self._boxes.clear()
                self._boxes[event.number] = event.box
            self._news.notify()
        if self._job is None:
            self._job = self._thread.submit(self._work, self._segmenter)

    def _work(self, segmenter: EncodingSegmenter) -> None:
        """Take a step of every box in turn; where there is none, encode a frame; where all are, wait for news."""
        aside = SideStream(segmenter.device)
        runs: dict[tuple[int, int, Box], Generator[FrameMasks, None, None]] = {}
        encoding: Iterator[int] = iter(segmenter.encode(self._video, self._wanted()))
        is_encoding = True
        try:
            while not self._is_stopped:
                wanted = self._wanted_boxes()
                for known in [known for known in runs if known not in wanted]:
                    runs.pop(known).close()
                for number, keyframe, box in wanted:
                    if (number, keyframe, box) not in runs:
                        runs[number, keyframe, box] = self._track(segmenter, Prompt(number + 1, keyframe, box=box))
                with aside:
                    steps: list[Any] = [next(run, None) for run in runs.values() if not self._is_stopped]
                    if all(step is None for step in steps) and is_encoding and not self._is_stopped:
                        is_encoding = next(encoding, None) is not None
                        steps.append(is_encoding or None)
                if all(step is None for step in steps):
                    with self._news:
                        self._news.wait_for(lambda: self._is_stopped or self._wanted_boxes() != list(runs))
        except (VideoError, DeviceError):
            return  # the propagation that follows meets the same, and tells
        finally:
            for run in runs.values():
                run.close()
            with closing(encoding):  # type: ignore[type-var]  # `encode` is a generator
                pass

    def _track(self, segmenter: EncodingSegmenter, prompt: Prompt) -> Generator[FrameMasks, None, None]:
        """Track one box through the video, as the propagation that follows is going to."""
        try:
            with closing(segmenter.track(self._video, (prompt,), order="nearest")) as run:  # type: ignore[type-var]
                yield from run
        except PromptError:
            return  # a box outside the picture: the answer's own checks deal with it

    def _wanted_boxes(self) -> list[tuple[int, int, Box]]:
        with self._news:
            keyframe = self._keyframe
            if keyframe is None or not 0 <= keyframe < self._video.info.num_frames:
                return []
            return [(number, keyframe, box) for number, box in self._boxes.items()]

    def _wanted(self) -> Iterator[int]:
        """Yield the frames worth encoding: those shown and those after them; around the keyframe once it is known."""
        done: set[int] = set()
        keyframe, order = self._keyframe, self._order(self._keyframe)
        while True:
            if keyframe != self._keyframe:
                keyframe, order = self._keyframe, self._order(self._keyframe)
            frame_index = next((index for index in order if index not in done), None)
            if frame_index is None:
                return
            done.add(frame_index)
            yield frame_index

    def _order(self, keyframe: int | None) -> Iterator[int]:
        num_frames = self._video.info.num_frames
        if keyframe is not None and 0 <= keyframe < num_frames:
            walk = NearestFirst(keyframe, (0, num_frames), _LEAD)
            while (frame_index := walk.next(keyframe)) is not None:
                yield frame_index
            return
        for distance in range(num_frames):
            yield from (index + distance for index in self._shown if index + distance < num_frames)
