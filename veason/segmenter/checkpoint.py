"""SAM2 checkpoints: build a model from a config, save and load the folder layout, load published files.

The folder layout, which nano uses:

    config.json          {"base": "configs/sam2.1/sam2.1_hiera_t.yaml", "overrides": ["model.image_size=256", ...],
                          "image_size": 256, "trunk": "efficientnet-lite0", "memory": {"recent": 2}}
    model.safetensors    the state dict in bfloat16; the small random position matrix stays in float32

`base` names a config inside the sam2 package. Without `trunk` it is the base's own ("hiera"), without `memory` what is
remembered is stock's (see `veason.segmenter.choice`). Each override is `dotted.key=value` as in hydra (a leading + or
++ is allowed and means the same here). Configs are read with OmegaConf alone, without hydra's process-wide state, so
that models can be built in any thread and beside other users of hydra.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from veason.errors import MissingBackend, ProfileError
from veason.libraries import require_library
from veason.segmenter.choice import MemoryChoice
from veason.segmenter.holes import hole_area, install_kernel
from veason.zero_gpu import is_zero_gpu

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"

VIDEO_OVERRIDES = (
    # The five that sam2.build_sam.build_sam2_video_predictor adds (apply_postprocessing=True), hole filling apart.
    "model._target_=sam2.sam2_video_predictor.SAM2VideoPredictor",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_via_stability=true",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_stability_delta=0.05",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_stability_thresh=0.98",
    "model.binarize_mask_from_pts_for_mem_enc=true",
    # Without this a correction is stored as an ordinary frame and overwritten (facebookresearch/sam2 issue #731).
    "model.add_all_frames_to_correct_as_cond=true",
    # Stock has no limit, so each corrected or locked frame slows down all others; SAM 3 uses 4 (sam3/model_builder.py).
    "model.max_cond_frames_in_attn=4",
)
"""Overrides that every model gets in addition to its config."""


TRUNKS = {"hiera": None, "efficientnet-lite0": "veason.segmenter.trunk.EfficientNetLite0"}
"""Image trunks by name: None is the base's own, else the class that stands in its place."""


def build_predictor(
    base: str, overrides: Sequence[str] = (), device: torch.device | str = "cpu", *, trunk: str = "hiera"
) -> SAM2VideoPredictor:
    """Return a SAM2 video predictor with random weights, in eval mode.

    Args:
        base: a config of the sam2 package, such as "configs/sam2.1/sam2.1_hiera_t.yaml" or short "sam2.1_hiera_t".
        overrides: `dotted.key=value` lines, applied in order.
        device: the device of the model.
        trunk: one of TRUNKS.

    Raises:
        ProfileError: the config or the trunk is unknown, an override cannot be read, or the sizes do not fit together.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    config = read_config(base, overrides)
    if trunk not in TRUNKS:
        raise ProfileError(f"no image trunk {trunk!r}: use one of {', '.join(TRUNKS)}")
    if TRUNKS[trunk] is not None:
        config.model.image_encoder.trunk = {"_target_": TRUNKS[trunk]}
    try:
        with _gpu_out_of_sight():
            model = instantiate(config.model, _recursive_=True)
    except InstantiationException as error:
        raise ProfileError(
            f"cannot build {base} with overrides {list(overrides)}: {error}; check the overrides"
        ) from error
    install_kernel()
    model.fill_hole_area = hole_area(model.image_size)
    return model.to(device).eval()


@contextmanager
def _gpu_out_of_sight() -> Iterator[None]:
    """On a ZeroGPU Space, make torch report no GPU in the block: sam2 puts tensors on a GPU while it is built, and
    copies them, which the emulation there does not support.
    """
    if not is_zero_gpu():
        yield
        return
    seen, torch.cuda.is_available = torch.cuda.is_available, lambda: False
    try:
        yield
    finally:
        torch.cuda.is_available = seen


def read_config(base: str, overrides: Sequence[str] = ()) -> Any:
    """Return the resolved OmegaConf tree of a config of the sam2 package with overrides applied.

    Raises:
        ProfileError: no such config, or an override that is not `dotted.key=value` or names another class to build.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for line in overrides:
        key, equals, _ = line.partition("=")
        if not equals or not key.lstrip("+") or "_target_" in key:
            raise ProfileError(f"a model override is dotted.key=value and names no _target_, got {line!r}: correct it")
    lines = [line.lstrip("+") for line in (*VIDEO_OVERRIDES, *overrides)]
    config = OmegaConf.load(find_config(base))
    try:
        config = OmegaConf.merge(config, OmegaConf.from_dotlist(lines))
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        raise ProfileError(f"overrides {list(overrides)} do not fit config {base}: {error}") from error
    return config


