"""A SAM2 that chooses what it remembers and looks where the object can be, without any training.

Stock reads the last frames whatever they show, so that one flood or jump to a look-alike teaches all later frames.
Here a tracked frame is remembered only while its mask is plausible beside those before it, and a mask may not leave the
surroundings of the one before it. What is chosen on a frame follows from the prompted frames and the outputs of at most
`reach` frames before it, so that a part of a video gives the same masks as the whole.

Related: SAMURAI (Yang et al., arXiv 2411.11922: memories by the network's own scores, and by motion) and DAM4SAM
(Videnovic et al., CVPR 2025: recent memories a few frames apart, none of a frame without the object).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from sam2.sam2_video_predictor import SAM2VideoPredictor

from veason.segmenter.choice import MemoryChoice
from veason.segmenter.memories import Output

NO_MASK = -10.0
"""The logit of a pixel that no mask may take."""

QUALITY = "predicted_iou"
"""Where an output holds the IoU that the network expects of its mask, `(1,)`."""


class SelectivePredictor(SAM2VideoPredictor):  # type: ignore[misc]
    """sam2's video predictor with a `MemoryChoice`; `choose_memories` makes one of a stock predictor."""

    choice: MemoryChoice

    def _prepare_memory_conditioned_features(self, **given: Any) -> torch.Tensor:
        if not given["is_init_cond_frame"]:
            outputs = given["output_dict"]
            chosen = self._chosen(given["frame_idx"], outputs, given["track_in_reverse"])
            given["output_dict"] = {**outputs, "non_cond_frame_outputs": chosen}
        features: torch.Tensor = super()._prepare_memory_conditioned_features(**given)
        return features

    def _run_single_frame_inference(self, **given: Any) -> tuple[Output, torch.Tensor]:
        output, masks = super()._run_single_frame_inference(**given)
        return output | {QUALITY: given["output_dict"].pop(QUALITY)}, masks

    def _track_step(self, frame_idx: int, is_init_cond_frame: bool, *args: Any) -> tuple[Any, ...]:
        _, _, _, points, mask, output_dict, _, reverse, _ = args
        current, heads, *rest = super()._track_step(frame_idx, is_init_cond_frame, *args)
        output_dict[QUALITY] = heads[2].amax(1)  # of the mask that is taken, if there are several
        if not is_init_cond_frame and points is None and mask is None and self.choice.margin:
            heads = self._bounded(heads, self._surroundings(frame_idx, output_dict, reverse))
        return current, heads, *rest

    def _chosen(self, frame_index: int, outputs: Mapping[str, Any], reverse: bool) -> dict[int, Output]:
        """Return the good outputs nearest to a frame, under the indices at which stock looks for the last ones.

        Prompted frames on the way keep their place there, which stays empty: they are read anyway.
        """
        prompted = outputs["cond_frame_outputs"]
        known = {**outputs["non_cond_frame_outputs"], **prompted}
        before = list(self._before(frame_index, known, reverse))
        areas = [_area(output) for output in (*(output for _, output in before), *prompted.values())]
        seen = sorted(area for area in areas if area)
        reference = seen[len(seen) // 2] if seen else 0
        step = 1 if reverse else -1
        kept = [
            (frame_index + step * distance, output)
            for distance, output in before
            if frame_index + step * distance in prompted or self._is_good(output, reference)
        ]
        apart = [*kept[:1], *(one for one in kept[1:] if one[0] % self.choice.every == 0)]
        memories = apart[: min(self.choice.recent, self.num_maskmem - 1)]
        sides = [[None if index in prompted else output for index, output in side] for side in (memories, kept)]
        places = enumerate(itertools.zip_longest(sides[0], sides[1][: self.choice.pointers]), 1)
        return {frame_index + step * place: _joined(*both) for place, both in places if both != (None, None)}

    def _is_good(self, output: Output, reference: int) -> bool:
        """Tell whether a tracked frame may be remembered."""
        if self.choice.is_choosy and float(output["object_score_logits"].min()) <= 0:
            return False
        least, most = self.choice.least_area * reference, self.choice.most_area * reference
        return least <= _area(output) <= most and float(output[QUALITY].min()) >= self.choice.least_quality

    def _before(self, frame_index: int, outputs: Mapping[int, Output], reverse: bool) -> Iterator[tuple[int, Output]]:
        """Yield the outputs on the way to a frame with their distance, nearest first."""
        step = 1 if reverse else -1
        for distance in range(1, self.choice.reach + 1):
            output = outputs.get(frame_index + step * distance)
            if output is not None:
                yield distance, output

    def _surroundings(self, frame_index: int, outputs: Mapping[str, Any], reverse: bool) -> torch.Tensor | None:
        """Return where the object can be, as an `(h, w)` bool mask of the decoder's size; None where nobody knows."""
        known = {**outputs["non_cond_frame_outputs"], **outputs["cond_frame_outputs"]}
        for distance, output in self._before(frame_index, known, reverse):
            shown = output["pred_masks"][0, 0] > 0
            if not shown.any():
                continue
            far = self.choice.margin * distance**0.5
            return _widened(shown.any(1), far)[:, None] & _widened(shown.any(0), far)[None]
        return None

    def _bounded(self, heads: tuple[Any, ...], inside: torch.Tensor | None) -> tuple[Any, ...]:
        """Return the decoder's results with no mask outside the surroundings."""
        if inside is None:
            return heads
        several, fine_several, ious, masks, _, pointer, score = heads
        masks = torch.where(inside.to(masks.device), masks, masks.clamp(max=NO_MASK))
        size = (self.image_size, self.image_size)
        fine = F.interpolate(masks, size, mode="bilinear", align_corners=False)
        return several, fine_several, ious, masks, fine, pointer, score


def choose_memories(model: SAM2VideoPredictor, choice: MemoryChoice) -> SelectivePredictor:
    """Return `model` itself, as one that chooses its memories; its weights stay what they are."""
    model.__class__ = SelectivePredictor
    model.choice = choice
    model.memory_temporal_stride_for_eval = 1  # the choice says which frames are read
    assert isinstance(model, SelectivePredictor)
    return model


def _joined(memory: Output | None, pointer: Output | None) -> Output:
    """Return an output with the memory of one frame and the object pointer of another.

    Stock reads both from one place. Without a memory it finds one of no pixels; there is no such pointer, so that a
    memory alone comes with its own.
    """
    if memory is None:
        assert pointer is not None
        nothing = [level[..., :0, :0] for level in pointer["maskmem_pos_enc"]]
        return pointer | {"maskmem_features": pointer["maskmem_features"][..., :0, :0], "maskmem_pos_enc": nothing}
    return memory if pointer is None else memory | {"obj_ptr": pointer["obj_ptr"]}


def _area(output: Output) -> int:
    """Return the pixels of an output's mask, at the decoder's size."""
    return int((output["pred_masks"] > 0).sum())


def _widened(line: torch.Tensor, share: float) -> torch.Tensor:
    """Return the `(n,)` bool stretch from the first to the last set place, wider by a share of it and by two places."""
    places = torch.nonzero(line)[:, 0]
    first, last = int(places[0]), int(places[-1])
    margin = share * (last + 1 - first) + 2
    index = torch.arange(len(line), device=line.device)
    return (index >= first - margin) & (index <= last + margin)
