"""Train nano-policy: see (what lies where in a picture), multi (what happens in a clip), sft (with reasoning).

A stage starts from the exported weights of the one before, writes a checkpoint every minute, goes on where it was
killed, logs to a CSV, and exports an ordinary transformers folder. The later GRPO stage starts from "sft".
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from veason_nano.language.corpus import Style
from veason_nano.policy.batches import BatchMaker, TrainingBatch, load_batches
from veason_nano.policy.forward import (
    AttentionProbe,
    BranchCache,
    continue_branches,
    continue_prompts,
    encode_prompts,
    see,
)
from veason_nano.policy.loss import (
    CellHead,
    CellWords,
    bind_loss,
    cell_loss,
    label_loss,
    match_loss,
    order_loss,
    return_loss,
    token_loss,
)
from veason_nano.policy.model import Size, build_policy, build_tokenizer, load_weights, take_eye
from veason_nano.policy.pool import SHARD, make_shard, style_labels
from veason_nano.policy.recipe import POLICY_STAGES, TRAIN_SEED, LossTerms, Recipe
from veason_nano.policy.run import PolicyRun
from veason_nano.training.distributed import average_gradients
from veason_nano.training.optimizer import OPTIMIZERS, Muon

ORDER, BINDING, LOOKING, MATCHING, RETURNING = 0, 1, 2, 2, 3
"""The layers in which two heads (one for the order) are told where to look: at the word before; at the number of the
object that a word is said of; into the pictures, at the object that is spoken of; from what an object is asked for at
the same word in its record; at the place where a word was said before. A word is found again by the word before it and
by its object's number."""

_TOLD_HEADS = 2

EYE_SHARE = 0.05
"""Learning rate of the eye, as a share of the others', once it can see."""

_ADAMW_EYE_SHARE = 0.25
"""The same for AdamW, whose steps shrink with the gradient."""

_MIDDLE_LAYER = 2


