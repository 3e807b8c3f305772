"""Nano-policy: a small Qwen2.5-VL with its own word tokenizer, saved as an ordinary transformers folder."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from veason.errors import MissingBackend
from veason.profile import PROFILE_FILE, Profile, write_profile
from veason_nano.language.corpus import STEP_MARKS
from veason_nano.language.vocabulary import WORDS

NUMBERS = 1000
"""Every number below this is one token, and so are the last three digits of a longer number of a frame."""

THOUSANDS = 100
"""The thousands of a frame's number, below this, are one token with the word before: "frame 17", "999" for frame 17999.
So a text about large numbers has as many tokens as one about small ones, each at the same place."""

LARGEST_LABEL = NUMBERS * THOUSANDS - 1
"""The largest number of a frame that is written in this way."""

LED_BY_ZERO = tuple(f"{number:03}" for number in range(100))
"""Last three digits of a longer number that begin with a zero."""

PLACES = 128
"""Places in a path are one token for the column (" 12") and one for the row ("/7"), each below this."""

PAD, START, END, IMAGE = "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image_pad|>"
_EXTRA = {
    "image_token": IMAGE,
    "video_token": "<|video_pad|>",
    "vision_bos_token": "<|vision_start|>",
    "vision_eos_token": "<|vision_end|>",
}
_PIECES = (
    "<think>", "</think>", "\n<answer>", "</answer>", '{"keyframe_timestamp": ', ', "bbox_2d_list": [',
    "]]}", "]}", "], ", "[", "]", "null", ", ", "frame ", " frame ", ", frame ", " size ", " way ", " pace ",
    "user\n", "assistant\n", "system\n",
)  # fmt: skip
_SPLIT = (
    r" \d{1,3}(?=/\d)|/\d{1,3}|</?think>|\n?</?answer>"
    r"|(?:\{\"keyframe_timestamp\": |, frame (?=\d)| ?frame (?=\d))(?:[1-9]\d?(?=\d{3}(?!\d)))?"
    r"|, \"bbox_2d_list\": \[|\]\]\}|\]\}|\], (?=\[)|, (?=\d)| (?:size|way|pace) (?=\d)|(?:user|assistant|system)\n"
    r"|\d{1,3}| ?[A-Za-z]+| ?[^\sA-Za-z\d]|\s"
)
_CHAT = (
    "{% for message in messages %}{% if message.role != 'system' or message.content %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKS = (
    "\u0120then", "\u0120so", ":", ";", ",", "\u0120frame\u0120", '{"keyframe_timestamp":\u0120',
    "\u0120yes", "\u0120no", "\u0120not", "\u0120", "[",
)  # fmt: skip
"""Tokens that begin the ranks and the judging, begin and end the verdict, end a record or a judgement, stand before a
frame's number and before the keyframe's, judge and negate, stand before a box and open it.

