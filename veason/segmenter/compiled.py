"""torch.compile for SAM2's networks, limited to the input shapes of most frames.

Most frames have the same shapes: seven memories, sixteen object pointers, no click. Those run compiled. The first
frames after a prompt, whose memory is shorter, and the clicked frame itself, whose number of points varies, run
uncompiled, so that the number of points never causes a recompilation. (Padding the points to a fixed number would
change the masks, because the mask decoder attends to the padding.)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

MAX_GRAPHS = 8
"""Most shapes to compile one network for; further shapes run uncompiled. torch's own limit is the same."""

_EMPTY_POINTS = 2  # the number of tokens without a click: an empty point, and the one that pads every list of points


class CompiledForward:
    """A replacement for a module's `forward` that runs compiled if `should_compile(*args, **kwargs)` is true."""

    def __init__(self, module: torch.nn.Module, should_compile: Callable[..., bool], backend: str | Callable[..., Any]):
        self._plain = module.forward
        self._compiled = torch.compile(module.forward, dynamic=False, fullgraph=True, backend=backend)
        self._is_steady = should_compile
        self._shapes: set[Hashable] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the module."""
        if not self._is_steady(*args, **kwargs):
            return self._plain(*args, **kwargs)
        shape = _shape_of((args, kwargs))
        if shape not in self._shapes and len(self._shapes) == MAX_GRAPHS:
            return self._plain(*args, **kwargs)
        self._shapes.add(shape)
        return self._compiled(*args, **kwargs)


def compile_networks(
    model: SAM2VideoPredictor, backend: str | Callable[..., Any] = "inductor"
) -> list[CompiledForward]:
    """Compile a predictor's four large networks in place; each compiles when it first gets its usual shapes.

    Args:
        model: the predictor; it is changed, so stock code that uses it runs compiled too.
        backend: the backend of torch.compile. CUDA graphs are not used: they are bound to one thread.
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

    networks: list[tuple[torch.nn.Module, Callable[..., bool]]] = [
        (model.image_encoder, is_any),
        (model.memory_attention, is_full),
        (model.sam_mask_decoder, is_unclicked),
        (model.memory_encoder, is_any),
    ]
    forwards = [CompiledForward(module, rule, backend) for module, rule in networks]
    for (module, _), forward in zip(networks, forwards, strict=True):
        module.forward = forward
    return forwards


def _shape_of(value: object) -> Hashable:
    """Return what a graph is specialised for: shapes, strides and dtypes of tensors, values of all else."""
    if isinstance(value, torch.Tensor):
        return (value.shape, value.stride(), value.dtype, value.is_inference())
    if isinstance(value, dict):
        return tuple((key, _shape_of(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(_shape_of(item) for item in value)
    assert isinstance(value, Hashable)
    return value
