"""Objects through the networks in one batch, where memory attention reads the same frames for each of them.

Stock tracks objects one by one, as do we unless asked otherwise: a batch gives other last bits. On a GPU, where one
object leaves most of it idle, a batch takes little longer than one object.
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
    """One object's next frame and all that it is computed from: outputs by frame, conditioning and tracked ones."""

    frame_index: int
    reverse: bool
    given: dict[int, Output]
    near: dict[int, Output]

    @property
    def layout(self) -> Hashable:
        """What steps must have in common to be computed together."""
        return (self.frame_index, self.reverse, tuple(self.given), tuple(sorted(self.near)))


def can_batch(model: SAM2VideoPredictor) -> bool:
    """Tell whether objects do not meet inside the networks, as they would where masks must not overlap."""
    return not (model.non_overlap_masks_for_mem_enc or model.non_overlap_masks)


def group_by_layout(steps: Sequence[tuple[Owner, Step]]) -> list[list[tuple[Owner, Step]]]:
    """Return the steps in groups that can be computed together, in the order of their first members."""
    groups: dict[Hashable, list[tuple[Owner, Step]]] = {}
    for owner, step in steps:
        groups.setdefault(step.layout, []).append((owner, step))
    return list(groups.values())


def infer_batch(model: SAM2VideoPredictor, state: dict[str, Any], steps: Sequence[Step]) -> list[Output]:
    """Return the predictor's output for each of the steps, which have one layout.

    Args:
        model: the predictor.
        state: an inference state of the video; what it holds of objects is not read.
        steps: one for each object.
    """
    first = steps[0]
    outputs = {
        "cond_frame_outputs": {index: _stack([step.given[index] for step in steps]) for index in first.given},
        "non_cond_frame_outputs": {index: _stack([step.near[index] for step in steps]) for index in first.near},
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
    return [_take(output, number) for number in range(len(steps))]


def _stack(outputs: Sequence[Output]) -> Output:
    """Return one output for all objects: what memory attention reads of it."""
    return {
        "maskmem_features": torch.cat([output["maskmem_features"] for output in outputs]),
        "maskmem_pos_enc": [level.expand(len(outputs), -1, -1, -1) for level in outputs[0]["maskmem_pos_enc"]],
        "obj_ptr": torch.cat([output["obj_ptr"] for output in outputs]),
    }


def _take(output: Output, number: int) -> Output:
    """Return one object's part, with memory of its own, so that keeping it keeps no other."""
    kept = ("maskmem_features", "pred_masks", "obj_ptr", "object_score_logits")
    part: Output = {name: output[name][number : number + 1].clone() for name in kept}
    return part | {"maskmem_pos_enc": [level[:1] for level in output["maskmem_pos_enc"]]}
