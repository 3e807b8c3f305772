"""Loads SAM 3's tracker and EdgeTAM: the class follows from `model_type` in config.json.

A folder or a repository of the hub holds config.json, the weights as safetensors, and the processor's files, as
`save_pretrained` of transformers writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import transformers
from safetensors import SafetensorError

from veason import hub
from veason.device import choose_dtype, memory_guard
from veason.errors import MissingBackend, ProfileError
from veason.libraries import require_library
from veason.segmenter.checkpoint import CONFIG_FILE
from veason.segmenter.sessions import SessionSegmenter

if TYPE_CHECKING:
    import torch

CLASSES = {
    "edgetam_video": ("EdgeTamVideoModel", "Sam2VideoProcessor"),
    "sam3_tracker_video": ("Sam3TrackerVideoModel", "Sam3TrackerVideoProcessor"),
    "sam3_video": ("Sam3TrackerVideoModel", "Sam3TrackerVideoProcessor"),
}
"""Model and processor by `model_type`. Of a "sam3_video" the detector by words is left out."""

CONDITIONING_FRAMES = 4
"""How many conditioning frames are read where a checkpoint sets no limit; so many as with SAM 2."""

_READS_PICTURES = ("edgetam", "sam3", "sam3_tracker", "sam2")
_PATTERNS = ("*.json", "*.safetensors")


def model_type_of(folder: Path) -> str | None:
    """Return `model_type` of a folder's config.json; None where it has none, or there is no such file to read.

    Raises:
        ProfileError: `model_type` is not text.
    """
    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind is not None and not isinstance(kind, str):
        raise ProfileError(f"model_type in {folder / CONFIG_FILE} is text, got {kind!r}: fetch the file again")
    return kind


def load_video_model(folder: Path, name: str, device: torch.device) -> SessionSegmenter:
    """Load the model of a folder whose config.json has a `model_type`.

    Args:
        folder: a folder as `save_pretrained` writes it.
        name: the name by which the user chose it.
        device: the device of the model.

    Raises:
        MissingBackend: files of the checkpoint or a library are missing; the message says what to do.
        ProfileError: `model_type` is not one of CLASSES, or config, weights and processor do not fit together.
        DeviceError: the device has too little memory.
    """
    kind = model_type_of(folder)
    if kind not in CLASSES:
        raise _refusal(name, kind)
    if not hub.has_weights(folder):
        raise MissingBackend(f"{folder} holds no whole *.safetensors beside {CONFIG_FILE}: fetch the checkpoint again")
    if '"timm_wrapper"' in (folder / CONFIG_FILE).read_text(encoding="utf-8"):
        require_library("timm", f"the segmenter {name}")
    model_class, processor_class = (getattr(transformers, one) for one in CLASSES[kind])
    try:
        processor = processor_class.from_pretrained(folder, local_files_only=True)
        with memory_guard():
            model, info = model_class.from_pretrained(
                folder, dtype=choose_dtype(device), local_files_only=True, output_loading_info=True
            )
            model = model.to(device).eval()
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ProfileError(f"cannot load a segmenter from {folder}: {reason}; fetch the checkpoint again") from error
    lacking = sorted(info["missing_keys"])
    if lacking:
        raise ProfileError(
            f"{folder} lacks {len(lacking)} weights of the tracker ({', '.join(lacking[:3])}, ...): "
            "fetch the checkpoint again"
        )
    _check_sizes(folder, model, processor)
    if model.config.max_cond_frame_num == -1:
        model.config.max_cond_frame_num = CONDITIONING_FRAMES
    return SessionSegmenter(model, processor, name)


def fetch_video_model(hub_id: str) -> Path:
    """Return the folder of a hub id in the local cache; what is missing is downloaded.

    The config is fetched first, so that nothing is downloaded of a model that is no segmenter.

    Raises:
        MissingBackend: the files are not cached and cannot be downloaded; the message has the command to run.
        ProfileError: its `model_type` is not one of CLASSES.
    """
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    folder = hub.cached_folder(hub_id)
    try:
        if folder is None or not (folder / CONFIG_FILE).is_file():
            folder = Path(hf_hub_download(hub_id, CONFIG_FILE)).parent
        kind = model_type_of(folder)
        if kind not in CLASSES:
            raise _refusal(hub_id, kind)
        return folder if hub.has_weights(folder) else Path(snapshot_download(hub_id, allow_patterns=list(_PATTERNS)))
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, HFValidationError, OSError) as error:
        if isinstance(error, GatedRepoError):
            raise MissingBackend(
                f"{hub_id} asks everybody to accept its licence: do so at https://huggingface.co/{hub_id}, then run: "
                f"hf auth login, and: hf download {hub_id}"
            ) from error
        reason = str(error).splitlines()[0]
        raise MissingBackend(
            f"no segmenter {hub_id!r} on this machine, and it cannot be downloaded ({reason}): pass nano, nano-photo, "
            f"a folder with {CONFIG_FILE} and weights, a FILE.pt, or a hub id such as {hub.PUBLISHED_SEGMENTER}; "
            f"with a network connection, run: hf download {hub_id}"
        ) from error


def _refusal(name: str, kind: str | None) -> ProfileError:
    """Return the error for a model type that is not loaded, with what to do."""
    wanted = ", ".join(CLASSES)
    if kind is None:
        advice = f"has no model_type in its {CONFIG_FILE}: choose a checkpoint of type {wanted}"
    elif kind in _READS_PICTURES:
        advice = f"is a {kind} model, which segments single pictures: choose its checkpoint for video ({wanted})"
    elif kind == "sam2_video":
        advice = f"is a {kind} model: choose Meta's own files, {hub.PUBLISHED_SEGMENTER} or FILE.pt with its config"
    else:
        advice = f"is a {kind} model, which is no segmenter: choose one of type {wanted}, or {hub.PUBLISHED_SEGMENTER}"
    return ProfileError(f"{name} {advice}")


def _check_sizes(folder: Path, model: Any, processor: Any) -> None:
    """Refuse a processor that makes pictures or places clicks for another input size than the model's."""
    size = processor.video_processor.size
    given = {processor.target_size, size["height"], size["width"]}
    if given != {model.image_size}:
        raise ProfileError(
            f"the processor in {folder} is for {', '.join(map(str, sorted(given)))} px but the model for "
            f"{model.image_size} px: fetch the checkpoint again"
        )
