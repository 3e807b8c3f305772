"""Qwen2.5-VL and its descendants (Veason-R1, nano): frames and an instruction in, streamed events out."""

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
from transformers import StoppingCriteriaList

from veason.answer import context_for
from veason.device import memory_guard
from veason.errors import ProfileError, PromptError
from veason.policy import prompt
from veason.policy.decoding import StopWhenSet, TokenQueue, sampling_processors
from veason.policy.limits import outside_training
from veason.policy.pictures import resize_frame
from veason.policy.pieces import Piece, read_pieces
from veason.policy.prefix import DEFAULT_BUDGET_BYTES, PrefixCounts, PrefixStore, digest_frames, entry_from_cache
from veason.policy.seen_pictures import picture_features, read_seen_pictures
from veason.policy.static import StaticRoom, compile_options
from veason.profile import Profile
from veason.types import Frame, Note, PolicyEvent, Sampling, Turn

_MOST_TOKENS_OF_A_CHARACTER = 4  # UTF-8 has at most four bytes, and a byte-level token holds at least one
_LOCK_POLL_S = 0.05


@dataclass(slots=True, eq=False)
class _Asked:
    """A prompt: its frames and text, what the processor makes of both (when it is needed), and for reuse its tokens."""

    frames: Sequence[Frame]
    text: str
    inputs: Any = None
    key: bytes = b""
    token_ids: torch.Tensor | None = None


