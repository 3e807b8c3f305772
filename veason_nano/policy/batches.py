"""What a training step of nano-policy works on: clips drawn at random, with what is learnt about them side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from veason.errors import DataError
from veason_nano.policy.augment import augment
from veason_nano.policy.loss import cell_targets
from veason_nano.policy.model import Size
from veason_nano.policy.names import Names, draw_names, with_names
from veason_nano.policy.padding import Padded, pad, prompt_labels
from veason_nano.policy.pointers import Marks, find_judging
from veason_nano.policy.pool import SHARD, Branch, TrainingClip, count_shards, make_shard
from veason_nano.policy.recipe import PICTURES_PER_CLIP, PLAN, POLICY_STAGES, TRAIN_SEED, Recipe

_CORRECTED_CLIPS = 20
"""An example after a wrong answer is as long as three others, so one clip in this many (and one in a step) has one."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenSpan:
    """The part of each whole example that others about the same clip go on from: its first place, and how many."""

    first: torch.Tensor
    count: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class BranchGroup:
    """Branches of one kind that are learnt side by side: whose prompts they go on from, and their share of the loss."""

    kind: str
    padded: Padded
    owner: torch.Tensor
    share: float
    told: TokenSpan | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TrainingBatch:
    """One step's work.

    Attributes:
        fresh: `(F, side, side, 3)` uint8 changed pictures for the eye alone, with their `(F, cells, 8)` targets.
        images: `(B * 8, side, side, 3)` uint8 pictures of the clips that are spoken about, clip by clip.
        prompts: `(B, T)` token ids up to the last picture.
        cells: `(B * 8, cells, 8)` what lies in the cells of the pictures.
        groups: what is said about them.
    """

    fresh: tuple[torch.Tensor, torch.Tensor] | None
    images: torch.Tensor
    prompts: torch.Tensor
    cells: torch.Tensor
    groups: Sequence[BranchGroup]

    def to(self, device: torch.device) -> TrainingBatch:
        """Return the same on another device."""
        if device.type == "cpu":
            return self

        def moved(group: BranchGroup) -> BranchGroup:
            told = group.told
            there = None if told is None else TokenSpan(told.first.to(device), told.count.to(device))
            return dataclasses.replace(group, padded=group.padded.to(device), owner=group.owner.to(device), told=there)

        return TrainingBatch(
            None if self.fresh is None else (self.fresh[0].to(device), self.fresh[1].to(device)),
            self.images.to(device),
            self.prompts.to(device),
            self.cells.to(device),
            [moved(group) for group in self.groups],
        )


