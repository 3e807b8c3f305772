"""What a supervised fine-tuning is told, each value with where it comes from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from veason.errors import OptionError

_FIRST_ASTRAL = 0x10000


@dataclass(frozen=True, slots=True)
class SftSettings:
    """The numbers of a fine-tuning with LoRA; the defaults are the method's, or LLaMA-Factory's where it names none.

    Attributes:
        rank: of the LoRA matrices; 8 in the paper.
        learning_rate: its peak, from which it falls along a cosine; 1e-4 in the paper.
        epochs: how often every row is seen; 1 in the paper.
        accumulation: rows that make a step, for each device; 8 in the paper.
        warmup: share of the steps in which the learning rate rises; 0.1 as in LLaMA-Factory's own examples.
        cutoff: most tokens of a row; above 5,120, which 8 frames of 400 tokens and an answer need. Longer rows are
            refused: the engine would cut their ends off.
        max_steps: stop after so many steps, None for the epochs.
        save_steps: steps between two checkpoints.
        seed: of the order of the rows and of what is drawn; 42 as in the paper's second stage.

    Raises:
        OptionError: a value is out of its range.
    """

    rank: int = 8
    learning_rate: float = 1e-4
    epochs: float = 1.0
    accumulation: int = 8
    warmup: float = 0.1
    cutoff: int = 6144
    max_steps: int | None = None
    save_steps: int = 50
    seed: int = 42

    def __post_init__(self) -> None:
        for name in ("rank", "accumulation", "cutoff", "save_steps"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} of a training is 1 or more, got {getattr(self, name)}")
        for name in ("learning_rate", "epochs"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise OptionError(f"{name} of a training is a number above 0, got {getattr(self, name)}")
        if not 0 <= self.warmup < 1:
            raise OptionError(f"warmup of a training is a share from 0 to below 1, got {self.warmup}")
        if self.max_steps is not None and self.max_steps < 1:
            raise OptionError(f"max_steps of a training is 1 or more, got {self.max_steps}")


def to_yaml(groups: Mapping[str, Mapping[str, str | int | float | bool]]) -> str:
    """Return a flat YAML mapping, a comment above each group of values.

    >>> print(to_yaml({"the paper": {"learning_rate": 1e-5, "bf16": True, "default_system": ""}}))
    # the paper
    learning_rate: 1.0e-05
    bf16: true
    default_system: ""
    <BLANKLINE>
    """
    return "\n".join(
        f"# {source}\n" + "".join(f"{key}: {_scalar(value)}\n" for key, value in values.items())
        for source, values in groups.items()
    )


def _scalar(value: str | int | float | bool) -> str:
    """Return a scalar that every reader of YAML takes for what it is: 1e-05 is a text to PyYAML, 1.0e-05 a number."""
    if isinstance(value, float):
        mantissa, is_power, power = repr(value).partition("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}{is_power}{power}"
    if isinstance(value, str):
        return "".join(one if ord(one) < _FIRST_ASTRAL else f"\\U{ord(one):08x}" for one in _quoted(value))
    return json.dumps(value)


def _quoted(text: str) -> str:
    """Return a text in JSON's quotes, its characters up to U+FFFF escaped; YAML has no pairs for those above."""
    return '"' + "".join(one if ord(one) >= _FIRST_ASTRAL else json.dumps(one)[1:-1] for one in text) + '"'
