"""Drawn training clips: equal for equal seeds, and masks that are exactly what is seen."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from veason_nano.segmenter.cutouts import CutoutWorld, Pose, paint
from veason_nano.segmenter.sprites import OUTLINES, SIDE, Sources, fill_square, load_sources, make_sprite

WHITE = torch.ones(4, SIDE, SIDE)


def pose(x: float, y: float, half: float = 0.1, **more: object) -> Pose:
    return Pose(x, y, half, half, 0.0, ((0.0, 0.0), (0.0, 0.0)), **more)  # type: ignore[arg-type]


def world(seed: int = 3) -> CutoutWorld:
    return CutoutWorld(Sources(), seed=seed, size=64, num_sprites=12)


def test_a_clip_follows_from_seed_and_number() -> None:
    first, again = world().clip(5, num_frames=3), world().clip(5, num_frames=3)
    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.masks, again.masks)
    for other in (world().clip(6, num_frames=3), world(seed=4).clip(5, num_frames=3)):
        assert not np.array_equal(first.frames, other.frames)


def test_a_clip_has_the_promised_shapes_and_no_overlap() -> None:
    clip = world().clip(1, num_frames=4, num_objects=5)
    assert clip.frames.shape == (4, 64, 64, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.masks.shape == (5, 4, 64, 64)
    assert clip.masks.sum(0).max() <= 1


def test_the_mask_is_what_was_painted() -> None:
    canvas, visible = torch.zeros(3, 100, 100), torch.zeros(1, 100, 100)
    paint(canvas, visible, 0, WHITE, pose(0.5, 0.4), None)
    wanted = torch.zeros(100, 100, dtype=torch.bool)
    wanted[30:50, 40:60] = True
    assert torch.equal(visible[0] > 0.5, wanted)
    assert torch.equal(canvas[0] > 0.5, wanted)


def test_an_object_in_front_takes_exactly_its_cover_off_the_one_behind() -> None:
    canvas, visible = torch.zeros(3, 100, 100), torch.zeros(2, 100, 100)
    paint(canvas, visible, 0, WHITE, pose(0.5, 0.5), None)
    paint(canvas, visible, 1, WHITE * torch.tensor([0.5, 0.5, 0.5, 1.0])[:, None, None], pose(0.6, 0.5), None)
    assert int((visible[0] > 0.5).sum()) == 200
    assert int((visible[1] > 0.5).sum()) == 400
    assert torch.equal(visible[1] > 0.5, (canvas[0] - 0.5).abs() < 0.01)


def test_an_object_outside_the_picture_leaves_no_trace() -> None:
    canvas, visible = torch.zeros(3, 50, 50), torch.zeros(1, 50, 50)
    paint(canvas, visible, 0, WHITE, pose(1.4, 0.5), (0.0, 0.0, 0.5))
    assert not canvas.any()
    assert not visible.any()


def test_speed_smears_an_object_along_its_way_only() -> None:
    canvas, visible = torch.zeros(3, 100, 100), torch.zeros(1, 100, 100)
    paint(canvas, visible, 0, WHITE, pose(0.5, 0.5, velocity=(0.3, 0.0)), None)
    assert 0 < float(visible[0, 50, 37]) < 1
    assert not visible[0, 35].any()


def test_a_shadow_darkens_the_ground_and_is_not_part_of_the_mask() -> None:
    canvas, visible = torch.ones(3, 100, 100), torch.zeros(1, 100, 100)
    paint(canvas, visible, 0, WHITE, pose(0.3, 0.5), (0.3, 0.0, 0.5))
    assert float(canvas[0, 50, 60]) < 0.9
    assert float(visible[0, 50, 60]) == 0


def test_some_objects_leave_and_some_come_back() -> None:
    seen = np.concatenate([world().clip(number, num_frames=6).masks.any((2, 3)) for number in range(40)])
    leaves, returns = seen[:, 0] & ~seen[:, -1], seen[:, 0] & seen[:, -1] & ~seen.all(1)
    assert leaves.any()
    assert returns.any()


@pytest.mark.parametrize("outline", sorted(set(OUTLINES), key=lambda outline: outline.__name__))
def test_every_outline_draws_something_inside_the_square(outline: object) -> None:
    assert outline(np.random.default_rng(0))  # type: ignore[operator]


def test_sprites_fill_their_square() -> None:
    for seed in range(20):
        sprite = make_sprite(np.random.default_rng(seed), Sources())
        assert sprite.shape == (SIDE, SIDE, 4)
        rows, columns = np.nonzero(sprite[..., 3] > 8)
        assert max(np.ptp(rows), np.ptp(columns)) >= SIDE - 12


def test_fill_square_keeps_the_aspect_and_survives_an_empty_picture() -> None:
    picture = np.zeros((50, 90, 4), np.uint8)
    picture[10:20, 5:45] = 255
    rows, columns = np.nonzero(fill_square(picture)[..., 3] > 127)
    assert np.ptp(columns) + 1 == SIDE - 2
    assert abs((np.ptp(rows) + 1) * 4 - (SIDE - 2)) <= 4
    assert not fill_square(np.zeros((9, 9, 4), np.uint8)).any()


def test_folders_of_pictures_become_sources(tmp_path: Path) -> None:
    Image.new("RGB", (1200, 600), "red").save(tmp_path / "a.png")
    Image.new("RGBA", (30, 20), (0, 255, 0, 255)).save(tmp_path / "b.png")
    sources = load_sources(tmp_path, tmp_path)
    assert [photo.shape for photo in sources.photos] == [(512, 1024, 3), (20, 30, 3)]
    assert [cutout.shape for cutout in sources.cutouts] == [(SIDE, SIDE, 4)] * 2
    assert load_sources(None, None).photos == []
    clip = CutoutWorld(sources, seed=0, size=64, num_sprites=4).clip(0, num_objects=2)
    assert clip.frames.shape == (1, 64, 64, 3)
