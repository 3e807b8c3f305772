"""Qwen2.5-VL and its descendants (Veason-R1, nano): frames and an instruction in, streamed events out."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoProcessor,
    BitsAndBytesConfig,
    LogitsProcessor,
    LogitsProcessorList,
    Qwen2_5_VLForConditionalGeneration,
    StoppingCriteria,
    StoppingCriteriaList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)
from transformers.generation.streamers import BaseStreamer

from veason.answer import context_for
from veason.device import choose_device, choose_dtype, memory_guard, require
from veason.errors import DeviceError, MissingBackend, ProfileError, PromptError
from veason.policy import prompt
from veason.policy.pieces import Piece, read_pieces
from veason.profile import Profile
from veason.types import Frame, PolicyEvent, Sampling, Turn

MODEL_TYPE = "qwen2_5_vl"
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}

_MOST_TOKENS_OF_A_CHARACTER = 4  # UTF-8 has at most four bytes, and a byte-level token holds at least one
_LOCK_POLL_S = 0.05


def load_qwen(
    checkpoint: str | Path,
    profile: Profile,
    *,
    name: str = "",
    device: str = "auto",
    dtype: str | None = None,
    quantization: str | None = None,
    may_download: bool = False,
) -> QwenPolicy:
    """Load model and processor from a folder or a hub id.

    Args:
        checkpoint: folder or hub id. A hub id is read from the local cache unless `may_download`.
        profile: how this checkpoint wants its frames.
        name: how the user calls it, by default the checkpoint.
        device: "auto", "cpu", "cuda" or "cuda:N".
        dtype: a key of DTYPES, by default bfloat16 on CUDA and float32 elsewhere.
        quantization: None, or "4bit" (bitsandbytes, NF4).
        may_download: whether a hub id that is not cached may be fetched.

    Raises:
        MissingBackend: the weights are not here or are not a Qwen2.5-VL, or a library is missing.
        DeviceError: the device, dtype or quantization is not there, or too small.
    """
    where = choose_device(device)
    options: dict[str, Any] = {"dtype": _read_dtype(dtype, where), "local_files_only": not may_download}
    if quantization == "4bit":
        require("bitsandbytes", "pip install bitsandbytes", "4-bit loading")
        options["device_map"] = {"": where}
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=options["dtype"]
        )
    elif quantization is not None:
        raise DeviceError(f"unknown quantization {quantization!r}: use 4bit, or leave it out")
    try:
        config = AutoConfig.from_pretrained(checkpoint, local_files_only=not may_download)
        if config.model_type != MODEL_TYPE:
            raise MissingBackend(f"{checkpoint} is a {config.model_type} model: the policy reads {MODEL_TYPE} only")
        processor = AutoProcessor.from_pretrained(checkpoint, local_files_only=not may_download)
        with memory_guard():
            model, info = Qwen2_5_VLForConditionalGeneration.from_pretrained(
                checkpoint, output_loading_info=True, **options
            )
            model = model if quantization else model.to(where)
    except (OSError, ValueError, SafetensorError) as error:
        raise MissingBackend(_advice(checkpoint, error)) from error
    if info["missing_keys"]:
        few = ", ".join(sorted(info["missing_keys"])[:3])
        raise MissingBackend(
            f"{checkpoint} lacks {len(info['missing_keys'])} weights ({few}, ...): the copy is broken, fetch it again"
        )
    # how to choose and how long to write is ours to say; end tokens and repetition penalty stay the checkpoint's own
    model.generation_config.update(do_sample=False, temperature=None, top_p=None, top_k=None, max_length=None)
    return QwenPolicy(model, processor, profile, name=name or str(checkpoint))


class QwenPolicy:
    """A Qwen2.5-VL behind the Policy protocol. Several sessions may share one.

    One lock lets one answer be written at a time; others wait. The reason is `rope_deltas`, which the model object
    keeps: a second call overwrites it, and a first one that goes on from a key-value cache then gets shifted positions
    without any error. (Up to transformers 5.23 a `generate` from scratch carries its own positions and would be safe.)
    """

    is_recorded = False

    def __init__(self, model: Any, processor: Any, profile: Profile, *, name: str) -> None:
        self.name = name
        self.profile = profile
        self._model = model
        self._processor = processor
        self._lock = threading.Lock()
        self._grid_thw = _grid_of(processor.image_processor, profile)

    @property
    def frame_count(self) -> int:
        """How many frames the profile asks for."""
        return self.profile.frame_count

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return the words that this policy has never seen in training, () where its vocabulary is open."""
        return prompt.unknown_words(instruction, self.profile.vocabulary)

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
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
        context = context_for(self.profile, shown, num_frames=num_frames, source_wh=(width, height))
        for sample in range(sampling.num_samples):
            pieces = self.write(frames, instruction, turns=turns, sampling=sampling, sample=sample)
            with closing(read_pieces(pieces, context, sample)) as events:
                yield from events

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
        inputs = self._inputs(frames, instruction, turns)
        with closing(self._generate(inputs, sampling, sample)) as tokens:
            for text in self._decode(tokens):
                yield Piece(time.perf_counter() - start, text)

    def _inputs(self, frames: Sequence[Frame], instruction: str, turns: Sequence[Turn]) -> Any:
        """Return the model's inputs on the CPU. All that depends on the frames comes before all that does not."""
        messages = prompt.build_messages(self.profile, [frame.index for frame in frames], instruction, turns)
        text = self._processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        images = [squash(frame, self.profile.size_wh) for frame in frames]
        # without do_resize=False the processor would fit pictures into its own pixel limits and so change the box space
        inputs = self._processor(text=[text], images=images, do_resize=False, return_tensors="pt")
        grids = {tuple(grid) for grid in inputs["image_grid_thw"].tolist()}
        if grids != {self._grid_thw} or len(inputs["image_grid_thw"]) != len(frames):
            raise ProfileError(
                f"{self.name}: the processor made grids {sorted(grids)} of pictures sized {self.profile.size_wh}, "
                f"wanted {self._grid_thw} for each of {len(frames)}: check its preprocessor_config.json"
            )
        return inputs

    def _generate(self, inputs: Any, sampling: Sampling, sample: int) -> Generator[list[int], None, None]:
        """Yield token ids as a thread makes them. Whatever goes wrong in the thread is raised here."""
        tokens: SimpleQueue[list[int] | None] = SimpleQueue()
        stop = threading.Event()
        with ThreadPoolExecutor(1, thread_name_prefix="veason-policy") as thread:
            job = thread.submit(self._run, inputs, sampling, sample, tokens, stop)
            job.add_done_callback(lambda _: tokens.put(None))
            try:
                while (ids := tokens.get()) is not None:
                    yield ids
                job.result()
            finally:
                stop.set()

    def _run(
        self, inputs: Any, sampling: Sampling, sample: int, tokens: SimpleQueue[list[int] | None], stop: threading.Event
    ) -> None:
        device = self._model.device
        with _hold(self._lock, stop) as is_held, memory_guard():
            if not is_held:
                return
            self._model.generate(
                **{key: value.to(device) for key, value in inputs.items()},
                max_new_tokens=min(sampling.max_new_tokens, self.profile.max_new_tokens),
                do_sample=False,
                logits_processor=_choice(sampling, sample, device),
                stopping_criteria=StoppingCriteriaList([_StopWhenSet(stop)]),
                streamer=_TokenQueue(tokens),
            )

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


