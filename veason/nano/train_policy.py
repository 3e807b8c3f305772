"""Train nano-policy on a CPU: see (vision only), ground (single pictures), multi (whole clips), sft (with reasoning).

A stage starts from the exported weights of the one before, writes a checkpoint every minute, goes on where it was
killed, logs to a CSV, and exports an ordinary transformers folder. The later GRPO stage starts from "sft".
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Qwen2_5_VLForConditionalGeneration

from veason.nano.forward import continue_prompts, read_prompts, see
from veason.nano.optimizer import Muon
from veason.nano.policy_loss import CellHead, CellWords, cell_targets, pad, token_loss
from veason.nano.policy_model import Size, build_model, build_tokenizer, save_policy
from veason.nano.pool import SHARD, Branch, TrainingClip, make_shard

STAGES = ("see", "ground", "multi", "sft")
"""The stages in order; each one starts from the exported weights of the one before."""

TRAIN_SEED = 10_000_000
"""Seeds of training clips start here; the tests' splits lie elsewhere."""

_MIDDLE_LAYER = 2
_SAVE_S = 60.0
_PICTURES = 8


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a training run; printed at its start and kept beside its log.

    With `steps` a run is the same on every machine; `minutes` ends it by the clock and fits the learning rate's
    schedule to it. `sees` tells whether the vision tower learns too.
    """

    stage: str
    minutes: float = 20.0
    steps: int = 0
    rate: float = 1e-2
    clips: int = 8
    seed: int = 0
    threads: int = 1
    shards: int = 16
    steps_per_shard: int = 40
    cell_weight: float = 1.0
    sees: bool = True


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
        sees=stage == "see" or args.vision,
    )
    before = STAGES.index(stage) - 1
    start = args.start or (args.out / STAGES[before] / "export" if before >= 0 else None)
    pool = args.pool or args.out / "pool"
    pool.mkdir(parents=True, exist_ok=True)
    return Trainer(recipe, args.out / stage, pool, start).run()


class Trainer:
    """One stage: model, optimizer, log and checkpoint in one folder."""

    def __init__(self, recipe: Recipe, folder: Path, pool: Path, start: Path | None, size: Size = Size()) -> None:
        torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)
        self.recipe, self.folder, self.pool, self.size = recipe, folder, pool, size
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer = build_tokenizer()
        self.filler, self.words = int(tokenizer.pad_token_id), CellWords.of(tokenizer)
        if start is None:
            self.model = build_model(tokenizer, size, recipe.seed)
        else:
            self.model = Qwen2_5_VLForConditionalGeneration.from_pretrained(start, dtype=torch.float32)
        self.head = torch.nn.ModuleList([CellHead(size.hidden), CellHead(size.hidden)])
        if start is not None and (start.parent / "head.pt").is_file():
            self.head.load_state_dict(torch.load(start.parent / "head.pt", weights_only=True))
        self.model.model.visual.requires_grad_(recipe.sees)
        self.optimizers = make_optimizers(self.model, self.head, recipe.rate)
        self.step, self.elapsed = 0, 0.0
        self._shards: dict[int, list[TrainingClip]] = {}
        self._resume()

    def run(self) -> Path:
        """Train to the end and export. Prints its configuration first."""
        config = {**dataclasses.asdict(self.recipe), **dataclasses.asdict(self.size), "resumed_at": self.step}
        print(json.dumps(config), flush=True)
        (self.folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        last_save = last_log = time.monotonic()
        sums: dict[str, float] = {}
        count = 0
        self.model.train()
        while self.progress < 1:
            start = time.monotonic()
            for key, value in self.learn().items():
                sums[key] = sums.get(key, 0.0) + value
            count += 1
            self.step += 1
            now = time.monotonic()
            self.elapsed += now - start
            if now - last_log > 15 or self.progress >= 1:
                self._log({key: value / count for key, value in sums.items()})
                sums, count, last_log = {}, 0, now
            if now - last_save > _SAVE_S:
                self.save()
                last_save = now
        self.save()
        export = self.folder / "export"
        save_policy(self.model, export, self.size)
        torch.save(self.head.state_dict(), self.folder / "head.pt")
        plot_log(self.folder / "log.csv", self.folder / "log.png")
        return export

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        if self.recipe.steps:
            return self.step / self.recipe.steps
        return self.elapsed / 60 / self.recipe.minutes

    def learn(self) -> dict[str, float]:
        """Take one step and return its measurements."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["highest"] * self._rate_share()
            optimizer.zero_grad(set_to_none=True)
        rng = np.random.default_rng([self.recipe.seed, STAGES.index(self.recipe.stage), self.step])
        batch = self._single_batch(rng) if self.recipe.stage in ("see", "ground") else self._clip_batch(rng)
        loss, parts = self._losses(*batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        return {"loss": float(loss.detach()), **parts}

    def save(self) -> None:
        """Write the checkpoint by rename, so that a kill at any time leaves a whole one."""
        state = {
            "model": self.model.state_dict(),
            "head": self.head.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "elapsed": self.elapsed,
        }
        beside = self.folder / "checkpoint.partial"
        torch.save(state, beside)
        beside.replace(self.folder / "checkpoint.pt")

    def _resume(self) -> None:
        file = self.folder / "checkpoint.pt"
        if file.is_file():
            state = torch.load(file, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.head.load_state_dict(state["head"])
            for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(values)
            self.step, self.elapsed = state["step"], state["elapsed"]

    def _rate_share(self) -> float:
        warm = min((self.step + 1) / 30, 1.0)
        return warm * (0.04 + 0.96 * 0.5 * (1 + math.cos(math.pi * min(self.progress, 1.0))))

    def _draw_clips(self, rng: np.random.Generator, count: int) -> list[TrainingClip]:
        """Draw from the shards that this step may use: more and more of them, so that training can start at once."""
        limit = min(2 + self.step // self.recipe.steps_per_shard, self.recipe.shards)
        chosen = []
        for _ in range(count):
            number = int(rng.integers(limit))
            if number not in self._shards:
                self._shards[number] = make_shard(self.pool, TRAIN_SEED, number)
            chosen.append(self._shards[number][int(rng.integers(SHARD))])
        return chosen

    def _single_batch(self, rng: np.random.Generator) -> tuple:
        """Pictures from many clips, each by itself: list what is in it, or box one thing."""
        clips = self._draw_clips(rng, self.recipe.clips * _PICTURES)
        drawn = [(clip, int(rng.integers(len(clip.shown)))) for clip in clips]
        images = np.stack([clip.images[place] for clip, place in drawn])
        prompts = np.stack([clip.singles[place] for clip, place in drawn])
        cells = [self._cells(clip, place) for clip, place in drawn]
        branches = [clip.lists[place] for clip, place in drawn]
        listed = ([some[0] for some in branches], list(range(len(branches))))
        single = [place for place in range(len(branches)) if len(branches[place]) > 1]
        return images, prompts, np.stack(cells), [listed, ([branches[place][1] for place in single], single)]

    def _clip_batch(self, rng: np.random.Generator) -> tuple:
        """Whole clips: tell where everything is, follow one thing with its boxes, answer with reasoning."""
        clips = self._draw_clips(rng, self.recipe.clips)
        images = np.concatenate([clip.images for clip in clips])
        prompts = np.stack([clip.prefix for clip in clips])
        cells = [self._cells(clip, place) for clip in clips for place in range(len(clip.shown))]
        plan = {"multi": {"paths": 1, "tracks": 2}, "sft": {"paths": 1, "tracks": 1, "lessons": 6}}[self.recipe.stage]
        groups = []
        for kind, count in plan.items():
            picked: list[tuple[Branch, int]] = []
            for place, clip in enumerate(clips):
                branches = getattr(clip, kind)
                order = rng.permutation(len(branches))[:count]
                picked += [(branches[index], place) for index in order]
            picked.sort(key=lambda pair: len(pair[0].ids))
            half = len(picked) * 3 // 4
            groups += [tuple(zip(*part, strict=True)) for part in (picked[:half], picked[half:]) if part]
        return images, prompts, np.stack(cells), groups

    def _cells(self, clip: TrainingClip, place: int) -> np.ndarray:
        return cell_targets(clip.objects, clip.boxes[:, place], self.size.picture, self.size.cells)

    def _losses(
        self, images: np.ndarray, prompts: np.ndarray, cells: np.ndarray, groups: list
    ) -> tuple[torch.Tensor, dict[str, float]]:
        with torch.set_grad_enabled(self.recipe.sees):
            seen = see(self.model.model.visual, torch.from_numpy(images))
        target = torch.from_numpy(cells)
        table = self.model.get_input_embeddings().weight
        loss, parts = self.head[0](seen, target, table, self.words)
        if self.recipe.stage == "see":
            return loss, parts
        ids = torch.from_numpy(prompts).long()
        prompt = read_prompts(self.model, ids, seen, _MIDDLE_LAYER)
        is_picture = ids == self.model.config.image_token_id
        inner, _ = self.head[1](prompt.middle[is_picture].view(*seen.shape), target, table, self.words)
        loss = self.recipe.cell_weight * (loss + inner)
        for number, (branches, owners) in enumerate(groups):
            padded = pad(branches, self.filler)
            hidden = continue_prompts(self.model, prompt, padded.ids, torch.tensor(owners))
            tokens, measured = token_loss(hidden, table, padded)
            loss = loss + tokens * len(branches) / sum(len(group[0]) for group in groups)
            parts |= {f"{key}_{number}": value for key, value in measured.items()}
        return loss, parts

    def _log(self, values: dict[str, float]) -> None:
        row = {"step": self.step, "minutes": round(self.elapsed / 60, 2), **{k: round(v, 4) for k, v in values.items()}}
        file = self.folder / "log.csv"
        is_new = not file.is_file()
        with file.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        print(" ".join(f"{key} {value}" for key, value in row.items()), flush=True)


def make_optimizers(model: torch.nn.Module, head: torch.nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices inside the network, and a slower AdamW for the rest; "highest" is for schedules."""
    table = model.get_input_embeddings().weight
    inner = [weight for weight in model.parameters() if weight.dim() >= 2 and weight is not table]
    outer = [weight for weight in model.parameters() if weight.dim() < 2 or weight is table]
    inner, outer = ([weight for weight in part if weight.requires_grad] for part in (inner, outer))
    slow = rate / 5
    return [
        Muon([{"params": inner, "highest": rate}], lr=rate),
        torch.optim.AdamW(
            [{"params": [*outer, *head.parameters()], "highest": slow}], lr=slow, betas=(0.9, 0.98), weight_decay=0.01
        ),
    ]


def read_log(file: Path) -> Iterator[dict[str, float]]:
    """Yield the rows of a log."""
    with file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            yield {key: float(value) for key, value in row.items()}


def plot_log(file: Path, picture: Path) -> None:
    """Draw the losses and pixel errors of a log over minutes."""
    from matplotlib.figure import Figure

    rows = list(read_log(file))
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for place, word in enumerate(("loss", "pixels")):
        axes: Any = figure.add_subplot(1, 2, place + 1)
        for key in rows[0]:
            if word in key:
                axes.plot([row["minutes"] for row in rows], [row[key] for row in rows], label=key)
        axes.set_xlabel("minutes")
        axes.legend(frameon=False)
    figure.savefig(picture, dpi=120)
