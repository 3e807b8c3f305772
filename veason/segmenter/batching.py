"""Batched inference: several objects go through the networks together if memory attention reads the same frames.

The default is one object at a time, as in stock SAM2, because a batch changes the last bits of the results. On a GPU a
batch takes little longer than a single object, which leaves most of the device idle.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from veason.segmenter.memories import Output

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

Owner = TypeVar("Owner")


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The inputs from which one object's output on one frame is computed.

    Attributes:
        frame_index: the frame to compute, 0-based.
        reverse: True in the backward pass.
        conditioning: outputs of conditioning frames, by frame index.
        tracked: outputs of tracked frames within reach of memory attention, by frame index.
    """

    frame_index: int
    reverse: bool
    conditioning: dict[int, Output]
    tracked: dict[int, Output]

    @property
    def layout(self) -> Hashable:
        """A key that is equal for steps that can be computed in one batch."""
        return (self.frame_index, self.reverse, tuple(self.conditioning), tuple(sorted(self.tracked)))


def can_batch(model: SAM2VideoPredictor) -> bool:
    """Tell whether objects are independent inside the networks; non-overlap constraints would couple them.

    A model with a memory selection cannot: each object selects frames of its own.
    """
    return not (model.non_overlap_masks_for_mem_enc or model.non_overlap_masks or hasattr(model, "choice"))


def group_by_layout(steps: Sequence[tuple[Owner, Step]]) -> list[list[tuple[Owner, Step]]]:
    """Group steps that can be computed in one batch; groups keep the order of their first members."""
    groups: dict[Hashable, list[tuple[Owner, Step]]] = {}
    for owner, step in steps:
        groups.setdefault(step.layout, []).append((owner, step))
    return list(groups.values())


def infer_batch(model: SAM2VideoPredictor, state: dict[str, Any], steps: Sequence[Step]) -> list[Output]:
    """Return the predictor's output for each step. All steps must have the same `layout`.

    Args:
        model: the predictor.
        state: an inference state of the video; its per-object entries are not read.
        steps: one per object.
    """
    first = steps[0]
    outputs = {
        "cond_frame_outputs": {
            index: _stack([step.conditioning[index] for step in steps]) for index in first.conditioning
        },
        "non_cond_frame_outputs": {index: _stack([step.tracked[index] for step in steps]) for index in first.tracked},
    }
    output, _ = model._run_single_frame_inference(
        inference_state=state,
        output_dict=outputs,
        frame_idx=first.frame_index,
        batch_size=len(steps),
        is_init_cond_frame=False,
        point_inputs=None,
        mask_inputs=None,
        reverse=first.reverse,
        run_mem_encoder=True,
    )
    return [_select(output, number) for number in range(len(steps))]


def _stack(outputs: Sequence[Output]) -> Output:
    """Concatenate the entries that memory attention reads, along the batch dimension."""
    return {
        "maskmem_features": torch.cat([output["maskmem_features"] for output in outputs]),
        "maskmem_pos_enc": [level.expand(len(outputs), -1, -1, -1) for level in outputs[0]["maskmem_pos_enc"]],
        "obj_ptr": torch.cat([output["obj_ptr"] for output in outputs]),
    }


def _select(output: Output, number: int) -> Output:
    """Return one object's entries, copied so that keeping them does not keep the whole batch in memory."""
    kept = ("maskmem_features", "pred_masks", "obj_ptr", "object_score_logits")
    part: Output = {name: output[name][number : number + 1].clone() for name in kept}
    return part | {"maskmem_pos_enc": [level[:1] for level in output["maskmem_pos_enc"]]}
