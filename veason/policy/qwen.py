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
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoProcessor,
    BitsAndBytesConfig,
    Qwen2_5_VLForConditionalGeneration,
    StoppingCriteriaList,
)

from veason.answer import context_for
from veason.device import choose_device, choose_dtype, is_zero_gpu, memory_guard
from veason.errors import MissingBackend, ProfileError, PromptError
from veason.libraries import require_library
from veason.policy import prompt
from veason.policy.decoding import StopWhenSet, TokenQueue, sampling_processors
from veason.policy.pictures import resize_frame
from veason.policy.pieces import Piece, read_pieces
from veason.policy.prefix import DEFAULT_BUDGET_BYTES, PrefixCounts, PrefixStore, digest_frames, entry_from_cache
from veason.policy.static import StaticRoom, compile_options
from veason.profile import Profile
from veason.types import Frame, Holding, ModelOptions, PolicyEvent, Sampling, Turn
from veason.types.budgets import MIB

MODEL_TYPE = "qwen2_5_vl"
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}

_MOST_TOKENS_OF_A_CHARACTER = 4  # UTF-8 has at most four bytes, and a byte-level token holds at least one
_LOCK_POLL_S = 0.05


def load_qwen(
    checkpoint: str | Path,
    profile: Profile,
    options: ModelOptions = ModelOptions(),
    *,
    name: str = "",
    may_download: bool = False,
) -> QwenPolicy:
    """Load model and processor from a folder or a hub id.

    Args:
        checkpoint: folder or hub id. A hub id is read from the local cache unless `may_download`.
        profile: how this checkpoint wants its frames.
        options: see `veason.policy.load_policy`; its own `profile` is not read.
        name: how the user calls it, by default the checkpoint.
        may_download: whether a hub id that is not cached may be fetched.

    Raises:
        MissingBackend: the weights are not here or are not a Qwen2.5-VL, or a library is missing.
        DeviceError: the device is not there, or too small.
    """
    device = choose_device(options.device)
    dtype = DTYPES[options.dtype] if options.dtype is not None else choose_dtype(device)
    loading: dict[str, Any] = {"dtype": dtype, "local_files_only": not may_download}
    if options.quantization == "4bit":
        require_library("bitsandbytes", "4-bit loading")
        loading["device_map"] = {"": device}
        loading["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
    try:
        config = AutoConfig.from_pretrained(checkpoint, local_files_only=not may_download)
        if config.model_type != MODEL_TYPE:
            raise MissingBackend(f"{checkpoint} is a {config.model_type} model: the policy reads {MODEL_TYPE} only")
        processor = AutoProcessor.from_pretrained(checkpoint, local_files_only=not may_download)
        with memory_guard():
            model, info = Qwen2_5_VLForConditionalGeneration.from_pretrained(
                checkpoint, output_loading_info=True, **loading
            )
            model = model if options.quantization else model.to(device)
    except (OSError, ValueError, SafetensorError) as error:
        raise MissingBackend(_advice(checkpoint, error)) from error
    if info["missing_keys"]:
        few = ", ".join(sorted(info["missing_keys"])[:3])
        raise MissingBackend(
            f"{checkpoint} lacks {len(info['missing_keys'])} weights ({few}, ...): the copy is broken, fetch it again"
        )
    # how to choose and how long to write is ours to say; end tokens and repetition penalty stay the checkpoint's own
    model.generation_config.update(do_sample=False, temperature=None, top_p=None, top_k=None, max_length=None)
    return QwenPolicy(
        model,
        processor,
        profile,
        name=name or str(checkpoint),
        prefix_bytes=options.budgets.prefix * MIB,
        static_cache=options.speedups.static_cache and not is_zero_gpu(),
    )


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

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """What was read of videos, of its budget."""
        if self._prefixes is None:
            return ()
        return (Holding("prompts that were read", self._prefixes.num_bytes, self._prefixes.budget_bytes),)

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return the words that this policy has never seen in training, () where its vocabulary is open."""
        return prompt.unknown_words(instruction, self.profile.vocabulary)

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


def _advice(checkpoint: str | Path, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    if Path(checkpoint).is_dir():
        return f"cannot load a policy from the folder {checkpoint}: {reason}"
    return f"the weights of {checkpoint} are not on this machine ({reason}): hf download {checkpoint}"
