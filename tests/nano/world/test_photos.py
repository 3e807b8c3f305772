"""Photographs behind scenes: the scene stays the same, the photograph is seen, wrong sources are told of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from veason.errors import DataError
from veason_nano.dataset import choose_questions, draw_scene
from veason_nano.policy.model import training_profile
from veason_nano.policy.pool import ClipMaker, draw_pool, shard_file
from veason_nano.world.photos import PACKAGE, PACKAGED, load_photos, photo_crop, with_photo
from veason_nano.world.render import Renderer
from veason_nano.world.stories import make_scene

SIZE = (160, 120)


def checks(side: int = 600) -> np.ndarray:
    """A picture that no drawn backdrop looks like: black and white squares."""
    y, x = np.mgrid[:side, :side] // 50
    return np.repeat(((x + y) % 2 * 255).astype(np.uint8)[..., None], 3, -1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deeper").mkdir()
    Image.fromarray(checks()).save(tmp_path / "deeper" / "b.png")
    Image.fromarray(checks(100)).resize((200, 100)).save(tmp_path / "a.jpg")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_pictures_of_a_folder_come_in_name_order_and_large_ones_are_shrunk(folder: Path) -> None:
    assert [photo.shape for photo in load_photos(folder)] == [(100, 200, 3), (512, 512, 3)]
    assert load_photos(None) == []


def test_a_source_without_pictures_is_told_with_what_was_wanted(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"want a folder with photographs .*empty, which has none"):
        load_photos(empty)
    with pytest.raises(DataError, match=f"want a folder of photographs or the word {PACKAGE}, got nowhere"):
        load_photos(Path("nowhere"))


def test_a_missing_package_is_told_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("veason_nano.world.photos.find_spec", lambda name: None)
    with pytest.raises(DataError, match=f"pip install {PACKAGE}"):
        load_photos(Path(PACKAGE))


def test_the_package_brings_every_photograph_that_is_named() -> None:
    pytest.importorskip("skimage")
    photos = load_photos(Path(PACKAGE))
    assert len(photos) == len(PACKAGED)
    assert all(photo.dtype == np.uint8 and photo.shape[2] == 3 and min(photo.shape[:2]) <= 512 for photo in photos)


@pytest.mark.parametrize("aspect", [0.75, 1.0, 16 / 9])
def test_a_crop_has_the_wanted_aspect_and_lies_inside(aspect: float) -> None:
    photo = np.arange(300 * 200 * 3, dtype=np.uint32).reshape(300, 200, 3) % 251
    for seed in range(20):
        crop = photo_crop(np.random.default_rng(seed), [photo.astype(np.uint8)], 0.3, aspect)
        assert crop.shape[1] / crop.shape[0] == pytest.approx(aspect, rel=0.05)


def test_a_photograph_changes_the_backdrop_and_nothing_else() -> None:
    plain = make_scene(90_700_003)
    photographed = with_photo(plain, [checks()], 1.0)
    before, owner = Renderer(plain, SIZE).draw(4)
    after, same_owner = Renderer(photographed, SIZE).draw(4)
    np.testing.assert_array_equal(owner, same_owner)
    behind = owner < 0
    assert np.abs(after.astype(int) - before)[behind].mean() > 20
    assert after[behind].std() > before[behind].std()
    assert choose_questions(plain, 4) == choose_questions(photographed, 4)


def test_the_test_split_without_photographs_is_what_it_was_and_a_share_gets_one() -> None:
    plain = [draw_scene("test", 7, number, 24) for number in range(40)]
    assert all(scene.backdrop.photo is None for scene in plain)
    mixed = [draw_scene("test", 7, number, 24, [checks()]) for number in range(40)]
    assert 10 < sum(scene.backdrop.photo is not None for scene in mixed) < 30
    again = [draw_scene("test", 7, number, 24, [checks()]) for number in range(40)]
    assert [one.backdrop.photo is None for one in mixed] == [one.backdrop.photo is None for one in again]


def test_training_clips_show_photographs_and_say_the_same(tmp_path: Path) -> None:
    profile = training_profile(tmp_path)
    seed = next(seed for seed in range(50) if with_photo(make_scene(seed), [checks()]).backdrop.photo is not None)
    plain = ClipMaker(profile).make(seed)
    photographed = ClipMaker(profile, photos=[checks()]).make(seed)
    assert not np.array_equal(plain.images, photographed.images)
    np.testing.assert_array_equal(plain.boxes, photographed.boxes)
    for mine, other in zip(plain.examples, photographed.examples, strict=True):
        np.testing.assert_array_equal(mine.ids, other.ids)


def test_a_pool_with_a_wrong_folder_of_photographs_says_so_before_anything_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="want a folder of photographs"):
        draw_pool(tmp_path / "pool", 10, 1, 1, photos=tmp_path / "missing")
    assert not shard_file(tmp_path / "pool", 10, 0).is_file()
