"""A Qwen3-VL in the process: the class comes from the checkpoint's config, boxes are in thousandths, prefixes serve."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_qwen3 import save_tiny_qwen3
from veason.errors import MissingBackend, ProfileError
from veason.policy import load_policy
from veason.policy.loading import load_qwen
from veason.policy.qwen import QwenPolicy
from veason.profile import BUILT_IN, GENERIC, PROFILE_FILE, QWEN3_VL, load_profile, write_profile
from veason.types import Budgets, Frame, ModelOptions, Sampling, Turn, Unanswered

SMALL = dataclasses.replace(QWEN3_VL, size_wh=(96, 64), frame_count=3)
SHOWN = (0, 17, 35)


def frames(seed: int = 0) -> list[Frame]:
    pictures = np.random.default_rng(seed).integers(0, 255, (3, 120, 160, 3), np.uint8)
    return [Frame(index, picture) for index, picture in zip(SHOWN, pictures, strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny_qwen3(tmp_path_factory.mktemp("tiny_qwen3"))
    write_profile(SMALL, folder / PROFILE_FILE)
    return folder


def written(policy: QwenPolicy, instruction: str, seed: int = 0, turns: tuple[Turn, ...] = ()) -> str:
    sampling = Sampling(max_new_tokens=24)
    return "".join(piece.text for piece in policy.write(frames(seed), instruction, turns=turns, sampling=sampling))


def test_a_checkpoint_is_asked_as_its_kind_wants(folder: Path, tmp_path: Path) -> None:
    policy = load_policy(str(folder), ModelOptions(device="cpu"))
    assert isinstance(policy, QwenPolicy)
    events = list(policy.stream(frames(), "the red ball", num_frames=36, sampling=Sampling(max_new_tokens=8)))
    assert isinstance(events[-1], Unanswered)  # it writes gibberish
    assert events[-1].text
    assert (policy.profile.coordinates, policy.profile.space_wh) == ("thousandths", (1000, 1000))
    save_tiny_qwen3(tmp_path / "bare")
    assert load_qwen(tmp_path / "bare", GENERIC, ModelOptions(device="cpu")).profile is QWEN3_VL
    with pytest.raises(ProfileError, match="multiples of 32"):
        load_qwen(folder, dataclasses.replace(SMALL, size_wh=(560, 560)), ModelOptions(device="cpu"))


def test_what_was_read_serves_the_next_question_with_the_same_tokens(folder: Path) -> None:
    reusing = load_qwen(folder, SMALL, ModelOptions(device="cpu"))
    anew = load_qwen(folder, SMALL, ModelOptions(device="cpu", budgets=Budgets.nothing()))
    turn = (Turn("it is there", "it is not"),)
    for seed in (0, 1, 0):
        for words in ("the red ball", "the blue box that comes back"):
            assert written(reusing, words, seed) == written(anew, words, seed)
        assert written(reusing, "the red ball", seed, turn) == written(anew, "the red ball", seed, turn)
    assert written(anew, "the red ball") != written(anew, "the red ball", 1)  # it does look at the pictures
    counts = reusing.counts
    assert (counts.prompts, counts.vision_calls) == (9, 2)  # pictures were looked at once each


def test_profiles_of_other_checkpoints_are_there(tmp_path: Path) -> None:
    for name in ("Ricky06662/VisionReasoner-7B", "Ricky06662/Seg-Zero-7B"):
        assert load_profile(name) is BUILT_IN[name]
        assert BUILT_IN[name].frame_count == 1
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(MissingBackend, match="bert model: the policy loads qwen2_5_vl and qwen3_vl"):
        load_qwen(tmp_path, GENERIC, ModelOptions(device="cpu"))
