"""Options for loading and running the models."""

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
    """Options for a policy behind an OpenAI-compatible server.

    Attributes:
        model: name of the model on the server, None where it has only one.
        key: API key, "" where the server wants none; never shown or stored.
        connect_s: seconds that connecting may take.
        read_s: seconds without a byte after which a request fails: also the longest time to the first word.
        num_tries: number of times that a request is sent while the server is busy or cannot be reached.

    Raises:
        OptionError: a time or number is not above 0, or the key holds what no key does.
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
        if any(not "!" <= character <= "~" for character in self.key):
            raise OptionError("a key is one word of letters, digits and signs; this one holds something else")


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Options for loading and running a policy and a segmenter; each reads those that concern it.

    Attributes:
        device: "auto" (CUDA where it is available), "cpu", "cuda" or "cuda:N".
        dtype: floating-point type of the policy's weights; None is bfloat16 on CUDA and float32 elsewhere.
        quantization: None, or "4bit" for the policy's weights (needs bitsandbytes).
        is_offloaded: put what does not fit the GPU on the processor (needs accelerate): slow, but it runs.
        profile: profile file of the policy, in place of the checkpoint's own.
        segmenter_config: model config of a segmenter given as FILE.pt, such as "sam2.1_hiera_l".
        endpoint: options for the server, where the policy is given as an address.
        budgets: cache budgets.
        speedups: optimisations that change last bits.

    Raises:
        OptionError: the dtype or the quantization is unknown.
    """

    device: str = "auto"
    dtype: Dtype | None = None
    quantization: Quantization | None = None
    is_offloaded: bool = False
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
