"""A SAM2 that chooses what it remembers and looks where the object can be, without any training.

Stock reads the last frames whatever they show, so that one flood or jump to a look-alike teaches all later frames.
Here a tracked frame is remembered only while its mask is plausible beside those before it, and a mask may not leave the
surroundings of the one before it. What is chosen on a frame follows from the prompted frames and the outputs of at most
`reach` frames before it, so that a part of a video gives the same masks as the whole.

Related: SAMURAI (Yang et al., arXiv 2411.11922: motion, memories by score) and DAM4SAM (Videnovic et al., CVPR 2025).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from sam2.sam2_video_predictor import SAM2VideoPredictor

from veason.segmenter.choice import MemoryChoice
from veason.segmenter.memories import Output

NO_MASK = -10.0
"""The logit of a pixel that no mask may take."""


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

    def _track_step(self, frame_idx: int, is_init_cond_frame: bool, *args: Any) -> tuple[Any, ...]:
        _, _, _, points, mask, output_dict, _, reverse, _ = args
        current, heads, *rest = super()._track_step(frame_idx, is_init_cond_frame, *args)
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
            None if frame_index + step * distance in prompted else output
            for distance, output in before
            if frame_index + step * distance in prompted or self._is_good(output, reference)
        ]
        memories, pointers = kept[: min(self.choice.recent, self.num_maskmem - 1)], kept[: self.choice.pointers]
        placed = [*enumerate(memories, 1)]
        # stock reads memory and pointer up to num_maskmem - 1 places back, and pointers alone beyond
        placed += enumerate(pointers[len(memories) :], max(len(memories) + 1, self.num_maskmem))
        return {frame_index + step * place: output for place, output in placed if output is not None}

    def _is_good(self, output: Output, reference: int) -> bool:
        """Tell whether a tracked frame may be remembered."""
        is_there = not self.choice.least_area or float(output["object_score_logits"].min()) > 0
        least, most = self.choice.least_area * reference, self.choice.most_area * reference
        return is_there and least <= _area(output) <= most

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