class QwenPolicy:
    """A Qwen2.5-VL behind the Policy protocol. Several sessions may share one.

    One lock lets one answer be written at a time; others wait. Prompts about frames that were shown before go on from
    what was read then (see `veason.policy.prefix`). Such a prompt carries its own positions: the model object keeps
    the `rope_deltas` of whoever called it last, and would shift the positions of everyone else without any error.

    Args:
        model: a Qwen2_5_VLForConditionalGeneration in eval mode.
        processor: its processor.
        profile: how this checkpoint wants its frames and writes its answers.
        name: how the user calls it.
        prefix_bytes: memory of the device for what was read of videos; 0 is plain `generate`.
        static_cache: whether to decode into a cache of fixed size, compiled where there is CUDA.
    """

    is_recorded = False
    gives_several = True

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
        self._grid_thw = _grid_of(processor.image_processor, profile)
        self._merge_size = processor.image_processor.merge_size
        self._tokens_of_a_picture = math.prod(self._grid_thw) // self._merge_size**2
        self._prefixes = PrefixStore(prefix_bytes) if prefix_bytes > 0 else None
        self._counts = PrefixCounts()
        self._static = StaticRoom(model.config.get_text_config(decoder=True)) if static_cache else None
        self._seen = read_seen_pictures(Path(profile.seen_pictures)) if profile.seen_pictures else None

    @property
    def frame_count(self) -> int:
        """How many frames the profile asks for."""
        return self.profile.frame_count

    @property
    def counts(self) -> PrefixCounts:
        """What was read and what was reused so far."""
        if self._prefixes is None:
            return self._counts
        return replace(self._counts, kept_videos=len(self._prefixes), kept_bytes=self._prefixes.num_bytes)

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return the words that this policy has never seen in training, () where its vocabulary is open."""
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
            visual, device = self._model.model.visual, self._model.device
            pixels = looked["pixel_values"].to(device, visual.dtype)
            tokens = visual(pixels, grid_thw=looked["image_grid_thw"].to(device)).pooler_output
            return picture_features(tokens.view(len(images), self._tokens_of_a_picture, -1)).cpu()

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
        """Yield events while the model writes, one sample after another. Closing stops it within one token.

        Raises:
            PromptError: there are no frames.
            ProfileError: the profile's template or size does not fit.
            DeviceError: the accelerator ran out of memory.
        """
        if not frames:
            raise PromptError("the policy was given no frames: show it at least one")
        height, width = frames[0].image.shape[:2]
        shown = [frame.index for frame in frames]
        context = context_for(self.profile, shown, num_frames=num_frames, source_wh=(width, height), fps=fps)
        start = time.perf_counter()
        asked = self._ask(frames, instruction, turns)
        for sample in range(sampling.num_samples):
            with closing(read_pieces(self._write(asked, sampling, sample, start), context, sample)) as events:
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
        """Yield the raw text of one sample, a piece a token: what `stream` parses, and what a recording keeps."""
        start = time.perf_counter()
        yield from self._write(self._ask(frames, instruction, turns), sampling, sample, start)

    def _write(self, asked: _Asked, sampling: Sampling, sample: int, start: float) -> Generator[Piece, None, None]:
        with closing(self._generate(asked, sampling, sample)) as tokens:
            for text in self._decode(tokens):
                yield Piece(time.perf_counter() - start, text)

    def _ask(self, frames: Sequence[Frame], instruction: str, turns: Sequence[Turn]) -> _Asked:
        """Return the prompt. Where a reading serves it, the pictures are hashed and not looked at."""
        asked = _Asked(frames, self._text(frames, instruction, turns))
        if self._prefixes is not None:
            asked.key, asked.token_ids = digest_frames(frames), self._tokens(asked.text)
        if self._resume(asked) is None:
            asked.inputs = self._process(frames, asked.text)
        return asked

    def _inputs(self, frames: Sequence[Frame], instruction: str, turns: Sequence[Turn]) -> Any:
        """Return the model's inputs on the CPU. All that depends on the frames comes before all that does not."""
        return self._process(frames, self._text(frames, instruction, turns))

    def _text(self, frames: Sequence[Frame], instruction: str, turns: Sequence[Turn]) -> str:
        messages = prompt.build_messages(self.profile, [frame.index for frame in frames], instruction, turns)
        text: str = self._processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return text

    def _process(self, frames: Sequence[Frame], text: str) -> Any:
        images = [resize_frame(frame, self.profile.size_wh) for frame in frames]
        # without do_resize=False the processor would fit pictures into its own pixel limits and so change the box space
        inputs = self._processor(text=[text], images=images, do_resize=False, return_tensors="pt")
        grids = {tuple(grid) for grid in inputs["image_grid_thw"].tolist()}
        if grids != {self._grid_thw} or len(inputs["image_grid_thw"]) != len(frames):
            raise ProfileError(
                f"{self.name}: the processor made grids {sorted(grids)} of pictures sized {self.profile.size_wh}, "
                f"wanted {self._grid_thw} for each of {len(frames)}: check its preprocessor_config.json"
            )
        return inputs

    def _tokens(self, text: str) -> torch.Tensor:
        """Return the `(N,)` tokens that the processor would make of a prompt, without looking at its pictures."""
        ids = torch.tensor(self._processor.tokenizer(text)["input_ids"])
        is_picture = ids == self._processor.image_token_id
        return ids.repeat_interleave(torch.where(is_picture, self._tokens_of_a_picture, 1))

    def _resume(self, asked: _Asked) -> dict[str, Any] | None:
        """Return inputs that go on from a reading of the same pictures, None where there is none."""
        if self._prefixes is None or asked.token_ids is None:
            return None
        pictures = (asked.token_ids == self._processor.image_token_id).nonzero()
        found = self._prefixes.find(asked.key, asked.token_ids, at_least=int(pictures[-1]) + 1)
        if found is None:
            return None
        reading, length = found
        # as in get_rope_index: after pictures, positions are those of the tokens but for a shift each picture adds to
        shift = (max(self._grid_thw) // self._merge_size - self._tokens_of_a_picture) * len(asked.frames)
        places = torch.arange(len(asked.token_ids))
        return {
            "input_ids": asked.token_ids[None],
            "attention_mask": torch.ones_like(asked.token_ids)[None],
            # those of the text, then time, height and width; `generate` cuts off what belongs to tokens already read
            "position_ids": torch.stack([places, *[places + shift] * 3])[:, None],
            "past_key_values": reading.start(length),
        }

    def _generate(self, asked: _Asked, sampling: Sampling, sample: int) -> Generator[list[int], None, None]:
        """Yield token ids as a thread makes them. Whatever goes wrong in the thread is raised here."""
        tokens: SimpleQueue[list[int] | None] = SimpleQueue()
        stop = threading.Event()
        with ThreadPoolExecutor(1, thread_name_prefix="veason-policy") as thread:
            job = thread.submit(self._run, asked, sampling, sample, tokens, stop)
            job.add_done_callback(lambda _: tokens.put(None))
            try:
                while (ids := tokens.get()) is not None:
                    yield ids
                job.result()
            finally:
                stop.set()

    def _run(
        self,
        asked: _Asked,
        sampling: Sampling,
        sample: int,
        tokens: SimpleQueue[list[int] | None],
        stop: threading.Event,
    ) -> None:
        device = self._model.device
        with _hold(self._lock, stop) as is_held, memory_guard():
            if not is_held:
                return
            inputs = self._resume(asked)
            if inputs is None:
                inputs = asked.inputs or self._process(asked.frames, asked.text)
            read = inputs["past_key_values"].get_seq_length() if "past_key_values" in inputs else 0
            self._counts = self._counts.after(inputs["input_ids"].shape[1], read)
            limit = min(sampling.max_new_tokens, self.profile.max_new_tokens)
            options: dict[str, Any] = {}
            if self._static is not None:
                total, begun = inputs["input_ids"].shape[1] + limit, inputs.get("past_key_values")
                inputs = {**inputs, "past_key_values": self._static.begin(total, begun)}
                options = compile_options() if device.type == "cuda" else {}
            try:
                written = self._model.generate(
                    **{key: value.to(device) if torch.is_tensor(value) else value for key, value in inputs.items()},
                    **options,
                    max_new_tokens=limit,
                    do_sample=False,
                    logits_processor=sampling_processors(sampling, sample, device),
                    stopping_criteria=StoppingCriteriaList([StopWhenSet(stop)]),
                    streamer=TokenQueue(tokens),
                    return_dict_in_generate=True,
                )
            except torch.cuda.OutOfMemoryError:
                if self._prefixes is not None:
                    self._prefixes.clear()
                raise
            self._keep(asked, written)

    def _keep(self, asked: _Asked, written: Any) -> None:
        """Keep what was read, also where the reader stopped early: what the model got to is whole."""
        if self._prefixes is None or asked.token_ids is None:
            return
        asked.inputs = None  # the next sample needs the pictures no more
        is_as_foreseen = torch.equal(written.sequences[0, : len(asked.token_ids)].cpu(), asked.token_ids)
        reading = entry_from_cache(written.past_key_values, written.sequences)
        if is_as_foreseen and reading is not None:
            self._prefixes.keep(asked.key, reading)

    def _decode(self, tokens: Iterator[list[int]]) -> Iterator[str]:
        """Yield the text of each token; a token that ends inside a character gives "", the text follows with the next.

        Byte-level tokens decode to bytes one by one, so only what is held back is decoded again.
        """
        held: list[int] = []
        for ids in tokens:
            held += ids
            text = self._processor.tokenizer.decode(held, skip_special_tokens=True)
            if text.endswith("\ufffd") and len(held) < _MOST_TOKENS_OF_A_CHARACTER:
                yield ""
                continue
            held = []
            yield text
        if held:
            yield self._processor.tokenizer.decode(held, skip_special_tokens=True)


@contextmanager
def _hold(lock: threading.Lock, stop: threading.Event) -> Iterator[bool]:
    """Hold the lock, or give False where `stop` was set while waiting for it."""
    while not (is_held := lock.acquire(timeout=_LOCK_POLL_S)) and not stop.is_set():
        pass
    try:
        yield is_held
    finally:
        if is_held:
            lock.release()


def _grid_of(image_processor: Any, profile: Profile) -> tuple[int, int, int]:
    """Return the patch grid (time, height, width) of one picture of the profile's size."""
    patch, cell = image_processor.patch_size, image_processor.patch_size * image_processor.merge_size
    width, height = profile.size_wh
    if width % cell or height % cell:
        raise ProfileError(
            f"profile {profile.name!r}: size_wh {profile.size_wh} must be multiples of {cell}, the model's patch cell"
        )
    return (1, height // patch, width // patch)
