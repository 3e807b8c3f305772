"""SAM2's networks compiled for the shapes they see most of the time, and for no others.

Most frames are alike: seven memories, sixteen pointers, no click. Those run compiled. The first frames after a prompt,
whose memory is shorter, and the clicked frame itself, whose points differ in number, run as they are: so there is
nothing to compile anew, however many points are given. (Points could be padded to fixed numbers instead, but the mask
decoder attends to the padding, and masks come out different.)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

MOST_GRAPHS = 8
"""Shapes that one network is compiled for; later ones run as they are. torch itself gives up after as many."""

_EMPTY_POINTS = 2  # the tokens where nothing was clicked: an empty point, and the one that pads every list of points


class SteadyForward:
    """In place of a module's `forward`: compiled where `is_steady` says so of the arguments, else as it was."""

    def __init__(self, module: torch.nn.Module, is_steady: Callable[..., bool], backend: str | Callable[..., Any]):
        self._plain = module.forward
        self._compiled = torch.compile(module.forward, dynamic=False, fullgraph=True, backend=backend)
        self._is_steady = is_steady
        self._shapes: set[Hashable] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the module."""
        if not self._is_steady(*args, **kwargs):
            return self._plain(*args, **kwargs)
        shape = _shape_of((args, kwargs))
        if shape not in self._shapes and len(self._shapes) == MOST_GRAPHS:
            return self._plain(*args, **kwargs)
        self._shapes.add(shape)
        return self._compiled(*args, **kwargs)


def compile_networks(model: SAM2VideoPredictor, backend: str | Callable[..., Any] = "inductor") -> list[SteadyForward]:
    """Compile a predictor's four large networks in place, each when it first meets its steady shapes.

    Args:
        model: the predictor; stock code that runs on it is compiled too.
        backend: of torch.compile. CUDA graphs are left out: they belong to one thread, and ours are many.
    """
    pixels = (model.image_size // 16) ** 2
    tokens_of_a_pointer = model.hidden_dim // model.mem_dim

    def is_full(curr: Any, memory: torch.Tensor, num_obj_ptr_tokens: int = 0, **_: Any) -> bool:
        memories = (memory.shape[0] - num_obj_ptr_tokens) // pixels
        pointers = num_obj_ptr_tokens // tokens_of_a_pointer
        return bool(memories >= model.num_maskmem and pointers >= model.max_obj_ptrs_in_encoder)

    def is_unclicked(sparse_prompt_embeddings: torch.Tensor, **_: Any) -> bool:
        return bool(sparse_prompt_embeddings.shape[1] == _EMPTY_POINTS)

    def is_any(*_: Any, **__: Any) -> bool:
        return True

    steady: list[tuple[torch.nn.Module, Callable[..., bool]]] = [
        (model.image_encoder, is_any),
        (model.memory_attention, is_full),
        (model.sam_mask_decoder, is_unclicked),
        (model.memory_encoder, is_any),
    ]
    forwards = [SteadyForward(module, rule, backend) for module, rule in steady]
    for (module, _), forward in zip(steady, forwards, strict=True):
        module.forward = forward
    return forwards


def _shape_of(value: object) -> Hashable:
    """Return all that a graph is specialised for: sizes, strides and types of tensors, values of all else."""
    if isinstance(value, torch.Tensor):
        return (value.shape, value.stride(), value.dtype, value.is_inference())
    if isinstance(value, dict):
        return tuple((key, _shape_of(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(_shape_of(item) for item in value)
    assert isinstance(value, Hashable)
    return value
