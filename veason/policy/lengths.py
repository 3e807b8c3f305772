"""How many tokens questions and answers take, counted without loading the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from transformers import AutoProcessor

from veason.errors import MissingBackend
from veason.policy.qwen import grid_of
from veason.profile import Profile

END = "<|im_end|>\n"
"""Ends a turn in the chat form of Qwen's models."""


def count_tokens(
    folder: Path, profile: Profile, turns: Iterable[tuple[str, str, str]], *, image_mark: str
) -> Iterator[int]:
    """Yield how many tokens each turn takes: system text, question with its pictures, answer, end.

    Args:
        folder: the checkpoint; only its processor is read.
        profile: the size of the pictures.
        turns: (system, question, answer); the question has an `image_mark` a picture.
        image_mark: stands for a picture in a question.

    Raises:
        MissingBackend: the folder has no processor.
        ProfileError: the size of the pictures does not suit the checkpoint.
    """
    try:
        processor: Any = AutoProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise MissingBackend(f"{folder} has no processor that can be read: {str(error).splitlines()[0]}") from error
    _, rows, columns = grid_of(processor.image_processor, profile)
    further = rows * columns // processor.image_processor.merge_size**2 - 1
    for system, question, answer in turns:
        parts: list[dict[str, str]] = []
        for place, text in enumerate(question.split(image_mark)):
            parts += [{"type": "image"}] if place else []
            parts += [{"type": "text", "text": text}] if text else []
        messages = [{"role": "system", "content": system}, {"role": "user", "content": parts}]
        text = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) + answer + END
        yield len(processor.tokenizer(text)["input_ids"]) + question.count(image_mark) * further
