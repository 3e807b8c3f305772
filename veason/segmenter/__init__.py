"""Video segmenters behind the Segmenter protocol: SAM2, and SAM 3's tracker and EdgeTAM by way of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from veason import hub
from veason.errors import MissingBackend, ProfileError
from veason.libraries import require_library
from veason.model_use import hold_while_alive, holding
from veason.types import Budgets, ModelOptions, Speedups
from veason.types.budgets import MIB
from veason.zero_gpu import is_zero_gpu

if TYPE_CHECKING:
    import torch

    from veason.types import Segmenter


def load_segmenter(name: str | None = None, options: ModelOptions = ModelOptions()) -> Segmenter:
    """Load a segmenter by name.

    Args:
        name: None or "auto" (SAM2.1 large if CUDA is available and its weights are cached, else nano), "nano",
            "nano-photo" (for real video), a hub id such as "facebook/sam2.1-hiera-large" (downloaded if it is not
            cached), a folder with config.json and weights, or a published FILE.pt. Where config.json has a
            `model_type`, as SAM 3 and EdgeTAM have, the class follows from it.
        options: device, budgets and speed-ups; for FILE.pt also `segmenter_config`.

    Raises:
        MissingBackend: sam2 or the weights are not installed; the message has the command to run.
        ProfileError: a config is missing, unknown or does not fit the weights.
        DeviceError: CUDA was requested and is not available.
    """
    require_library("sam2", "the segmenter")
    from veason.device import choose_device
    from veason.segmenter import checkpoint

    target = choose_device(options.device)
    if name in (None, "auto"):
        use_published = target.type == "cuda" and checkpoint.cached_file(hub.PUBLISHED_SEGMENTER) is not None
        name = hub.PUBLISHED_SEGMENTER if use_published else hub.NANO
    assert name is not None
    with holding(name):
        segmenter = _load(name, options, target)
        hold_while_alive(segmenter, name)
    return segmenter


def _load(name: str, options: ModelOptions, target: torch.device) -> Segmenter:
    from veason.segmenter import checkpoint

    config = options.segmenter_config
    if config is not None and not name.endswith(".pt"):
        raise ProfileError(f"--segmenter-config belongs to a FILE.pt, but the segmenter is {name!r}: leave it out")
    if name in hub.EMBEDDED_SEGMENTERS:
        model = checkpoint.load_model(_embedded_folder(hub.EMBEDDED_SEGMENTERS[name]), target)
    elif name.endswith(".pt"):
        if config is None:
            raise ProfileError(
                f"{name} holds weights alone: name its model config, for example --segmenter-config sam2.1_hiera_l"
            )
        model = checkpoint.load_published(hub.local_path(name) or Path(name), config, target)
    elif (folder := hub.local_path(name)) is not None and folder.is_dir():
        from veason.segmenter import video_models

        if video_models.model_type_of(folder) is not None:
            return video_models.load_video_model(folder, name, target)
        model = checkpoint.load_model(folder, target)
    elif checkpoint.is_published(name) or not hub.is_hub_id(name):
        model = checkpoint.load_from_hub(name, target)
    else:
        from veason.segmenter import video_models

        return video_models.load_video_model(video_models.fetch_video_model(name), name, target)
    return _as_segmenter(model, name, options.budgets, Speedups() if is_zero_gpu() else options.speedups)


def _as_segmenter(model: Any, name: str, budgets: Budgets, speedups: Speedups) -> Segmenter:
    """Wrap the predictor in a Sam2Segmenter whose caches stay within the budgets."""
    from veason.segmenter.compiled import compile_networks
    from veason.segmenter.features import FeatureBudget, FeatureCache, default_memory
    from veason.segmenter.sam2 import Sam2Segmenter

    features = None
    if budgets.keeps_features:
        memory = budgets.feature_memory
        features = FeatureCache(
            FeatureBudget(
                gpu=budgets.feature_gpu * MIB,
                ram=default_memory(model.device) if memory is None else memory * MIB,
                disk=budgets.feature_disk * MIB,
            )
        )
    if speedups.compiled:
        compile_networks(model)
    return Sam2Segmenter(
        model,
        name,
        feature_budget_bytes=0,
        memory_budget_bytes=budgets.tracks * MIB,
        features=features,
        batched=speedups.batched,
    )


def _embedded_folder(kind: str) -> Path:
    """Return the folder of an embedded model. Raises MissingBackend if it is incomplete."""
    if not hub.has_embedded(kind):
        raise MissingBackend(
            f"the embedded segmenter is not in {hub.embedded(kind)}: get a complete checkout, "
            f"or pass --segmenter {hub.PUBLISHED_SEGMENTER} after: hf download {hub.PUBLISHED_SEGMENTER}"
        )
    return hub.embedded(kind)
