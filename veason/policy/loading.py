"""Loading a Qwen2.5-VL, a Qwen3-VL or one of their descendants (Veason-R1, nano) from a folder or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, BitsAndBytesConfig

from veason.device import choose_device, choose_dtype, memory_guard
from veason.errors import MissingBackend
from veason.libraries import require_library
from veason.policy.qwen import QwenPolicy
from veason.profile import GENERIC, QWEN3_VL, Profile
from veason.types import ModelOptions
from veason.types.budgets import MIB
from veason.zero_gpu import is_zero_gpu

PROFILES = {"qwen2_5_vl": GENERIC, "qwen3_vl": QWEN3_VL}
"""The kinds of checkpoints that can be loaded, by their config's `model_type`, with the profile of each."""

REUSES_PREFIX = frozenset({"qwen2_5_vl", "qwen3_vl"})
"""Kinds for which going on from what was read gives the same tokens as reading anew; tests hold each of them to it."""

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
        profile: how this checkpoint wants its frames; GENERIC gives way to the one of the checkpoint's kind.
        options: see `veason.policy.load_policy`; its own `profile` is not read.
        name: how the user calls it, by default the checkpoint.
        may_download: whether a hub id that is not cached may be fetched.

    Raises:
        MissingBackend: the weights are not here or of no kind that can be loaded, or a library is missing.
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
    if options.is_offloaded:
        require_library("accelerate", "offloading")
        loading["device_map"] = "auto"
    is_placed = "device_map" in loading
    try:
        config = AutoConfig.from_pretrained(checkpoint, local_files_only=not may_download)
        if config.model_type not in PROFILES:
            raise MissingBackend(
                f"{checkpoint} is a {config.model_type} model: the policy loads {' and '.join(PROFILES)}; a server may "
                "run others (--policy http://...)"
            )
        processor = AutoProcessor.from_pretrained(checkpoint, local_files_only=not may_download)
        with memory_guard():
            model, info = AutoModelForImageTextToText.from_pretrained(checkpoint, output_loading_info=True, **loading)
            model = model if is_placed else model.to(device)
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
        PROFILES[config.model_type] if profile is GENERIC else profile,
        name=name or str(checkpoint),
        prefix_bytes=options.budgets.prefix * MIB if config.model_type in REUSES_PREFIX else 0,
        static_cache=options.speedups.static_cache and not is_zero_gpu(),
    )


def _advice(checkpoint: str | Path, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    if Path(checkpoint).is_dir():
        return f"cannot load a policy from the folder {checkpoint}: {reason}"
    return f"the weights of {checkpoint} are not on this machine ({reason}): hf download {checkpoint}"