class BatchMaker(Dataset):
    """Makes the batch of any step, the same one every time it is asked.

    Args:
        recipe: the run.
        pool: folder of drawn clips.
        size: of the network.
        marks: token ids by which a thought is taken apart.
        filler: token id that pads, and `image_id` the one that stands for a visual token.
        rank: number of this process among those that learn together: each draws its own clips.
    """

    def __init__(
        self, recipe: Recipe, pool: Path, size: Size, marks: Marks, *, filler: int, image_id: int, rank: int = 0
    ) -> None:
        self.recipe, self.pool, self.size, self.marks = recipe, pool, size, marks
        self.filler, self.image_id, self.rank = filler, image_id, rank
        self._shards: dict[int, list[TrainingClip]] = {}

    def __getitem__(self, step: int) -> TrainingBatch:
        rng = np.random.default_rng([self.recipe.seed, POLICY_STAGES.index(self.recipe.stage), step, self.rank])
        fresh = self._fresh(rng, step)
        if self.recipe.stage == "see":
            nothing = torch.empty(0)
            return TrainingBatch(fresh, nothing, nothing, nothing, ())
        clips = self._draw(rng, step, self.recipe.clips)
        cells = [self._cells(clip, clip.boxes[:, place]) for clip in clips for place in range(len(clip.shown))]
        named = [draw_names(clip.shown, rng, self.recipe.renamed, self.recipe.large) for clip in clips]
        prompts = [with_names(clip.prefix, names, self.marks) for clip, names in zip(clips, named, strict=True)]
        return TrainingBatch(
            fresh,
            torch.from_numpy(np.concatenate([clip.images for clip in clips])),
            torch.from_numpy(np.stack(prompts)).long(),
            torch.from_numpy(np.stack(cells)),
            list(self._groups(rng, clips, prompts, named)),
        )

    def _draw(self, rng: np.random.Generator, step: int, count: int) -> list[TrainingClip]:
        """Draw from the files that this step may use: more and more of them, so that training can start at once.

        Of several workers each keeps to its own files, so that all together hold the pool once.
        """
        recipe, worker = self.recipe, get_worker_info()
        limit = recipe.first_shards + step // recipe.steps_per_shard
        if not recipe.first_shards:
            limit = count_shards(self.pool, TRAIN_SEED, recipe.style, recipe.skip)
        limit = min(limit, recipe.shards)
        mine = range(limit) if worker is None else range(worker.id, limit, worker.num_workers)
        mine = mine or range(limit)
        if not mine:
            raise DataError(
                f"want drawn clips in {self.pool}, found none written in the style {recipe.style!r}: "
                f"draw some with `veason nano draw {self.pool} --style {recipe.style}`"
            )
        chosen = []
        for _ in range(count):
            number = recipe.skip + mine[int(rng.integers(len(mine)))]
            if number not in self._shards:
                self._shards[number] = self._read(number)
            chosen.append(self._shards[number][int(rng.integers(SHARD))])
        return chosen

    def _read(self, number: int) -> list[TrainingClip]:
        """Return a file of the pool, drawn where there is none.

        Raises:
            DataError: its token ids are those of another tokenizer.
        """
        clips = make_shard(self.pool, TRAIN_SEED, number, self.recipe.style)
        wanted, found = len(clips[0].shown) * self.size.cells**2, int((clips[0].prefix == self.image_id).sum())
        if found != wanted:
            raise DataError(
                f"want {wanted} visual tokens in a prompt of file {number} in {self.pool}, found {found}: it was drawn "
                "with another vocabulary, so draw the pool anew into another folder"
            )
        return clips

    def _fresh(self, rng: np.random.Generator, step: int) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return pictures that the eye has not seen in this form."""
        count = self.recipe.clips * PICTURES_PER_CLIP if self.recipe.stage == "see" else self.recipe.fresh
        if not count:
            return None
        drawn = [(clip, int(rng.integers(len(clip.shown)))) for clip in self._draw(rng, step, count)]
        images = np.stack([clip.images[place] for clip, place in drawn])
        images, boxes = augment(images, [clip.boxes[:, place] for clip, place in drawn], rng)
        target = [self._cells(clip, box) for (clip, _), box in zip(drawn, boxes, strict=True)]
        return torch.from_numpy(images), torch.from_numpy(np.stack(target))

    def _cells(self, clip: TrainingClip, boxes: np.ndarray) -> np.ndarray:
        return cell_targets(clip.objects, boxes, self.size.picture, self.size.cells)

    def _groups(
        self,
        rng: np.random.Generator,
        clips: Sequence[TrainingClip],
        prompts: Sequence[np.ndarray],
        named: Sequence[Names],
    ) -> Iterator[BranchGroup]:
        """Tell where everything is, follow one thing with its boxes, answer with reasoning."""
        labels = [prompt_labels(prompt, self.image_id, self.marks) for prompt in prompts]
        told: TokenSpan | None = None
        for kind, (count, share) in PLAN[self.recipe.stage].items():
            taught = clips[: max(1, len(clips) // _CORRECTED_CLIPS)] if kind == "corrections" else clips
            picked: list[tuple[Branch, int]] = []
            for place, clip in enumerate(taught):
                branches = getattr(clip, "examples" if kind in ("whole", "told") else kind)
                chosen = [branches[index] for index in rng.permutation(len(branches))[:count]]
                renamed = [with_names(one.ids, named[place], self.marks) for one in chosen]
                picked += [(dataclasses.replace(one, ids=ids), place) for one, ids in zip(chosen, renamed, strict=True)]
            if kind == "whole":
                told = self._told([branch for branch, _ in picked])
            goes_on = told if kind == "told" else None
            for part in [picked] if kind == "whole" else _by_length(picked):
                most = int(goes_on.count.max()) if goes_on is not None else -1
                padded = pad(
                    [branch for branch, _ in part],
                    self.filler,
                    self.marks,
                    most,
                    [labels[owner] for _, owner in part],
                )
                owner = torch.tensor([owner for _, owner in part])
                yield BranchGroup(
                    kind, padded, owner, share * len(part) / len(picked), told if kind == "whole" else goes_on
                )

    def _told(self, branches: Sequence[Branch]) -> TokenSpan | None:
        """Return the records of whole examples, None where examples have none (a style without reasoning)."""
        first = torch.tensor([branch.start for branch in branches])
        verdicts = [find_judging(branch.ids, branch.start, self.marks) for branch in branches]
        return TokenSpan(first, torch.tensor(verdicts) - first) if min(verdicts) >= 0 else None


def load_batches(maker: BatchMaker, first: int) -> Iterator[TrainingBatch]:
    """Yield the batches of a run from step `first` on, made beside the steps where the recipe has workers."""
    workers = maker.recipe.workers
    steps = range(first, 2**40)
    if not workers:
        return (maker[step] for step in steps)
    return iter(DataLoader(maker, None, sampler=steps, num_workers=workers, multiprocessing_context="fork"))


def _by_length(picked: list[tuple[Branch, int]]) -> list[list[tuple[Branch, int]]]:
    """Return the shorter three quarters and the longer quarter, so that less is padded."""
    picked = sorted(picked, key=lambda pair: len(pair[0].ids))
    cut = len(picked) * 3 // 4
    return [part for part in (picked[:cut], picked[cut:]) if part]
