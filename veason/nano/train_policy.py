"""Train nano-policy on a CPU: see (vision only), ground (single pictures), multi (whole clips), sft (with reasoning).

A stage starts from the exported weights of the one before, writes a checkpoint every minute, goes on where it was
killed, logs to a CSV, and exports an ordinary transformers folder. The later GRPO stage starts from "sft".
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from transformers import Qwen2_5_VLForConditionalGeneration

from veason.nano.augment import augment
from veason.nano.corpus import Style
from veason.nano.forward import Told, Watch, continue_prompts, continue_told, read_prompts, see
from veason.nano.optimizer import Muon
from veason.nano.pointers import find_judging
from veason.nano.policy_loss import (
    CellHead,
    CellWords,
    bind_loss,
    cell_targets,
    label_loss,
    look_loss,
    match_loss,
    order_loss,
    pad,
    return_loss,
    token_loss,
)
from veason.nano.policy_model import Size, build_model, build_tokenizer, take_eye
from veason.nano.pool import SHARD, Branch, TrainingClip, labels_of, make_shard
from veason.nano.run import Run
from veason.nano.team import average_gradients

STAGES = ("see", "ground", "multi", "sft")
"""The stages in order; each one starts from the exported weights of the one before."""

TRAIN_SEED = 10_000_000
"""Seeds of training clips start here; the tests' splits lie elsewhere."""

ORDER, BINDING, LOOKING, MATCHING, RETURNING = 0, 1, 2, 2, 3
"""The layers in which two heads (one for the order) are told where to look: at the word before; at the number of the
object that a word is said of; into the pictures, at the object that is spoken of; from what an object is asked for at
the same word in its record; at the place where a word was said before. A word is found again by the word before it and
by its object's number."""

_TOLD_HEADS = 2

PLAN = {
    "multi": {"records": (1, 0.67), "tracks": (2, 0.33)},
    "sft": {"whole": (1, 0.6), "told": (3, 0.2), "tracks": (1, 0.15), "corrections": (1, 0.05)},
}
"""What a step learns: how many branches of a kind about each clip, and which share of the loss they are.

A lesson is learnt "whole", or goes on from the records that the whole one of its clip has "told".
"""

_CORRECTED_CLIPS = 1
"""A lesson after a wrong answer is as long as three others, so only some clips of a step have one."""

EYE_SHARE = 0.05
"""Learning rate of the eye, as a share of the others', once it can see."""

_ADAMW_EYE_SHARE = 0.25
"""The same for AdamW, whose steps shrink with the gradient."""

_MIDDLE_LAYER = 2
_PICTURES = 8


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a training run; printed at its start and kept beside its log.

    With `steps` a run is the same on every machine; `minutes` ends it by the clock and fits the learning rate's
    schedule to it. `sees` tells whether the vision tower learns too, `fresh` from how many changed pictures a step
    beside those that are spoken about.
    """

    stage: str
    minutes: float = 20.0
    steps: int = 0
    rate: float = 1e-2
    clips: int = 8
    seed: int = 0
    threads: int = 1
    shards: int = 16
    first_shards: int = 2
    steps_per_shard: int = 40
    cell_weight: float = 1.0
    look_weight: float = 0.5
    sees: bool = True
    fresh: int = 24
    style: Style = "full"
    optimizer: Literal["muon", "adamw"] = "muon"
    only_eye: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `veason nano train ground|multi|sft`."""
    rates = "learning rate of the matrices at its highest (default: 0.01, sft 0.005)"
    parser.add_argument("--out", type=Path, default=Path("runs/nano"), help="folder of runs (default: runs/nano)")
    parser.add_argument("--pool", type=Path, default=None, help="folder of drawn clips (default: OUT/pool)")
    parser.add_argument("--start", type=Path, default=None, help="weights to start from (default: the stage before)")
    parser.add_argument("--minutes", type=float, default=20.0, help="length of the run by the clock (default: 20)")
    parser.add_argument("--steps", type=int, default=0, help="length in steps instead: the same on every machine")
    parser.add_argument("--rate", type=float, default=None, help=rates)
    parser.add_argument("--clips", type=int, default=8, help="clips in a step (default: 8)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vision", action="store_true", help="let the vision tower learn in the later stages too")
    parser.add_argument("--threads", type=int, default=1)
    first = "files of the pool drawn before the first step; the others come one by one (default: 2)"
    parser.add_argument("--first-shards", type=int, default=2, help=first)
    kinds = "how matrices move; rates are those of AdamW either way (default: muon)"
    parser.add_argument("--optimizer", choices=("muon", "adamw"), default="muon", help=kinds)
    eye = "take nothing but the vision tower from the weights to start from"
    parser.add_argument("--only-eye", action="store_true", help=eye)
    ablations = "how lessons are written: all but full are ablations of the paper (default: full)"
    parser.add_argument("--style", choices=get_args(Style), default="full", help=ablations)
    parser.add_argument("--name", default=None, help="folder of this run inside OUT (default: the stage's name)")
    parser.add_argument("--shards", type=int, default=16, help=f"pool size in files of {SHARD} clips (default: 16)")


