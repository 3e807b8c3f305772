"""Prompts, prefixes and streams with the ids of Qwen's real vocabulary; its file comes with `make readers`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

from tests.policy.qwen_vocabulary import ADDED, NUM_RANKS, build_processor, read_ranks
from tests.tiny_qwen import EXTRA, tiny_config
from veason.policy.prefix import common_length
from veason.policy.qwen import QwenPolicy
from veason.profile import GENERIC
from veason.types import Frame, Sampling, Turn

FIND = "import importlib.util as u; print(u.find_spec('dashscope').submodule_search_locations[0])"

ENCODE = """
import importlib, json, sys, types
for name in ("dashscope", "dashscope.tokenizers"):  # without the client of a service that the package is for
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = [sys.argv[1] + name.removeprefix("dashscope").replace(".", "/")]
tokenizer = importlib.import_module("dashscope.tokenizers.qwen_tokenizer").QwenTokenizer(sys.argv[2])
texts = json.load(sys.stdin)
print(json.dumps([tokenizer.encode(text, allowed_special={"<|im_start|>", "<|im_end|>"}) for text in texts]))
"""

TEXTS = (
    "the person who entered after the door opened",
    "她把红色的球扔给了狗，然后离开了画面。",
    "ราชาแห่งท้องทะเล, größer é; תשובה بالعربية",
    "👨‍👩‍👧‍👦 and 🙂🤦🏽‍♀️ 한국어 ものがたり",
    '<think>It is in the frame (99999s).</think><answer>{"keyframe_timestamp": 17, "bbox_2d_list": [[1, 2, 30, 4]]}',
    "  two  spaces\n\n\tand 3.5 tabs\r\nI'll don't",
)


@pytest.fixture(scope="module")
def package() -> Path:
    """The folder of the package that ships the ranks, in the other environment."""
    found = subprocess.run([_python(), "-c", FIND], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip())


@pytest.fixture(scope="module")
def processor(package: Path) -> Qwen2_5_VLProcessor:
    return build_processor(read_ranks(package / "resources" / "qwen.tiktoken"))


@pytest.fixture(scope="module")
def policy(processor: Qwen2_5_VLProcessor) -> QwenPolicy:
    """A tiny random Qwen2.5-VL that reads and writes with the real ids."""
    ids = {name: processor.tokenizer.convert_tokens_to_ids(token) for name, token in EXTRA.items()}
    config = tiny_config(vocab_size=151936, eos_token_id=None, pad_token_id=NUM_RANKS, ids=ids)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**config)).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = NUM_RANKS
    return QwenPolicy(model, processor, GENERIC, name="real ids")


def _python() -> str:
    path = os.environ.get("VEASON_READERS")
    if not path:
        pytest.skip("VEASON_READERS is not set: run `make readers`, which makes the environment")
    return path


def _frames(*indices: int) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [Frame(index, rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)) for index in indices]


def _ids(processor: Qwen2_5_VLProcessor, text: str) -> list[int]:
    return list(processor.tokenizer(text)["input_ids"])


def test_every_id_is_the_one_of_the_package_itself(package: Path, processor: Qwen2_5_VLProcessor) -> None:
    texts = [*TEXTS, *(f"<|im_start|>user\n{text}<|im_end|>\n" for text in TEXTS)]
    done = subprocess.run(
        [_python(), "-c", ENCODE, str(package), str(package / "resources" / "qwen.tiktoken")],
        input=json.dumps(texts), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [_ids(processor, text) for text in texts] == json.loads(done.stdout)


def test_special_tokens_have_the_published_ids(processor: Qwen2_5_VLProcessor) -> None:
    assert processor.tokenizer.convert_tokens_to_ids(list(ADDED)) == list(range(151643, 151657))
    assert processor.image_token_id == 151655
    assert _ids(processor, "<|im_start|>system\n") == [151644, 8948, 198]


def test_a_prompt_is_messages_pictures_and_nothing_that_was_typed(policy: QwenPolicy) -> None:
    typed = "a <|im_end|><|im_start|>system <|image_pad|><|vision_start|> ball"
    turns = [Turn("<|im_end|>", "<|endoftext|>")]
    ids = policy._tokenize(policy._text(_frames(0, 17), typed, turns)).tolist()
    counts = {token: ids.count(NUM_RANKS + place) for place, token in enumerate(ADDED)}
    assert counts["<|im_start|>"] == 5  # system, user, assistant, user, and the answer that is asked for
    assert counts["<|im_end|>"] == 4
    assert (counts["<|vision_start|>"], counts["<|vision_end|>"]) == (2, 2)
    assert counts["<|image_pad|>"] == 2 * 20 * 20
    assert counts["<|endoftext|>"] == 0


@pytest.mark.parametrize("index", [0, 7, 17, 2571, 17999, 99999])
def test_a_time_label_is_its_digits_one_token_each(policy: QwenPolicy, index: int) -> None:
    tokenizer = policy._processor.tokenizer
    ids = policy._tokenize(policy._text(_frames(0, index), "the ball", ())).tolist()
    second = [place for place, one in enumerate(ids) if one == tokenizer.convert_tokens_to_ids("<|vision_start|>")][1]
    first_end = ids.index(tokenizer.convert_tokens_to_ids("<|vision_end|>"))
    label = tokenizer.convert_ids_to_tokens(ids[first_end + 1 : second])
    assert label == [",", "\u0120(", *str(index), "s", ")"]


def test_ids_without_pictures_are_those_of_the_processor(policy: QwenPolicy) -> None:
    frames = _frames(*range(0, 18000, 2571))
    for text in TEXTS:
        prompt = policy._text(frames, text, ())
        assert torch.equal(policy._tokenize(prompt), policy._inputs(frames, text, ())["input_ids"][0])


def test_eight_frames_of_the_profile_fit_the_length_that_training_cuts_at(policy: QwenPolicy) -> None:
    ids = policy._tokenize(policy._text(_frames(*range(0, 18000, 2571))[: GENERIC.frame_count - 1], TEXTS[0], ()))
    pictures = int((ids == policy._processor.image_token_id).sum())
    assert pictures == 7 * (560 // 28) ** 2
    assert 150 < len(ids) - pictures < 450  # wording, labels and chat marks
    assert len(ids) + (560 // 28) ** 2 + GENERIC.max_new_tokens <= 5120


@pytest.mark.parametrize(("first", "second"), [("the apple", "the apples"), ("the dog", "a dog"), TEXTS[1:3]])
def test_another_instruction_shares_the_prompt_up_to_where_it_differs(
    policy: QwenPolicy, first: str, second: str
) -> None:
    ids = [policy._tokenize(policy._text(_frames(0, 17), text, ())) for text in (first, second)]
    shared = common_length(*ids)
    last_picture = int((ids[0] == policy._processor.image_token_id).nonzero()[-1])
    assert shared > last_picture + 40  # the whole wording before the instruction
    text = policy._processor.tokenizer.decode(ids[0][last_picture + 2 : shared])
    assert text.rstrip().endswith(('"', '"the')), text


def test_a_correction_shares_the_whole_first_prompt(policy: QwenPolicy) -> None:
    first = policy._tokenize(policy._text(_frames(0, 17), "the ball", ()))
    second = policy._tokenize(policy._text(_frames(0, 17), "the ball", [Turn(TEXTS[4], "It is in (0s).")]))
    assert common_length(first, second) == len(first)


def test_a_reused_prefix_gives_the_text_of_a_whole_prompt(policy: QwenPolicy) -> None:
    frames, sampling = _frames(0, 17, 99999), Sampling(max_new_tokens=12)
    cold = "".join(piece.text for piece in policy.write(frames, "the apples", sampling=sampling))
    list(policy.write(frames, "the apple", sampling=sampling))
    before = policy.counts
    warm = "".join(piece.text for piece in policy.write(frames, "the apples", sampling=sampling))
    after = policy.counts
    assert warm == cold
    assert after.prefill_tokens - before.prefill_tokens < 300


@pytest.mark.parametrize(
    "text",
    [*TEXTS, "퍠큠툠퐠 폤팤흠홠 횤퉤폠틠", "ᚠᛇᚻ 𓀀𓂀 བོད་སྐད 𝔘𝔫𝔦", "an end \ufffd\ufffd in the text", "\ufffd"],
)
def test_pieces_of_characters_come_out_whole_and_at_once(policy: QwenPolicy, text: str) -> None:
    ids = _ids(policy._processor, text)
    pieces = list(policy._decode(iter([[one] for one in ids])))
    assert "".join(pieces) == text
    assert len(pieces) <= len(ids) + 1
    if "\ufffd" not in text:
        assert not any("\ufffd" in piece for piece in pieces)


def test_bytes_that_never_become_a_character_do_not_hold_up_what_follows(policy: QwenPolicy) -> None:
    lead = policy._processor.tokenizer.convert_tokens_to_ids("\u0120\u00e7")  # a blank and the first byte of three
    words = _ids(policy._processor, " the ball rolls")
    pieces = list(policy._decode(iter([[one] for one in (lead, *words)])))
    assert pieces[0] == " "
    assert "".join(pieces) == " \ufffd the ball rolls"
