"""Nearest frames first, exactly: the masks of stock SAM2, each computed from only what it depends on.

The masks are those of the stock predictor after this history: the prompts that stand alone and the locked masks, both
passes; then, for each correction in the order given, its clicks and both passes from its frame, which may be stopped
before the ends of the video: beyond, the layer before stays. A layer is the video after one such step. An output of a
layer depends on the frames that memory attention reads: up to `back` frames toward the layer's centre and, past the
centre, those of the layer before. So a mask near a correction needs none of the frames far from it, and what an earlier
call computed under the same history is taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from veason.segmenter.batching import Step, group_by_layout, infer_batch
from veason.segmenter.identity import Scope
from veason.segmenter.memories import Output, TrackMemories, digest_correction, digest_passes, digest_plan
from veason.segmenter.order import NearestFirst
from veason.segmenter.prompts import ObjectPlan, has_shape
from veason.segmenter.tracker import GroupTracker, computing
from veason.types import Bounds, FrameMasks, FrameRange, ObjectMask, Prompt

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor


@dataclass(slots=True, eq=False)
class Layer:
    """The video after one step of a history: where its passes begin and end, what conditions it, outputs at hand."""

    centre: int
    digest: str
    correction: Prompt | None
    frames: FrameRange
    given: dict[int, Output] = field(default_factory=dict)
    outputs: dict[int, Output] = field(default_factory=dict)


class ObjectHistory:
    """One object's layers over one video. Outputs are computed when they are asked for; any order gives the same."""

    def __init__(
        self,
        model: SAM2VideoPredictor,
        tracker: GroupTracker,
        plan: ObjectPlan,
        memories: TrackMemories | None,
        scope: Scope | None,
    ) -> None:
        self._model = model
        self._tracker = tracker
        self.plan = plan
        self._memories = memories
        self._scope = scope
        self._num_frames: int = tracker.state["num_frames"]
        self._pending: Output | None = None
        self._clicked = 0
        self.back = frames_read_back(model)
        whole = (0, self._num_frames)
        digest = digest_plan(plan)
        self._layers = [Layer(plan.start, digest, None, whole)]
        for frame_index, correction in plan.corrections.items():
            digest = digest_correction(digest, correction)
            frames = plan.passes.get(frame_index, whole)
            self._layers.append(Layer(frame_index, digest, correction, frames))
            digest = digest if frames == whole else digest_passes(digest, frames)
        self._last = len(self._layers) - 1

    @property
    def centre(self) -> int:
        """The frame from which the last passes run: the last correction, or the first prompt."""
        return self._layers[-1].centre

    @property
    def prompted(self) -> frozenset[int]:
        """The frames beside the centre whose masks are known once the prompts have been run."""
        return frozenset({*self.plan.prompts, *self.plan.corrections, *self.plan.locked} - {self.centre})

    def narrow(self, frames: FrameRange) -> None:
        """Stop the last passes at a half-open range; they have not gone beyond it."""
        if self._last > 0:
            self._layers[-1].frames = frames

    def prepare(self) -> ObjectMask:
        """Run the prompts and corrections and return the mask on the centre, which no pass changes any more."""
        with computing(self._model.device):
            self._condition()
            for number in range(1, len(self._layers)):
                self._finish_click()
                self._click(number)
            return self._mask(self.centre, self._pending or self._layers[-1].given[self.centre])

    def mask(self, frame_index: int) -> ObjectMask:
        """Return the final mask on a frame, equal to stock's."""
        with computing(self._model.device):
            self._finish_click()
            self._ensure(self._last, frame_index)
            found = self._mask(frame_index, self._find(self._last, frame_index))
        self._prune(self._last, frame_index)
        return found

    def step(self, frame_index: int) -> Step | None:
        """Return what a frame's output is computed from, None where it is at hand or an absent one."""
        with computing(self._model.device):
            self._finish_click()
            if frame_index in self.plan.absent or self._find(self._last, frame_index) is not None:
                return None
            layer = self._layers[-1]
            reverse = frame_index < layer.centre
            return Step(frame_index, reverse, dict(layer.given), self._read_back(self._last, frame_index, reverse))

    def infer(self, steps: Sequence[Step]) -> list[Output]:
        """Return the outputs of steps of this and other objects of the same video."""
        with computing(self._model.device):
            return infer_batch(self._model, self._tracker.state, steps)

    def take(self, frame_index: int, output: Output) -> None:
        """Take an output that was computed elsewhere, from what `step` said."""
        self._layers[-1].outputs[frame_index] = output
        self._store(self._layers[-1], frame_index, output)

    def _mask(self, frame_index: int, output: Output | None) -> ObjectMask:
        assert output is not None, "computed just before"
        return self._tracker.mask_of(self.plan, frame_index, output)

    def _condition(self) -> None:
        """Run the prompts that stand alone and the locked masks, or take what an earlier call made of them."""
        base = self._layers[0]
        frames = sorted({*self.plan.prompts, *self.plan.locked})
        kept = {index: self._recall(base, index) for index in frames}
        if all(kept.values()):
            self._model._obj_id_to_idx(self._tracker.state, self.plan.object_id)
            base.given = {index: output for index, output in kept.items() if output is not None}
            return
        self._tracker.condition()
        base.given = dict(self._outputs["cond_frame_outputs"])
        for index, output in base.given.items():
            self._store(base, index, output)

    def _click(self, number: int) -> None:
        """Apply a correction to the masks of the layer before, as a person clicks on a tracked frame in stock SAM2.

        The mask is there afterwards, its memory is not: that takes another network, which need not be waited for.
        """
        before, layer = self._layers[number - 1], self._layers[number]
        assert layer.correction is not None
        output = self._recall(layer, layer.centre)
        if output is not None:
            layer.given = {**before.given, layer.centre: output}
            return
        state = self._tracker.state
        if has_shape(layer.correction):
            self._set_state(before.given, {})
            state["frames_tracked_per_obj"][0] = {}
        else:
            below = self._covering(number - 1, layer.centre)
            reverse = layer.centre < self._layers[below].centre
            self._ensure(below, layer.centre)
            tracked = self._find(below, layer.centre)
            assert tracked is not None, "ensured"
            near = self._read_back(number - 1, layer.centre, reverse, after_both_passes=True)
            self._set_state(before.given, {**near, layer.centre: tracked})
            state["frames_tracked_per_obj"][0] = {layer.centre: {"reverse": reverse}}
        if layer.correction.mask is not None:
            self._tracker.add_mask(self.plan, layer.centre, layer.correction.mask)
        else:
            self._tracker.add_points(self.plan, layer.centre, layer.correction)
        self._pending = state["temp_output_dict_per_obj"][0]["cond_frame_outputs"][layer.centre]
        self._clicked = number

    def _finish_click(self) -> None:
        """Encode the last click's mask into memory."""
        if self._pending is None:
            return
        layer = self._layers[self._clicked]
        self._model.propagate_in_video_preflight(self._tracker.state)
        layer.given = dict(self._outputs["cond_frame_outputs"])
        self._store(layer, layer.centre, layer.given[layer.centre])
        self._pending = None

    def _covering(self, number: int, frame_index: int) -> int:
        """Return which layer holds a frame: the given one, or below it the first whose passes reached that far."""
        while number > 0:
            start, stop = self._layers[number].frames
            if start <= frame_index < stop:
                break
            number -= 1
        return number

    def _digest(self, layer: Layer, frame_index: int) -> str:
        """Return the digest of an output: a backward pass reads how far the forward pass went, where that is near."""
        stop = layer.frames[1]
        is_cut = frame_index < layer.centre and stop < min(self._num_frames, layer.centre + self.back)
        return digest_passes(layer.digest, (layer.centre, stop)) if is_cut else layer.digest

    def _ensure(self, number: int, frame_index: int) -> None:
        """Compute an output of a layer, and of the frames between it and the centre those that it depends on."""
        layer = self._layers[number]
        if frame_index == layer.centre or self._find(number, frame_index) is not None:
            return
        step = 1 if frame_index > layer.centre else -1
        begin, run = frame_index, 0
        for index in range(frame_index - step, layer.centre, -step):
            if run == self.back:
                break
            is_known = self._find(number, index) is not None
            run = run + 1 if is_known else 0
            begin = begin if is_known else index
        for index in range(begin, frame_index + step, step):
            if self._find(number, index) is None:
                near = self._read_back(number, index, reverse=step < 0)
                output = self._infer(number, index, near, reverse=step < 0)
                layer.outputs[index] = output
                self._store(layer, index, output)
                self._prune(number, index)

    def _read_back(
        self, number: int, frame_index: int, reverse: bool, *, after_both_passes: bool = False
    ) -> dict[int, Output]:
        """Return the tracked outputs that memory attention may read from `frame_index`.

        Past the centre a forward pass finds what the layer before left there; a backward pass, or a click after both,
        finds what this layer has there.
        """
        layer = self._layers[number]
        found = {}
        for index in reversed(self._neighbours(frame_index, reverse)):
            if index in layer.given:
                continue
            is_overwritten_later = not reverse and not after_both_passes and index < layer.centre
            source = self._covering(number - 1 if is_overwritten_later else number, index)
            if source < 0:
                continue
            self._ensure(source, index)
            output = self._find(source, index)
            assert output is not None, "ensured"
            found[index] = output
        return found

    def _neighbours(self, frame_index: int, reverse: bool) -> list[int]:
        """Return the frames that memory attention may read, nearest first."""
        step = 1 if reverse else -1
        indices = (frame_index + step * distance for distance in range(1, self.back + 1))
        return [index for index in indices if 0 <= index < self._num_frames]

    def _infer(self, number: int, frame_index: int, near: dict[int, Output], reverse: bool) -> Output:
        self._set_state(self._layers[number].given, near)
        return self._tracker.infer(self._outputs, frame_index, reverse, is_absent=frame_index in self.plan.absent)

    def _find(self, number: int, frame_index: int) -> Output | None:
        """Return an output that is at hand, and hold it while it may be read."""
        layer = self._layers[number]
        output = layer.given.get(frame_index) or layer.outputs.get(frame_index)
        if output is None:
            output = self._recall(layer, frame_index)
            if output is not None:
                layer.outputs[frame_index] = output
        return output

    def _recall(self, layer: Layer, frame_index: int) -> Output | None:
        if self._memories is None or self._scope is None:
            return None
        return self._memories.get(self._scope, self._digest(layer, frame_index), frame_index)

    def _store(self, layer: Layer, frame_index: int, output: Output) -> None:
        if self._memories is not None and self._scope is not None:
            self._memories.put(self._scope, self._digest(layer, frame_index), frame_index, output)

    @property
    def _outputs(self) -> dict[str, dict[int, Output]]:
        outputs: dict[str, dict[int, Output]] = self._tracker.state["output_dict_per_obj"][0]
        return outputs

    def _set_state(self, given: dict[int, Output], tracked: dict[int, Output]) -> None:
        self._outputs["cond_frame_outputs"] = dict(given)
        self._outputs["non_cond_frame_outputs"] = dict(tracked)

    def _prune(self, number: int, frame_index: int) -> None:
        """Let go of outputs that nothing near can read: far from this frame and from the centres."""
        layer = self._layers[number]
        centres = [one.centre for one in self._layers[number : number + 2]]
        far = [
            index
            for index in layer.outputs
            if all(abs(index - anchor) > 2 * self.back for anchor in (*centres, frame_index))
        ]
        for index in far:
            del layer.outputs[index]


