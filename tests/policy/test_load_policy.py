import json
from pathlib import Path

import numpy as np
import pytest

from veason import hub
from veason.errors import MissingBackend, ProfileError
from veason.policy import best_policy_name, load_policy
from veason.policy.qwen import QwenPolicy
from veason.types import Budgets, Frame, ModelOptions, Policy, Sampling

RECORD = {
    "instruction": "x", "num_frames": 2, "shown": [0], "space_wh": [56, 56], "source_wh": [9, 9], "pieces": [[0, "y"]],
}  # fmt: skip


@pytest.mark.parametrize(
    ("has_published", "has_nano", "has_recordings", "wanted"),
    [
        pytest.param(True, True, True, hub.PUBLISHED_POLICY, id="the published one first"),
        pytest.param(False, True, True, "nano", id="then nano"),
        pytest.param(False, False, True, "scripted", id="then recorded answers"),
    ],
)
def test_best_policy_that_is_here(has_published: bool, has_nano: bool, has_recordings: bool, wanted: str) -> None:
    assert best_policy_name(has_published=has_published, has_nano=has_nano, has_recordings=has_recordings) == wanted


def test_where_nothing_is_here_the_command_is_named() -> None:
    with pytest.raises(MissingBackend, match=f"hf download {hub.PUBLISHED_POLICY}"):
        best_policy_name(has_published=False, has_nano=False, has_recordings=False)


def test_folder_is_loaded_with_the_profile_beside_it(tiny_folder: Path) -> None:
    policy: Policy = load_policy(str(tiny_folder), ModelOptions(device="cpu"))
    assert (policy.name, policy.frame_count) == (str(tiny_folder), 3)


def test_named_profile_goes_before_the_one_beside_the_weights(tiny_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"frame_count": 5, "size_wh": [56, 56]}))
    assert load_policy(str(tiny_folder), ModelOptions(profile=path, device="cpu")).frame_count == 5
    with pytest.raises(ProfileError, match=r"gone\.json"):
        load_policy(str(tiny_folder), ModelOptions(profile=tmp_path / "gone.json"))


def test_reuse_and_its_budget_reach_the_policy(tiny_folder: Path) -> None:
    frames = [Frame(0, np.zeros((48, 64, 3), np.uint8))]
    for options, calls in ((ModelOptions(device="cpu"), 1), (ModelOptions(device="cpu", budgets=Budgets(prefix=0)), 2)):
        policy = load_policy(str(tiny_folder), options)
        assert isinstance(policy, QwenPolicy)
        for instruction in ("the ball", "the box"):
            list(policy.stream(frames, instruction, num_frames=1, sampling=Sampling(max_new_tokens=2)))
        assert policy.counts.vision_calls == calls


def test_recordings_are_loaded_by_file(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"records": [RECORD]}))
    assert load_policy(f"scripted:{path}").frame_count == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, r"has no config\.json", id="empty folder"),
        pytest.param({"config.json": "{}"}, "cannot load a policy from the folder", id="no model type"),
        pytest.param({"config.json": '{"model_type": "bert"}'}, "is a bert model", id="another model"),
        pytest.param({"config.json": '{"model_type": "qwen2_5_vl"}'}, "cannot load a policy", id="no weights"),
    ],
)
def test_folder_without_a_policy_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(MissingBackend, match=message):
        load_policy(str(tmp_path), ModelOptions(device="cpu"))


@pytest.mark.parametrize("name", ["nani", "/no/such/folder", "./gone", "a/b/c"])
def test_name_that_is_nothing_lists_what_can_be_given(name: str) -> None:
    with pytest.raises(MissingBackend, match="checkpoint folder or a hub id"):
        load_policy(name)


def test_missing_recordings_are_named() -> None:
    with pytest.raises(MissingBackend, match=r"gone\.json"):
        load_policy("scripted:gone.json")
