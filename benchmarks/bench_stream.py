"""P10: what the server spends on one streamed frame of masks: a gr.Image, and the message that our page reads.

    python benchmarks/bench_stream.py [--objects 3] [--repetitions 20]

1080p. Stock: gr.Image encodes the picture, as in an app that yields pictures with masks drawn in; the drawing itself is
left out, in stock's favour. Ours: the masks become run lengths, and those the JSON of a message. What gradio adds to
either, its queue and its socket, is the same and is left out too. Gate: masks read back from the JSON are equal.
"""

from __future__ import annotations

import argparse
import json

import gradio as gr
import numpy as np
from report import write_result
from timing import Row, machine_load, named, show

from veason.masks import decode_mask, encode_mask
from veason.studio.server.encode import encode
from veason.studio.server.messages import Message
from veason.studio.server.views import new_masks
from veason.types import FrameMasks, ObjectMask, Rle

GOAL = {"P10": 15.0}
SIZE_WH = (1920, 1080)


def make_picture(rng: np.random.Generator) -> np.ndarray:
    """Return `(H, W, 3)` uint8 that compresses about as a photograph does: smooth, with some grain."""
    width, height = SIZE_WH
    coarse = rng.integers(0, 255, (height // 40, width // 40, 3), dtype=np.uint8).repeat(40, 0).repeat(40, 1)
    return np.clip(coarse + rng.normal(0, 3, (height, width, 3)), 0, 255).astype(np.uint8)


def make_masks(num_objects: int) -> dict[int, np.ndarray]:
    """Return discs with ragged edges as `(H, W)` bool, one an object."""
    width, height = SIZE_WH
    y, x = np.mgrid[:height, :width]
    masks = {}
    for number in range(1, num_objects + 1):
        angle = np.arctan2(y - height / 2, x - 500 * number)
        radius = 180 + 6 * np.sin(24 * angle)
        masks[number] = (y - height / 2) ** 2 + (x - 500 * number) ** 2 < radius**2
    return masks


def message(frame_index: int, masks: dict[int, np.ndarray]) -> str:
    """Return what goes to the page for one frame."""
    arrived = FrameMasks(frame_index, {number: ObjectMask(encode_mask(mask), 5.0) for number, mask in masks.items()})
    return json.dumps(encode(Message(work="bench", revision=frame_index, items=[new_masks(arrived)])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--repetitions", type=int, default=20, help="frames (%(default)s)")
    arguments = parser.parse_args()
    load, row, sizes = machine_load(), Row(), []
    rng, component = np.random.default_rng(0), gr.Image()
    picture = make_picture(rng)
    masks = make_masks(arguments.objects)
    for frame_index in range(arguments.repetitions):
        picture = np.roll(picture, 1, axis=1)  # gradio names its files by content: an old picture would cost less
        masks = {number: np.roll(mask, 1, axis=1) for number, mask in masks.items()}
        given = row.time("stock", lambda picture=picture: component.postprocess(picture))
        assert given is not None
        text = row.time("ours", lambda frame_index=frame_index, masks=masks: message(frame_index, masks))
        sizes.append(len(text))
        sent = json.loads(text)["items"][0]["frames"][str(frame_index)]
        size_hw = SIZE_WH[::-1]
        equal = all(np.array_equal(decode_mask(Rle(size_hw, sent[str(n)][0])), mask) for n, mask in masks.items())
        row.check("masks read back are equal", equal)
    summary = row.summary()
    show({"P10": summary}, GOAL)
    values = {
        "objects": arguments.objects, "message_bytes": max(sizes), **load, "goals": GOAL, "rows": {"P10": summary},
    }  # fmt: skip
    print("->", write_result(named("stream", load), values))


if __name__ == "__main__":
    main()
