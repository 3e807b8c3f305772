"""Random corrections, questions and cancels over five videos: memory stays flat, and nothing of it shows in a mask.

    python benchmarks/soak.py [--minutes 2] [--seed 0]

One pipeline with small budgets, so that everything is evicted again and again; small random networks, so that much
happens. A correction may be cancelled after a few masks, an object deleted and drawn anew, a mask settled (a barrier
from then on), and a question asked in a second thread meanwhile, which may be cancelled too. Gates at the end:

    memory   resident size in the last third at most 8% above that in the second, which follows the warm-up; budgets
             never exceeded
    masks    every object's masks equal, bit for bit, those of a replay of its runs alone in a fresh segmenter with room
             for everything
    answers  every instruction about every video is answered as a policy does that reads it anew
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from report import write_result
from timing import machine_load

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.tiny_qwen import save_tiny_qwen
from tests.tiny_sam2 import build_tiny_sam2
from veason.annotation import (
    DropPrompt,
    Edit,
    Mark,
    Marked,
    PutPrompt,
    RecomputePlan,
    RecomputeRequest,
    State,
    apply,
)
from veason.annotation.apply import apply_masks
from veason.masks import mask_area
from veason.pipeline import Pipeline
from veason.policy.loading import load_qwen
from veason.policy.qwen import QwenPolicy
from veason.profile import GENERIC
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Box, Budgets, Click, ModelOptions, ObjectMask, Prompt, Sampling, VideoSource
from veason.video import VideoWriter, open_video

NUM_VIDEOS, NUM_FRAMES, SIZE_WH = 5, 20, (128, 96)
MAX_OBJECTS, MOST_CORRECTIONS = 2, 4
FEATURE_BYTES, TRACK_BYTES, PREFIX_BYTES, SHOWN_BYTES = 6 << 20, 2 << 20, 1 << 20, 300_000
LARGEST_RISE = 1.08
PROFILE = dataclasses.replace(GENERIC, name="tiny", size_wh=(112, 84), frame_count=4)
INSTRUCTIONS = ("the red ball", "the box that stays", "what comes back")
SAMPLING = Sampling(max_new_tokens=24)


@dataclass(frozen=True)
class Run:
    """One run of the segmenter: the annotation that it began with, and the frames of an object that came of it."""

    state: State
    frames: frozenset[int]


class Soak:
    """Five videos, one pipeline, and a person who cannot make up their mind."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.videos = [open_video(write_video(folder / f"{number}.mp4", number)) for number in range(NUM_VIDEOS)]
        self.states = [State(NUM_FRAMES) for _ in self.videos]
        self.runs: list[dict[int, list[Run]]] = [{} for _ in self.videos]
        model = build_tiny_sam2()
        self.segmenter = Sam2Segmenter(
            model, "tiny", feature_budget_bytes=FEATURE_BYTES, memory_budget_bytes=TRACK_BYTES
        )
        self.fresh = Sam2Segmenter(model, "fresh")
        checkpoint = save_tiny_qwen(folder / "policy")
        options = ModelOptions(device="cpu", budgets=Budgets(prefix=PREFIX_BYTES >> 20))
        self.policy = load_qwen(checkpoint, PROFILE, options, name="tiny")
        self.pipeline = Pipeline(self.policy, self.segmenter, shown_bytes=SHOWN_BYTES)
        self.done: Counter[str] = Counter()
        self.aside = ThreadPoolExecutor(1)

    def step(self) -> None:
        """Do one random thing, often with a question in a second thread."""
        asked = self.aside.submit(self.ask, self.random.random()) if self.random.random() < 0.4 else None
        number = self.random.randrange(NUM_VIDEOS)
        objects = self.states[number].object_ids
        if len(objects) < MAX_OBJECTS and (not objects or self.random.random() < 0.3):
            self.draw(number)
        object_id = self.random.choice(self.states[number].object_ids)
        if len(self.runs[number].get(object_id, ())) > MOST_CORRECTIONS:
            self.delete(number, object_id)
        else:
            self.correct(number, object_id)
            self.recompute(number, object_id)
        if asked is not None:
            asked.result()
        self.check_budgets()

    def edit(self, number: int, edit: Edit) -> None:
        """Change the annotation of a video as a person does."""
        self.states[number] = apply(self.states[number], edit)

    def draw(self, number: int) -> None:
        """Draw a box for a new object."""
        object_id = max(self.states[number].object_ids, default=0) + 1
        frame_index, x, y = self.random.randrange(NUM_FRAMES), self.random.randrange(60), self.random.randrange(40)
        self.edit(number, PutPrompt(Prompt(object_id, frame_index, box=Box(x, y, x + 50, y + 45))))

    def delete(self, number: int, object_id: int) -> None:
        """Delete an object and what is known of its runs."""
        for _, frame_index in self.states[number].prompts_of(object_id):
            self.edit(number, DropPrompt(object_id, frame_index))
        del self.runs[number][object_id]
        self.done["deleted"] += 1

    def correct(self, number: int, object_id: int) -> None:
        """Click somewhere, take the last click back, or settle a mask."""
        state = self.states[number]
        if object_id not in self.runs[number]:
            return
        choice, frame_index = self.random.random(), self.random.randrange(NUM_FRAMES)
        *_, last = state.prompts_of(object_id)
        mask, is_free = state.mask_at((object_id, frame_index)), (object_id, frame_index) not in state.prompts
        if choice < 0.2 and len(state.prompts_of(object_id)) > 1:
            self.edit(number, DropPrompt(*last))
            self.done["taken back"] += 1
        elif choice < 0.45 and is_free and mask is not None and object_id not in state.pending:
            kind: Mark = "verified" if mask_area(mask.rle) > 0 else "absent"
            self.edit(number, Marked(object_id, frame_index, frame_index + 1, kind))
            self.done["settled"] += 1
        elif is_free and not state.is_settled((object_id, frame_index)):
            click = Click(self.random.randrange(128), self.random.randrange(96), self.random.random() < 0.6)
            self.edit(number, PutPrompt(Prompt(object_id, frame_index, clicks=(click,))))

    def recompute(self, number: int, object_id: int, finish: bool = False) -> None:
        """Do what waits, as the app does; sometimes stop after a few masks, and the next run does the rest."""
        begin = self.states[number]
        plan = RecomputePlan.of(begin, RecomputeRequest((0, NUM_FRAMES), "pending", object_id))
        cursor = self.random.randrange(NUM_FRAMES)
        run = self.pipeline.recompute(self.videos[number], plan, lambda: self.states[number], cursor=lambda: cursor)
        is_cancelled = not finish and self.random.random() < 0.3
        frames: dict[int, set[int]] = {}
        with closing(run) as arriving:  # type: ignore[type-var]
            for masks in itertools.islice(arriving, self.random.randrange(1, 6) if is_cancelled else None):
                assert set(masks.masks) <= set(begin.pending), "an untouched object was yielded"
                self.states[number] = apply_masks(self.states[number], [masks])
                for one in masks.masks:
                    frames.setdefault(one, set()).add(masks.frame_index)
        assert is_cancelled or not plan.left, "a plan that was done to its end left something"
        for one, arrived in frames.items():
            self.runs[number].setdefault(one, []).append(Run(begin, frozenset(arrived)))
        if plan.jobs:
            self.done["cancelled" if is_cancelled else "corrected"] += 1

    def ask(self, luck: float) -> None:
        """Ask about a video, to the end or only for a few events."""
        asking = random.Random(luck)
        events = self.pipeline.think(asking.choice(self.videos), asking.choice(INSTRUCTIONS), sampling=SAMPLING)
        with closing(events) as arriving:  # type: ignore[type-var]
            for _ in itertools.islice(arriving, asking.choice([2, 5, None])):
                pass
        self.done["asked"] += 1

    def check_budgets(self) -> None:
        """Fail where anything holds more than it may."""
        counters, prefix = self.segmenter.counters, self.policy.counts.kept_bytes
        assert counters.feature_bytes <= FEATURE_BYTES, counters
        assert counters.memory_bytes <= TRACK_BYTES, counters
        assert prefix <= PREFIX_BYTES, prefix
        assert self.pipeline.shown_frames.num_bytes <= SHOWN_BYTES

    def finish(self) -> tuple[int, int]:
        """Complete what was cancelled, replay it all in a fresh segmenter; return how many masks and answers agree."""
        fresh, num_masks = Pipeline(None, self.fresh), 0
        for number, video in enumerate(self.videos):
            for object_id in self.states[number].object_ids:
                self.recompute(number, object_id, finish=True)
            for object_id, runs in self.runs[number].items():
                masks: dict[int, ObjectMask] = {}
                for run in runs:
                    plan = RecomputePlan({object_id: run.state.waiting_frames(object_id)})
                    for one in fresh.recompute(video, plan, partial(_same, run.state)):
                        if one.frame_index in run.frames:
                            masks[one.frame_index] = one.masks[object_id]
                if masks != self.states[number].frames_of(object_id):
                    raise SystemExit(f"gate failed: masks of object {object_id} differ from those of its replay")
                num_masks += len(masks)
        return num_masks, sum(self.answers_agree(video) for video in self.videos)

    def answers_agree(self, video: VideoSource) -> int:
        """Ask every instruction warm and cold, and return how many were asked."""
        cold = QwenPolicy(self.policy._model, self.policy._processor, PROFILE, name="cold", prefix_bytes=0)
        frames = self.pipeline.shown_frames.read(video, (0, 6, 13, 19))
        for instruction in INSTRUCTIONS:
            texts = [written(policy, frames, instruction) for policy in (self.policy, cold)]
            if texts[0] != texts[1]:
                raise SystemExit(f"gate failed: {instruction!r} is answered otherwise than by a cold policy")
        return len(INSTRUCTIONS)


