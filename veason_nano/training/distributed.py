"""Several processes that learn together, one a core: each takes its own clips, all take the same step.

Small matrices do not fill two threads (a step takes 1.7 s on one core and on two), but two processes do twice the work.
`torchrun --nproc-per-node 2 -m veason nano train ...` starts them; started alone, nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist


def join_processes() -> int:
    """Join the processes that torchrun has started and return the rank of this one; without torchrun it is 0."""
    if "RANK" not in os.environ:
        return 0
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    return dist.get_rank()


def leave_processes() -> None:
    """Wait for the others and part: one that waits for rank 0 is aborted when that has ended already."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def get_world_size() -> int:
    """Return how many processes learn together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def average_gradients(weights: Iterable[torch.nn.Parameter]) -> None:
    """Replace every gradient by its mean over all processes; a missing one counts as zero."""
    if not dist.is_initialized():
        return
    learnt = [weight for weight in weights if weight.requires_grad]
    grads = [weight.grad if weight.grad is not None else torch.zeros_like(weight) for weight in learnt]
    flat = torch.cat([grad.flatten() for grad in grads])
    dist.all_reduce(flat)
    flat /= get_world_size()
    for weight, mean in zip(learnt, flat.split([grad.numel() for grad in grads]), strict=True):
        weight.grad = mean.view_as(weight)


def broadcast_scalar(value: float) -> float:
    """Return the value that rank 0 has, so that all end at the same step."""
    if not dist.is_initialized():
        return value
    shared = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(shared, 0)
    return float(shared)
