"""How the models are loaded and run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from veason.errors import OptionError
from veason.types.budgets import Budgets
from veason.types.speedups import Speedups

Dtype = Literal["bfloat16", "float16", "float32"]
"""The floating-point types in which a policy's weights can be loaded."""

Quantization = Literal["4bit"]
"""How a policy's weights can be packed: NF4 of bitsandbytes."""


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """How a model server is asked.

    Attributes:
        model: the model's name there, None where it has only one.
        key: what opens the server, "" where nothing is needed; never shown or written down.
        connect_s: seconds that connecting may take.
        read_s: seconds that the server may say nothing, so the longest time to the first word as well.
        num_tries: how often a request is begun where the server is busy or not reached.

    Raises:
        OptionError: a time or number is not above 0.
    """

    model: str | None = None
    key: str = field(default="", repr=False)
    connect_s: float = 10.0
    read_s: float = 300.0
    num_tries: int = 4

    def __post_init__(self) -> None:
        for name in ("connect_s", "read_s", "num_tries"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} of a model server is above 0, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How a policy and a segmenter are loaded; each takes what concerns it.

    Attributes:
        device: "auto" (CUDA where it is there), "cpu", "cuda" or "cuda:N".
        dtype: of the policy's weights; None is bfloat16 on CUDA and float32 elsewhere.
        quantization: None, or "4bit" for the policy's weights (needs bitsandbytes).
        profile: a profile file for the policy, which goes before the checkpoint's own.
        segmenter_config: the model config of a segmenter that is a FILE.pt, such as "sam2.1_hiera_l".
        endpoint: how a model server is asked, where the policy is named by an address.
        budgets: how much of what was computed stays for the next correction or question.
        speedups: what may be done faster with other last bits; a ZeroGPU Space ignores them.

    Raises:
        OptionError: the dtype or the quantization is unknown.
    """

    device: str = "auto"
    dtype: Dtype | None = None
    quantization: Quantization | None = None
    profile: str | Path | None = None
    segmenter_config: str | None = None
    endpoint: EndpointOptions | None = None
    budgets: Budgets = field(default_factory=Budgets)
    speedups: Speedups = field(default_factory=Speedups)

    def __post_init__(self) -> None:
        if self.dtype is not None and self.dtype not in get_args(Dtype):
            raise OptionError(f"unknown dtype {self.dtype!r}: use one of {', '.join(get_args(Dtype))}")
        if self.quantization is not None and self.quantization not in get_args(Quantization):
            raise OptionError(f"unknown quantization {self.quantization!r}: use 4bit, or leave it out")
