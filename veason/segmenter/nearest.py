"""Tracking in the order "nearest": the exact masks of stock SAM2, each computed from only the frames it depends on.

The masks equal those of the stock predictor after these steps: first the independent prompts and the locked masks, then
both passes; then for each correction, in the given order, its clicks and both passes from its frame. Passes may end
before the ends of the video: beyond, the previous layer stays. A layer is the state of the video after one such step.
An output of a layer depends on the frames that memory attention reads: up to `num_frames_back` frames toward the
layer's centre and, beyond the centre, frames of the previous layer. A mask near a correction therefore needs no distant
frames, and outputs that an earlier call cached for the same history are reused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from veason.segmenter.batching import Step, group_by_layout, infer_batch
from veason.segmenter.choice import frames_read_back
from veason.segmenter.identity import Scope
from veason.segmenter.memories import Output, TrackMemories, digest_correction, digest_passes, digest_plan
from veason.segmenter.order import NearestFirstOrder
from veason.segmenter.prompts import ObjectPlan, has_shape
from veason.segmenter.tracker import GroupTracker, inference_context
from veason.types import Bounds, FrameMasks, FrameRange, ObjectMask, Prompt

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor


@dataclass(slots=True, eq=False)
class Layer:
    """The state of the video after one step of an object's history.

    Attributes:
        centre: the frame from which the passes of this step run.
        digest: the digest of the history up to this step.
        correction: the correction of this step, None for the first layer.
        frames: the half-open range that the passes of this step cover.
        conditioning: outputs of conditioning frames, by frame index.
        outputs: outputs computed or looked up so far, by frame index.
    """

    centre: int
    digest: str
    correction: Prompt | None
    frames: FrameRange
    conditioning: dict[int, Output] = field(default_factory=dict)
    outputs: dict[int, Output] = field(default_factory=dict)


class ObjectHistory:
    """One object's layers over one video. Outputs are computed on demand; the order of calls does not change them."""

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
        self._pending_output: Output | None = None
        self._corrected_layer = 0
        self.num_frames_back = frames_read_back(model)
        whole = (0, self._num_frames)
        digest = digest_plan(plan)
        self._layers = [Layer(plan.start, digest, None, whole)]
        for frame_index, correction in plan.corrections.items():
            digest = digest_correction(digest, correction)
            covered = plan.passes.get(frame_index, whole)
            self._layers.append(Layer(frame_index, digest, correction, covered))
            digest = digest if covered == whole else digest_passes(digest, covered)
        self._last = len(self._layers) - 1

    @property
    def centre(self) -> int:
        """The frame from which the last passes run: that of the last correction, else of the first prompt."""
        return self._layers[-1].centre

    @property
    def fixed_frames(self) -> frozenset[int]:
        """The frames other than the centre whose masks are final after `prepare`, because no pass changes them."""
        return frozenset({*self.plan.prompts, *self.plan.corrections, *self.plan.locked} - {self.centre})

    def narrow(self, frames: FrameRange) -> None:
        """End the last passes at a half-open range, beyond which they have not gone yet."""
        if self._last > 0:
            self._layers[-1].frames = frames

    def prepare(self) -> ObjectMask:
        """Run the prompts and corrections; return the mask on the centre, which is final."""
        with inference_context(self._model.device):
            self._condition()
            for number in range(1, len(self._layers)):
                self._finish_correction()
                self._correct(number)
            return self._mask(self.centre, self._pending_output or self._layers[-1].conditioning[self.centre])

    def mask(self, frame_index: int) -> ObjectMask:
        """Return the final mask on a frame; it equals stock's."""
        with inference_context(self._model.device):
            self._finish_correction()
            self._ensure(self._last, frame_index)
            found = self._mask(frame_index, self._find(self._last, frame_index))
        self._prune(self._last, frame_index)
        return found

    def step(self, frame_index: int) -> Step | None:
        """Return the inputs of a frame's output, or None if it is already computed or the object is marked absent."""
        with inference_context(self._model.device):
            self._finish_correction()
            if frame_index in self.plan.absent or self._find(self._last, frame_index) is not None:
                return None
            layer = self._layers[-1]
            reverse = frame_index < layer.centre
            return Step(
                frame_index, reverse, dict(layer.conditioning), self._read_back(self._last, frame_index, reverse)
            )

    def infer(self, steps: Sequence[Step]) -> list[Output]:
        """Return the outputs of steps, which may belong to other objects of the same video, in one batch."""
        with inference_context(self._model.device):
            return infer_batch(self._model, self._tracker.state, steps)

    def accept_output(self, frame_index: int, output: Output) -> None:
        """Store an output that `infer` computed for `step(frame_index)`."""
        self._layers[-1].outputs[frame_index] = output
        self._store(self._layers[-1], frame_index, output)

    def _mask(self, frame_index: int, output: Output | None) -> ObjectMask:
        assert output is not None, "the output was computed before"
        return self._tracker.mask_of(self.plan, frame_index, output)

    def _condition(self) -> None:
        """Run the independent prompts and the locked masks, or reuse the cached outputs of an earlier call."""
        base = self._layers[0]
        frames = sorted({*self.plan.prompts, *self.plan.locked})
        cached = {index: self._recall(base, index) for index in frames}
        if all(cached.values()):
            self._model._obj_id_to_idx(self._tracker.state, self.plan.object_id)
            base.conditioning = {index: output for index, output in cached.items() if output is not None}
            return
        self._tracker.condition()
        base.conditioning = dict(self._outputs["cond_frame_outputs"])
        for index, output in base.conditioning.items():
            self._store(base, index, output)

    def _correct(self, number: int) -> None:
        """Apply a correction to the masks of the previous layer, as a click on a tracked frame in stock SAM2.

        This computes the mask only. Its memory, which takes another network, is encoded by `_finish_correction`, so
        that the mask can be shown first.
        """
        before, layer = self._layers[number - 1], self._layers[number]
        assert layer.correction is not None
        output = self._recall(layer, layer.centre)
        if output is not None:
            layer.conditioning = {**before.conditioning, layer.centre: output}
            return
        if has_shape(layer.correction):
            self._set_state(before.conditioning, {})
            self._tracker.state["frames_tracked_per_obj"][0] = {}
        else:
            self._set_tracked(number - 1, layer.centre)
        if layer.correction.mask is not None:
            self._tracker.add_mask(self.plan, layer.centre, layer.correction.mask)
        else:
            self._tracker.add_points(self.plan, layer.centre, layer.correction)
        temporary = self._tracker.state["temp_output_dict_per_obj"][0]
        self._pending_output = temporary["cond_frame_outputs"][layer.centre]
        self._corrected_layer = number

    def _set_tracked(self, number: int, frame_index: int) -> None:
        """Set the predictor's state to a layer after both passes, as it is when a tracked frame is clicked."""
        covering = self._covering(number, frame_index)
        reverse = frame_index < self._layers[covering].centre
        self._ensure(covering, frame_index)
        tracked = self._find(covering, frame_index)
        assert tracked is not None, "ensured"
        readable = self._read_back(number, frame_index, reverse, after_both_passes=True)
        self._set_state(self._layers[number].conditioning, {**readable, frame_index: tracked})
        self._tracker.state["frames_tracked_per_obj"][0] = {frame_index: {"reverse": reverse}}

    def _finish_correction(self) -> None:
        """Encode the mask of the last correction into memory."""
        if self._pending_output is None:
            return
        layer = self._layers[self._corrected_layer]
        self._model.propagate_in_video_preflight(self._tracker.state)
        layer.conditioning = dict(self._outputs["cond_frame_outputs"])
        self._store(layer, layer.centre, layer.conditioning[layer.centre])
        self._pending_output = None

    def _covering(self, number: int, frame_index: int) -> int:
        """Return the layer that holds a frame: the given one, else the first below whose passes covered it."""
        while number > 0 and not self._layers[number].frames[0] <= frame_index < self._layers[number].frames[1]:
            number -= 1
        return number

    def _digest_at(self, layer: Layer, frame_index: int) -> str:
        """Return the digest of an output. A backward pass reads frames beyond a forward pass that ended nearby."""
        stop = layer.frames[1]
        is_cut = frame_index < layer.centre and stop < min(self._num_frames, layer.centre + self.num_frames_back)
        return digest_passes(layer.digest, (layer.centre, stop)) if is_cut else layer.digest

    def _ensure(self, number: int, frame_index: int) -> None:
        """Compute an output of a layer, after the outputs between it and the centre on which it depends."""
        layer = self._layers[number]
        if frame_index == layer.centre or self._find(number, frame_index) is not None:
            return
        step = 1 if frame_index > layer.centre else -1
        begin, run = frame_index, 0
        for index in range(frame_index - step, layer.centre, -step):
            if run == self.num_frames_back:
                break
            is_known = self._find(number, index) is not None
            run = run + 1 if is_known else 0
            begin = begin if is_known else index
        for index in range(begin, frame_index + step, step):
            if self._find(number, index) is None:
                readable = self._read_back(number, index, reverse=step < 0)
                output = self._infer(number, index, readable, reverse=step < 0)
                layer.outputs[index] = output
                self._store(layer, index, output)
                self._prune(number, index)

    def _read_back(
        self, number: int, frame_index: int, reverse: bool, *, after_both_passes: bool = False
    ) -> dict[int, Output]:
        """Return the tracked outputs that memory attention may read from `frame_index`.

        Before the centre a forward pass reads outputs of the previous layer; a backward pass, and a click after both
        passes, read those of this layer.
        """
        layer = self._layers[number]
        found = {}
        for index in reversed(self._neighbours(frame_index, reverse)):
            if index in layer.conditioning:
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
        """Return the indices of the frames that memory attention may read, nearest first."""
        step = 1 if reverse else -1
        indices = (frame_index + step * distance for distance in range(1, self.num_frames_back + 1))
        return [index for index in indices if 0 <= index < self._num_frames]

    def _infer(self, number: int, frame_index: int, readable: dict[int, Output], reverse: bool) -> Output:
        self._set_state(self._layers[number].conditioning, readable)
        return self._tracker.infer(self._outputs, frame_index, reverse, is_absent=frame_index in self.plan.absent)

    def _find(self, number: int, frame_index: int) -> Output | None:
        """Return an output from this layer or from the cache, or None."""
        layer = self._layers[number]
        output = layer.conditioning.get(frame_index) or layer.outputs.get(frame_index)
        if output is None:
            output = self._recall(layer, frame_index)
            if output is not None:
                layer.outputs[frame_index] = output
        return output

    def _recall(self, layer: Layer, frame_index: int) -> Output | None:
        if self._memories is None or self._scope is None:
            return None
        return self._memories.get(self._scope, self._digest_at(layer, frame_index), frame_index)

    def _store(self, layer: Layer, frame_index: int, output: Output) -> None:
        if self._memories is not None and self._scope is not None:
            self._memories.put(self._scope, self._digest_at(layer, frame_index), frame_index, output)

    @property
    def _outputs(self) -> dict[str, dict[int, Output]]:
        outputs: dict[str, dict[int, Output]] = self._tracker.state["output_dict_per_obj"][0]
        return outputs

    def _set_state(self, conditioning: dict[int, Output], tracked: dict[int, Output]) -> None:
        self._outputs["cond_frame_outputs"] = dict(conditioning)
        self._outputs["non_cond_frame_outputs"] = dict(tracked)

    def _prune(self, number: int, frame_index: int) -> None:
        """Drop outputs far from this frame and from the centres, which nearby frames cannot read."""
        layer = self._layers[number]
        centres = [one.centre for one in self._layers[number : number + 2]]
        far = [
            index
            for index in layer.outputs
            if all(abs(index - anchor) > 2 * self.num_frames_back for anchor in (*centres, frame_index))
        ]
        for index in far:
            del layer.outputs[index]