def train_policy(stage: str, args: argparse.Namespace) -> Path:
    """Run one stage as the command line says and return the folder of its exported weights."""
    rate = args.rate if args.rate is not None else (5e-3 if stage == "sft" else 1e-2)
    recipe = Recipe(
        stage=stage,
        minutes=args.minutes,
        steps=args.steps,
        rate=rate,
        clips=args.clips,
        seed=args.seed,
        threads=args.threads,
        shards=args.shards,
        first_shards=args.first_shards,
        sees=stage == "see" or args.vision,
        fresh=24 if stage == "see" or args.vision else 0,
        style=args.style,
        optimizer=args.optimizer,
        only_eye=args.only_eye,
    )
    before = STAGES.index(stage) - 1
    start = args.start or (args.out / STAGES[before] / "export" if before >= 0 else None)
    pool = args.pool or args.out / "pool"
    pool.mkdir(parents=True, exist_ok=True)
    return Trainer(recipe, args.out / (args.name or stage), pool, start).run()


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Branches of one kind that are learnt side by side: whose prompts they go on from, and their share of the loss."""

    kind: str
    branches: Sequence[Branch]
    owners: Sequence[int]
    share: float


class Trainer(Run):
    """One stage: model, optimizer, log and checkpoint in one folder."""

    def __init__(self, recipe: Recipe, folder: Path, pool: Path, start: Path | None, size: Size = Size()) -> None:
        torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)
        self.recipe, self.pool, self.labels = recipe, pool, labels_of(recipe.style)
        self._words_stay = recipe.stage == "see" and start is not None  # later stages have learnt to speak in them
        tokenizer = build_tokenizer()
        self.filler, self.words = int(tokenizer.pad_token_id), CellWords.of(tokenizer)
        if start is None:
            model = build_model(tokenizer, size, recipe.seed)
        else:
            before = Qwen2_5_VLForConditionalGeneration.from_pretrained(start, dtype=torch.float32)
            model = self._go_on_from(before, tokenizer, size)
        self.head = torch.nn.ModuleList([CellHead(size.hidden), CellHead(size.hidden)])
        if start is not None and (start.parent / "head.pt").is_file():
            self.head.load_state_dict(torch.load(start.parent / "head.pt", weights_only=True))
        model.model.visual.requires_grad_(recipe.sees)
        if recipe.optimizer == "muon":
            optimizers = make_optimizers(model, self.head, recipe.rate, 1.0 if recipe.stage == "see" else EYE_SHARE)
        else:
            eye = list(model.model.visual.parameters()) if recipe.sees else []
            rest = [weight for name, weight in model.named_parameters() if ".visual." not in name]
            groups = [
                {"params": [*rest, *self.head.parameters()], "highest": recipe.rate},
                {"params": eye, "highest": recipe.rate * _ADAMW_EYE_SHARE},
            ]
            optimizers = [torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.01)]
        self._shards: dict[int, list[TrainingClip]] = {}
        super().__init__(folder, model, size, optimizers, recipe, {"head": self.head})

    def _go_on_from(self, before: Any, tokenizer: Any, size: Size) -> Any:
        """Return the network of an earlier stage, or a new one that has nothing but its eye."""
        if not self.recipe.only_eye:
            return before
        model = build_model(tokenizer, size, self.recipe.seed)
        clips = make_shard(self.pool, TRAIN_SEED, 0, self.recipe.style)[:8]
        with torch.no_grad():
            seen = see(before.model.visual, torch.from_numpy(np.concatenate([clip.images for clip in clips])))
        take_eye(model, before.model.visual, float(seen.norm(dim=-1).mean()))
        return model

    def export(self) -> Path:
        """Write the weights in the folder layout of transformers, and the head beside it for the next stage."""
        if self.rank == 0:
            torch.save(self.head.state_dict(), self.folder / "head.pt")
        return super().export()

    def learn(self) -> dict[str, float]:
        """Take one step and return its measurements."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["highest"] * self._rate_share()
            optimizer.zero_grad(set_to_none=True)
        rng = np.random.default_rng([self.recipe.seed, STAGES.index(self.recipe.stage), self.step, self.rank])
        with torch.autocast("cpu", torch.bfloat16):
            loss, parts = self._see(rng)
            if self.recipe.stage != "see":
                batch = self._single_batch(rng) if self.recipe.stage == "ground" else self._clip_batch(rng)
                spoken, measured = self._losses(*batch)
                loss, parts = loss + spoken, parts | measured
        loss.backward()
        average_gradients([*self.model.parameters(), *self.head.parameters()])
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        return {"loss": float(loss.detach()), **parts}

    def _rate_share(self) -> float:
        warm = min((self.step + 1) / 30, 1.0)
        return warm * (0.04 + 0.96 * 0.5 * (1 + math.cos(math.pi * min(self.progress, 1.0))))

    def _draw_clips(self, rng: np.random.Generator, count: int) -> list[TrainingClip]:
        """Draw from the shards that this step may use: more and more of them, so that training can start at once."""
        limit = min(self.recipe.first_shards + self.step // self.recipe.steps_per_shard, self.recipe.shards)
        chosen = []
        for _ in range(count):
            number = int(rng.integers(limit))
            if number not in self._shards:
                self._shards[number] = make_shard(self.pool, TRAIN_SEED, number, self.recipe.style)
            chosen.append(self._shards[number][int(rng.integers(SHARD))])
        return chosen

    def _see(self, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the eye's loss on pictures that it has not seen in this form, and measurements."""
        count = self.recipe.clips * _PICTURES if self.recipe.stage == "see" else self.recipe.fresh
        if not count:
            return torch.zeros(()), {}
        drawn = [(clip, int(rng.integers(len(clip.shown)))) for clip in self._draw_clips(rng, count)]
        images = np.stack([clip.images[place] for clip, place in drawn])
        images, boxes = augment(images, [clip.boxes[:, place] for clip, place in drawn], rng)
        side, cells = self.size.picture, self.size.cells
        target = [cell_targets(clip.objects, box, side, cells) for (clip, _), box in zip(drawn, boxes, strict=True)]
        seen = see(self.model.model.visual, torch.from_numpy(images))
        table = self.model.get_input_embeddings().weight
        table = table.detach() if self._words_stay else table
        loss, parts = self.head[0](seen, torch.from_numpy(np.stack(target)), table, self.words)
        return loss, {f"fresh_{key}": value for key, value in parts.items()}

    def _single_batch(self, rng: np.random.Generator) -> tuple:
        """Pictures from many clips, each by itself: list what is in it, or box one thing."""
        clips = self._draw_clips(rng, self.recipe.clips * _PICTURES)
        drawn = [(clip, int(rng.integers(len(clip.shown)))) for clip in clips]
        images = np.stack([clip.images[place] for clip, place in drawn])
        prompts = np.stack([clip.singles[place] for clip, place in drawn])
        cells = [self._cells(clip, place) for clip, place in drawn]
        branches = [clip.lists[place] for clip, place in drawn]
        listed = Group("list", [some[0] for some in branches], list(range(len(branches))), 1.0)
        single = [place for place in range(len(branches)) if len(branches[place]) > 1]
        return (
            images,
            prompts,
            np.stack(cells),
            [
                listed,
                Group("single", [branches[place][1] for place in single], single, len(single) / len(branches)),
            ],
        )

    def _clip_batch(self, rng: np.random.Generator) -> tuple:
        """Whole clips: tell where everything is, follow one thing with its boxes, answer with reasoning."""
        clips = self._draw_clips(rng, self.recipe.clips)
        images = np.concatenate([clip.images for clip in clips])
        prompts = np.stack([clip.prefix for clip in clips])
        cells = [self._cells(clip, place) for clip in clips for place in range(len(clip.shown))]
        groups = []
        for kind, (count, share) in PLAN[self.recipe.stage].items():
            picked: list[tuple[Branch, int]] = []
            for place, clip in enumerate(clips[:_CORRECTED_CLIPS] if kind == "corrections" else clips):
                branches = getattr(clip, "lessons" if kind in ("whole", "told") else kind)
                picked += [(branches[index], place) for index in rng.permutation(len(branches))[:count]]
            parts = [picked] if kind == "whole" else _by_length(picked)
            groups += [Group(kind, *_unzip(part), share * len(part) / len(picked)) for part in parts if part]
        return images, prompts, np.stack(cells), groups

    def _cells(self, clip: TrainingClip, place: int) -> np.ndarray:
        return cell_targets(clip.objects, clip.boxes[:, place], self.size.picture, self.size.cells)

    def _losses(
        self, images: np.ndarray, prompts: np.ndarray, cells: np.ndarray, groups: Sequence[Group]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        with torch.set_grad_enabled(self.recipe.sees):
            seen = see(self.model.model.visual, torch.from_numpy(images))
        target = torch.from_numpy(cells)
        table = self.model.get_input_embeddings().weight
        loss, parts = self.head[0](seen, target, table, self.words)
        ids = torch.from_numpy(prompts).long()
        labels = Watch(BINDING, _TOLD_HEADS)
        prompt = read_prompts(self.model, ids, seen, _MIDDLE_LAYER, labels)
        is_picture = ids == self.model.config.image_token_id
        assert labels.looks is not None
        labelled, parts["labelled"] = label_loss(labels.looks, is_picture[0])
        inner, _ = self.head[1](prompt.middle[is_picture].view(*seen.shape), target, table, self.words)
        loss = self.recipe.cell_weight * (loss + inner) + self.recipe.look_weight * labelled
        told: Told | None = None
        for group in groups:
            has_told = group.kind == "told" and told is not None
            most = told.past[0][0].shape[2] if told is not None and has_told else -1
            padded = pad(group.branches, self.filler, self.words.marks, most)
            owner = torch.tensor(group.owners)
            said: list[tuple[torch.Tensor, torch.Tensor]] = []
            watches = [Watch(layer, _TOLD_HEADS) for layer in range(RETURNING + 1)]
            if told is not None and has_told:
                hidden = continue_told(self.model, prompt, told, padded.ids, padded.asked, owner, watches)
            else:
                hidden = continue_prompts(self.model, prompt, padded.ids, owner, watches, said)
            if group.kind == "whole":
                told = self._told(group.branches, said)
            tokens, measured = token_loss(hidden, table, padded)
            given = [watch.looks for watch in watches if watch.looks is not None]
            looks, measured["looks"] = look_loss(given[LOOKING], torch.nonzero(is_picture[0])[:, 0], padded)
            returns, measured["returns"] = return_loss(given[RETURNING], padded, ids.shape[1])
            bound, measured["bound"] = bind_loss(given[BINDING], padded, ids.shape[1])
            ordered, measured["ordered"] = order_loss(given[ORDER][:, :1], padded)
            matched, measured["matched"] = match_loss(given[MATCHING], padded, ids.shape[1])
            attention = looks + returns + bound + ordered + matched
            loss = loss + (tokens + self.recipe.look_weight * attention) * group.share
            parts |= {f"{key}_{group.kind}": value for key, value in measured.items()}
        return loss, parts

    def _told(self, branches: Sequence[Branch], said: list[tuple[torch.Tensor, torch.Tensor]]) -> Told | None:
        """Return the records of whole lessons, None where lessons have none (a style without reasoning)."""
        first = torch.tensor([branch.start for branch in branches])
        verdicts = [find_judging(branch.ids, branch.start, self.words.marks) for branch in branches]
        return Told.cut(said, first, torch.tensor(verdicts) - first) if min(verdicts) >= 0 else None


def _by_length(picked: list[tuple[Branch, int]]) -> list[list[tuple[Branch, int]]]:
    """Return the shorter three quarters and the longer quarter, so that less is padded."""
    picked = sorted(picked, key=lambda pair: len(pair[0].ids))
    cut = len(picked) * 3 // 4
    return [picked[:cut], picked[cut:]]


def _unzip(pairs: list[tuple[Branch, int]]) -> tuple[list[Branch], list[int]]:
    return [branch for branch, _ in pairs], [owner for _, owner in pairs]


def make_optimizers(
    model: torch.nn.Module, head: torch.nn.Module, rate: float, eye_share: float = 1.0
) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices inside the network, and a slower AdamW for the rest; "highest" is for schedules.

    Muon's steps are of one length however small the gradient is, so an eye that can see already would walk about by
    chance (names fell from 98 to 64 % in 330 steps): `eye_share` makes it slower where language is learnt on top.
    """
    table = model.get_input_embeddings().weight
    learnt = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    matrices = {name: weight for name, weight in learnt.items() if weight.dim() >= 2 and weight is not table}
    eye = [weight for name, weight in matrices.items() if ".visual." in name]
    inner = [weight for name, weight in matrices.items() if ".visual." not in name]
    outer = [weight for weight in learnt.values() if weight.dim() < 2 or weight is table]
    slow = rate / 5
    return [
        Muon([{"params": inner, "highest": rate}, {"params": eye, "highest": rate * eye_share}], lr=rate),
        torch.optim.AdamW(
            [{"params": [*outer, *head.parameters()], "highest": slow}], lr=slow, betas=(0.9, 0.98), weight_decay=0.01
        ),
    ]
