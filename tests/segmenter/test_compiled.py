"""Compiled networks: no recompile after the warm-up, whatever is clicked, and the masks of the plain ones."""

from itertools import islice
from pathlib import Path

import pytest
import torch

from tests.segmenter.clips import by_object_and_frame, clicked, write_clip
from tests.tiny_sam2 import build_tiny_sam2
from veason.segmenter.compiled import MAX_GRAPHS, CompiledForward, compile_networks
from veason.segmenter.sam2 import Sam2Segmenter

NUM_FRAMES = 18


def count_graphs(forward: CompiledForward) -> int:
    return len(forward._shapes)


@pytest.fixture
def fresh_dynamo() -> None:
    torch.compiler.reset()


@pytest.mark.usefixtures("fresh_dynamo")
@pytest.mark.parametrize("batched", [False, True], ids=["one by one", "batched"])
def test_nothing_is_compiled_anew_over_one_to_twelve_points_and_one_to_four_objects(
    tmp_path: Path, batched: bool
) -> None:
    video = write_clip(tmp_path, num_frames=NUM_FRAMES)
    plain, compiled = build_tiny_sam2(), build_tiny_sam2()
    forwards = compile_networks(compiled, backend="eager")
    list(Sam2Segmenter(compiled, "short").track(video, clicked(2, 1), frames=(0, 16)))
    assert count_graphs(forwards[1]) == 0, "memory attention was compiled before its steady state"
    for num_objects in (1, 2, 3, 4):  # the warm-up
        list(Sam2Segmenter(compiled, "warm", batched=batched).track(video, clicked(2, num_objects)))
    graphs = [count_graphs(forward) for forward in forwards]
    assert all(0 < number <= MAX_GRAPHS for number in graphs)

    segmenter, other = (Sam2Segmenter(model, "tiny", batched=batched) for model in (compiled, plain))
    with torch.compiler.set_stance("fail_on_recompile"):
        for num_points in range(1, 13):
            given = clicked(num_points, 1 + num_points % 4)
            last = None if num_points in (1, 6, 12) else 2
            first, second = (list(islice(one.track(video, given), last)) for one in (segmenter, other))
            assert by_object_and_frame(first) == by_object_and_frame(second)
    assert [count_graphs(forward) for forward in forwards] == graphs


@pytest.mark.usefixtures("fresh_dynamo")
def test_a_network_that_meets_many_shapes_stops_compiling_them() -> None:
    compiled: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> torch.fx.GraphModule:
        compiled.append(1)
        return graph

    module = torch.nn.Linear(3, 2)
    plain = module.forward
    forward = CompiledForward(module, lambda *_: True, backend)
    for length in range(1, MAX_GRAPHS + 4):
        given = torch.ones(length, 3)
        assert torch.equal(forward(given), plain(given))
    assert len(compiled) == count_graphs(forward) == MAX_GRAPHS