\u0120 is how byte-level tokens write a space.
"""
LABELLED = ("frame\u0120", "\u0120frame\u0120", ",\u0120frame\u0120", '{"keyframe_timestamp":\u0120')
"""Tokens that the number of a frame follows, in prompts, thoughts and answers; with thousands, see `labelled_forms`."""

_PROMPT_FILE = "prompt.txt"

_MIXED = 0.3
"""How much of each of two vectors is in a new one: so little that a network that has not learnt it never says it."""

Labels = Literal["absolute", "relative"]
"""How frames are called, see `veason.profile.Profile`."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of the network. The defaults have 3.9 million parameters."""

    hidden: int = 192
    layers: int = 6
    heads: int = 3
    inner: int = 512
    vision_hidden: int = 128
    vision_depth: int = 3
    vision_heads: int = 4
    vision_inner: int = 256
    picture: int = 112
    patch: int = 8

    @property
    def cells(self) -> int:
        """Visual tokens along each side of a picture."""
        return self.picture // (2 * self.patch)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Return the tokenizer: one token a known word (with or without a space before it), a number or a piece of JSON.

    The thousands of a frame's number are one token with the word before.

    Anything else falls back to bytes, so every text can be written and read back.
    """
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    words = [form for word in WORDS for form in (word, " " + word)]
    signs = [form for sign in ".,:'\"?!-" for form in (sign, " " + sign)]
    columns, rows = [f" {place}" for place in range(PLACES)], [f"/{place}" for place in range(PLACES)]
    texts = [*(str(number) for number in range(NUMBERS)), *columns, *rows, *_PIECES, *words, *signs]
    entries = ["".join(piece for piece, _ in byte_level.pre_tokenize_str(text)) for text in texts]
    entries += [*sorted(pre_tokenizers.ByteLevel.alphabet()), *LED_BY_ZERO]
    entries += [form for word in LABELLED for form in labelled_forms(word)]
    vocabulary = {token: place for place, token in enumerate(dict.fromkeys(entries))}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(_SPLIT), "isolated"), byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[START],
        extra_special_tokens=_EXTRA,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def labelled_forms(word: str) -> tuple[str, ...]:
    """Return the tokens of a word of LABELLED by the thousands of the number that follows: none, 1, 2 and so on."""
    return (word, *(f"{word}{thousands}" for thousands in range(1, THOUSANDS)))


def build_processor(size: Size = Size()) -> Qwen2_5_VLProcessor:
    """Return tokenizer, picture processor and chat template together."""
    pixels = {"shortest_edge": size.picture**2, "longest_edge": size.picture**2}
    patches = {"patch_size": size.patch, "temporal_patch_size": 1, "merge_size": 2, "size": pixels}
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**patches),
        tokenizer=build_tokenizer(),
        video_processor=Qwen2VLVideoProcessor(**patches),
        chat_template=_CHAT,
    )


def load_weights(folder: Path) -> Qwen2_5_VLForConditionalGeneration:
    """Return the network that a training run exported into a folder, float32 on the CPU, in eval mode.

    It knows the tokens of `build_tokenizer`, also where it was exported with fewer (`with_tokens`).

    Raises:
        MissingBackend: there is no such folder, or it holds no weights of a nano-policy.
    """
    if not (folder / "config.json").is_file():
        raise MissingBackend(f"there are no weights in {folder}: name a folder that `veason nano train` has exported")
    try:
        model: Qwen2_5_VLForConditionalGeneration = Qwen2_5_VLForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32
        )
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise MissingBackend(f"cannot read the weights in {folder} ({reason}): train or copy them again") from error
    return with_tokens(model, load_tokenizer(folder), build_tokenizer()).eval()


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Return the tokenizer that was exported into a folder with its weights."""
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    return tokenizer


@torch.no_grad()
def with_tokens(
    model: Qwen2_5_VLForConditionalGeneration, before: PreTrainedTokenizerFast, tokenizer: PreTrainedTokenizerFast
) -> Qwen2_5_VLForConditionalGeneration:
    """Return a network that knows the tokens of another tokenizer: itself where they are its own.

    A token keeps its vector wherever its id moves. A new one with thousands begins between that of its word and that of
    their number, so that it is read as the word and can be told from the others; what begins with a zero begins as any
    number might.
    """
    known, wanted = before.get_vocab(), tokenizer.get_vocab()
    if known == wanted:
        return model
    table = model.get_input_embeddings().weight
    numbers = table[:NUMBERS]
    spread = torch.linalg.cholesky(torch.cov(numbers.T) + 1e-4 * torch.eye(table.shape[1]))
    noise = torch.randn(len(wanted), table.shape[1], generator=torch.Generator().manual_seed(0))
    rows = numbers.mean(0) + noise @ spread.T
    for word in LABELLED:
        forms = tokenizer.convert_tokens_to_ids(list(labelled_forms(word)))
        rows[forms] = _MIXED * (table[known[word]] + numbers[:THOUSANDS])
    for token, place in wanted.items():
        if token in known:
            rows[place] = table[known[token]]
    grown = build_policy(tokenizer)
    weights = {name: rows if weight.shape == table.shape else weight for name, weight in model.state_dict().items()}
    grown.load_state_dict(weights)
    return grown


def build_policy(
    tokenizer: PreTrainedTokenizerFast, size: Size = Size(), seed: int = 0
) -> Qwen2_5_VLForConditionalGeneration:
    """Return a network with random weights; numbers start with embeddings that vary smoothly."""
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in _EXTRA.items()}
    half = size.hidden // size.heads // 2
    time, down = half // 4, half * 5 // 16
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": size.hidden,
            "intermediate_size": size.inner,
            "num_hidden_layers": size.layers,
            "num_attention_heads": size.heads,
            "num_key_value_heads": size.heads,
            "max_position_embeddings": 4096,
            "rope_parameters": {
                "rope_type": "default",
                "mrope_section": [time, down, half - time - down],
                "rope_theta": 1e5,
            },
            "tie_word_embeddings": True,
            "bos_token_id": None,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "depth": size.vision_depth,
            "hidden_size": size.vision_hidden,
            "intermediate_size": size.vision_inner,
            "num_heads": size.vision_heads,
            "out_hidden_size": size.hidden,
            "patch_size": size.patch,
            "temporal_patch_size": 1,
            "fullatt_block_indexes": list(range(size.vision_depth)),
            "window_size": size.picture,
        },
        image_token_id=ids["image_token"],
        video_token_id=ids["video_token"],
        vision_start_token_id=ids["vision_bos_token"],
        vision_end_token_id=ids["vision_eos_token"],
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2_5_VLForConditionalGeneration(config)
        _start_weights(model, tokenizer)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


