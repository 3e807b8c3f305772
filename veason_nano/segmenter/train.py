"""Train nano-SAM2 from scratch on drawn clips: what a box means, then prompt to mask, then masks through time.

    veason nano train segmenter --stage geometry --size 128 --targets 16 --steps 200 --out runs/geometry
    veason nano train segmenter --stage image --size 128 --out runs/image --init runs/geometry/export
    veason nano train segmenter --stage clip --minutes 40 --out runs/clip --init runs/image/export

The model is sam2's own video predictor, driven through its public `forward_image` and `track_step`; a hook on the mask
decoder catches masks and scores before absent objects are blanked out. A run writes `state.pt` (everything needed to
go on), `log.csv`, `config.json` and `export/` (the averaged weights in the segmenter's folder layout). Started
again, it goes on where it stopped, and gives the same weights, bit for bit, as if it had not stopped.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from veason.segmenter.checkpoint import CONFIG_FILE, load_model, read_folder_config, save_model
from veason_nano.segmenter import data
from veason_nano.segmenter.cutouts import CutoutWorld
from veason_nano.segmenter.loss import Heads, Losses, segmenter_loss
from veason_nano.segmenter.model import FULL_SIZE, NANO_BASE, OVERRIDES, deepen, new_memory, new_model, set_picture_size
from veason_nano.segmenter.pretrained import exchange_trunk
from veason_nano.segmenter.settings import FIRST_PROMPTS, SegmenterSettings
from veason_nano.segmenter.sprites import Sources, load_sources
from veason_nano.training.distributed import average_gradients, get_world_size
from veason_nano.training.optimizer import Muon
from veason_nano.training.run import Metrics, TrainingRun

FITTED_PICTURES = 96
"""The neck of an exchanged trunk is fitted on so many pictures."""

SINGLE_FRAME_SHARE = 0.35
"""In stage clip, this share of the steps takes the frames of its clips as single pictures."""


class SegmenterTrainer(TrainingRun):
    """One run of a stage: the model, its average and its optimizers; `resume` goes on with what is in its folder.

    It ends with its last step, or after `minutes` since it was started this time, to go on later.
    """

    state_file = "state.pt"
    log_every_s = 0.0

    def __init__(self, settings: SegmenterSettings, sources: Sources | None = None) -> None:
        torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        if sources is None:
            sources = load_sources(settings.photos, settings.cutouts)
        world = CutoutWorld(sources, seed=settings.seed, size=settings.size, num_sprites=settings.sprites)
        self.dataset = data.ClipDataset(
            world,
            num_frames=settings.num_frames,
            num_targets=settings.targets,
            is_geometry=settings.stage in ("geometry", "echo"),
            story_share=settings.story_share,
        )
        self.model, self.overrides = _start_model(settings, self.dataset)
        self.model.train()
        self.model.image_encoder.trunk.requires_grad_(not settings.frozen_trunk)
        set_picture_size(self.model, settings.size)
        if settings.fresh_memory:
            new_memory(self.model, data.normalise(torch.stack([self.dataset[number][0][0] for number in range(16)])))
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        super().__init__(settings.out, {"model": self.model}, _optimizers(self.model, settings), settings)
        self.segmenter_settings = settings
        self._batches: Iterator[tuple[torch.Tensor, torch.Tensor]] | None = None
        self._started_at = 0.0
        self.heard: list[Heads] = []
        self.model.sam_mask_decoder.register_forward_hook(self._note_heads)
        self.model.memory_encoder.register_forward_pre_hook(self._spoil_memory)
        self._spoils: np.random.Generator | None = None

    def _note_heads(self, _module: torch.nn.Module, _args: tuple, output: tuple) -> None:
        masks, ious, _tokens, object_logits = output
        self.heard.append(Heads(masks, ious, object_logits))

    def _spoil_memory(self, _module: torch.nn.Module, args: tuple) -> tuple | None:
        """Give the memory encoder some masks with a part missing or too much, as a tracker that drifts would."""
        if self._spoils is None:
            return None
        pictures, masks = args
        scale, bias = self.model.sigmoid_scale_for_mem_enc, self.model.sigmoid_bias_for_mem_enc
        share = self.segmenter_settings.spoilt
        return pictures, data.spoil_masks(self._spoils, (masks - bias) / scale, share) * scale + bias

    @property
    def is_done(self) -> bool:
        """Whether no step is left, or the minutes of this start are over."""
        limit = self.segmenter_settings.minutes * 60
        return self.step >= self.segmenter_settings.steps or self.elapsed - self._started_at >= limit

    def is_save_due(self, since_s: float) -> bool:
        """Tell whether a checkpoint is wanted: every `save_every` steps."""
        return self.step % self.segmenter_settings.save_every == 0

    def learn(self) -> Metrics:
        """Take the next step and return its measurements."""
        settings = self.segmenter_settings
        if self._batches is None:
            loader = data.batches(
                self.dataset, start=self.step, stop=settings.steps, batch_size=settings.batch_size,
                workers=settings.workers, rank=self.rank, world_size=get_world_size(),
            )  # fmt: skip
            self._batches = iter(loader)
        return self.train_step(*next(self._batches))

    def train_step(self, frames: torch.Tensor, masks: torch.Tensor) -> Metrics:
        """Take one optimiser step on `(B, T, S, S, 3)` frames and `(B, K, T, S, S)` masks; return what to log."""
        rate = _learning_rate(self.step, self.segmenter_settings)
        rng = np.random.default_rng([self.segmenter_settings.seed, 3, self.step])
        stage = self.segmenter_settings.stage
        if stage == "clip" and rng.random() < SINGLE_FRAME_SHARE:
            stage = "image"
            frames, masks = data.as_pictures(frames, masks)
        kind = _draw_kind(rng, stage)
        losses: list[Losses] = []
        for part in self.forward(rng, kind, frames, masks):
            if part:
                (torch.stack([loss.total for loss in part]).sum() / masks.shape[2]).backward()
            losses += part
        if not losses:  # a mask given on the only frame asks for nothing
            return {"lr": rate, "loss": 0.0, "iou": 0.0, "object_accuracy": 0.0, "grad_norm": 0.0, "kind": kind}
        average_gradients(self.model.parameters())
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            if math.isfinite(norm):
                optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._update_average()
        return {
            "lr": rate, "loss": float(np.mean([float(part.total.detach()) for part in losses])),
            "iou": float(np.mean([part.iou for part in losses])),
            "object_accuracy": float(np.mean([part.object_accuracy for part in losses])),
            "grad_norm": norm, "kind": kind,
        }  # fmt: skip

    def forward(
        self, rng: np.random.Generator, kind: str, frames: torch.Tensor, masks: torch.Tensor
    ) -> Iterator[list[Losses]]:
        """Prompt every object on frame 0, track it through the clip, and yield the losses of each chunk of frames.

        A chunk is the whole clip unless the settings say otherwise. A shorter one must be learnt from before the next
        is asked for: what is remembered goes on from chunk to chunk, the way back through it does not, so that a long
        clip takes the memory of a short one and the network meets what its own mistakes lead to.
        """
        clips, objects, num_frames = masks.shape[:3]
        owner = torch.arange(clips).repeat_interleave(objects)
        truth = masks.flatten(0, 1)
        is_geometry = self.segmenter_settings.stage in ("geometry", "echo")
        corrected = -1 if is_geometry else _draw_corrected(rng, num_frames)
        outputs: dict[str, dict] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
        length = self.segmenter_settings.chunk or num_frames
        for start in range(0, num_frames, length):
            indices = range(start, min(start + length, num_frames))
            losses: list[Losses] = []
            with torch.autocast("cpu", torch.bfloat16), sdpa_kernel([SDPBackend.MATH]):
                shown = frames[:, start : indices.stop]
                features = self.model.forward_image(data.normalise(shown.flatten(0, 1)))
                _, levels, positions, sizes = self.model._prepare_backbone_features(features)
                for index in indices:
                    rows = owner * len(indices) + index - start
                    view = ([level[:, rows] for level in levels], [place[:, rows] for place in positions], sizes)
                    self.heard.clear()
                    self._spoils = rng if index not in (0, corrected) and self.segmenter_settings.spoilt else None
                    target = truth[:, index]
                    result = self._track(rng, kind, index, num_frames, view, target, outputs, index == corrected)
                    is_cond = index in (0, corrected)
                    outputs["cond_frame_outputs" if is_cond else "non_cond_frame_outputs"][index] = result
                    losses += [segmenter_loss(heads, target) for heads in self.heard if kind != "mask" or index]
            yield losses
            for group in outputs.values():
                for index, result in group.items():
                    group[index] = _detached(result)

    def _track(
        self,
        rng: np.random.Generator,
        kind: str,
        index: int,
        num_frames: int,
        view: tuple,
        target: torch.Tensor,
        outputs: dict,
        is_corrected: bool,
    ) -> dict:
        """Run one frame: with its prompt on frame 0, and where `is_corrected` again with a click on what is wrong."""
        levels, positions, sizes = view
        points, mask = _prompt(rng, kind, target) if index == 0 else (None, None)

        def run(points: data.Points | None, logits: torch.Tensor | None, keep: bool) -> dict:
            return self.model.track_step(
                frame_idx=index, is_init_cond_frame=index == 0, current_vision_feats=levels,
                current_vision_pos_embeds=positions, feat_sizes=sizes, point_inputs=points,
                mask_inputs=mask if logits is None else None, output_dict=outputs, num_frames=num_frames,
                run_mem_encoder=keep, prev_sam_mask_logits=logits,
            )  # fmt: skip

        keeps_memory = num_frames > 1
        if not is_corrected or mask is not None:
            return run(points, None, keeps_memory)
        first = run(points, None, False)
        guess = first["pred_masks_high_res"][:, 0] > 0
        more = data.join_points(points, data.corrections(rng, guess, target))
        return run(more, first["pred_masks"].detach().clamp(-32, 32), keeps_memory)

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.segmenter_settings.ema, (2 + self.step) / (11 + self.step))
        torch._foreach_lerp_(list(self.average.values()), list(self.model.state_dict().values()), 1 - decay)

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to go on."""
        return {**super().state(), "average": self.average}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        super().load_state(state)
        self.average = state["average"]
        self._started_at = self.elapsed

    def save(self) -> None:
        """Write the checkpoint and the export, each complete or not at all."""
        super().save()
        self.export()

    def export(self) -> Path:
        """Write the averaged weights in the folder layout that `veason.segmenter` reads and return the folder."""
        folder = self.folder / "export"
        if self.rank > 0:
            return folder
        kept = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average)
        fresh = folder.with_name(folder.name + ".new")
        set_picture_size(self.model, FULL_SIZE)
        save_model(self.model, fresh, base=NANO_BASE, overrides=self.overrides)
        set_picture_size(self.model, self.segmenter_settings.size)
        self.model.load_state_dict(kept)
        folder.mkdir(parents=True, exist_ok=True)
        for file in fresh.iterdir():
            os.replace(file, folder / file.name)
        fresh.rmdir()
        return folder