def _same(state: State) -> State:
    return state


def written(policy: QwenPolicy, frames: Any, instruction: str) -> str:
    """Return everything a policy writes."""
    pieces: Iterator[Any] = policy.write(frames, instruction, sampling=SAMPLING)
    return "".join(piece.text for piece in pieces)


def write_video(path: Path, number: int) -> Path:
    """Write a short clip of two rectangles that move over noise."""
    width, height = SIZE_WH
    background = np.random.default_rng(number).integers(0, 90, (height, width, 3), dtype=np.uint8)
    with VideoWriter(path, SIZE_WH, 12) as writer:
        for index in range(NUM_FRAMES):
            picture = background.copy()
            picture[15:50, 8 + 3 * index : 44 + 3 * index] = (220, 60, 40 * number)
            picture[55:85, 90 - 2 * index % 60 : 120 - 2 * index % 60] = (40, 90 + 30 * number, 230)
            writer.write(picture)
    return path


def resident_mb() -> float:
    """Return the resident size of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    load, sizes = machine_load(), []
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), arguments.seed)
        begin = time.monotonic()
        while (elapsed := time.monotonic() - begin) < arguments.minutes * 60:
            soak.step()
            sizes.append((elapsed / (arguments.minutes * 60), resident_mb()))
        second = max(size for share, size in sizes if 1 / 3 <= share < 2 / 3)
        last = max(size for share, size in sizes if share >= 2 / 3)
        num_masks, num_answers = soak.finish()
    values = {
        "minutes": arguments.minutes, "seed": arguments.seed, "steps": len(sizes), "done": dict(soak.done), **load,
        "resident_mb": {"second third": round(second, 1), "last third": round(last, 1)},
        "masks_equal_to_replay": num_masks, "answers_equal_to_cold": num_answers, "budgets_exceeded": 0,
    }  # fmt: skip
    print(values)
    print("->", write_result("soak", values))
    if last > LARGEST_RISE * second:
        raise SystemExit(f"gate failed: memory rose from {second:.0f} to {last:.0f} MB")


if __name__ == "__main__":
    main()
