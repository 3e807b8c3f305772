"""Loading a Qwen2.5-VL and its descendants (Veason-R1, nano) from a folder or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoProcessor, BitsAndBytesConfig, Qwen2_5_VLForConditionalGeneration

from veason.device import choose_device, choose_dtype, is_zero_gpu, memory_guard
from veason.errors import MissingBackend
from veason.libraries import require_library
from veason.policy.qwen import QwenPolicy
from veason.profile import Profile
from veason.types import ModelOptions
from veason.types.budgets import MIB

MODEL_TYPE = "qwen2_5_vl"
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


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


def _advice(checkpoint: str | Path, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    if Path(checkpoint).is_dir():
        return f"cannot load a policy from the folder {checkpoint}: {reason}"
    return f"the weights of {checkpoint} are not on this machine ({reason}): hf download {checkpoint}"
