"""What `load_segmenter` makes of a name, and what it says where it cannot."""

from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from tests.tiny_sam2 import TINY_OVERRIDES, tiny_sam2
from veason import hub
from veason.errors import DeviceError, MissingBackend, ProfileError
from veason.segmenter import load_segmenter
from veason.segmenter.checkpoint import build_predictor, save_model
from veason.types import ModelOptions
from veason_nano.segmenter.model import NANO_BASE


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    save_model(tiny_sam2(), tmp_path / "model", base=NANO_BASE, overrides=TINY_OVERRIDES)
    return tmp_path / "model"


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No network and no cached weights, as on a train with a new laptop."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_folder_loads_under_its_path(model_folder: Path) -> None:
    assert load_segmenter(str(model_folder), ModelOptions(device="cpu")).name == str(model_folder)


def test_a_published_file_loads_with_its_config(tmp_path: Path) -> None:
    torch.save({"model": build_predictor("sam2.1_hiera_t").state_dict()}, tmp_path / "tiny.pt")
    segmenter = load_segmenter(str(tmp_path / "tiny.pt"), ModelOptions(segmenter_config="sam2.1_hiera_t", device="cpu"))
    assert segmenter.name.endswith("tiny.pt")


@pytest.mark.parametrize("name", [None, "auto", "nano"])
def test_without_cuda_the_default_is_the_embedded_nano(
    name: str | None, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "ASSETS", tmp_path / "assets")
    (tmp_path / "assets/nano").mkdir(parents=True)
    model_folder.rename(tmp_path / "assets/nano/segmenter")
    assert load_segmenter(name, ModelOptions(device="cpu")).name == "nano"


@pytest.mark.parametrize("name", hub.EMBEDDED_SEGMENTERS)
def test_a_missing_nano_says_what_to_type(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "ASSETS", tmp_path)
    with pytest.raises(MissingBackend, match=r"hf download facebook/sam2\.1-hiera-large"):
        load_segmenter(name, ModelOptions(device="cpu"))


def test_a_cached_hub_id_loads_without_network(empty_cache: Path) -> None:
    snapshot = empty_cache / "models--facebook--sam2.1-hiera-tiny/snapshots/0123"
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs/main").write_text("0123")
    torch.save({"model": build_predictor("sam2.1_hiera_t").state_dict()}, snapshot / "sam2.1_hiera_tiny.pt")
    assert load_segmenter("facebook/sam2.1-hiera-tiny", ModelOptions(device="cpu")).name == "facebook/sam2.1-hiera-tiny"


def test_a_hub_id_that_cannot_be_had_says_what_to_type(empty_cache: Path) -> None:
    with pytest.raises(MissingBackend, match=r"run: hf download facebook/sam2.1-hiera-tiny sam2.1_hiera_tiny.pt"):
        load_segmenter("facebook/sam2.1-hiera-tiny", ModelOptions(device="cpu"))


@pytest.mark.parametrize(
    ("name", "config", "error", "message"),
    [
        pytest.param("big.pt", None, ProfileError, "--segmenter-config sam2.1_hiera_l", id="file without a config"),
        pytest.param("big.pt", "sam2.1_hiera_l", MissingBackend, "no such file: check the path", id="no such file"),
        pytest.param("nano", "sam2.1_hiera_l", ProfileError, "belongs to a FILE.pt", id="config without a file"),
        pytest.param(
            "someone/else", None, MissingBackend, "no segmenter 'someone/else' on this machine", id="unknown id"
        ),
        pytest.param("no/such/folder", None, MissingBackend, "a folder with config.json", id="no such folder"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(
    name: str, config: str | None, error: type[Exception], message: str, empty_cache: Path
) -> None:
    with pytest.raises(error, match=message):
        load_segmenter(name, ModelOptions(segmenter_config=config, device="cpu"))


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(DeviceError, match="unknown device 'tpu'"):
        load_segmenter("nano", ModelOptions(device="tpu"))
