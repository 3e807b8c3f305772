"""Qwen2.5-VL and its descendants (Veason-R1, nano) as a Policy with streamed answers."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from transformers import LogitsProcessorList, StoppingCriteriaList

from veason.answer import context_for
from veason.device import memory_guard
from veason.errors import ProfileError, PromptError
from veason.policy import prompt
from veason.policy.decoding import ChosenProbabilities, StopWhenSet, TokenQueue, sampling_processors
from veason.policy.limits import outside_training
from veason.policy.pictures import resize_frame
from veason.policy.pieces import Piece, read_pieces
from veason.policy.prefix import DEFAULT_BUDGET_BYTES, PrefixCounts, PrefixStore, digest_frames, entry_from_cache
from veason.policy.seen_pictures import picture_features, read_seen_pictures
from veason.policy.static import ReusableStaticCache, compile_options
from veason.profile import Profile
from veason.types import Frame, Holding, Note, PolicyEvent, Sampling, Turn

_MAX_TOKENS_PER_CHARACTER = 4  # UTF-8 has at most four bytes, and a byte-level token has at least one
_LOCK_POLL_S = 0.05


@dataclass(slots=True, eq=False)
class _PreparedPrompt:
    """A prompt: frames and text, the processor's inputs if needed, and key and token ids for the prefix cache."""

    frames: Sequence[Frame]
    text: str
    inputs: Any = None
    key: bytes = b""
    token_ids: torch.Tensor | None = None


