"""A second question about the same video, read anew and reused: P5, time to its first token; P7, tokens a second.

    python benchmarks/bench_prefix.py [--device cuda] [--rounds 5] [--tokens 32]

Random weights in the shape of Qwen2.5-VL, 8 frames of 560x560, some 3,400 tokens a prompt: hidden size 512 and 6
layers on a CPU (its vision tower scaled so that it costs about as much as the prefill, as in the 3B model), the full
shape of the 3B model on a GPU. Both sides are the same policy on the same weights, one with `prefix_bytes=0`, which is
plain `generate` of the whole prompt. Every round asks both a new instruction, in turn; they must write the same tokens
(greedy), and ours must not call the vision tower. A round that fails this ends the run.

P7 is measured with ours, prefix at hand: the cache that grows with every token, and the static one, which on a CPU is
not compiled. Gate: the same tokens.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import write_result
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LogitsProcessorList,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.tiny_qwen import CHAT_TEMPLATE, END, EXTRA, PAD, START
from veason.policy import prompt
from veason.policy.decoding import ChosenProbabilities
from veason.policy.qwen import QwenPolicy
from veason.profile import GENERIC, sample_indices
from veason.types import Frame, Sampling

QUIET_LOAD = 0.5
NUM_FRAMES = 300
WIDEN = 8
COLOURS = ("red", "blue", "green", "white", "black", "brown", "grey", "yellow", "pink", "orange", "small", "large")

PROXY = {
    "text": {
        "hidden_size": 512, "intermediate_size": 2752, "num_hidden_layers": 6, "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "vision": {
        "depth": 6, "hidden_size": 320, "intermediate_size": 856, "num_heads": 4, "out_hidden_size": 512,
        "fullatt_block_indexes": [5],
    },
}  # fmt: skip
REAL_3B = {
    "text": {
        "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16,
        "num_key_value_heads": 2, "vocab_size": 151936,
    },
    "vision": {
        "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 2048,
        "fullatt_block_indexes": [7, 15, 23, 31],
    },
}  # fmt: skip


def instruction(number: int) -> str:
    return f"the {COLOURS[number % len(COLOURS)]} dog that runs past the car and comes back"


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer that knows the words of our prompt, so that a prompt is about as long as with Qwen's own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1500,
        special_tokens=[PAD, START, END, *EXTRA.values()],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [GENERIC.system, "system\n user\n assistant\n"]
    texts += [
        prompt.instruction_text(GENERIC, GENERIC.frame_count, instruction(number)) for number in range(len(COLOURS))
    ]
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, extra_special_tokens=EXTRA, padding_side="left"
    )


def build_model(sizes: dict[str, dict[str, Any]], device: str) -> tuple[Any, Any]:
    """Return a model with random weights that never ends an answer, and its processor."""
    tokenizer = build_tokenizer()
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in EXTRA.items()}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "max_position_embeddings": 32768, "bos_token_id": None,
            "eos_token_id": None, "pad_token_id": tokenizer.pad_token_id,
            "rope_parameters": {"rope_type": "default", "mrope_section": [16, 24, 24], "rope_theta": 1e6},
            **sizes["text"],
        },
        vision_config=sizes["vision"], image_token_id=ids["image_token"], video_token_id=ids["video_token"],
        vision_start_token_id=ids["vision_bos_token"], vision_end_token_id=ids["vision_eos_token"],
    )  # fmt: skip
    torch.manual_seed(0)
    with torch.device(device):
        model = Qwen2_5_VLForConditionalGeneration(config).eval()
    model = model.to(torch.bfloat16 if device == "cuda" else torch.float32)
    with torch.no_grad():  # larger than before a training, so that words and pictures change what is written
        model.model.language_model.embed_tokens.weight.mul_(20)
        for layer in model.model.language_model.layers:
            attention = layer.self_attn
            for projection in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj):
                projection.weight.mul_(WIDEN)
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=CHAT_TEMPLATE,
    )
    return model, processor


def ask(policy: QwenPolicy, frames: list[Frame], text: str, num_tokens: int) -> tuple[list[int], dict[str, float]]:
    """Return the tokens of an answer, and the seconds to its first one and tokens a second after that, both by clock
    and by processor.
    """
    ids, clock, cpu = [], [], []
    started, spent = time.perf_counter(), time.process_time()
    chosen = ChosenProbabilities(LogitsProcessorList())
    for new in policy._generate(policy._prepare(frames, text, ()), Sampling(max_new_tokens=num_tokens), chosen):
        ids += new
        clock.append(time.perf_counter() - started)
        cpu.append(time.process_time() - spent)
    return ids, {
        "first_token_s": clock[0], "first_token_cpu_s": cpu[0],
        "tokens_per_s": (len(clock) - 1) / (clock[-1] - clock[0]),
        "tokens_per_cpu_s": (len(cpu) - 1) / max(cpu[-1] - cpu[0], 1e-9),
    }  # fmt: skip


def compare(stock: QwenPolicy, ours: QwenPolicy, frames: list[Frame], rounds: int, num_tokens: int) -> dict[str, Any]:
    """Return what both sides took in interleaved rounds. Raises SystemExit where they do not write the same."""
    ask(stock, frames, instruction(rounds), 2)
    for number in (rounds, rounds + 1):  # the first question, which ours too reads whole, and a warm-up of the second
        ask(ours, frames, instruction(number), 2)
    first, runs, answers = ours.counts, [], set()
    for number in range(rounds):
        row: dict[str, Any] = {"load_average": round(os.getloadavg()[0], 2)}
        ids = {}
        for name, policy in (("stock", stock), ("ours", ours)):
            ids[name], taken = ask(policy, frames, instruction(number), num_tokens)
            row |= {f"{name}_{key}": value for key, value in taken.items()}
        if ids["stock"] != ids["ours"]:
            place = next(at for at, pair in enumerate(zip(*ids.values(), strict=True)) if len(set(pair)) == 2)
            raise SystemExit(f"round {number}: the tokens part at {place} of {num_tokens}, so no time counts")
        answers.add(tuple(ids["ours"]))
        runs.append(row)
        print(" ", {key: round(value, 3) for key, value in row.items()})
    if rounds > 1 and len(answers) == 1:
        raise SystemExit("every question got the same answer, so that equal tokens prove nothing")
    if ours.counts.vision_calls != first.vision_calls:
        raise SystemExit("ours called the vision tower for a video it knows, so no time counts")
    values = {
        "rounds": runs, "equal_greedy_ids": True, "different_answers": len(answers), "new_tokens": num_tokens,
        "prompt_tokens": (ours.counts.prompt_tokens - first.prompt_tokens) / rounds,
        "ours_prefill_tokens": (ours.counts.prefill_tokens - first.prefill_tokens) / rounds,
        "ours_vision_calls": 0, "ours_kept_bytes": ours.counts.kept_bytes,
    }  # fmt: skip
    for middle, choose in (("median", statistics.median), ("min", min)):
        seconds = {name: choose([row[f"{name}_first_token_s"] for row in runs]) for name in ("stock", "ours")}
        values[f"p5_{middle}_ratio"] = round(seconds["stock"] / seconds["ours"], 1)
        values |= {f"{name}_first_token_s_{middle}": round(value, 4) for name, value in seconds.items()}
        spent = {name: choose([row[f"{name}_first_token_cpu_s"] for row in runs]) for name in ("stock", "ours")}
        values[f"p5_cpu_{middle}_ratio"] = round(spent["stock"] / spent["ours"], 1)
        values |= {f"{name}_first_token_cpu_s_{middle}": round(value, 4) for name, value in spent.items()}
    speeds = {name: statistics.median([row[f"{name}_tokens_per_s"] for row in runs]) for name in ("stock", "ours")}
    values |= {f"{name}_tokens_per_s_median": round(value, 2) for name, value in speeds.items()}
    return values


def compare_decoding(
    dynamic: QwenPolicy, static: QwenPolicy, frames: list[Frame], rounds: int, num_tokens: int
) -> dict[str, Any]:
    """Return tokens a second with either cache, in interleaved rounds, after a warm-up that also compiles on CUDA."""
    sides = {"dynamic": dynamic, "static": static}
    for policy in sides.values():
        ask(policy, frames, instruction(0), 8)
    speeds: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for number in range(rounds):
        ids = {}
        for name, policy in sides.items():
            ids[name], taken = ask(policy, frames, instruction(number), num_tokens)
            speeds[name].append(taken)
        if ids["dynamic"] != ids["static"]:
            raise SystemExit(f"round {number}: the static cache writes other tokens, so no speed counts")
    values: dict[str, Any] = {"rounds": rounds, "new_tokens": num_tokens, "equal_greedy_ids": True}
    for name, taken in speeds.items():
        for key in ("tokens_per_s", "tokens_per_cpu_s"):
            values[f"{name}_{key}_median"] = round(statistics.median(run[key] for run in taken), 2)
    for kind in ("s", "cpu_s"):
        pair = [values[f"{name}_tokens_per_{kind}_median"] for name in ("static", "dynamic")]
        values[f"static_to_dynamic_{kind}"] = round(pair[0] / pair[1], 3)
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1, help="of torch (%(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    load = os.getloadavg()[0]
    is_loaded = arguments.device == "cpu" and load > QUIET_LOAD
    print(
        f"load average {load:.2f}, {torch.get_num_threads()} threads"
        + (" -- LOADED: only processor time counts" * is_loaded)
    )
    random = np.random.default_rng(0)
    frames = [
        Frame(index, random.integers(0, 255, (560, 560, 3), dtype=np.uint8))
        for index in sample_indices(NUM_FRAMES, GENERIC.frame_count)
    ]
    model, processor = build_model(REAL_3B if arguments.device == "cuda" else PROXY, arguments.device)
    stock, ours = (QwenPolicy(model, processor, GENERIC, name="random", prefix_bytes=room) for room in (0, 1 << 30))
    values = compare(stock, ours, frames, arguments.rounds, arguments.tokens)
    static = QwenPolicy(model, processor, GENERIC, name="random", static_cache=True)
    values["p7"] = compare_decoding(ours, static, frames, arguments.rounds, 2 * arguments.tokens)
    values |= {"is_loaded": is_loaded, "threads": torch.get_num_threads()}
    print({key: value for key, value in values.items() if key != "rounds"})
    device = torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu"
    print("written to", write_result("prefix-loaded" if is_loaded else "prefix", values, device=device))


if __name__ == "__main__":
    main()
