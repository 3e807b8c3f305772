"""SAM 3's tracker and EdgeTAM: the masks of transformers' own whole-video session, and everything a segmenter owes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.segmenter.clips import BOX, CLICKS, SIZE_WH, by_object_and_frame, square_mask, write_clip
from tests.standins import ArrayVideo
from tests.tiny_trackers import save_tiny_edgetam, save_tiny_sam3
from veason import libraries
from veason.cli import main
from veason.errors import MissingBackend, ProfileError, PromptError
from veason.masks import decode_mask, empty_mask, encode_mask
from veason.pipeline import load_pipeline
from veason.segmenter import load_segmenter
from veason.segmenter.sessions import SessionSegmenter
from veason.segmenter.video_models import CLASSES
from veason.types import Box, Click, EncodingSegmenter, ModelOptions, ObjectMask, OrderedSegmenter, Prompt, Segmenter

SAVERS = {"edgetam_video": save_tiny_edgetam, "sam3_tracker_video": save_tiny_sam3}
OPTIONS = ModelOptions(device="cpu")
OTHER = Prompt(2, 2, box=Box(50, 45, 75, 65))


@pytest.fixture(scope="module", params=SAVERS)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SAVERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def edgetam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_edgetam(tmp_path_factory.mktemp("edgetam"))


@pytest.fixture(scope="module")
def segmenter(checkpoint: Path) -> Segmenter:
    return load_pipeline(segmenter=str(checkpoint), options=OPTIONS, has_policy=False).segmenter


@pytest.fixture
def video(tmp_path: Path) -> ArrayVideo:
    return write_clip(tmp_path)


def library_masks(checkpoint: Path, video: ArrayVideo, prompts: list[Prompt]) -> dict:
    """Return the masks that transformers gives with the whole video in memory, by object and frame."""
    names = CLASSES[json.loads((checkpoint / "config.json").read_text())["model_type"]]
    model_class, processor_class = (getattr(transformers, name) for name in names)
    model, processor = model_class.from_pretrained(checkpoint).eval(), processor_class.from_pretrained(checkpoint)
    model.config.max_cond_frame_num = 4
    size = video.info.size_wh[::-1]
    pictures = torch.from_numpy(np.stack([frame.image for frame in video.frames(range(video.info.num_frames))]))
    session = processor.init_video_session(video=pictures.permute(0, 3, 1, 2), inference_device="cpu")
    for prompt in prompts:
        given: dict = {}
        if prompt.mask is not None:
            given["input_masks"] = [decode_mask(prompt.mask)]
        if prompt.box is not None:
            given["input_boxes"] = [[list(prompt.box.xyxy)]]
        if prompt.clicks:
            given["input_points"] = [[[[click.x, click.y] for click in prompt.clicks]]]
            given["input_labels"] = [[[int(click.is_positive) for click in prompt.clicks]]]
        processor.add_inputs_to_inference_session(session, prompt.frame_index, prompt.object_id, **given)
    session.obj_with_new_inputs = [prompt.object_id for prompt in prompts]
    start = prompts[0].frame_index
    masks = {}
    for reverse in (False, True):
        for found in model.propagate_in_video_iterator(session, start_frame_idx=start, reverse=reverse):
            drawn = processor.post_process_masks([found.pred_masks], [size])[0]
            for place, object_id in enumerate(found.object_ids):
                score = float(found.object_score_logits[place])
                masks[object_id, found.frame_idx] = ObjectMask(encode_mask(drawn[place, 0].numpy()), score)
    return masks


@pytest.mark.parametrize(
    "prompts",
    [
        pytest.param([Prompt(1, 2, box=BOX)], id="box"),
        pytest.param([Prompt(1, 2, box=BOX, clicks=CLICKS)], id="box and clicks"),
        pytest.param([Prompt(1, 2, clicks=CLICKS), OTHER], id="clicks, two objects"),
        pytest.param([Prompt(1, 0, mask=square_mask())], id="mask on the first frame"),
    ],
)
def test_masks_equal_those_of_the_library_with_the_whole_video_in_memory(
    checkpoint: Path, segmenter: Segmenter, video: ArrayVideo, prompts: list[Prompt]
) -> None:
    masks = by_object_and_frame(list(segmenter.track(video, prompts)))
    wanted = library_masks(checkpoint, video, prompts)
    assert {place: mask.rle for place, mask in masks.items()} == {place: mask.rle for place, mask in wanted.items()}
    assert all(mask.score == pytest.approx(wanted[place].score, abs=1e-4) for place, mask in masks.items())
    assert masks.keys() == {(prompt.object_id, index) for prompt in prompts for index in range(6)}
    assert {mask.rle.size_hw for mask in masks.values()} == {SIZE_WH[::-1]}
    assert len({mask.rle for mask in masks.values()}) > 3, "masks that do not differ compare nothing"


def test_it_is_a_plain_segmenter_and_frames_are_read_as_they_are_needed(
    segmenter: Segmenter, video: ArrayVideo
) -> None:
    assert not isinstance(segmenter, OrderedSegmenter)
    assert not isinstance(segmenter, EncodingSegmenter)
    arriving = segmenter.track(video, [Prompt(1, 2, box=BOX)])
    assert video.reads == []
    assert [next(arriving).frame_index, next(arriving).frame_index] == [2, 3]
    assert video.reads == [2, 3]
    arriving.close()
    assert list(arriving) == []
    assert video.reads == [2, 3]


def test_fixed_masks_come_out_as_they_went_in_and_shape_the_others(segmenter: Segmenter, video: ArrayVideo) -> None:
    prompt = Prompt(1, 2, box=BOX)
    free = by_object_and_frame(list(segmenter.track(video, [prompt])))
    masks = by_object_and_frame(list(segmenter.track(video, [prompt], fixed={1: {2: square_mask(), 4: None}})))
    assert masks[1, 2] == ObjectMask(square_mask(), 10.0)
    assert masks[1, 4] == ObjectMask(empty_mask(SIZE_WH), -10.0)
    assert masks[1, 3] != free[1, 3]
    absent = by_object_and_frame(list(segmenter.track(video, [prompt], fixed={1: {4: None}})))
    assert absent[1, 3] == free[1, 3]
    assert absent[1, 5] != free[1, 5]


def test_clicks_on_another_frame_correct_it_and_stay(segmenter: Segmenter, video: ArrayVideo) -> None:
    prompt = Prompt(1, 1, box=BOX)
    free = by_object_and_frame(list(segmenter.track(video, [prompt])))
    arrived = list(segmenter.track(video, [prompt, Prompt(1, 3, clicks=(Click(70, 55, is_positive=False),))]))
    assert [masks.frame_index for masks in arrived] == [3, 1, 2, 3, 4, 5, 0]
    assert arrived[0].masks == arrived[3].masks, "the pass that follows keeps what was corrected"
    assert arrived[0].masks[1] != free[1, 3]
    assert arrived[4].masks[1] != free[1, 4]


def test_a_range_holds_its_frames_and_forward_masks_equal_the_whole(segmenter: Segmenter, video: ArrayVideo) -> None:
    prompt = Prompt(1, 2, box=BOX)
    whole = by_object_and_frame(list(segmenter.track(video, [prompt])))
    part = by_object_and_frame(list(segmenter.track(video, [prompt], frames=(1, 4))))
    assert part.keys() == {(1, 1), (1, 2), (1, 3)}
    assert part[1, 3] == whole[1, 3]


def test_long_clips_drop_what_no_later_frame_reads(edgetam: Path) -> None:
    held = []
    clip = ArrayVideo(np.random.default_rng(0).integers(0, 255, (60, 16, 16, 3), dtype=np.uint8))
    segmenter = load_segmenter(str(edgetam), OPTIONS)
    assert isinstance(segmenter, SessionSegmenter)
    segmenter.model.register_forward_hook(
        lambda _, args, found: held.append(len(args[0].output_dict_per_obj[0]["non_cond_frame_outputs"]))
    )
    assert len(list(segmenter.track(clip, [Prompt(1, 5, box=Box(2, 2, 9, 9))]))) == 60
    assert max(held) < 40


def test_prompts_that_cannot_be_followed_are_refused_at_once(segmenter: Segmenter, video: ArrayVideo) -> None:
    with pytest.raises(PromptError, match="no prompt was given"):
        segmenter.track(video, [])
    with pytest.raises(PromptError, match="choose one of them"):
        segmenter.track(video, [Prompt(1, 6, box=BOX)])
    with pytest.raises(PromptError, match="marked absent and prompted"):
        segmenter.track(video, [Prompt(1, 2, box=BOX)], fixed={1: {2: None}})


def test_the_command_line_tracks_with_it(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    write_clip(tmp_path / "clip", 3)
    arguments = ["--segmenter", str(checkpoint), "--device", "cpu", "--out", str(tmp_path / "out")]
    assert main(["track", str(tmp_path / "clip"), "--box", "14,15,39,40@1", *arguments]) == 0
    pictures = sorted((tmp_path / "out").rglob("*.png"))
    assert [Image.open(picture).size for picture in pictures[:3]] == [SIZE_WH] * 3
    assert json.loads((tmp_path / "out/result.json").read_text())["segmenter"] == str(checkpoint)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("qwen2_5_vl", "is a qwen2_5_vl model, which is no segmenter: choose one of type edgetam_video"),
        ("sam3", "single pictures: choose its checkpoint for video"),
        ("sam2_video", r"choose Meta's own files, facebook/sam2\.1-hiera-large"),
        (7, "model_type in .* is text, got 7"),
    ],
)
def test_another_kind_of_checkpoint_is_told(kind: object, message: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(ProfileError, match=message):
        load_segmenter(str(tmp_path), OPTIONS)


def copy_of(checkpoint: Path, folder: Path) -> Path:
    for file in checkpoint.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_weights_that_lack_are_told_and_not_made_up(edgetam: Path, tmp_path: Path) -> None:
    folder = copy_of(edgetam, tmp_path)
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: one for name, one in weights.items() if "memory_encoder" not in name}, folder / "model.safetensors"
    )
    with pytest.raises(ProfileError, match=r"lacks \d+ weights of the tracker \(memory_encoder"):
        load_segmenter(str(folder), OPTIONS)


def test_a_processor_of_another_size_is_told(edgetam: Path, tmp_path: Path) -> None:
    folder = copy_of(edgetam, tmp_path)
    text = (folder / "processor_config.json").read_text()
    assert '"height": 64' in text
    (folder / "processor_config.json").write_text(text.replace('"height": 64', '"height": 96'))
    with pytest.raises(ProfileError, match=r"the processor in .* is for 64, 96 px but the model for 64 px"):
        load_segmenter(str(folder), OPTIONS)


def test_missing_weights_processor_and_library_are_told(
    edgetam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of(edgetam, tmp_path)
    (folder / "processor_config.json").unlink()
    with pytest.raises(ProfileError, match="cannot load a segmenter from"):
        load_segmenter(str(folder), OPTIONS)
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace('"sam2_hiera_det_model"', '"timm_wrapper"'))
    monkeypatch.setattr(libraries.importlib.util, "find_spec", lambda name: None if name == "timm" else name)
    with pytest.raises(MissingBackend, match="needs timm, which is not installed: pip install timm"):
        load_segmenter(str(folder), OPTIONS)
    (folder / "model.safetensors").unlink()
    with pytest.raises(MissingBackend, match="fetch the checkpoint again"):
        load_segmenter(str(folder), OPTIONS)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No network and no cached weights."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_cached_hub_id_loads_without_network(edgetam: Path, empty_cache: Path) -> None:
    snapshot = empty_cache / "models--yonigozlan--EdgeTAM-hf/snapshots/0123"
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs/main").write_text("0123")
    copy_of(edgetam, snapshot)
    assert load_segmenter("yonigozlan/EdgeTAM-hf", OPTIONS).name == "yonigozlan/EdgeTAM-hf"


def test_a_hub_id_that_cannot_be_had_says_what_to_type(empty_cache: Path) -> None:
    with pytest.raises(MissingBackend, match="run: hf download facebook/sam3"):
        load_segmenter("facebook/sam3", OPTIONS)
