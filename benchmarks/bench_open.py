"""P8: open a 720p video until its first frame can be prompted: sam2's own loader and ours, interleaved.

    python benchmarks/bench_open.py [--frames 300] [--longer 1200] [--size 512] [--repetitions 3]

Stock: `load_video_frames`, which decodes, resizes and keeps every frame before the first can be used (at --size 1024
that takes 8 GB for 300 frames). Ours: `open_video` and the one frame. Both in a process that has imported everything.
Gates: our tensor equals, bit for bit, what sam2's loader for JPEG folders makes of the same pixels; opening the longer
clip decodes one frame too.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from networks import device_name
from PIL import Image
from report import write_result
from sam2.utils.misc import load_video_frames
from timing import Row, machine_load, named, show

from veason.segmenter.frames import ModelFrames
from veason.video import VideoWriter, open_video

GOAL = {"P8": 40.0}
SIZE_WH = (1280, 720)


def write_video(path: Path, num_frames: int) -> None:
    """Write a clip of coarse noise with a square that moves."""
    rng = np.random.default_rng(0)
    background = rng.integers(0, 255, (18, 32, 3), dtype=np.uint8).repeat(40, 0).repeat(40, 1)
    with VideoWriter(path, SIZE_WH, 25) as writer:
        for index in range(num_frames):
            picture = background.copy()
            picture[300:420, 10 + 2 * (index % 500) : 130 + 2 * (index % 500)] = (220, 60, 40)
            writer.write(picture)


def open_stock(path: Path, size: int) -> torch.Tensor:
    """Return the first frame from sam2's loader."""
    images, _, _ = load_video_frames(str(path), size, offload_video_to_cpu=True)
    return images[0].clone()


def open_ours(path: Path, size: int, device: str) -> tuple[torch.Tensor, int]:
    """Return the first frame as the network wants it, and how many frames were decoded for that."""
    with open_video(path) as video:
        frames = ModelFrames(video, size, torch.device(device))
        return frames[0].cpu(), frames.num_decoded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300, help="length of the clip (%(default)s)")
    parser.add_argument("--longer", type=int, default=1200, help="length of a second clip, ours alone (%(default)s)")
    parser.add_argument("--size", type=int, help="picture size of the network (512; on CUDA 1024)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="(%(default)s)")
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    load, row, longer = machine_load(), Row(), Row()
    size = arguments.size or (1024 if arguments.device == "cuda" else 512)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        clip, long_clip = Path(folder) / "clip.mp4", Path(folder) / "long.mp4"
        write_video(clip, arguments.frames)
        write_video(long_clip, arguments.longer)
        for _ in range(arguments.repetitions):
            row.time("stock", lambda: open_stock(clip, size))
            image, num_decoded = row.time("ours", lambda: open_ours(clip, size, arguments.device))
            _, num_decoded_long = longer.time("ours", lambda: open_ours(long_clip, size, arguments.device))
        with open_video(clip) as video:
            jpeg_free = Path(folder) / "frames"
            jpeg_free.mkdir()
            Image.fromarray(video.frame(0)).save(jpeg_free / "00000.jpg", quality=95)
        with open_video(jpeg_free) as picture:
            same = ModelFrames(picture, size, torch.device("cpu"))[0]
        row.check("pixels equal sam2's JPEG loader", torch.equal(same, open_stock(jpeg_free, size)))
        row.check("one frame read", (num_decoded, num_decoded_long) == (1, 1))
        row.gates["mean difference from sam2's video loader"] = float((image - open_stock(clip, size)).abs().mean())
    summary = row.summary()
    show({"P8": summary}, GOAL)
    of_longer = {
        f"{kind}_s_median": sorted(getattr(longer, f"{kind}_s")["ours"])[arguments.repetitions // 2]
        for kind in ("clock", "cpu")
    }
    print(f"{arguments.longer} frames, ours:", of_longer)
    values = {
        "frames": arguments.frames, "size": size, "longer": arguments.longer, "ours_longer": of_longer,
        **load, "goals": GOAL, "rows": {"P8": summary},
    }  # fmt: skip
    print("->", write_result(named("open", load), values, device=device_name(arguments.device)))


if __name__ == "__main__":
    main()