def find_config(name: str) -> Path:
    """Return the file of a config of the sam2 package, by its path in the package or its bare name.

    Raises:
        MissingBackend: sam2 is not installed.
        ProfileError: there is no such config; the message lists the known ones.
    """
    require_library("sam2", "the segmenter")
    spec = importlib.util.find_spec("sam2")
    assert spec is not None
    assert spec.submodule_search_locations, "sam2 is a folder"
    configs = Path(spec.submodule_search_locations[0]) / "configs"
    known = {file.stem: file for folder in ("sam2", "sam2.1") for file in sorted((configs / folder).glob("*.yaml"))}
    short = name.rpartition("/")[2].removesuffix(".yaml")
    if short not in known or name not in (short, f"{short}.yaml", f"configs/{known[short].parent.name}/{short}.yaml"):
        raise ProfileError(f"no SAM2 config {name!r}: use one of {', '.join(known)}")
    return known[short]


def save_model(model: SAM2VideoPredictor, folder: Path, *, base: str, overrides: Sequence[str]) -> None:
    """Write `model` in the folder layout: weights as bfloat16, and the config that `load_model` builds it from."""
    from safetensors.torch import save_file

    buffers = {name for name, _ in model.named_buffers()}
    tensors = {
        name: tensor.detach().to("cpu", torch.float32 if name in buffers else torch.bfloat16).contiguous()
        for name, tensor in model.state_dict().items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS_FILE)
    config: dict[str, Any] = {
        "base": base, "overrides": list(overrides), "image_size": model.image_size, "trunk": trunk_name(model),
    }  # fmt: skip
    choice = getattr(model, "choice", None)
    if isinstance(choice, MemoryChoice):
        config["memory"] = asdict(choice)
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def trunk_name(model: SAM2VideoPredictor) -> str:
    """Return the name in TRUNKS of a model's image trunk."""
    kind = type(model.image_encoder.trunk)
    return {path: name for name, path in TRUNKS.items()}.get(f"{kind.__module__}.{kind.__qualname__}", "hiera")