def add_policy_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `veason nano train see|multi|sft`."""
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
    first = "files of the pool drawn before the first step; others come one by one; 0 draws none (default: 2)"
    parser.add_argument("--first-shards", type=int, default=2, help=first)
    kinds = "how matrices move; rates are those of AdamW either way (default: muon)"
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="muon", help=kinds)
    eye = "take nothing but the vision tower from the weights to start from"
    parser.add_argument("--only-eye", action="store_true", help=eye)
    ablations = "how examples are written: all but full are ablations of the paper (default: full)"
    parser.add_argument("--style", choices=get_args(Style), default="full", help=ablations)
    parser.add_argument(
        "--skip", type=int, default=0, help="files of the pool to leave out, for they were learnt before"
    )
    large = "share of the clips that have frame numbers of up to five digits (default: 0, as for the weights that ship)"
    parser.add_argument("--large", type=float, default=0.0, help=large)
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    workers = "processes that prepare batches beside the steps, for a GPU (default: 0)"
    parser.add_argument("--workers", type=int, default=0, help=workers)
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
        fresh=3 * args.clips if stage == "see" or args.vision else 0,
        style=args.style,
        skip=args.skip,
        renamed=0.0 if args.style == "relative" else 0.4,
        large=0.0 if args.style == "relative" else args.large,
        optimizer=args.optimizer,
        only_eye=args.only_eye,
        device=args.device,
        workers=args.workers,
    )
    before = POLICY_STAGES.index(stage) - 1
    start = args.start or (args.out / POLICY_STAGES[before] / "export" if before >= 0 else None)
    pool = args.pool or args.out / "pool"
    pool.mkdir(parents=True, exist_ok=True)
    return PolicyTrainer(recipe, args.out / (args.name or stage), pool, start).run()


class PolicyTrainer(PolicyRun):
    """One stage: model, optimizer, log and checkpoint in one folder."""

    def __init__(self, recipe: Recipe, folder: Path, pool: Path, start: Path | None, size: Size = Size()) -> None:
        torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)
        self.recipe, self.pool, self.labels = recipe, pool, style_labels(recipe.style)
        self._words_stay = recipe.stage == "see" and start is not None  # later stages have learnt to speak in them
        tokenizer = build_tokenizer()
        self.filler, self.words = int(tokenizer.pad_token_id), CellWords.of(tokenizer)
        if start is None:
            model = build_policy(tokenizer, size, recipe.seed)
        else:
            before = load_weights(start)
            model = self._go_on_from(before, tokenizer, size)
        self.head = torch.nn.ModuleList([CellHead(size.hidden), CellHead(size.hidden)])
        if start is not None and (start.parent / "head.pt").is_file():
            self.head.load_state_dict(torch.load(start.parent / "head.pt", weights_only=True, map_location="cpu"))
        self.device = torch.device(recipe.device)
        model, self.head = model.to(self.device), self.head.to(self.device)
        model.model.visual.requires_grad_(recipe.sees)
        optimizers = make_optimizers(model, self.head, recipe)
        super().__init__(folder, model, size, optimizers, recipe, {"head": self.head})
        image = int(model.config.image_token_id)
        maker = BatchMaker(recipe, pool, size, self.words.marks, filler=self.filler, image_id=image, rank=self.rank)
        self._batches = load_batches(maker, self.step)

    def _go_on_from(self, before: Any, tokenizer: Any, size: Size) -> Any:
        """Return the network of an earlier stage, or a new one that has nothing but its eye."""
        if not self.recipe.only_eye:
            return before
        model = build_policy(tokenizer, size, self.recipe.seed)
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

    def learn(self) -> LossTerms:
        """Take one step and return its measurements."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["highest"] * self._rate_share()
            optimizer.zero_grad(set_to_none=True)
        batch = next(self._batches).to(self.device)
        with self.device, torch.autocast(self.device.type, torch.bfloat16):
            loss, parts = self._see(batch.fresh)
            if self.recipe.stage != "see":
                spoken, measured = self._losses(batch)
                loss, parts = loss + spoken, parts | measured
        loss.backward()
        average_gradients([*self.model.parameters(), *self.head.parameters()])
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        return {"loss": loss.detach(), **parts}

    def _rate_share(self) -> float:
        warm = min((self.step + 1) / 30, 1.0)
        return warm * (0.04 + 0.96 * 0.5 * (1 + math.cos(math.pi * min(self.progress, 1.0))))

    def _see(self, fresh: tuple[torch.Tensor, torch.Tensor] | None) -> tuple[torch.Tensor, LossTerms]:
        """Return the eye's loss on pictures that it has not seen in this form, and measurements."""
        if fresh is None:
            return torch.zeros(()), {}
        seen = see(self.model.model.visual, fresh[0])
        table = self.model.get_input_embeddings().weight
        table = table.detach() if self._words_stay else table
        loss, parts = self.head[0](seen, fresh[1], table, self.words)
        return loss, {f"fresh_{key}": value for key, value in parts.items()}

    def _losses(self, batch: TrainingBatch) -> tuple[torch.Tensor, LossTerms]:
        with torch.set_grad_enabled(self.recipe.sees):
            seen = see(self.model.model.visual, batch.images)
        target, ids = batch.cells, batch.prompts
        table = self.model.get_input_embeddings().weight
        loss, parts = self.head[0](seen, target, table, self.words)
        labels = AttentionProbe(BINDING, _TOLD_HEADS)
        prompt = encode_prompts(self.model, ids, seen, _MIDDLE_LAYER, labels)
        is_picture = ids == self.model.config.image_token_id
        assert labels.log_attention is not None
        labelled, parts["labelled"] = label_loss(labels.log_attention, is_picture[0])
        inner, _ = self.head[1](prompt.middle[is_picture].view(*seen.shape), target, table, self.words)
        loss = self.recipe.cell_weight * (loss + inner) + self.recipe.attention_weight * labelled
        told: BranchCache | None = None
        for group in batch.groups:
            padded, owner = group.padded, group.owner
            said: list[tuple[torch.Tensor, torch.Tensor]] = []
            probes = [AttentionProbe(layer, _TOLD_HEADS) for layer in range(RETURNING + 1)]
            if told is not None and group.kind == "told":
                hidden = continue_branches(self.model, prompt, told, padded.ids, padded.asked, owner, probes)
            else:
                hidden = continue_prompts(self.model, prompt, padded.ids, owner, probes, said)
            if group.kind == "whole" and group.told is not None:
                told = BranchCache.cut(said, group.told.first, group.told.count)
            tokens, measured = token_loss(hidden, table, padded)
            given = [probe.log_attention for probe in probes if probe.log_attention is not None]
            cells, measured["looks"] = cell_loss(given[LOOKING], torch.nonzero(is_picture[0])[:, 0], padded)
            returns, measured["returns"] = return_loss(given[RETURNING], padded, ids.shape[1])
            bound, measured["bound"] = bind_loss(given[BINDING], padded, ids.shape[1])
            ordered, measured["ordered"] = order_loss(given[ORDER][:, :1], padded)
            matched, measured["matched"] = match_loss(given[MATCHING], padded, ids.shape[1])
            attention = cells + returns + bound + ordered + matched
            loss = loss + (tokens + self.recipe.attention_weight * attention) * group.share
            parts |= {f"{key}_{group.kind}": value for key, value in measured.items()}
        return loss, parts


def make_optimizers(model: torch.nn.Module, head: torch.nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Return AdamW for everything, or Muon for the matrices inside the network and a slower AdamW for the rest.

    "highest" is a group's rate for schedules. The eye is slower than the language that is learnt on top of it. Muon's
    steps are of one length however small the gradient is, so an eye that can see already would walk about by chance
    (names fell from 98 to 64 % in 330 steps).
    """
    learnt = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    table = model.get_input_embeddings().weight
    by_muon = recipe.optimizer == "muon"
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {(False, False): []}
    if by_muon:
        groups[True, False] = []
    for name, weight in learnt.items():
        in_layers = by_muon and weight.dim() >= 2 and weight is not table
        of_eye = ".visual." in name and (in_layers or not by_muon)
        groups.setdefault((in_layers, of_eye), []).append(weight)
    groups[False, False].extend(head.parameters())
    eye_share = _ADAMW_EYE_SHARE if not by_muon else 1.0 if recipe.stage == "see" else EYE_SHARE
    slow = recipe.rate / 5 if by_muon else recipe.rate
    described: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for (in_layers, of_eye), weights in groups.items():
        rate = (recipe.rate if in_layers else slow) * (eye_share if of_eye else 1.0)
        described[in_layers].append({"params": weights, "highest": rate})
    rest = torch.optim.AdamW(described[False], lr=slow, betas=(0.9, 0.98), weight_decay=0.01)
    return [Muon(described[True], lr=recipe.rate), rest] if by_muon else [rest]
