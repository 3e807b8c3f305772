"""Frame-by-frame tracking with the stock SAM2 predictor, for objects that start on the same frame."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from veason.device import choose_dtype
from veason.masks import decode_mask, empty_mask, encode_mask
from veason.segmenter.batching import Step, group_by_layout, infer_batch
from veason.segmenter.choice import frames_read_back
from veason.segmenter.features import FrameFeatures
from veason.segmenter.frames import ModelFrames
from veason.segmenter.memories import Output
from veason.segmenter.prompts import ObjectPlan
from veason.types import FrameMasks, FrameRange, ObjectMask, Prompt, Rle, VideoInfo

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

ABSENT_SCORE = -10.0
"""The object score (logit) of an absent frame; SAM2 gives it to an empty mask (`_use_mask_as_output`)."""

OutputCallback = Callable[[ObjectPlan, int, Output], None]
"""A callback that gets an object's plan, a frame index and the output there."""


class GroupTracker:
    """A group of objects with the same start frame, and the predictor's inference state for them.

    All networks are called through the predictor. This class replaces only `init_state`, which loads the whole video,
    and the loop of `propagate_in_video`, which keeps the memory of every frame, shows a progress bar and upsamples all
    objects at once. Masks and scores equal stock's bit for bit.

    Memory is bounded: memory attention reads at most `reach` frames back, so older outputs are dropped (stock keeps
    0.79 MB per frame and object at 1024 px). Outputs just after the start are kept, because the backward pass reads
    them.

    Args:
        model: the predictor.
        images: the video's frames in the model's input form.
        info: the video's properties.
        plans: one per object, all with the same start.
        features: the source of encoded frames; None uses stock's dictionary, which keeps the last frame only.
        on_output: called with plan, frame index and output of each frame that later corrections may start from.
        constants: position encodings of memories, shared by all states of a model.
        batched: whether to compute several objects in one batch where possible.
    """

    def __init__(
        self,
        model: SAM2VideoPredictor,
        images: ModelFrames,
        info: VideoInfo,
        plans: list[ObjectPlan],
        *,
        features: FrameFeatures | None = None,
        on_output: OutputCallback | None = None,
        constants: dict[str, Any] | None = None,
        batched: bool = False,
    ) -> None:
        self._batched = batched
        self._model = model
        self._on_output = on_output
        self._features = features
        self._images = images
        self._plans = plans
        self._start = plans[0].start
        self._empty = empty_mask(info.size_wh)
        self._reach = frames_read_back(model) + 1
        self.state = new_state(model, images, info, features, constants)
        self._batch_outputs: dict[tuple[int, int], Output] = {}

    def condition(self) -> None:
        """Run all independent prompts and locked masks, frame by frame, and encode them into memory."""
        for frame_index in sorted({index for plan in self._plans for index in (*plan.prompts, *plan.locked)}):
            with inference_context(self._model.device):
                for plan in self._plans:
                    self._add_prompt(plan, frame_index)
                # After each frame, not at the end: the predictor keeps the features of the last frame only.
                self._model.propagate_in_video_preflight(self.state)

    def correct(self) -> Iterator[FrameMasks]:
        """Track to each corrected frame, apply its clicks, and yield the corrected masks.

        A click refines an existing mask, so it needs that mask and the memory that led to it. The corrected frame then
        conditions all others. The outputs on the way are dropped, so that the passes that follow depend only on the
        prompts. Backward corrections are tracked without a forward pass first, which changes logits by about 1e-4.
        """
        for reverse in (False, True):
            corrected = {
                index for plan in self._plans for index in plan.corrections if (index < self._start) == reverse
            }
            if not corrected:
                continue
            last = min(corrected) if reverse else max(corrected)
            for frame_index in self._order(last, reverse):
                masks = {}
                for plan in self._plans:
                    ahead = [index <= frame_index if reverse else index >= frame_index for index in plan.corrections]
                    if not any(ahead):
                        continue
                    with inference_context(self._model.device):
                        self._track(plan, frame_index, reverse)
                        if frame_index in plan.corrections:
                            self.add_points(plan, frame_index, plan.corrections[frame_index])
                            self._model.propagate_in_video_preflight(self.state)
                            masks[plan.object_id] = self._read_mask(plan, frame_index)
                self._drop_old(frame_index, reverse)
                if masks:
                    yield FrameMasks(frame_index, masks)
            self._forget_tracked()

    def propagate(self, frames: FrameRange) -> Iterator[FrameMasks]:
        """Yield every frame of the range: the start and those after it, then those before it in descending order."""
        for reverse in (False, True):
            last = frames[0] if reverse else frames[1] - 1
            for frame_index in self._order(last, reverse):
                if reverse and frame_index == self._start:
                    continue  # yielded by the forward pass, and its outputs are conditioning, hence unchanged
                masks = {}
                if self._batched:
                    with inference_context(self._model.device):
                        self._track_batch(frame_index, reverse)
                for plan in self._plans:
                    with inference_context(self._model.device):
                        self._track(plan, frame_index, reverse)
                        masks[plan.object_id] = self._read_mask(plan, frame_index)
                        self._report_output(plan, frame_index, reverse, frames)
                self._drop_old(frame_index, reverse)
                yield FrameMasks(frame_index, masks)

    def _order(self, last: int, reverse: bool) -> Iterable[int]:
        """Yield frame indices from the start to `last`; going backward, decode frames in blocks."""
        if not reverse:
            yield from range(self._start, last + 1)
            return
        for frame_index in range(self._start, last - 1, -1):
            if frame_index != self._start and not (self._features and self._features.has(frame_index)):
                self._images.prefetch_before(frame_index, first=last)
            yield frame_index

    def _add_prompt(self, plan: ObjectPlan, frame_index: int) -> None:
        """Pass an object's locked mask or prompt on a frame to the predictor, if there is one."""
        prompt = plan.prompts.get(frame_index)
        mask = plan.locked.get(frame_index) or (prompt.mask if prompt else None)
        if mask is not None:
            self.add_mask(plan, frame_index, mask)
        elif prompt is not None:
            self.add_points(plan, frame_index, prompt)

    def add_mask(self, plan: ObjectPlan, frame_index: int, mask: Rle) -> None:
        """Give the predictor a mask at source size."""
        pixels = torch.from_numpy(decode_mask(mask))
        self._model.add_new_mask(self.state, frame_index, plan.object_id, pixels)

    def add_points(self, plan: ObjectPlan, frame_index: int, prompt: Prompt) -> None:
        """Pass a box or clicks to the predictor; on a tracked frame they refine its mask."""
        points = np.array([(click.x, click.y) for click in prompt.clicks], np.float32).reshape(-1, 2)
        labels = np.array([click.is_positive for click in prompt.clicks], np.int32)
        box = None if prompt.box is None else np.array(prompt.box.xyxy, np.float32)
        self._model.add_new_points_or_box(
            self.state, frame_index, plan.object_id, points=points, labels=labels, box=box
        )

    def _track(self, plan: ObjectPlan, frame_index: int, reverse: bool) -> None:
        """Track one object into a frame from memory, unless the frame is a conditioning frame."""
        number = self.state["obj_id_to_idx"][plan.object_id]
        outputs = self.state["output_dict_per_obj"][number]
        done = self._batch_outputs.pop((plan.object_id, frame_index), None)
        if done is not None:
            outputs["non_cond_frame_outputs"][frame_index] = done
        elif frame_index not in outputs["cond_frame_outputs"]:
            is_absent = frame_index in plan.absent
            output = self.infer(outputs, frame_index, reverse, is_absent=is_absent)
            outputs["non_cond_frame_outputs"][frame_index] = output
        self.state["frames_tracked_per_obj"][number][frame_index] = {"reverse": reverse}

    def _track_batch(self, frame_index: int, reverse: bool) -> None:
        """Compute this frame's outputs, objects with the same layout in one batch."""
        steps = []
        for plan in self._plans:
            outputs = self.state["output_dict_per_obj"][self.state["obj_id_to_idx"][plan.object_id]]
            if frame_index in outputs["cond_frame_outputs"] or frame_index in plan.absent:
                continue
            ahead = -1 if reverse else 1
            tracked = {
                index: output
                for index, output in outputs["non_cond_frame_outputs"].items()
                if 0 < ahead * (frame_index - index) <= self._reach
            }
            steps.append((plan, Step(frame_index, reverse, outputs["cond_frame_outputs"], tracked)))
        for group in group_by_layout(steps):
            if len(group) > 1:
                found = infer_batch(self._model, self.state, [step for _, step in group])
                self._batch_outputs |= {
                    (plan.object_id, frame_index): output for (plan, _), output in zip(group, found, strict=True)
                }

    def _read_mask(self, plan: ObjectPlan, frame_index: int) -> ObjectMask:
        """Return the mask and score of a tracked or conditioning frame."""
        return self.mask_of(plan, frame_index, self._output(plan, frame_index))

    def mask_of(self, plan: ObjectPlan, frame_index: int, output: Output) -> ObjectMask:
        """Return the mask at source size and the score of an output; fixed masks are returned unchanged."""
        if frame_index in plan.absent:
            return ObjectMask(self._empty, ABSENT_SCORE)
        score = float(output["object_score_logits"])
        if frame_index in plan.locked:
            return ObjectMask(plan.locked[frame_index], score)
        _, logits = self._model._get_orig_video_res_output(self.state, output["pred_masks"])
        columns = (logits[0, 0] > 0).t().contiguous()  # RLE is column-major
        return ObjectMask(encode_mask(columns.cpu().numpy().T), score)

    def infer(self, outputs: dict[str, Any], frame_index: int, reverse: bool, *, is_absent: bool) -> Output:
        """Return the predictor's output for one object on one frame.

        An absent frame goes into memory as an ordinary frame with an empty mask, like an occlusion in SAM2. As a
        conditioning frame it would make the object disappear from all other frames.
        """
        size = self._model.image_size
        output: Output
        output, _ = self._model._run_single_frame_inference(
            inference_state=self.state,
            output_dict=outputs,
            frame_idx=frame_index,
            batch_size=1,
            is_init_cond_frame=False,
            point_inputs=None,
            mask_inputs=torch.zeros(1, 1, size, size, device=self._model.device) if is_absent else None,
            reverse=reverse,
            run_mem_encoder=True,
        )
        return output

    def _output(self, plan: ObjectPlan, frame_index: int) -> Output:
        outputs = self.state["output_dict_per_obj"][self.state["obj_id_to_idx"][plan.object_id]]
        given: Output | None = outputs["cond_frame_outputs"].get(frame_index)
        tracked: dict[int, Output] = outputs["non_cond_frame_outputs"]
        return given or tracked[frame_index]

    def _report_output(self, plan: ObjectPlan, frame_index: int, reverse: bool, frames: FrameRange) -> None:
        """Call `on_output` if the output equals that of a run over the whole video.

        It may differ in the backward pass, which reads frames after the start that the range may exclude.
        """
        whole_lead = frames[1] == self.state["num_frames"] or frames[1] > self._start + self._reach
        if self._on_output is not None and not plan.corrections and (whole_lead or not reverse):
            self._on_output(plan, frame_index, self._output(plan, frame_index))

    def _drop_old(self, frame_index: int, reverse: bool) -> None:
        """Drop the output of the frame that later frames can no longer read."""
        old = frame_index + self._reach if reverse else frame_index - self._reach
        if reverse or old > self._start + self._reach:
            for outputs in self.state["output_dict_per_obj"].values():
                outputs["non_cond_frame_outputs"].pop(old, None)

    def _forget_tracked(self) -> None:
        """Drop the outputs of all frames except conditioning frames."""
        for outputs in self.state["output_dict_per_obj"].values():
            outputs["non_cond_frame_outputs"].clear()
        for tracked in self.state["frames_tracked_per_obj"].values():
            tracked.clear()


