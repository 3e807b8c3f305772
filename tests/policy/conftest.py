import dataclasses
from pathlib import Path

import pytest

from tests.tiny_qwen import save_tiny_qwen
from veason.policy.loading import load_qwen
from veason.policy.qwen import QwenPolicy
from veason.profile import GENERIC, PROFILE_FILE, write_profile
from veason.types import ModelOptions

TINY = dataclasses.replace(GENERIC, name="tiny", size_wh=(112, 84), frame_count=3)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny_qwen(tmp_path_factory.mktemp("tiny_qwen"))
    write_profile(TINY, folder / PROFILE_FILE)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> QwenPolicy:
    return load_qwen(tiny_folder, TINY, ModelOptions(device="cpu"), name="tiny")