@torch.no_grad()
def take_eye(model: Qwen2_5_VLForConditionalGeneration, eye: Any, loudness: float) -> None:
    """Give `model` a trained vision tower, and make its tokens as long as the words.

    Args:
        model: the network to change.
        eye: a vision tower of the same size.
        loudness: mean length of the tokens that the tower gives.
    """
    visual = model.model.visual
    visual.load_state_dict(eye.state_dict())
    last = visual.merger.mlp[-1]
    for weight in (last.weight, last.bias):
        weight.mul_(math.sqrt(model.config.text_config.hidden_size) / loudness)


def _start_weights(model: Qwen2_5_VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> None:
    """Start with words of length sqrt(hidden) that layers add little to; numbers lie on waves of 4 to 2000 numbers.

    With words a tenth as long and layers at full strength, the first layer drowned them (500 against 1.5), and what
    stood where could be looked at but not be said again.
    """
    text = model.model.language_model
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() >= 2:
                torch.nn.init.normal_(weight, std=1 / math.sqrt(weight[0].numel()))
        for layer in text.layers:
            for adding in (layer.self_attn.o_proj, layer.mlp.down_proj):
                adding.weight.mul_(1 / math.sqrt(2 * len(text.layers)))
        table = text.embed_tokens.weight
        table.normal_()
        width = table.shape[1]
        text.norm.weight.fill_(1 / math.sqrt(width))
        lengths = torch.logspace(math.log10(4), math.log10(2000), width // 2)
        for first, count in number_families(tokenizer):
            angles = torch.arange(count)[:, None] / lengths[torch.randperm(width // 2)][None] * 2 * math.pi
            waves = torch.cat([angles.sin(), angles.cos()], 1) * math.sqrt(2)
            table[first : first + count].mul_(0.3).add_(0.7 * waves)


def number_families(tokenizer: PreTrainedTokenizerFast) -> tuple[tuple[int, int], ...]:
    """Return (first id, how many) of the numbers, of the columns and of the rows; ids in each follow their values."""
    counts = {"0": NUMBERS, "\u0120" + "0": PLACES, "/0": PLACES}  # \u0120 is how byte-level tokens write a space
    return tuple((int(tokenizer.convert_tokens_to_ids(first)), count) for first, count in counts.items())


def nano_profile(size: Size = Size(), labels: Labels = "absolute") -> Profile:
    """Return the profile of nano-policy. Its template file lies beside the weights."""
    return Profile(
        name="nano",
        frame_count=8,
        size_wh=(size.picture, size.picture),
        label_form="frame {index}",
        labels=labels,
        prompt_template=_PROMPT_FILE,
        system="",
        max_new_tokens=600,
        step_marks=STEP_MARKS,
        vocabulary=tuple(sorted({word.lower() for word in WORDS})),
        largest_label=NUMBERS - 1,
        trained_on="rendered scenes only",
    )


def save_policy(
    model: Qwen2_5_VLForConditionalGeneration, folder: Path, size: Size = Size(), labels: Labels = "absolute"
) -> None:
    """Write weights (bfloat16), tokenizer, processor and profile into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _PROMPT_FILE).write_text("{instruction}\n", encoding="utf-8")
    write_profile(nano_profile(size, labels), folder / PROFILE_FILE)
    build_processor(size).save_pretrained(folder)
    kept = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    model.to(torch.bfloat16).save_pretrained(folder)
    model.to(torch.float32).load_state_dict(kept)


def training_profile(folder: Path, size: Size = Size(), labels: Labels = "absolute") -> Profile:
    """Return the profile with the template file written into `folder`, for building prompts while training."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _PROMPT_FILE).write_text("{instruction}\n", encoding="utf-8")
    return dataclasses.replace(nano_profile(size, labels), prompt_template=str(folder / _PROMPT_FILE))
