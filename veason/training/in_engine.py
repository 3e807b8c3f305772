"""Run by the Python of LLaMA-Factory's environment, where there is no Veason; answers in one line of JSON.

    python in_engine.py probe
    python in_engine.py compare train.yaml PLACE ...     (in the folder of the training)

`compare` holds what the engine makes of a row against the checkpoint's own chat form, which is what the policy is asked
with: LLaMA-Factory has chat forms of its own, and puts a system text where a row has none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_IMAGE = "<image>"
_END = "<|im_end|>\n"
_IGNORED = -100
_AROUND = 8


def _probe() -> dict[str, Any]:
    from importlib.metadata import version

    import llamafactory.train.tuner  # noqa: F401  # fails where the environment lacks something
    from llamafactory.extras.misc import is_torch_cuda_available
    from llamafactory.hparams.parser import is_torch_bf16_gpu_available

    has_half = bool(is_torch_cuda_available() and is_torch_bf16_gpu_available())
    return {"version": version("llamafactory"), "has_half": has_half}


def _compare(config_file: str, places: list[int]) -> dict[str, Any]:
    from llamafactory.data import get_template_and_fix_tokenizer
    from llamafactory.data.processor.supervised import SupervisedDatasetProcessor
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer
    from omegaconf import OmegaConf

    config: Any = OmegaConf.to_container(OmegaConf.load(config_file))
    model_args, data_args, *_ = get_train_args({**config, "output_dir": "compared"})
    module = load_tokenizer(model_args)
    processor, tokenizer = module["processor"], module["tokenizer"]
    rows = json.loads(Path(config["dataset_dir"], "veason_sft.json").read_text(encoding="utf-8"))
    own = [_own_text(rows[place], processor) for place in places]
    template = get_template_and_fix_tokenizer(tokenizer, data_args)
    encoder = SupervisedDatasetProcessor(template, tokenizer, processor, data_args)
    compared = []
    for place, (prompt, answer) in zip(places, own, strict=True):
        row = rows[place]
        human, gpt = row["conversations"]
        files = [str(Path(config["media_dir"], name)) for name in row["images"]]
        ids, labels = encoder._encode_data_example(
            prompt=[{"role": "user", "content": human["value"]}],
            response=[{"role": "assistant", "content": gpt["value"]}],
            system=row["system"], tools="", images=files, videos=[], audios=[],
        )  # fmt: skip
        taught = [number for number in labels if number != _IGNORED]
        wanted = _own_ids(prompt + answer, files, processor)
        difference = _difference(ids, wanted, tokenizer) or _difference(
            taught, tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer
        )
        compared.append({"place": place, "tokens": len(ids), "difference": difference})
    return {"rows": compared}


def _own_text(row: dict[str, Any], processor: Any) -> tuple[str, str]:
    human, gpt = row["conversations"]
    parts: list[dict[str, str]] = []
    for number, text in enumerate(human["value"].split(_IMAGE)):
        parts += [{"type": "image"}] if number else []
        parts += [{"type": "text", "text": text}] if text else []
    messages = [{"role": "system", "content": row["system"]}, {"role": "user", "content": parts}]
    return processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True), gpt["value"] + _END


def _own_ids(text: str, files: list[str], processor: Any) -> list[int]:
    from PIL import Image

    pictures = [Image.open(file).convert("RGB") for file in files]
    ids: list[int] = processor(text=[text], images=pictures)["input_ids"][0]
    return list(map(int, ids))


def _difference(engine: list[int], wanted: list[int], tokenizer: Any) -> str:
    if engine == wanted:
        return ""
    pairs = enumerate(zip(engine, wanted, strict=False))
    place = next((number for number, (one, other) in pairs if one != other), min(len(engine), len(wanted)))
    texts = [tokenizer.decode(ids[max(place - _AROUND, 0) : place + _AROUND]) for ids in (engine, wanted)]
    return f"{len(engine)} tokens for {len(wanted)}, at {place} {texts[0]!r} for {texts[1]!r}"


if __name__ == "__main__":
    action, *words = sys.argv[1:]
    answer = _probe() if action == "probe" else _compare(words[0], [int(word) for word in words[1:]])
    print(json.dumps(answer))