def _detached(result: dict) -> dict:
    """Return what memory attention reads of a frame's output, cut off from the way back."""
    return {
        "maskmem_features": result["maskmem_features"] if result["maskmem_features"] is None
        else result["maskmem_features"].detach(),
        "maskmem_pos_enc": result["maskmem_pos_enc"],
        "obj_ptr": result["obj_ptr"].detach(),
    }  # fmt: skip


def _start_model(settings: SegmenterSettings, dataset: data.ClipDataset) -> tuple[Any, Sequence[str]]:
    """Return the model that training starts from, and the overrides that it is made with."""
    if settings.init is None:
        return new_model(), OVERRIDES
    model = load_model(settings.init)
    if settings.deepen:
        return deepen(model), OVERRIDES
    overrides = read_folder_config(settings.init / CONFIG_FILE)["overrides"]
    if settings.trunk is not None:
        frames = torch.stack([dataset[number][0][0] for number in range(FITTED_PICTURES)])
        return exchange_trunk(model, overrides, settings.trunk, data.normalise(frames).split(8))
    return model, overrides


def _optimizers(model: torch.nn.Module, settings: SegmenterSettings) -> list[torch.optim.Optimizer]:
    """Return AdamW for everything, or Muon for the weights of layers and AdamW at a fifth of the rate for the rest.

    Vectors have no weight decay; the image encoder learns at its own share of the rate.
    """
    layers = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)) and settings.optimizer == "muon"
    }
    groups: dict[tuple[bool, bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        kind = (name in layers, parameter.ndim >= 2, name.startswith("image_encoder."))
        groups.setdefault(kind, []).append(parameter)
    described: dict[bool, list[dict]] = {True: [], False: []}
    for (by_muon, decays, in_encoder), parameters in groups.items():
        slower = 1.0 if by_muon or not layers else 0.2
        described[by_muon].append(
            {
                "params": parameters,
                "weight_decay": settings.weight_decay if decays else 0.0,
                "scale": slower * (settings.encoder_lr_factor if in_encoder else 1.0),
            }
        )
    adamw = torch.optim.AdamW(described[False], lr=settings.lr, betas=(0.9, 0.98), fused=True)
    return [Muon(described[True], lr=settings.lr), adamw] if layers else [adamw]


def _learning_rate(step: int, settings: SegmenterSettings) -> float:
    """Return the rate at `step`: a linear rise, a plateau, and a linear fall over the last `cooldown` of the steps."""
    rise = min(1.0, (step + 1) / max(1, settings.warmup))
    fall = min(1.0, (settings.steps - step) / max(1.0, settings.cooldown * settings.steps))
    return settings.lr * rise * max(0.02, fall)


def _draw_kind(rng: np.random.Generator, stage: str) -> str:
    kinds, weights = FIRST_PROMPTS[stage]
    return str(rng.choice(kinds, p=weights))


def _draw_corrected(rng: np.random.Generator, num_frames: int) -> int:
    """Return the frame that gets a correction click, -1 for none."""
    return int(rng.integers(num_frames)) if rng.random() < 0.25 else -1


def _prompt(
    rng: np.random.Generator, kind: str, target: torch.Tensor
) -> tuple[data.Points | None, torch.Tensor | None]:
    """Return the points or the mask that say which object is meant."""
    if kind == "mask":
        return None, target[:, None].float()
    points = data.box_points(rng, target) if "box" in kind else None
    return (data.join_points(points, data.clicks(rng, target)) if "click" in kind else points), None


def train_segmenter(settings: SegmenterSettings) -> Path:
    """Run a stage until its last step or its minutes are over, saving now and then, and return the exported folder.

    Args:
        settings: see `SegmenterSettings`; `out` is created, and holds the run to go on with if it exists.
    """
    trainer = SegmenterTrainer(settings)
    trainer.resume()
    return trainer.run()