def new_state(
    model: SAM2VideoPredictor,
    images: ModelFrames,
    info: VideoInfo,
    features: FrameFeatures | None = None,
    constants: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an inference state like stock's `init_state`, without loading or encoding a frame.

    Source: the keys of sam2/sam2_video_predictor.py `init_state` (sam2 1.1.0).
    """
    width, height = info.size_wh
    by_object = (
        "point_inputs_per_obj",
        "mask_inputs_per_obj",
        "output_dict_per_obj",
        "temp_output_dict_per_obj",
        "frames_tracked_per_obj",
    )
    return {
        "images": images,
        "num_frames": info.num_frames,
        "offload_video_to_cpu": False,
        "offload_state_to_cpu": False,
        "video_height": height,
        "video_width": width,
        "device": model.device,
        "storage_device": model.device,
        "cached_features": {} if features is None else features,
        "constants": {} if constants is None else constants,
        "obj_id_to_idx": OrderedDict(),
        "obj_idx_to_id": OrderedDict(),
        "obj_ids": [],
        **{key: {} for key in by_object},
    }


@contextmanager
def inference_context(device: torch.device) -> Iterator[None]:
    """Disable gradients and, on CUDA, enable bfloat16 autocast. Never hold it across a yield: both are per thread."""
    is_cuda = device.type == "cuda"
    with torch.inference_mode(), torch.autocast(device.type, dtype=choose_dtype(device), enabled=is_cuda):
        yield
