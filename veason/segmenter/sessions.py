"""SAM 3's tracker and EdgeTAM as plain segmenters, through the inference sessions of transformers.

Each object has a session of its own, so that one can be corrected or absent on a frame where others are tracked. Frames
are processed on access, and outputs that no later frame reads are dropped: memory does not grow with the clip.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from veason.device import memory_guard
from veason.masks import decode_mask, empty_mask, encode_mask
from veason.segmenter.prompts import ObjectPlan, check_range, group_by_start, plan_objects
from veason.segmenter.sam2 import DurationEstimate, initial_seconds_per_unit
from veason.segmenter.tracker import ABSENT_SCORE
from veason.types import FrameMasks, FrameRange, ObjectMask, Prompt, Rle, VideoSource

_FRAME_CACHE_SIZE = 8
"""Number of processed frames held per call: 100 MB at 1024 px. Also the block size when decoding backward."""

_ONLY = 1
"""The id of the one object of a session."""


class SessionSegmenter:
    """A video model of transformers with inference sessions, as a Segmenter: no order near the cursor, no caches.

    Args:
        model: a `Sam3TrackerVideoModel` or `EdgeTamVideoModel`.
        processor: the processor of its checkpoint.
        name: the name by which the user chose it.
    """

    def __init__(self, model: Any, processor: Any, name: str) -> None:
        self.model = model
        self._processor = processor
        self._name = name
        self._duration = DurationEstimate(initial_seconds_per_unit(model))

    @property
    def name(self) -> str:
        """The name by which the user chose it."""
        return self._name

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        """Return the expected seconds of tracking: a guess by model size and device, refined by measurement."""
        return self._duration.estimate(num_frames, num_objects)

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield the masks of every prompted object. The arguments are checked by the call, before the first `next`.

        Objects with the same start are tracked together; groups with later starts follow. A group yields its corrected
        frames, its start, the frames after it, and the frames before it in descending order.

        A prompt with a box or a mask is independent and conditions all frames. A prompt of clicks only, on a frame
        other than the start, is a correction: the frame is tracked, then computed again with the clicks, and conditions
        all frames. (These classes do not read the mask that a click corrects, as SAM 2 does.) A locked mask conditions
        all frames and replaces a prompt on its frame; an absent frame goes into memory as an empty mask. Fixed masks of
        objects without a prompt are ignored.

        Raises:
            PromptError: see `Segmenter.track`.
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """
        frames = frames or (0, video.info.num_frames)
        check_range(video.info, frames)
        return self._track(video, plan_objects(video.info, prompts, fixed or {}, frames), frames)

    def _track(self, video: VideoSource, plans: list[ObjectPlan], frames: FrameRange) -> Iterator[FrameMasks]:
        with memory_guard():
            images = ProcessedFrames(video, self._processor)
            for group in group_by_start(plans):
                tracker = _Group(self.model, self._processor, images, group)
                tracker.condition()
                yield from tracker.correct()
                yield from self._duration.measure(tracker.propagate(frames), len(group))


class ProcessedFrames:
    """The `processed_frames` of a session: frame `i` as `(3, S, S)` float32, decoded and processed on access.

    At most `capacity` frames are held, the one that was read longest ago dropped first.

    Args:
        video: where the frames come from.
        processor: the processor of the checkpoint.
        capacity: how many processed frames to hold.
    """

    def __init__(self, video: VideoSource, processor: Any, capacity: int = _FRAME_CACHE_SIZE) -> None:
        self.info = video.info
        self._video = video
        self._processor = processor
        self._capacity = capacity
        self._held: OrderedDict[int, torch.Tensor] = OrderedDict()

    def __len__(self) -> int:
        return self.info.num_frames

    def __getitem__(self, frame_index: int) -> torch.Tensor:
        if frame_index not in self._held:
            self._hold(frame_index, self._video.frame(frame_index))
        self._held.move_to_end(frame_index)
        return self._held[frame_index]

    def prefetch_before(self, frame_index: int, first: int) -> None:
        """Decode `frame_index` and some frames before it, none before `first`, in ascending order.

        Reading a video backward one frame at a time would decode each group of pictures (GOP) repeatedly.
        """
        if frame_index in self._held:
            return
        wanted = range(max(first, frame_index - self._capacity + 1), frame_index + 1)
        for frame in self._video.frames([index for index in wanted if index not in self._held]):
            self._hold(frame.index, frame.image)

    def _hold(self, frame_index: int, image: Any) -> None:
        """Process an `(H, W, 3)` uint8 image and hold it; drop the one that was read longest ago."""
        clip = torch.tensor(image).permute(2, 0, 1)[None]
        given = self._processor.video_processor(
            videos=[clip], input_data_format="channels_first", do_sample_frames=False, return_tensors="pt"
        )
        self._held[frame_index] = given["pixel_values_videos"][0][0]
        while len(self._held) > self._capacity:
            self._held.popitem(last=False)