def squash(frame: Frame, size_wh: tuple[int, int]) -> Image.Image:
    """Return the picture at `size_wh`, bilinear, aspect not kept."""
    return Image.fromarray(frame.image).resize(size_wh, Image.Resampling.BILINEAR)


class _TokenQueue(BaseStreamer):
    """Hands over new token ids. (TextIteratorStreamer holds text back until a space and decodes the line each time.)"""

    def __init__(self, tokens: SimpleQueue[list[int] | None]) -> None:
        self._tokens = tokens
        self._is_prompt = True

    def put(self, value: torch.Tensor) -> None:
        """Pass on what comes after the first call, which holds the prompt."""
        if self._is_prompt:
            self._is_prompt = False
        else:
            self._tokens.put(value.flatten().tolist())

    def end(self) -> None:
        """Do nothing: the end of the thread ends the stream, also after an error."""


class _StopWhenSet(StoppingCriteria):
    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self._stop.is_set(), dtype=torch.bool, device=input_ids.device)


class _Draw(LogitsProcessor):
    """Makes the highest score a draw from the softmax, by adding Gumbel noise from a generator of its own.

    `generate` itself draws from the global generator, which other threads use too, so a seed would not repeat.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._generator = torch.Generator(device).manual_seed(seed)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        waits = torch.empty_like(scores).exponential_(generator=self._generator)
        return scores - waits.clamp_min_(torch.finfo(scores.dtype).tiny).log_()


def _choice(sampling: Sampling, sample: int, device: torch.device) -> LogitsProcessorList:
    if sampling.temperature == 0:
        return LogitsProcessorList()
    chain: list[Any] = [TemperatureLogitsWarper(sampling.temperature)]
    if sampling.top_p < 1:
        chain.append(TopPLogitsWarper(sampling.top_p))
    chain.append(_Draw(sampling.seed * 1_000_003 + sample, device))
    return LogitsProcessorList(chain)


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


def _read_dtype(dtype: str | None, device: torch.device) -> torch.dtype:
    if dtype is None:
        return choose_dtype(device)
    if dtype not in DTYPES:
        raise DeviceError(f"unknown dtype {dtype!r}: use one of {', '.join(DTYPES)}")
    return DTYPES[dtype]


def _advice(checkpoint: str | Path, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    if Path(checkpoint).is_dir():
        return f"cannot load a policy from the folder {checkpoint}: {reason}"
    return f"the weights of {checkpoint} are not on this machine ({reason}): hf download {checkpoint}"
