"""A clip of moving rectangles over noise, as JPEG files for stock SAM2 and as the same pixels for ours."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sam2.sam2_video_predictor import SAM2VideoPredictor

from tests.standins import ArrayVideo
from veason.masks import decode_mask, encode_mask
from veason.types import Box, Click, FrameMasks, ObjectMask, Prompt, Rle

SIZE_WH = (96, 72)
BOX = Box(14, 15, 39, 40)
CLICKS = (Click(25, 27), Click(60, 60, is_positive=False))


def write_clip(folder: Path, num_frames: int = 6) -> ArrayVideo:
    """Write `num_frames` JPEG files `00000.jpg ...` and return a video of exactly the pixels they decode to."""
    rng = np.random.default_rng(0)
    width, height = SIZE_WH
    background = rng.integers(0, 90, (height, width, 3), dtype=np.uint8)
    pictures = []
    for index in range(num_frames):
        picture = background.copy()
        picture[15:40, 10 + 2 * index : 35 + 2 * index] = (220, 60, 40)
        picture[45:65, 60 - index : 80 - index] = (40, 90, 230)
        file = folder / f"{index:05d}.jpg"
        Image.fromarray(picture).save(file, quality=95)
        pictures.append(np.array(Image.open(file).convert("RGB")))
    return ArrayVideo(np.stack(pictures))


def square_mask() -> Rle:
    """Return a mask that no network would draw: a square with one pixel out."""
    mask = np.zeros(SIZE_WH[::-1], bool)
    mask[20:50, 30:60] = True
    mask[30, 40] = False
    return encode_mask(mask)


def clicked(num_points: int, num_objects: int) -> list[Prompt]:
    """Return prompts on frame 0: so many points for object 1, the two of a box included, and a box for each other."""
    clicks = tuple(Click(15 + 2 * number, 30, number % 3 != 2) for number in range(num_points - 2))
    others = [Prompt(number, 0, box=Box(20 + 4 * number, 20, 60, 60)) for number in range(2, num_objects + 1)]
    if num_points < 3:
        return [Prompt(1, 0, clicks=tuple(Click(25 + number, 27) for number in range(num_points))), *others]
    return [Prompt(1, 0, box=BOX, clicks=clicks), *others]


def give_stock(model: SAM2VideoPredictor, state: dict, prompts: Sequence[Prompt]) -> None:
    """Give the prompts to stock SAM2, as its examples do."""
    for prompt in prompts:
        if prompt.mask is not None:
            model.add_new_mask(state, prompt.frame_index, prompt.object_id, decode_mask(prompt.mask))
            continue
        model.add_new_points_or_box(
            state,
            prompt.frame_index,
            prompt.object_id,
            points=np.array([(click.x, click.y) for click in prompt.clicks], np.float32).reshape(-1, 2),
            labels=np.array([click.is_positive for click in prompt.clicks], np.int32),
            box=None if prompt.box is None else np.array(prompt.box.xyxy, np.float32),
        )


def run_stock(model: SAM2VideoPredictor, state: dict, start: int, reverse: bool = False) -> dict:
    """Propagate with stock SAM2 and return `{(object_id, frame_index): ObjectMask}`."""
    found = {}
    for frame_index, object_ids, logits in model.propagate_in_video(state, start_frame_idx=start, reverse=reverse):
        for place, object_id in enumerate(object_ids):
            outputs = state["output_dict_per_obj"][place]
            output = outputs["cond_frame_outputs"].get(frame_index) or outputs["non_cond_frame_outputs"][frame_index]
            mask = encode_mask((logits[place, 0] > 0).numpy())
            found[object_id, frame_index] = ObjectMask(mask, float(output["object_score_logits"]))
    return found


def stock_masks(model: SAM2VideoPredictor, folder: Path, prompts: Sequence[Prompt]) -> dict:
    """Return the masks of stock SAM2: all prompts, then forward and backward from the first prompted frame."""
    state = model.init_state(str(folder))
    give_stock(model, state, prompts)
    start = min(prompt.frame_index for prompt in prompts)
    return run_stock(model, state, start) | run_stock(model, state, start, reverse=True)


def by_object_and_frame(arrived: Sequence[FrameMasks]) -> dict:
    """Return `{(object_id, frame_index): ObjectMask}`, later masks laid over earlier ones."""
    return {(object_id, masks.frame_index): mask for masks in arrived for object_id, mask in masks.masks.items()}
