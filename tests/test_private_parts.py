"""What is used of sam2, gradio and torch beyond their public names: a version without them is told apart here.

pyproject.toml holds sam2 and gradio to the series that is tested. To take a new one up, run this file with it first.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SAM2 = {
    "_get_orig_video_res_output",
    "_obj_id_to_idx",
    "_prepare_backbone_features",
    "_prepare_memory_conditioned_features",
    "_run_single_frame_inference",
    "_track_step",
}
"""Methods of sam2.sam2_video_predictor.SAM2VideoPredictor that the segmenter and its training call or refine."""

GRADIO = {"_data"}
"""Of gradio.EventData: what the page sent with an event."""

TORCH = {"_foreach_lerp_", "_version"}
"""A tensor's count of changes in place; averages of many tensors in one call."""


def private_names(folder: str) -> set[str]:
    """Return the private attributes that code in a folder reads from anything but itself; what it inherits too."""
    defined, used, inherited = set(), set(), set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                defined.add(node.name)
            if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
                owner = node.value
                is_own = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
                (inherited if _is_super(owner) else defined if is_own else used).add(node.attr)
    return (used - defined) | inherited


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def attributes(path: str, owner: str) -> set[str]:
    """Return the names of what a class has; where the library moved it, the test says so."""
    module = importlib.import_module(path)
    assert hasattr(module, owner), f"{path} has no {owner} any more: this version is not one that Veason works with"
    return set(dir(getattr(module, owner)))


def test_the_private_methods_of_sam2_are_the_ones_named_here() -> None:
    used = private_names("veason/segmenter") | private_names("veason_nano/segmenter")
    assert used - TORCH == SAM2


def test_sam2_has_them() -> None:
    gone = SAM2 - attributes("sam2.sam2_video_predictor", "SAM2VideoPredictor")
    assert not gone, (
        f"sam2 lost {', '.join(sorted(gone))}: stay with the series in pyproject.toml, or mend veason.segmenter"
    )


def test_the_state_of_a_video_has_the_keys_that_sam2_itself_makes() -> None:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

    from veason.segmenter import tracker

    stock = subscripts(inspect.getsource(SAM2VideoPredictor.init_state), "inference_state")
    ours = {
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(tracker.new_state)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert stock, "init_state of sam2 no longer fills a dictionary called inference_state"
    assert stock <= ours, f"sam2 keeps {', '.join(sorted(stock - ours))} in its state, which new_state does not make"


def subscripts(source: str, name: str) -> set[str]:
    """Return the keys under which a function puts something into the dictionary `name`."""
    tree = ast.parse(textwrap.dedent(source))
    return {
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
        and isinstance(node.slice, ast.Constant)
    }


def test_the_private_parts_of_gradio_are_the_ones_named_here() -> None:
    assert private_names("veason/studio/server") == GRADIO


def test_gradio_hands_over_what_the_page_sent() -> None:
    import gradio

    event = gradio.EventData(None, {"frame": 3})
    assert event._data == {"frame": 3}, "gradio keeps what an event brings elsewhere: mend veason.studio.server.page"


@pytest.mark.parametrize("name", sorted(TORCH))
def test_torch_has_them(name: str) -> None:
    import torch

    assert hasattr(torch.Tensor, name) or hasattr(torch, name), f"torch lost {name}: mend what uses it"


def test_uvicorn_replaces_processes_as_the_reward_service_has_it_done() -> None:
    """`Multiprocess` takes a factory and a socket, and tells which process did not start: uvicorn documents neither."""
    multiprocess = importlib.import_module("uvicorn.supervisors").Multiprocess
    assert list(inspect.signature(multiprocess).parameters) == ["config", "sockets"]
    assert {"run", "keep_subprocess_alive"} <= set(dir(multiprocess))
    assert importlib.import_module("uvicorn.config").STARTUP_FAILURE