def frames_read_back(model: SAM2VideoPredictor) -> int:
    """Return how many frames back memory attention reads: 15 object pointers, or the memories where they reach farther.

    Source: sam2/modeling/sam2_base.py `_prepare_memory_conditioned_features` (sam2 1.1.0).
    """
    return int(max(model.max_obj_ptrs_in_encoder - 1, model.num_maskmem * model.memory_temporal_stride_for_eval))


def track_nearest(
    histories: Iterable[ObjectHistory],
    frames: FrameRange,
    cursor: Callable[[], int] | None,
    bounds: Bounds | None = None,
    *,
    batched: bool = False,
) -> Iterator[FrameMasks]:
    """Yield each object's centre, then its frames by distance from the cursor; a cursor of None stays on the centres.

    Where the cursor begins on another frame with a prompt, that one comes before them: no pass changes its mask.
    `bounds` is asked before each frame which ones of an object are still wanted. `batched` computes objects together
    where they are at the same frame.
    """
    walks = {}
    first = None if cursor is None else cursor()
    is_early = set()
    for history in histories:
        mask = history.prepare()
        walks[history] = NearestFirst(history.centre, frames, history.back - 1)
        if first is not None and frames[0] <= first < frames[1] and first in history.prompted:
            is_early.add((history, first))
            yield FrameMasks(first, {history.plan.object_id: history.mask(first)})
        if frames[0] <= history.centre < frames[1]:
            walks[history].next(history.centre)
            yield FrameMasks(history.centre, {history.plan.object_id: mask})
    while walks:
        arrived: dict[int, dict[int, ObjectMask]] = {}
        turn: list[tuple[ObjectHistory, int]] = []
        for history, walk in list(walks.items()):
            if bounds is not None:
                walk.narrow(bounds(history.plan.object_id))
                history.narrow(walk.frames)
            frame_index = walk.next(history.centre if cursor is None else cursor())
            if frame_index is None:
                del walks[history]
            elif (history, frame_index) not in is_early:
                turn.append((history, frame_index))
        if batched:
            _compute_batch(turn)
        for history, frame_index in turn:
            arrived.setdefault(frame_index, {})[history.plan.object_id] = history.mask(frame_index)
        for frame_index, masks in arrived.items():
            yield FrameMasks(frame_index, masks)


def _compute_batch(turn: Iterable[tuple[ObjectHistory, int]]) -> None:
    """Compute the frames of a turn, objects alike in one batch; one that is alone is left for its own turn."""
    wanted = ((history, history.step(frame_index)) for history, frame_index in turn)
    for group in group_by_layout([(history, step) for history, step in wanted if step is not None]):
        if len(group) > 1:
            for (history, step), output in zip(group, group[0][0].infer([step for _, step in group]), strict=True):
                history.take(step.frame_index, output)