def load_model(folder: Path, device: torch.device | str = "cpu") -> SAM2VideoPredictor:
    """Return the model in `folder` (the folder layout), with float32 parameters and in eval mode.

    Raises:
        MissingBackend: config.json or model.safetensors is missing.
        ProfileError: the config is invalid, or the weights do not match it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise MissingBackend(
                f"a segmenter folder holds {CONFIG_FILE} and {WEIGHTS_FILE}, but {folder / name} is not there: "
                "choose another folder, or pass a published .pt file together with --segmenter-config"
            )
    config = read_folder_config(folder / CONFIG_FILE)
    model = build_predictor(config["base"], config["overrides"], device, trunk=config.get("trunk", "hiera"))
    if model.image_size != config["image_size"]:
        raise ProfileError(
            f"{folder / CONFIG_FILE} says image_size {config['image_size']}, but its base and overrides give "
            f"{model.image_size}: correct image_size or add the override model.image_size={config['image_size']}"
        )
    try:
        weights = load_file(folder / WEIGHTS_FILE)
    except SafetensorError as error:
        raise ProfileError(f"cannot read {folder / WEIGHTS_FILE}: {error}; copy the file again") from error
    _fill(model, weights, folder / WEIGHTS_FILE)
    if "memory" in config:
        from veason.segmenter.selective import choose_memories

        return choose_memories(model, MemoryChoice.read(config["memory"], str(folder / CONFIG_FILE)))
    return model


def load_published(file: Path, config: str, device: torch.device | str = "cpu") -> SAM2VideoPredictor:
    """Return the model of a published checkpoint: a `.pt` file that holds `{"model": state_dict}`.

    Raises:
        MissingBackend: the file is missing.
        ProfileError: the file is not such a checkpoint, or its weights do not fit `config`.
    """
    import pickle

    if not file.is_file():
        raise MissingBackend(f"wanted SAM2 weights in {file}, but there is no such file: check the path")
    model = build_predictor(config, device=device)
    try:
        holder = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ProfileError(f"{file} is not a torch checkpoint: {error}; download it again") from error
    if not isinstance(holder, dict) or "model" not in holder:
        raise ProfileError(f'{file} must hold {{"model": weights}} as the published SAM2 files do: choose another file')
    _fill(model, holder["model"], file)
    return model


def load_from_hub(hub_id: str, device: torch.device | str = "cpu") -> SAM2VideoPredictor:
    """Load a published model by its hub id; its weight file is downloaded unless it is cached.

    Raises:
        MissingBackend: the id is not one of the published ones, or the file is not cached and cannot be downloaded.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
    from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES

    if hub_id not in HF_MODEL_ID_TO_FILENAMES:
        raise MissingBackend(
            f"no segmenter {hub_id!r}: pass nano, nano-photo, a folder with {CONFIG_FILE} and {WEIGHTS_FILE}, "
            "a FILE.pt, or one of "
            f"{', '.join(HF_MODEL_ID_TO_FILENAMES)}"
        )
    config, filename = HF_MODEL_ID_TO_FILENAMES[hub_id]
    file = cached_file(hub_id)
    if file is None:
        try:
            file = Path(hf_hub_download(hub_id, filename))
        except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise MissingBackend(
                f"{filename} of {hub_id} is not in the local cache and cannot be downloaded ({reason}); "
                f"with a network connection, run: hf download {hub_id} {filename}"
            ) from error
    return load_published(file, config, device)


def is_published(hub_id: str) -> bool:
    """Tell whether a hub id is one of those that the sam2 package knows."""
    from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES

    return hub_id in HF_MODEL_ID_TO_FILENAMES


def cached_file(hub_id: str) -> Path | None:
    """Return the cached weight file of a published hub id, or None. Makes no network call."""
    from huggingface_hub import try_to_load_from_cache
    from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES

    _, filename = HF_MODEL_ID_TO_FILENAMES[hub_id]
    file = try_to_load_from_cache(hub_id, filename)
    return Path(file) if isinstance(file, str) else None


def read_folder_config(file: Path) -> dict[str, Any]:
    """Read config.json and check its three keys: base, overrides and image_size.

    Raises:
        ProfileError: the file is not JSON, or a key is missing or has the wrong type.
    """
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ProfileError(f"{file} is not JSON: {error}; write it again with save_model") from error
    known: dict[str, Any] = config if isinstance(config, dict) else {}
    wanted = {"base": str, "overrides": list, "image_size": int}
    for key, kind in wanted.items():
        if not isinstance(known.get(key), kind):
            raise ProfileError(f"{file} needs {key!r} ({kind.__name__}): write it again with save_model")
    return known


def _fill(model: SAM2VideoPredictor, weights: dict[str, torch.Tensor], source: Path) -> None:
    """Load `weights` into `model`; missing and unexpected keys are errors."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ProfileError(
            f"the weights in {source} do not fit the config ({reason} ...): choose the config they were trained with"
        ) from error
