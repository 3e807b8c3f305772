"""Pinholes are filled on the CPU as sam2's kernel fills them on a GPU, and on both sides of every comparison."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sam2.utils.misc import fill_holes_in_mask_scores

from tests.segmenter.clips import BOX, by_object_and_frame, stock_masks, write_clip
from tests.tiny_sam2 import build_tiny_sam2
from veason.segmenter.holes import connected_components, hole_area, install_kernel
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Prompt


def flooded(picture: np.ndarray) -> list[set[tuple[int, int]]]:
    """Return the components of a 0/1 picture, found by walking from pixel to pixel."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(picture), strict=True)}
    components = []
    while left:
        todo, found = [left.pop()], set()
        while todo:
            y, x = todo.pop()
            found.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            todo += near
        components.append(found)
    return components


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, (2, 1, 9, 7), elements=st.integers(0, 1)))
def test_components_are_those_that_a_walk_finds(pictures: np.ndarray) -> None:
    labels, areas = connected_components(torch.from_numpy(pictures))
    assert labels.dtype == areas.dtype == torch.int32
    assert labels.shape == areas.shape == (2, 1, 9, 7)
    for picture, label, area in zip(pictures[:, 0], labels[:, 0].numpy(), areas[:, 0].numpy(), strict=True):
        components = flooded(picture)
        assert len(set(label[picture > 0].tolist())) == len(components)
        assert not label[picture == 0].any()
        assert not area[picture == 0].any()
        for component in components:
            places = tuple(np.array(sorted(component)).T)
            assert len(set(label[places].tolist())) == 1
            assert set(area[places].tolist()) == {len(component)}


def test_stock_fills_small_holes_and_no_others_without_a_warning() -> None:
    install_kernel()
    scores = torch.full((1, 1, 32, 32), 5.0)
    scores[..., 4:6, 4:8] = -3.0  # 8 pixels: filled
    scores[..., 12:15, 12:15] = -3.0  # 9 pixels: kept
    scores[..., 20, 20] = scores[..., 21, 21] = -3.0  # two that touch by a corner
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filled = fill_holes_in_mask_scores(scores, 8)
    assert (filled[..., 4:6, 4:8] > 0).all()
    assert (filled[..., 12:15, 12:15] == -3).all()
    assert (filled[..., [20, 21], [20, 21]] > 0).all()
    assert torch.equal(filled[filled != scores].unique(), torch.tensor([0.1]))


def test_the_area_follows_the_size_of_the_masks() -> None:
    assert [hole_area(size) for size in (1024, 512, 256, 128)] == [8, 2, 0, 0]


def test_masks_equal_stock_where_holes_are_filled(tmp_path: Path) -> None:
    video, prompts = write_clip(tmp_path), [Prompt(1, 2, box=BOX)]
    plain = by_object_and_frame(list(Sam2Segmenter(build_tiny_sam2(), "tiny").track(video, prompts)))
    model, other = build_tiny_sam2(), build_tiny_sam2()
    model.fill_hole_area = other.fill_hole_area = 30
    filled = by_object_and_frame(list(Sam2Segmenter(model, "tiny").track(video, prompts)))
    assert filled == stock_masks(other, tmp_path, prompts)
    assert filled != plain, "there was no hole to fill"
