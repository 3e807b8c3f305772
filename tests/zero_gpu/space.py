"""A ZeroGPU Space without a GPU: the real `spaces` package plans, forks, pickles and packs, and weights end on the CPU.

Run as a program in the environment of `DeviceApi`: `python -m tests.zero_gpu.space work` prints JSON, `... app` serves.
No thread here may read standard input: a forked worker closes that before anything else, and waits for who reads it.
Two functions of the package stand aside, as they alone touch a GPU: the first call to it in a worker, and the move of
the weights to it, which here brings them back from where the package had put them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import spaces  # before torch, as on a Space
import torch
from spaces.zero import torch as emulated
from spaces.zero.torch.patching import cuda_aliases, tensor_packs

from tests.zero_gpu.device_api import NEVER_ALLOCATED
from veason import zero_gpu
from veason.errors import AnswerError, VeasonError
from veason.hub import ASSETS
from veason.zero_gpu import run_on_zero_gpu

CLIP = ASSETS / "examples" / "chase.mp4"
PART, BOX = (40, 44), (200, 80, 300, 180)
NO_HURRY_S = -1000.0
"""With models on a CPU that others use too, the time of a GPU means nothing."""

SECONDS = {"slow": 5, "refused": NEVER_ALLOCATED}


def bring_weights_back(callback: Any = None) -> None:
    """Give the tensors that the package holds as "cuda" their values, in this process, on the CPU."""
    for fake, original in cuda_aliases.items():
        if original is not None:
            fake.data = original
    for pack in tensor_packs:
        packed, offset = bytearray(Path(pack.path()).read_bytes()), 0
        for batch in [*pack.batches, *([one] for one in pack.big_tensors)]:
            for tensor, size, aligned in batch:
                storage = torch.frombuffer(packed, dtype=torch.uint8, count=size, offset=offset).clone()
                found = torch.tensor([], dtype=tensor.dtype)
                found.set_(storage.untyped_storage(), 0, tensor.shape, tensor.stride())
                for fake in pack.fakes[tensor]:
                    fake.data = found
                offset += aligned


emulated.init = lambda uuid: None
emulated.move = bring_weights_back


def door() -> dict[str, Any]:
    """Errors, endings and what a worker keeps, told of work without models."""
    kept: list[int] = []
    seen = Path(os.environ["SEEN"])

    def work(kind: str) -> Iterator[int]:
        kept.append(len(kept))
        for number in range(50 if kind == "slow" else 3):
            seen.write_text(str(number))
            yield number
            time.sleep(0.1 if kind == "slow" else 0)
        if kind == "answer":
            raise AnswerError("no keyframe", "the text")
        if kind == "defect":
            raise KeyError("a defect")
        if kind == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        yield len(kept)

    lending = run_on_zero_gpu(work, lambda kind: SECONDS.get(kind, 900))
    told: dict[str, Any] = {}
    for kind in ("good", "answer", "defect", "killed", "slow", "good again", "refused"):
        values = []
        try:
            for value in lending(kind):
                values.append(value)
            told[kind] = [values, None, ""]
        except (VeasonError, RuntimeError) as error:
            told[kind] = [values, type(error).__name__, str(error), getattr(error, "text", None)]
    stopped = lending("slow")
    next(stopped)
    stopped.close()
    told["stopped at"] = int(seen.read_text())
    told["kept here"] = kept
    return told


def track() -> dict[str, Any]:
    """Masks of a prompt by hand, and what is known of the pace afterwards."""
    from veason.masks import coco_dict
    from veason.pipeline import load_pipeline
    from veason.types import Box, Prompt
    from veason.video import open_video

    pipeline = load_pipeline(segmenter="nano", has_policy=False)
    assert pipeline.uses_zero_gpu
    before = pipeline.estimate_seconds(100, 1)
    with open_video(CLIP, "pyav") as video:
        arriving = pipeline.propagate(video, [Prompt(1, PART[0], box=Box(*BOX))], frames=PART)
        masks = {
            str(one.frame_index): {str(object_id): coco_dict(mask.rle) for object_id, mask in one.masks.items()}
            for one in arriving
        }
    return {"masks": masks, "before": before, "after": pipeline.estimate_seconds(100, 1)}


def app() -> None:
    """Serve the app as a Space does; it prints its address, and ends when it is terminated."""
    from veason.studio.server.app import serve
    from veason.studio.server.settings import Settings
    from veason.types import ModelOptions

    models = ModelOptions(dtype="float32")  # a CPU is slow with what a GPU computes in
    settings = Settings(policy="nano", segmenter="nano", models=models, visitors=Path(os.environ["VISITORS"]))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    serve(settings, host="127.0.0.1", port=None, open_browser=False)


if __name__ == "__main__":
    assert spaces.GPU
    chosen = sys.argv[1]
    if chosen == "app":
        zero_gpu.STOP_BEFORE_S = NO_HURRY_S
        app()
    else:
        told_of_door = door()
        zero_gpu.STOP_BEFORE_S = NO_HURRY_S
        print("\nTOLD " + json.dumps({"door": told_of_door, "track": track()}), flush=True)
