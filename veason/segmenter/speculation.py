"""Speculative work of the segmenter while the policy still writes: it encodes frames and tracks completed boxes.

The results stay in the segmenter's caches, where a cached value equals a computed one bit for bit. If the final answer
differs, only time is lost; otherwise the propagation that follows finds its first frames in the cache.
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
from veason.segmenter.order import NearestFirstOrder
from veason.types import Box, BoxClosed, EncodingSegmenter, FrameMasks, KeyframeChosen, PolicyEvent, Prompt, VideoSource

MAX_STEP_S = 1.0
"""Segmenters slower than this per frame do not speculate, because stopping waits for the current frame."""

_LEAD_FRAMES = 14  # forward frames come first, as in the order "nearest": backward frames read them


class Speculation:
    """A context that runs speculative work during one answer. Its exit waits for the current step and cancels the rest.

    The thread starts with the first event, so that it does not delay the first word.

    Args:
        segmenter: any segmenter; if it is slow or no EncodingSegmenter, this context does nothing.
        video: the video of the question.
        shown: absolute indices of the frames that the policy sees; they are encoded first, the keyframe being one of
            them.
    """

    def __init__(self, segmenter: object, video: VideoSource, shown: Sequence[int]) -> None:
        self._video = video
        self._shown = tuple(shown)
        self._segmenter: EncodingSegmenter | None = None
        if isinstance(segmenter, EncodingSegmenter) and segmenter.estimate_seconds(1, 1) <= MAX_STEP_S:
            self._segmenter = segmenter
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="veason-speculation")
        self._job: Future[None] | None = None
        self._changed = threading.Condition()
        self._is_stopped = False
        self._keyframe: int | None = None
        self._boxes: dict[int, Box] = {}

    def __enter__(self) -> Speculation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        self._thread.shutdown()
        if self._job is not None and error is None:
            self._job.result()

    def observe(self, event: PolicyEvent) -> None:
        """Take in an event of the policy; only those of the first sample count."""
        if self._segmenter is None or event.sample != 0:
            return
        with self._changed:
            if isinstance(event, KeyframeChosen):
                self._keyframe = event.frame_index
                self._boxes.clear()
            elif isinstance(event, BoxClosed):
                if event.number == 0:  # the policy started its list, possibly again
                    self._boxes.clear()
                self._boxes[event.number] = event.box
            self._changed.notify()
        if self._job is None:
            self._job = self._thread.submit(self._run, self._segmenter)

    def _run(self, segmenter: EncodingSegmenter) -> None:
        """Track every box one step in turn; without boxes encode a frame; with nothing to do wait for an event."""
        side_stream = SideStream(segmenter.device)
        runs: dict[tuple[int, int, Box], Generator[FrameMasks, None, None]] = {}
        encoding: Iterator[int] = iter(segmenter.encode(self._video, self._frames_to_encode()))
        is_encoding = True
        try:
            while not self._is_stopped:
                current = self._current_boxes()
                for run_key in [run_key for run_key in runs if run_key not in current]:
                    runs.pop(run_key).close()
                for number, keyframe, box in current:
                    if (number, keyframe, box) not in runs:
                        runs[number, keyframe, box] = self._track(segmenter, Prompt(number + 1, keyframe, box=box))
                with side_stream:
                    steps: list[Any] = [next(run, None) for run in runs.values() if not self._is_stopped]
                    if all(step is None for step in steps) and is_encoding and not self._is_stopped:
                        is_encoding = next(encoding, None) is not None
                        steps.append(is_encoding or None)
                if all(step is None for step in steps):
                    with self._changed:
                        self._changed.wait_for(lambda: self._is_stopped or self._current_boxes() != list(runs))
        except (VideoError, DeviceError):
            return  # the propagation that follows raises and reports the same error
        finally:
            for run in runs.values():
                run.close()
            with closing(encoding):  # type: ignore[type-var]  # `encode` is a generator
                pass

    def _track(self, segmenter: EncodingSegmenter, prompt: Prompt) -> Generator[FrameMasks, None, None]:
        """Track one box through the video, as the propagation that follows will."""
        try:
            with closing(segmenter.track(self._video, (prompt,), order="nearest")) as run:  # type: ignore[type-var]
                yield from run
        except PromptError:
            return  # a box outside the picture: the checks of the answer report it

    def _current_boxes(self) -> list[tuple[int, int, Box]]:
        with self._changed:
            keyframe = self._keyframe
            if keyframe is None or not 0 <= keyframe < self._video.info.num_frames:
                return []
            return [(number, keyframe, box) for number, box in self._boxes.items()]

    def _frames_to_encode(self) -> Iterator[int]:
        """Yield the frames to encode: the shown frames and those after them; around the keyframe once it is known."""
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
            walk = NearestFirstOrder(keyframe, (0, num_frames), _LEAD_FRAMES)
            while (frame_index := walk.next(keyframe)) is not None:
                yield frame_index
            return
        for distance in range(num_frames):
            yield from (index + distance for index in self._shown if index + distance < num_frames)