def track_nearest(
    histories: Iterable[ObjectHistory],
    frames: FrameRange,
    cursor: Callable[[], int] | None,
    bounds: Bounds | None = None,
    *,
    batched: bool = False,
) -> Iterator[FrameMasks]:
    """Yield each object's centre, then its other frames by distance from the cursor.

    If the cursor starts on another frame whose mask is final, that frame comes first.

    Args:
        histories: one per object.
        frames: the half-open range of frames to yield.
        cursor: returns the frame index to stay near, read before each frame; None uses each object's centre.
        bounds: returns the frames of an object that are still wanted, read before each frame.
        batched: compute objects that are at the same frame in one batch.
    """
    walks = {}
    first = None if cursor is None else cursor()
    yielded = set()
    for history in histories:
        mask = history.prepare()
        walks[history] = NearestFirstOrder(history.centre, frames, history.num_frames_back - 1)
        if first is not None and frames[0] <= first < frames[1] and first in history.fixed_frames:
            yielded.add((history, first))
            yield FrameMasks(first, {history.plan.object_id: history.mask(first)})
        if frames[0] <= history.centre < frames[1]:
            walks[history].next(history.centre)
            yield FrameMasks(history.centre, {history.plan.object_id: mask})
    while walks:
        found: dict[int, dict[int, ObjectMask]] = {}
        batch: list[tuple[ObjectHistory, int]] = []
        for history, walk in list(walks.items()):
            if bounds is not None:
                walk.narrow(bounds(history.plan.object_id))
                history.narrow(walk.frames)
            frame_index = walk.next(history.centre if cursor is None else cursor())
            if frame_index is None:
                del walks[history]
            elif (history, frame_index) not in yielded:
                batch.append((history, frame_index))
        if batched:
            _compute_batch(batch)
        for history, frame_index in batch:
            found.setdefault(frame_index, {})[history.plan.object_id] = history.mask(frame_index)
        for frame_index, masks in found.items():
            yield FrameMasks(frame_index, masks)


def _compute_batch(batch: Iterable[tuple[ObjectHistory, int]]) -> None:
    """Compute the frames of several objects, those of one layout together; single ones are computed on demand later."""
    inputs = ((history, history.step(frame_index)) for history, frame_index in batch)
    for group in group_by_layout([(history, step) for history, step in inputs if step is not None]):
        if len(group) > 1:
            for (history, step), output in zip(group, group[0][0].infer([step for _, step in group]), strict=True):
                history.accept_output(step.frame_index, output)
