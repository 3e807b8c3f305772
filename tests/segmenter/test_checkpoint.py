"""Models come back from disk as they went, and what does not fit is named."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sam2.build_sam import build_sam2_video_predictor

from tests.segmenter.clips import BOX, write_clip
from tests.tiny_sam2 import TINY_OVERRIDES, build_tiny_sam2, tiny_sam2
from veason.errors import MissingBackend, ProfileError
from veason.segmenter.checkpoint import (
    build_predictor,
    find_config,
    load_model,
    load_published,
    save_model,
)
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Prompt
from veason_nano.segmenter.model import NANO_BASE, OVERRIDES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tiny_sam2(), tmp_path / "model", base=NANO_BASE, overrides=TINY_OVERRIDES)
    return tmp_path / "model"


def test_a_saved_model_loads_with_weights_rounded_to_bfloat16(folder: Path) -> None:
    model, loaded = tiny_sam2(), load_model(folder)
    matrix = "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    for name, tensor in model.state_dict().items():
        wanted = tensor if name == matrix else tensor.bfloat16().float()
        assert torch.equal(loaded.state_dict()[name], wanted), name
    assert not loaded.training


def test_saving_what_was_loaded_changes_nothing(folder: Path, tmp_path: Path) -> None:
    save_model(load_model(folder), tmp_path / "again", base=NANO_BASE, overrides=TINY_OVERRIDES)
    for name in ("config.json", "model.safetensors"):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_a_loaded_model_tracks(folder: Path, tmp_path: Path) -> None:
    video = write_clip(tmp_path, num_frames=3)
    assert len(list(Sam2Segmenter(load_model(folder), "x").track(video, [Prompt(1, 0, box=BOX)]))) == 3


def test_nano_is_small() -> None:
    model = build_predictor(NANO_BASE, OVERRIDES)
    assert model.image_size == 256
    assert sum(parameter.numel() for parameter in model.parameters()) < 8e6


def test_a_config_builds_the_same_predictor_as_sam2_itself_but_for_corrections_and_holes() -> None:
    ours = build_predictor("sam2.1_hiera_t", ["model.image_size=128"])
    theirs = build_sam2_video_predictor(NANO_BASE, device="cpu", hydra_overrides_extra=["++model.image_size=128"])
    assert type(ours) is type(theirs)
    plain = (bool, int, float, str, type(None))

    def settings(model: torch.nn.Module) -> dict:
        """Return every plain attribute of every module, and every parameter's shape."""
        found = {
            (name, key): value
            for name, module in model.named_modules()
            for key, value in vars(module).items()
            if isinstance(value, plain)
        }
        return found | {("shape", name): tuple(tensor.shape) for name, tensor in model.state_dict().items()}

    our_settings, their_settings = settings(ours), settings(theirs)
    different = {key for key, value in our_settings.items() if their_settings[key] != value}
    assert different == {
        ("", "add_all_frames_to_correct_as_cond"),
        ("", "fill_hole_area"),
        ("", "max_cond_frames_in_attn"),
    }
    assert ours.sam_mask_decoder_extra_args == theirs.sam_mask_decoder_extra_args


@pytest.mark.parametrize("name", ["sam2.1_hiera_l", "sam2.1_hiera_l.yaml", "configs/sam2.1/sam2.1_hiera_l.yaml"])
def test_a_config_has_a_short_and_a_long_name(name: str) -> None:
    assert find_config(name).name == "sam2.1_hiera_l.yaml"


@pytest.mark.parametrize(
    ("base", "overrides", "message"),
    [
        pytest.param("sam9", [], "no SAM2 config 'sam9': use one of sam2_hiera_b", id="unknown config"),
        pytest.param("../sam2.1_hiera_l", [], "no SAM2 config", id="config outside the package"),
        pytest.param("sam2.1_hiera_t", ["image_size"], "is dotted.key=value", id="override without a value"),
        pytest.param("sam2.1_hiera_t", ["model._target_=os.system"], "names no _target_", id="another class"),
        pytest.param("sam2.1_hiera_t", ["model.colour=red"], "colour", id="unknown setting"),
        pytest.param("sam2.1_hiera_t", ["model.image_encoder.neck.d_model=12"], "check the overrides", id="misfit"),
        pytest.param("sam2.1_hiera_t", ["model.image_size=${nothing}"], "do not fit config", id="unknown reference"),
    ],
)
def test_a_config_that_cannot_be_built_is_refused(base: str, overrides: list[str], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        build_predictor(base, overrides)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_folder_without_one_of_its_files_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(MissingBackend, match=f"{name} is not there"):
        load_model(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "is not JSON", id="not JSON"),
        pytest.param("[]", "needs 'base'", id="a list"),
        pytest.param('{"base": "sam2.1_hiera_t", "image_size": 8}', "needs 'overrides'", id="no overrides"),
        pytest.param(
            json.dumps({"base": NANO_BASE, "overrides": list(TINY_OVERRIDES), "image_size": 8}),
            "image_size 8, but its base and overrides give 128",
            id="another image size",
        ),
        pytest.param(
            json.dumps({"base": NANO_BASE, "overrides": ["model.image_size=128"], "image_size": 128}),
            "do not fit the config",
            id="weights of another network",
        ),
    ],
)
def test_a_broken_folder_config_is_refused(folder: Path, text: str, message: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(ProfileError, match=message):
        load_model(folder)


def test_weights_cut_off_or_incomplete_are_refused(folder: Path) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights.pop("no_mem_embed")
    save_file(weights, file)
    with pytest.raises(ProfileError, match="no_mem_embed"):
        load_model(folder)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ProfileError, match="cannot read"):
        load_model(folder)


def test_a_published_file_loads_with_the_name_of_its_config(tmp_path: Path) -> None:
    model = build_predictor("sam2.1_hiera_t")
    torch.save({"model": model.state_dict()}, tmp_path / "tiny.pt")
    loaded = load_published(tmp_path / "tiny.pt", "configs/sam2.1/sam2.1_hiera_t.yaml")
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in model.state_dict().items())


def test_a_file_that_is_no_published_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingBackend, match="there is no such file"):
        load_published(tmp_path / "none.pt", "sam2.1_hiera_t")
    (tmp_path / "text.pt").write_text("not a checkpoint")
    with pytest.raises(ProfileError, match="is not a torch checkpoint"):
        load_published(tmp_path / "text.pt", "sam2.1_hiera_t")
    torch.save(build_tiny_sam2().no_mem_embed.detach(), tmp_path / "bare.pt")
    with pytest.raises(ProfileError, match="must hold"):
        load_published(tmp_path / "bare.pt", "sam2.1_hiera_t")
    torch.save({"model": build_tiny_sam2().state_dict()}, tmp_path / "other.pt")
    with pytest.raises(ProfileError, match="do not fit the config"):
        load_published(tmp_path / "other.pt", "sam2.1_hiera_t")
