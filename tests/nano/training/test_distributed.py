"""Processes that learn together take the same step, and end together."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import torch
import torch.multiprocessing as mp

from veason_nano.training.distributed import average_gradients, broadcast_scalar, join_processes, leave_processes


def _member(rank: int, port: int, folder: str) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    assert join_processes() == rank
    seen = torch.nn.Parameter(torch.zeros(3))
    only_one_sees = torch.nn.Parameter(torch.zeros(2))
    frozen = torch.nn.Parameter(torch.zeros(1), requires_grad=False)
    seen.grad = torch.full((3,), float(rank + 1))
    if rank == 1:
        only_one_sees.grad = torch.full((2,), 4.0)
    average_gradients([seen, frozen, only_one_sees])
    result = {
        "seen": seen.grad,
        "one": only_one_sees.grad,
        "frozen": frozen.grad,
        "time": broadcast_scalar(10.0 + rank),
    }
    torch.save(result, Path(folder) / f"{rank}.pt")
    leave_processes()


def test_all_get_the_mean_gradient_and_the_time_of_the_first(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_member, (port, str(tmp_path)), nprocs=2)  # type: ignore[no-untyped-call]
    for rank in (0, 1):
        result = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert result["seen"].tolist() == [1.5] * 3
        assert result["one"].tolist() == [2.0] * 2, "a gradient that one process does not have is zero there"
        assert result["frozen"] is None
        assert result["time"] == 10.0


def test_alone_nothing_changes() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.ones(2)
    average_gradients([weight])
    assert weight.grad.tolist() == [1.0, 1.0]
    assert broadcast_scalar(3.5) == 3.5
    assert join_processes() == 0
    leave_processes()
