"""The `background` stage: photographs behind pictures stop moving what the eye says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from veason.errors import DataError
from veason_nano.policy.backgrounds import BackgroundSettings, BackgroundTrainer, draw_pairs
from veason_nano.policy.model import Size, build_policy, build_tokenizer, load_weights, save_policy


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    save_policy(build_policy(build_tokenizer()), folder)
    return folder


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    return [np.random.default_rng(0).integers(0, 256, (80, 120, 3), np.uint8)]


def settings(**changed: object) -> BackgroundSettings:
    return BackgroundSettings(**{"photos": Path("scikit-image"), "scenes": 2, "frames": 2, "steps": 6, **changed})  # type: ignore[arg-type]


def test_the_same_objects_stand_over_both_backdrops(photos: list[np.ndarray]) -> None:
    pairs = draw_pairs(settings(), photos, 0, Size())
    again = draw_pairs(settings(), photos, 0, Size())
    assert torch.equal(pairs.photographed, again.photographed)
    assert not torch.equal(pairs.plain, draw_pairs(settings(), photos, 1, Size()).plain)
    apart = (pairs.plain.float() - pairs.photographed.float()).abs().mean(-1)
    cells = apart.view(len(apart), 7, 16, 7, 16).amin((2, 4)).flatten(1)
    assert float(cells[pairs.weight == 1].mean()) > 1
    assert (apart == 0).float().mean() > 0.01, "an object covers what stands behind it"
    assert set(pairs.weight.unique().tolist()) == {1.0, 3.0}


def test_only_the_eye_learns_and_what_it_sees_over_photographs_comes_nearer(start: Path, tmp_path: Path) -> None:
    trainer = BackgroundTrainer(settings(rate=1e-2, steps=100), tmp_path, start)
    before = load_weights(start)
    trainer.step = 20
    losses = [float(trainer.learn()["loss_photo"]) for _ in range(12)]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    after, known = trainer.model.state_dict(), before.state_dict()
    changed = {name for name, weight in after.items() if not torch.equal(weight, known[name])}
    assert changed
    assert all(".visual." in name for name in changed)


def test_a_run_without_photographs_is_refused(start: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="want a folder"):
        BackgroundTrainer(settings(photos=tmp_path / "none"), tmp_path, start)