class QwenPolicy:
    """A Qwen2.5-VL behind the Policy protocol. Several sessions may share one.

    A lock allows one answer at a time; others wait. A prompt about frames shown before reuses the cached prefix (see
    `veason.policy.prefix`). Such a prompt passes explicit position ids: the model object keeps the `rope_deltas` of its
    last caller and would otherwise shift the positions of other prompts without any error.

    Args:
        model: a Qwen2_5_VLForConditionalGeneration in eval mode.
        processor: its processor.
        profile: the checkpoint's frame size, labels and answer keys.
        name: the name by which the user chose it.
        prefix_bytes: device memory for cached prefixes in bytes; 0 disables them.
        static_cache: whether to decode into a cache of fixed size, compiled on CUDA.
    """

    is_recorded = False
    can_sample = True

    def __init__(
        self,
        model: Any,
        processor: Any,
        profile: Profile,
        *,
        name: str,
        prefix_bytes: int = DEFAULT_BUDGET_BYTES,
        static_cache: bool = False,
    ) -> None:
        self.name = name
        self.profile = profile
        self._model = model
        self._processor = processor
        self._lock = threading.Lock()
        self._grid_thw = grid_of(processor.image_processor, profile)
        self._merge_size = processor.image_processor.merge_size
        self._tokens_per_image = math.prod(self._grid_thw) // self._merge_size**2
        self._prefixes = PrefixStore(prefix_bytes) if prefix_bytes > 0 else None
        self._counts = PrefixCounts()
        self._static = ReusableStaticCache(model.config.get_text_config(decoder=True)) if static_cache else None
        self._seen = read_seen_pictures(Path(profile.seen_pictures)) if profile.seen_pictures else None

    @property
    def frame_count(self) -> int:
        """The number of frames to show, from the profile."""
        return self.profile.frame_count

    @property
    def counts(self) -> PrefixCounts:
        """Computed and reused tokens so far, and the size of the prefix cache now."""
        if self._prefixes is None:
            return self._counts
        return replace(self._counts, kept_videos=len(self._prefixes), kept_bytes=self._prefixes.num_bytes)

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """The memory of cached prompt prefixes and its budget."""
        if self._prefixes is None:
            return ()
        return (Holding("prompts that were read", self._prefixes.num_bytes, self._prefixes.budget_bytes),)

    @property
    def _device(self) -> torch.device:
        """Where inputs go: not to "meta", which stands for layers that lie elsewhere until they are needed."""
        own: torch.device = self._model.device
        placed = (one.device for one in self._model.parameters() if one.device.type != "meta")
        return own if own.type != "meta" else next(placed, torch.device("cpu"))

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return the words of the instruction that this policy was never trained on, () if its vocabulary is open."""
        return prompt.unknown_words(instruction, self.profile.vocabulary)

    def outside_training(self, frames: Sequence[Frame], instruction: str) -> tuple[Note, ...]:
        """Return why the question lies outside of what the checkpoint was trained on, () where it does not."""
        notes = outside_training(self.profile, [frame.index for frame in frames], instruction)
        if self._seen is None or not frames:
            return notes
        score, limit = self._seen.score(self.picture_features(frames)), self._seen.limit
        if score <= limit:
            return notes
        told = f"these pictures are unlike any that it was trained on (distance {score:.2f}, {limit:.2f} at most)"
        return (*notes, Note("outside_training", told))

    def picture_features(self, frames: Sequence[Frame]) -> torch.Tensor:
        """Return `(N, F)` float32 features of N frames on the CPU: what `veason.policy.seen_pictures` compares."""
        images = [resize_frame(frame, self.profile.size_wh) for frame in frames]
        looked = self._processor.image_processor(images, do_resize=False, return_tensors="pt")
        with memory_guard(), torch.inference_mode():
            visual, device = self._model.model.visual, self._device
            pixels = looked["pixel_values"].to(device, visual.dtype)
            tokens = visual(pixels, grid_thw=looked["image_grid_thw"].to(device)).pooler_output
            return picture_features(tokens.view(len(images), self._tokens_per_image, -1)).cpu()

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        fps: float | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        """Yield events while the model writes, one sample after another. Closing stops the model within one token.

        Raises:
            PromptError: there are no frames.
            ProfileError: the profile's template or frame size does not match the model.
            DeviceError: the accelerator ran out of memory.
        """
        yield from self._stream(frames, instruction, turns, "", num_frames, fps, sampling)

    def go_on(
        self,
        frames: Sequence[Frame],
        instruction: str,
        begun: str,
        *,
        num_frames: int,
        fps: float | None = None,
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        """Yield events as `stream` does, for answers that begin with the text `begun`, which is in them.

        Raises: as `stream`.
        """
        yield from self._stream(frames, instruction, (), begun, num_frames, fps, sampling)

    def _stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        turns: Sequence[Turn],
        begun: str,
        num_frames: int,
        fps: float | None,
        sampling: Sampling,
    ) -> Iterator[PolicyEvent]:
        if not frames:
            raise PromptError("the policy was given no frames: show it at least one")
        height, width = frames[0].image.shape[:2]
        shown = [frame.index for frame in frames]
        context = context_for(self.profile, shown, num_frames=num_frames, source_wh=(width, height), fps=fps)
        start = time.perf_counter()
        prepared = self._prepare(frames, instruction, turns, begun)
        for sample in range(sampling.num_samples):
            written = self._write(prepared, sampling, sample, start, begun)
            with closing(read_pieces(written, context, sample)) as events:
                yield from events
            start = time.perf_counter()

    def write(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
        sample: int = 0,
    ) -> Generator[Piece, None, None]:
        """Yield the raw text of one sample, one piece per token: the input of `stream`'s parser and of recordings."""
        start = time.perf_counter()
        yield from self._write(self._prepare(frames, instruction, turns), sampling, sample, start)

    def _write(
        self, prepared: _PreparedPrompt, sampling: Sampling, sample: int, start: float, begun: str = ""
    ) -> Generator[Piece, None, None]:
        if begun:
            yield Piece(time.perf_counter() - start, begun)
        chosen = ChosenProbabilities(sampling_processors(sampling, sample, self._device))
        with closing(self._generate(prepared, sampling, chosen)) as tokens:
            for place, text in enumerate(self._decode(tokens)):
                yield Piece(time.perf_counter() - start, text, chosen.logprob(place))

    def _prepare(
        self, frames: Sequence[Frame], instruction: str, turns: Sequence[Turn], begun: str = ""
    ) -> _PreparedPrompt:
        """Return the prompt. If a cached prefix covers the images, they are hashed but not processed."""
        prepared = _PreparedPrompt(frames, self._text(frames, instruction, turns) + begun)
        if self._prefixes is not None:
            prepared.key, prepared.token_ids = digest_frames(frames), self._tokenize(prepared.text)
        if self._reuse_prefix(prepared) is None:
            prepared.inputs = self._process(frames, prepared.text)
        return prepared

    def _inputs(self, frames: Sequence[Frame], instruction: str, turns: Sequence[Turn]) -> Any:
        """Return the model's inputs on the CPU. Everything that depends on the frames comes first."""
        return self._process(frames, self._text(frames, instruction, turns))

    def _text(self, frames: Sequence[Frame], instruction: str, turns: Sequence[Turn]) -> str:
        messages = prompt.build_messages(self.profile, [frame.index for frame in frames], instruction, turns)
        text: str = self._processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return text

    def _process(self, frames: Sequence[Frame], text: str) -> Any:
        images = [resize_frame(frame, self.profile.size_wh) for frame in frames]
        # without do_resize=False the processor would resize images to its own pixel limits and so change the box space
        inputs = self._processor(text=[text], images=images, do_resize=False, return_tensors="pt")
        grids = {tuple(grid) for grid in inputs["image_grid_thw"].tolist()}
        if grids != {self._grid_thw} or len(inputs["image_grid_thw"]) != len(frames):
            raise ProfileError(
                f"{self.name}: the processor made grids {sorted(grids)} of pictures sized {self.profile.size_wh}, "
                f"wanted {self._grid_thw} for each of {len(frames)}: check its preprocessor_config.json"
            )
        return inputs

    def _tokenize(self, text: str) -> torch.Tensor:
        """Return the `(N,)` token ids of a prompt, equal to the processor's, without processing the images."""
        ids = torch.tensor(self._processor.tokenizer(text)["input_ids"])
        is_picture = ids == self._processor.image_token_id
        return ids.repeat_interleave(torch.where(is_picture, self._tokens_per_image, 1))

    def _reuse_prefix(self, prepared: _PreparedPrompt) -> dict[str, Any] | None:
        """Return inputs that start from the cached prefix of the same frames, or None if there is none."""
        if self._prefixes is None or prepared.token_ids is None:
            return None
        pictures = (prepared.token_ids == self._processor.image_token_id).nonzero()
        found = self._prefixes.find(prepared.key, prepared.token_ids, at_least=int(pictures[-1]) + 1)
        if found is None:
            return None
        entry, length = found
        # as in get_rope_index: after images, positions are token indices plus a shift to which each image adds
        shift = (max(self._grid_thw) // self._merge_size - self._tokens_per_image) * len(prepared.frames)
        places = torch.arange(len(prepared.token_ids))
        return {
            "input_ids": prepared.token_ids[None],
            "attention_mask": torch.ones_like(prepared.token_ids)[None],
            # text, time, height and width positions; `generate` drops those of tokens that are in the cache
            "position_ids": torch.stack([places, *[places + shift] * 3])[:, None],
            "past_key_values": entry.start(length),
        }

    def _generate(
        self, prepared: _PreparedPrompt, sampling: Sampling, chosen: ChosenProbabilities
    ) -> Generator[list[int], None, None]:
        """Yield token ids while a thread generates them. Exceptions of the thread are raised here."""
        tokens: SimpleQueue[list[int] | None] = SimpleQueue()
        stop = threading.Event()
        with ThreadPoolExecutor(1, thread_name_prefix="veason-policy") as thread:
            job = thread.submit(self._run, prepared, sampling, chosen, tokens, stop)
            job.add_done_callback(lambda _: tokens.put(None))
            try:
                while (ids := tokens.get()) is not None:
                    yield ids
                job.result()
            finally:
                stop.set()

    def _run(
        self,
        prepared: _PreparedPrompt,
        sampling: Sampling,
        chosen: ChosenProbabilities,
        tokens: SimpleQueue[list[int] | None],
        stop: threading.Event,
    ) -> None:
        device = self._device
        with _acquire_lock(self._lock, stop) as is_acquired, memory_guard():
            if not is_acquired:
                return
            inputs = self._reuse_prefix(prepared)
            if inputs is None:
                inputs = prepared.inputs or self._process(prepared.frames, prepared.text)
            read = inputs["past_key_values"].get_seq_length() if "past_key_values" in inputs else 0
            self._counts = self._counts.with_prompt(inputs["input_ids"].shape[1], read)
            limit = min(sampling.max_new_tokens, self.profile.max_new_tokens)
            options: dict[str, Any] = {}
            if self._static is not None:
                total, prefix = inputs["input_ids"].shape[1] + limit, inputs.get("past_key_values")
                inputs = {**inputs, "past_key_values": self._static.start(total, prefix)}
                options = compile_options() if device.type == "cuda" else {}
            try:
                written = self._model.generate(
                    **{key: value.to(device) if torch.is_tensor(value) else value for key, value in inputs.items()},
                    **options,
                    max_new_tokens=limit,
                    do_sample=False,
                    logits_processor=LogitsProcessorList([chosen]),
                    stopping_criteria=StoppingCriteriaList([StopWhenSet(stop)]),
                    streamer=TokenQueue(tokens),
                    return_dict_in_generate=True,
                )
            except torch.cuda.OutOfMemoryError:
                if self._prefixes is not None:
                    self._prefixes.clear()
                raise
            self._store_prefix(prepared, written)

    def _store_prefix(self, prepared: _PreparedPrompt, written: Any) -> None:
        """Store keys and values in the prefix cache, also if the answer was cancelled: they are valid up to there."""
        if self._prefixes is None or prepared.token_ids is None:
            return
        prepared.inputs = None  # the next sample does not need the images
        is_same_prompt = torch.equal(written.sequences[0, : len(prepared.token_ids)].cpu(), prepared.token_ids)
        entry = entry_from_cache(written.past_key_values, written.sequences)
        if is_same_prompt and entry is not None:
            self._prefixes.put(prepared.key, entry)

    def _decode(self, tokens: Iterator[list[int]]) -> Iterator[str]:
        """Yield the text of each token, without the character that it ends inside of: a later token brings that.

        Byte-level tokens decode independently, so only those since the last whole character are decoded again. A tail
        that no token completes is yielded as U+FFFD, as soon as it cannot become a character any more.
        """
        pending: list[int] = []
        shown = waited = 0
        for ids in tokens:
            pending += ids
            text = self._processor.tokenizer.decode(pending, skip_special_tokens=True)
            whole = text.rstrip("\ufffd")
            waited = waited + 1 if len(whole) <= shown else 1
            if whole == text or waited >= _MAX_TOKENS_PER_CHARACTER:
                yield text[shown:]
                pending, shown, waited = [], 0, 0
            else:
                yield whole[shown:]
                shown = max(shown, len(whole))
        if pending:
            yield self._processor.tokenizer.decode(pending, skip_special_tokens=True)[shown:]


@contextmanager
def _acquire_lock(lock: threading.Lock, stop: threading.Event) -> Iterator[bool]:
    """Acquire the lock and yield True, or yield False if `stop` is set while waiting."""
    while not (is_acquired := lock.acquire(timeout=_LOCK_POLL_S)) and not stop.is_set():
        pass
    try:
        yield is_acquired
    finally:
        if is_acquired:
            lock.release()


def grid_of(image_processor: Any, profile: Profile) -> tuple[int, int, int]:
    """Return the patch grid (time, height, width) of one image of the profile's size.

    Raises:
        ProfileError: the size is not made of whole patch cells.
    """
    patch, cell = image_processor.patch_size, image_processor.patch_size * image_processor.merge_size
    width, height = profile.size_wh
    if width % cell or height % cell:
        raise ProfileError(
            f"profile {profile.name!r}: size_wh {profile.size_wh} must be multiples of {cell}, the model's patch cell"
        )
    return (1, height // patch, width // patch)
