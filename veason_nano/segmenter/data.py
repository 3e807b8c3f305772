"""From drawn clips to training batches, and prompts as a person would give them: boxes, clicks, masks, corrections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from veason.segmenter.trunk import MEAN, STD
from veason_nano.segmenter.cutouts import CutoutClip, CutoutWorld
from veason_nano.world.photos import with_photo
from veason_nano.world.render import Renderer
from veason_nano.world.stories import make_scene

SMALLEST_TARGET = 0.0025
"""An object that covers less than this share of the first frame is not asked for."""

STORY_SEED = 20_000_000
"""Scenes that the segmenter sees have seeds from here on: neither the policy's nor the test splits'."""

_RETRY_STEP = 1_000_003

Points = dict[str, torch.Tensor]
ClipBatch = tuple[torch.Tensor, torch.Tensor]


class ClipDataset(Dataset):
    """Clips by number, as `(T, S, S, 3)` uint8 frames and `(K, T, S, S)` bool masks of K objects seen on frame 0.

    With `is_geometry` the masks are ellipses that have nothing to do with the picture: see `ellipses`. A share
    `story_share` of the clips are scenes of the policy's world instead of cut-outs.
    """

    def __init__(
        self,
        world: CutoutWorld,
        *,
        num_frames: int,
        num_targets: int,
        is_geometry: bool = False,
        story_share: float = 0.0,
    ) -> None:
        self.is_geometry = is_geometry
        self.story_share = story_share
        self.world = world
        self.num_frames = num_frames
        self.num_targets = num_targets

    def __getitem__(self, number: int) -> ClipBatch:
        rng = np.random.default_rng([self.world.seed, 2, number])
        if self.is_geometry:
            frames = self.world.clip(number, num_frames=self.num_frames).frames
            return torch.from_numpy(frames), ellipses(rng, self.num_targets, self.num_frames, self.world.size)
        for attempt in range(100):
            place = number + attempt * _RETRY_STEP
            if self.story_share and rng.random() < self.story_share:
                clip = story_clip(rng, STORY_SEED + place, self.num_frames, self.world.size, self.world.sources.photos)
            else:
                clip = self.world.clip(place, num_frames=self.num_frames)
            if rng.random() < 0.5:
                clip = CutoutClip(clip.frames[::-1].copy(), clip.masks[:, ::-1].copy())
            seen = np.flatnonzero(clip.masks[:, 0].mean((1, 2)) >= SMALLEST_TARGET)
            if len(seen):
                chosen = rng.choice(seen, self.num_targets, replace=len(seen) < self.num_targets)
                return torch.from_numpy(clip.frames), torch.from_numpy(clip.masks[chosen])
        raise AssertionError(f"a hundred clips from number {number} on show no object")


def story_clip(
    rng: np.random.Generator, seed: int, num_frames: int, size: int, photos: Sequence[np.ndarray] = ()
) -> CutoutClip:
    """Return `num_frames` frames of a scene of the policy's world, one to six frames apart; half with a photograph."""
    scene = with_photo(make_scene(seed), photos)
    renderer = Renderer(scene, (size, size))
    stride = min(int(rng.integers(1, 7)), (scene.num_frames - 1) // max(num_frames - 1, 1))
    start = int(rng.integers(scene.num_frames - (num_frames - 1) * stride))
    drawn = [renderer.draw(start + stride * place) for place in range(num_frames)]
    owner = np.stack([owner for _, owner in drawn])
    return CutoutClip(np.stack([image for image, _ in drawn]), np.stack([owner == actor for actor in scene.objects]))


def ellipses(rng: np.random.Generator, count: int, num_frames: int, size: int) -> torch.Tensor:
    """Return `(count, num_frames, size, size)` filled ellipses of all sizes, standing still.

    Told to fill the box, a network that starts from nothing finds out within a hundred steps what a box prompt means;
    asked for objects at once, it said "background everywhere" for a thousand.
    """
    y, x = np.mgrid[:size, :size] / size
    half = rng.uniform(0.05, 0.35, (2, count, 1, 1))
    centre = half + rng.random((2, count, 1, 1)) * (1 - 2 * half)
    inside = ((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2 <= 1
    return torch.from_numpy(np.repeat(inside[:, None], num_frames, 1))


def as_pictures(frames: torch.Tensor, masks: torch.Tensor) -> ClipBatch:
    """Return the frames of clips as clips of one frame each, an object in place of any that is not seen there.

    Frames without any object are left out; `(B, T, ...)` and `(B, K, T, ...)` become `(N, 1, ...)`, `(N, K, 1, ...)`.
    """
    shots, targets = [], []
    seen = masks.flatten(3).sum(3) >= SMALLEST_TARGET * masks[0, 0, 0].numel()
    for clip, index in torch.nonzero(seen.any(1)).tolist():
        present = torch.nonzero(seen[clip, :, index])[:, 0]
        chosen = [k if seen[clip, k, index] else int(present[k % len(present)]) for k in range(masks.shape[1])]
        shots.append(frames[clip, index][None])
        targets.append(masks[clip, chosen, index][:, None])
    return torch.stack(shots), torch.stack(targets)


class StepSampler(Sampler[list[int]]):
    """CutoutClip numbers for the steps from `start` on: step s takes numbers s * size to (s + 1) * size.

    With several processes every step of each of them counts: number `rank` of `world_size` takes every
    `world_size`-th batch.
    """

    def __init__(self, start: int, stop: int, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.start = start
        self.stop = stop
        self.batch_size = batch_size
        self.rank, self.world_size = rank, world_size

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.stop):
            first = (step * self.world_size + self.rank) * self.batch_size
            yield list(range(first, first + self.batch_size))

    def __len__(self) -> int:
        return self.stop - self.start


def batches(
    dataset: ClipDataset, *, start: int, stop: int, batch_size: int, workers: int, rank: int = 0, world_size: int = 1
) -> DataLoader:
    """Return the batches of steps `start` to `stop`, made in `workers` other processes (0: in this one)."""
    return DataLoader(
        dataset,
        batch_sampler=StepSampler(start, stop, batch_size, rank, world_size),
        num_workers=workers,
        prefetch_factor=3 if workers else None,
        worker_init_fn=_one_thread,
    )


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def normalise(frames: torch.Tensor) -> torch.Tensor:
    """Return `(N, S, S, 3)` uint8 frames as `(N, 3, S, S)` float32, normalised as sam2 does."""
    mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]
    return (frames.permute(0, 3, 1, 2).float() / 255 - mean) / std


def box_points(rng: np.random.Generator, masks: torch.Tensor) -> Points:
    """Return the box of each `(N, S, S)` mask as two corner points, drawn as loosely as a hand does."""
    corners = []
    for mask in masks.numpy():
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
        extent = np.tile([box[2] - box[0], box[3] - box[1]], 2)
        loose = np.clip(rng.normal(0, 0.04, 4), -0.12, 0.12) * extent * (rng.random() < 0.7)
        corners.append(np.clip(box + loose, 0, mask.shape[0]).reshape(2, 2))
    return _points(np.stack(corners), np.tile([2, 3], (len(corners), 1)))


def clicks(rng: np.random.Generator, masks: torch.Tensor, *, label: int = 1) -> Points:
    """Return one click inside each `(N, S, S)` mask, `(0, 0)` with label -1 where a mask is empty."""
    places, labels = [], []
    for mask in masks.numpy():
        inside = np.flatnonzero(mask)
        place = rng.choice(inside) if len(inside) else None
        places.append([(0.0, 0.0) if place is None else (place % mask.shape[1] + 0.5, place // mask.shape[1] + 0.5)])
        labels.append([-1 if place is None else label])
    return _points(np.array(places), np.array(labels))


def corrections(rng: np.random.Generator, guess: torch.Tensor, masks: torch.Tensor) -> Points:
    """Return for each object one click on what is wrong: on a missed part (label 1) or a surplus one (label 0)."""
    missed, surplus = masks & ~guess, guess & ~masks
    is_missed = missed.flatten(1).sum(1) >= surplus.flatten(1).sum(1)
    click = clicks(rng, torch.where(is_missed[:, None, None], missed, surplus))
    labels = click["point_labels"]
    surplus_click = (labels == 1) & ~is_missed[:, None]
    return {"point_coords": click["point_coords"], "point_labels": torch.where(surplus_click, 0, labels)}


def spoil_masks(rng: np.random.Generator, chances: torch.Tensor, share: float) -> torch.Tensor:
    """Return `(N, 1, S, S)` masks, 0 to 1 a pixel, of which a share has lost a part, or grown by a rectangle.

    What is lost lies on one side of a line through the mask; what is gained begins within its box.
    """
    lost, gained = torch.zeros_like(chances, dtype=torch.bool), torch.zeros_like(chances, dtype=torch.bool)
    size = chances.shape[-1]
    y, x = (torch.arange(size)[:, None] + 0.5) / size, (torch.arange(size)[None] + 0.5) / size
    for number, mask in enumerate(chances.detach()[:, 0]):
        if rng.random() >= share:
            continue
        places = torch.nonzero(mask > 0.5)
        if not len(places):
            continue
        row, column = (places[int(rng.integers(len(places)))].float() + 0.5).tolist()
        if rng.random() < 0.65:
            angle = rng.uniform(0, 2 * np.pi)
            away = (x - column / size) * np.cos(angle) + (y - row / size) * np.sin(angle)
            lost[number, 0] = away > 0
        else:
            extent = (places.max(0).values - places.min(0).values + 1).float() * float(rng.uniform(0.3, 1.0))
            corner = torch.tensor([row, column]) - extent * torch.from_numpy(rng.random(2)).float()
            top, left = (int(value) for value in corner.clamp(0, size))
            bottom, right = (int(value) for value in (corner + extent).clamp(0, size))
            gained[number, 0, top:bottom, left:right] = True
    return chances.masked_fill(lost, 0.0).masked_fill(gained, 1.0)


def join_points(first: Points | None, second: Points) -> Points:
    """Return the points of both, in order."""
    if first is None:
        return second
    return {key: torch.cat([first[key], second[key]], 1) for key in second}


def _points(places: np.ndarray, labels: np.ndarray | Sequence) -> Points:
    return {
        "point_coords": torch.as_tensor(places, dtype=torch.float32),
        "point_labels": torch.as_tensor(labels, dtype=torch.int32),
    }
