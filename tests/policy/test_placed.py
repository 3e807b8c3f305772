"""A policy in 4 bits, and one whose layers lie elsewhere: what can be seen of both without a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText

from tests.policy.real_servers import look
from veason import hub
from veason.policy import load_policy
from veason.policy.qwen import QwenPolicy
from veason.types import ModelOptions, Policy, Sampling

pytestmark = pytest.mark.skipif(not hub.has_embedded("policy"), reason="assets/nano/policy is not here")

QUESTIONS = ("the latecomer", "the star that is not yellow")


def loaded(**options: object) -> QwenPolicy:
    policy: Policy = load_policy(hub.NANO, ModelOptions(device="cpu", dtype="float32", **options))  # type: ignore[arg-type]
    assert isinstance(policy, QwenPolicy)
    return policy


def words(policy: QwenPolicy, question: str, count: int) -> str:
    frames, _ = look("parade.mp4")
    return "".join(piece.text for piece in policy.write(frames, question, sampling=Sampling(max_new_tokens=count)))


def test_layers_that_lie_on_the_disk_are_fetched_as_they_are_needed_and_write_the_same_words(tmp_path: Path) -> None:
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    own = loaded()
    text = own._model.model.language_model
    places: dict[str, str] = {f"model.language_model.layers.{number}": "disk" for number in range(len(text.layers))}
    places |= {"model.visual": "disk", "model.language_model.embed_tokens": "cpu", "lm_head": "cpu"}
    places |= {"model.language_model.norm": "cpu", "model.language_model.rotary_emb": "cpu"}
    model = AutoModelForImageTextToText.from_pretrained(
        hub.embedded("policy"), dtype=torch.float32, device_map=places, offload_folder=tmp_path, local_files_only=True
    )
    model.generation_config.update(do_sample=False, temperature=None, top_p=None, top_k=None, max_length=None)
    assert "meta" in {parameter.device.type for parameter in model.parameters()}
    away = QwenPolicy(model, own._processor, own.profile, name="away")
    for question in QUESTIONS:  # the second one goes on from what was read for the first
        assert words(away, question, 16) == words(own, question, 16)
    assert away.counts.vision_calls == 1


def test_offloading_where_everything_fits_changes_no_word() -> None:
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    assert words(loaded(is_offloaded=True), QUESTIONS[0], 16) == words(loaded(), QUESTIONS[0], 16)


def test_a_policy_in_four_bits_is_one_and_begins_with_the_same_words() -> None:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    policy = loaded(quantization="4bit")
    layers = [part for part in policy._model.modules() if type(part).__name__ == "Linear4bit"]
    assert layers
    assert {(layer.weight.dtype, layer.weight.quant_type) for layer in layers} == {(torch.uint8, "nf4")}
    assert words(policy, QUESTIONS[0], 4) == words(loaded(), QUESTIONS[0], 4)
