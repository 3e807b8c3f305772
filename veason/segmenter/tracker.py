"""The stock SAM2 predictor driven frame by frame over a group of objects that start on the same frame."""

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
from veason.segmenter.features import FrameFeatures
from veason.segmenter.frames import ModelFrames
from veason.segmenter.memories import Output
from veason.segmenter.prompts import ObjectPlan
from veason.types import FrameMasks, FrameRange, ObjectMask, Prompt, Rle, VideoInfo

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

ABSENT_SCORE = -10.0
"""The object score of a frame marked absent: what SAM2 itself gives to an empty mask (`_use_mask_as_output`)."""

Keep = Callable[[ObjectPlan, int, Output], None]
"""Takes the output of one object on one frame."""


class GroupTracker:
    """Objects with one first frame, and the predictor's state for them.

    Every network call is the predictor's own; this class replaces only `init_state` (which loads the whole video) and
    the loop of `propagate_in_video` (which keeps the memory of every frame, shows a progress bar, and upsamples all
    objects at once). Masks and scores equal stock's bit for bit.

    State is bounded: memory attention reads at most `reach` frames back, so older ones are dropped (stock keeps
    0.79 MB a frame and object at 1024 px for ever). The frames just after the first one stay, since the backward pass
    reads them.

    Args:
        model: the predictor.
        images: its pictures.
        info: of the video.
        plans: the objects.
        features: where encoded frames come from; stock's own dictionary of the last frame where None.
        keep: called with plan, frame and output of each frame that later corrections may build on.
        constants: position encodings of memories, shared by all states of a model.
        batched: whether objects go through the networks together where that is possible.
    """

    def __init__(
        self,
        model: SAM2VideoPredictor,
        images: ModelFrames,
        info: VideoInfo,
        plans: list[ObjectPlan],
        *,
        features: FrameFeatures | None = None,
        keep: Keep | None = None,
        constants: dict[str, Any] | None = None,
        batched: bool = False,
    ) -> None:
        self._batched = batched
        self._model = model
        self._keep = keep
        self._features = features
        self._images = images
        self._plans = plans
        self._start = plans[0].start
        self._empty = empty_mask(info.size_wh)
        self._reach = max(model.max_obj_ptrs_in_encoder, model.num_maskmem * model.memory_temporal_stride_for_eval)
        self.state = new_state(model, images, info, features, constants)
        self._batch_outputs: dict[tuple[int, int], Output] = {}

    def condition(self) -> None:
        """Run all prompts that stand alone and all locked masks, frame by frame, and encode them into memory."""
        for frame_index in sorted({index for plan in self._plans for index in (*plan.prompts, *plan.locked)}):
            with computing(self._model.device):
                for plan in self._plans:
                    self._add_given(plan, frame_index)
                # After each frame, not at the end: the predictor keeps the features of the last frame only.
                self._model.propagate_in_video_preflight(self.state)

    def correct(self) -> Iterator[FrameMasks]:
        """Refine by corrections: track to each corrected frame, click there, and yield the corrected mask.

        A click alone says what to change about the mask at hand, so it needs that mask and the memory that led to it.
        The corrected frame then conditions all others. What was tracked on the way is forgotten, so that the passes
        which follow depend on the prompts alone. Backward corrections are tracked without a forward pass first, which
        changes logits by some 1e-4.
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
                    with computing(self._model.device):
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
        """Yield every frame of the range: the first prompted one, those after it, then backward those before it."""
        for reverse in (False, True):
            last = frames[0] if reverse else frames[1] - 1
            for frame_index in self._order(last, reverse):
                if reverse and frame_index == self._start:
                    continue  # yielded by the forward pass, and its outputs are conditioning, hence unchanged
                masks = {}
                if self._batched:
                    with computing(self._model.device):
                        self._track_batch(frame_index, reverse)
                for plan in self._plans:
                    with computing(self._model.device):
                        self._track(plan, frame_index, reverse)
                        masks[plan.object_id] = self._read_mask(plan, frame_index)
                        self._keep_output(plan, frame_index, reverse, frames)
                self._drop_old(frame_index, reverse)
                yield FrameMasks(frame_index, masks)

    def _order(self, last: int, reverse: bool) -> Iterable[int]:
        """Yield the frames from the first prompted one to `last`; backward, decode them in blocks."""
        if not reverse:
            yield from range(self._start, last + 1)
            return
        for frame_index in range(self._start, last - 1, -1):
            if frame_index != self._start and not (self._features and self._features.has(frame_index)):
                self._images.prefetch_before(frame_index, first=last)
            yield frame_index

    def _add_given(self, plan: ObjectPlan, frame_index: int) -> None:
        """Give the predictor what is known of one object on one frame, if anything."""
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
        """Give the predictor a box or clicks; on a tracked frame they correct the mask that is there."""
        points = np.array([(click.x, click.y) for click in prompt.clicks], np.float32).reshape(-1, 2)
        labels = np.array([click.is_positive for click in prompt.clicks], np.int32)
        box = None if prompt.box is None else np.array(prompt.box.xyxy, np.float32)
        self._model.add_new_points_or_box(
            self.state, frame_index, plan.object_id, points=points, labels=labels, box=box
        )

    def _track(self, plan: ObjectPlan, frame_index: int, reverse: bool) -> None:
        """Track one object into one frame from memory, unless prompts or a locked mask say what is there."""
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
        """Compute the outputs of all objects that read the same frames, each group in one batch."""
        steps = []
        for plan in self._plans:
            outputs = self.state["output_dict_per_obj"][self.state["obj_id_to_idx"][plan.object_id]]
            if frame_index in outputs["cond_frame_outputs"] or frame_index in plan.absent:
                continue
            ahead = -1 if reverse else 1
            near = {
                index: output
                for index, output in outputs["non_cond_frame_outputs"].items()
                if 0 < ahead * (frame_index - index) <= self._reach
            }
            steps.append((plan, Step(frame_index, reverse, outputs["cond_frame_outputs"], near)))
        for group in group_by_layout(steps):
            if len(group) > 1:
                found = infer_batch(self._model, self.state, [step for _, step in group])
                self._batch_outputs |= {
                    (plan.object_id, frame_index): output for (plan, _), output in zip(group, found, strict=True)
                }

    def _read_mask(self, plan: ObjectPlan, frame_index: int) -> ObjectMask:
        """Return the mask and score of a frame that was tracked or given."""
        return self.mask_of(plan, frame_index, self._output(plan, frame_index))

    def mask_of(self, plan: ObjectPlan, frame_index: int, output: Output) -> ObjectMask:
        """Return the mask and score that an output stands for; fixed masks come out as they went in."""
        if frame_index in plan.absent:
            return ObjectMask(self._empty, ABSENT_SCORE)
        score = float(output["object_score_logits"])
        if frame_index in plan.locked:
            return ObjectMask(plan.locked[frame_index], score)
        _, logits = self._model._get_orig_video_res_output(self.state, output["pred_masks"])
        columns = (logits[0, 0] > 0).t().contiguous()  # run lengths go by column
        return ObjectMask(encode_mask(columns.cpu().numpy().T), score)

    def infer(self, outputs: dict[str, Any], frame_index: int, reverse: bool, *, is_absent: bool) -> Output:
        """Return the predictor's output for one object on one frame.

        An absent frame goes into memory as an empty mask and as an ordinary frame, which is how SAM2 remembers an
        occlusion: as a conditioning frame it would tell all other frames that the object is nowhere.
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

    def _keep_output(self, plan: ObjectPlan, frame_index: int, reverse: bool, frames: FrameRange) -> None:
        """Hand an output on for later corrections, if it is what a run over the whole video would give.

        Backward frames read those after the first one, which a range may have cut off.
        """
        whole_lead = frames[1] == self.state["num_frames"] or frames[1] > self._start + self._reach
        if self._keep is not None and not plan.corrections and (whole_lead or not reverse):
            self._keep(plan, frame_index, self._output(plan, frame_index))

    def _drop_old(self, frame_index: int, reverse: bool) -> None:
        """Drop the memory of the frame that no later frame can read."""
        old = frame_index + self._reach if reverse else frame_index - self._reach
        if reverse or old > self._start + self._reach:
            for outputs in self.state["output_dict_per_obj"].values():
                outputs["non_cond_frame_outputs"].pop(old, None)

    def _forget_tracked(self) -> None:
        """Drop the memory of all frames but the conditioning ones."""
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
    """Return an inference state as stock's `init_state` does, without loading or encoding a frame.

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
def computing(device: torch.device) -> Iterator[None]:
    """Switch gradients off and, on CUDA, bfloat16 autocast on. Never around a yield: both belong to the thread."""
    is_cuda = device.type == "cuda"
    with torch.inference_mode(), torch.autocast(device.type, dtype=choose_dtype(device), enabled=is_cuda):
        yield