class _Group:
    """Objects with the same start frame, and a session for each; they share the features of the current frame."""

    def __init__(self, model: Any, processor: Any, images: ProcessedFrames, plans: list[ObjectPlan]) -> None:
        self._model = model
        self._processor = processor
        self._images = images
        self._plans = plans
        self._start = plans[0].start
        self._size_hw = images.info.size_wh[::-1]
        self._empty = empty_mask(images.info.size_wh)
        # frames back that are read: object pointers, or memories where they reach farther
        self._reach = max(model.config.max_object_pointers_in_encoder, model.num_maskmem)
        self._sessions = {plan.object_id: self._new_session() for plan in plans}
        features = self._sessions[plans[0].object_id].cache
        for session in self._sessions.values():
            session.cache = features

    def condition(self) -> None:
        """Run all independent prompts and locked masks, and encode them into memory."""
        for frame_index in sorted({index for plan in self._plans for index in (*plan.prompts, *plan.locked)}):
            for plan in self._plans:
                prompt = plan.prompts.get(frame_index)
                mask = plan.locked.get(frame_index) or (prompt.mask if prompt else None)
                if mask is not None:
                    self._give(plan, frame_index, input_masks=torch.from_numpy(decode_mask(mask)))
                elif prompt is not None:
                    self._give(plan, frame_index, **_points(prompt))
                else:
                    continue
                self._run(plan, frame_index)

    def correct(self) -> Iterator[FrameMasks]:
        """Track to each corrected frame, compute it again with its clicks, and yield the corrected masks.

        The outputs on the way are dropped, so that the passes that follow depend only on the prompts.
        """
        for reverse in (False, True):
            corrected = {
                index for plan in self._plans for index in plan.corrections if (index < self._start) == reverse
            }
            if not corrected:
                continue
            for frame_index in self._order(min(corrected) if reverse else max(corrected), reverse):
                masks = {}
                for plan in self._plans:
                    if not any(index <= frame_index if reverse else index >= frame_index for index in plan.corrections):
                        continue
                    self._advance(plan, frame_index, reverse)
                    if frame_index in plan.corrections:
                        masks[plan.object_id] = self._correct(plan, frame_index, reverse)
                self._drop_old(frame_index, reverse)
                if masks:
                    yield FrameMasks(frame_index, masks)
            for session in self._sessions.values():
                session.output_dict_per_obj[0]["non_cond_frame_outputs"].clear()
                session.frames_tracked_per_obj[0].clear()

    def propagate(self, frames: FrameRange) -> Iterator[FrameMasks]:
        """Yield every frame of the range: the start and those after it, then those before it in descending order."""
        for reverse in (False, True):
            for frame_index in self._order(frames[0] if reverse else frames[1] - 1, reverse):
                if reverse and frame_index == self._start:
                    continue  # yielded by the forward pass
                masks = {plan.object_id: self._advance(plan, frame_index, reverse) for plan in self._plans}
                self._drop_old(frame_index, reverse)
                yield FrameMasks(frame_index, masks)

    def _new_session(self) -> Any:
        """Return a session of one object whose frames are processed on access."""
        session = self._processor.init_video_session(inference_device=self._model.device, dtype=self._model.dtype)
        session.processed_frames = _Placed(self._images, self._model.dtype)
        session.video_height, session.video_width = self._size_hw
        session.obj_id_to_idx(_ONLY)
        return session

    def _order(self, last: int, reverse: bool) -> Iterable[int]:
        """Yield frame indices from the start to `last`; going backward, decode frames in blocks."""
        for frame_index in range(self._start, last - 1, -1) if reverse else range(self._start, last + 1):
            if reverse and frame_index != self._start:
                self._images.prefetch_before(frame_index, first=last)
            yield frame_index

    def _give(self, plan: ObjectPlan, frame_index: int, **inputs: Any) -> None:
        """Give an object's session a prompt on a frame: `input_masks`, or `input_boxes`, `input_points` and labels."""
        self._processor.add_inputs_to_inference_session(
            self._sessions[plan.object_id], frame_idx=frame_index, obj_ids=_ONLY, **inputs
        )

    def _advance(self, plan: ObjectPlan, frame_index: int, reverse: bool) -> ObjectMask:
        """Track an object into a frame from memory, unless it is conditioned there, and return its mask."""
        if frame_index in plan.absent:
            session = self._sessions[plan.object_id]
            # as a tracked frame: as a conditioning one it would make the object disappear from all others
            session.frames_tracked_per_obj[0][frame_index] = {"reverse": reverse}
            self._give(plan, frame_index, input_masks=torch.zeros(self._size_hw, dtype=torch.bool))
            self._run(plan, frame_index, reverse)
            session.remove_mask_inputs(0, frame_index)
            return ObjectMask(self._empty, ABSENT_SCORE)
        return self._run(plan, frame_index, reverse)

    def _correct(self, plan: ObjectPlan, frame_index: int, reverse: bool) -> ObjectMask:
        """Compute a tracked frame again with the clicks of its correction, and let it condition the others."""
        self._give(plan, frame_index, **_points(plan.corrections[frame_index]))
        corrected = self._run(plan, frame_index, reverse)
        outputs = self._sessions[plan.object_id].output_dict_per_obj[0]
        # the model stores it as an ordinary frame, which the pass that follows would overwrite without the clicks
        outputs["cond_frame_outputs"][frame_index] = outputs["non_cond_frame_outputs"].pop(frame_index)
        return corrected

    def _run(self, plan: ObjectPlan, frame_index: int, reverse: bool = False) -> ObjectMask:
        """Run the model on a frame for one object; a frame that conditions is read, not computed again."""
        with torch.inference_mode():
            found = self._model(self._sessions[plan.object_id], frame_idx=frame_index, reverse=reverse)
            score = float(found.object_score_logits.float())
            if frame_index in plan.locked:
                return ObjectMask(plan.locked[frame_index], score)
            masks = self._processor.post_process_masks([found.pred_masks.float()], [self._size_hw], binarize=True)
            columns = masks[0][0, 0].t().contiguous()  # RLE is column-major
            return ObjectMask(encode_mask(columns.cpu().numpy().T), score)

    def _drop_old(self, frame_index: int, reverse: bool) -> None:
        """Drop the output that later frames no longer read; those just after the start serve the backward pass."""
        old = frame_index + self._reach if reverse else frame_index - self._reach
        if reverse or old > self._start + self._reach:
            for session in self._sessions.values():
                session.output_dict_per_obj[0]["non_cond_frame_outputs"].pop(old, None)


class _Placed:
    """Processed frames in the dtype of a model, as a session reads them."""

    def __init__(self, images: ProcessedFrames, dtype: torch.dtype) -> None:
        self._images = images
        self._dtype = dtype

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, frame_index: int) -> torch.Tensor:
        return self._images[frame_index].to(self._dtype)


def _points(prompt: Prompt) -> dict[str, Any]:
    """Return a box and clicks as the processor takes them: nested by picture, object and point, in source pixels."""
    inputs: dict[str, Any] = {}
    if prompt.box is not None:
        inputs["input_boxes"] = [[list(prompt.box.xyxy)]]
    if prompt.clicks:
        inputs["input_points"] = [[[[click.x, click.y] for click in prompt.clicks]]]
        inputs["input_labels"] = [[[int(click.is_positive) for click in prompt.clicks]]]
    return inputs
