"""O5, thinking and encoding together: what it gives, and what it costs the words.

    python benchmarks/bench_ahead.py [--rounds 2] [--tokens 48]

Both sides are the same pipeline on the embedded segmenter, one with `speculates=False`; new caches every round.

    gain    a recorded answer about a bundled clip, at the pace it was written: seconds from the question to the last
            mask. Gates: masks equal; encoder calls finished before the keyframe's number is complete > 0
    cost    a Qwen2.5-VL of random weights (as in bench_prefix.py) that writes the whole time: seconds to the first
            word, and words a second after it. Gate: the same text
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from bench_prefix import PROXY, REAL_3B, build_model
from networks import device_name, random_sam2, sizes_for
from report import write_result
from timing import Row, machine_load, named

from veason.hub import ASSETS
from veason.pipeline import Pipeline
from veason.policy import RECORDINGS
from veason.policy.qwen import QwenPolicy
from veason.policy.scripted import ScriptedPolicy
from veason.profile import GENERIC
from veason.segmenter import load_segmenter
from veason.segmenter.counters import count_calls
from veason.segmenter.sam2 import Sam2Segmenter
from veason.tracks import merge_tracks
from veason.types import (
    Frame,
    FrameMasks,
    KeyframeChosen,
    ModelOptions,
    Policy,
    PolicyEvent,
    Sampling,
    ThoughtDelta,
    Turn,
    VideoSource,
)
from veason.video import open_video

CLIP, INSTRUCTION = "parade", "the latecomer"
FRAMES = (0, 48)
"""Half of the clip, so that the whole set of benchmarks stays short."""


def pipelines(policy: Policy, model: Any) -> dict[str, Pipeline]:
    """Return both sides with caches of their own."""
    return {side: Pipeline(policy, Sam2Segmenter(model, side), speculates=side == "ours") for side in ("stock", "ours")}


def ask(pipeline: Pipeline, video: VideoSource, instruction: str, model: Any) -> tuple[Any, int]:
    """Ask to the last mask; return the tracks and the encoder calls finished when the keyframe was known."""
    arrived, encoded = [], 0
    with count_calls(model) as counter:
        for event in pipeline.ask(video, instruction, frames=FRAMES):
            if isinstance(event, KeyframeChosen):
                encoded = counter.calls.encoder
            elif isinstance(event, FrameMasks):
                arrived.append(event)
    return merge_tracks({}, arrived), encoded


def measure_gain(rounds: int, model: Any) -> dict[str, Any]:
    """Return what both sides took from the question to the last mask."""
    policy, row, encoded = ScriptedPolicy(RECORDINGS), Row(), 0
    with open_video(ASSETS / "examples" / f"{CLIP}.mp4") as video:
        for _ in range(rounds):
            sides = pipelines(policy, model)
            plain, _ = row.time("stock", lambda sides=sides: ask(sides["stock"], video, INSTRUCTION, model))
            tracks, encoded = row.time("ours", lambda sides=sides: ask(sides["ours"], video, INSTRUCTION, model))
            row.check("masks equal", tracks == plain and len(tracks) > 0)
            row.check("encoder calls before the keyframe > 0", encoded > 0)
    return row.summary() | {"encoded_before_keyframe": encoded}


class Gibberish:
    """A policy that passes on every word of another as reasoning, since random weights write no answer."""

    name, frame_count, profile = "gibberish", GENERIC.frame_count, GENERIC
    is_recorded, can_sample = False, True

    def __init__(self, writer: QwenPolicy) -> None:
        self.writer = writer

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return (): it knows none."""
        return ()

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        fps: float | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        """Yield a ThoughtDelta for every token."""
        for piece in self.writer.write(frames, instruction, sampling=sampling):
            yield ThoughtDelta(piece.text)


def write(pipeline: Pipeline, video: VideoSource, instruction: str, num_tokens: int) -> tuple[str, float, float]:
    """Return what the policy wrote, the seconds to its first event, and events a second after that."""
    times, text, begin = [], "", time.perf_counter()
    for event in pipeline.think(video, instruction, sampling=Sampling(max_new_tokens=num_tokens)):
        times.append(time.perf_counter() - begin)
        text += event.text if isinstance(event, ThoughtDelta) else ""
    return text, times[1], (len(times) - 2) / max(times[-1] - times[1], 1e-9)


def measure_cost(rounds: int, num_tokens: int, model: Any, device: str) -> dict[str, Any]:
    """Return how fast the words come with the segmenter at work beside them, and without."""
    qwen, processor = build_model(REAL_3B if device == "cuda" else PROXY, device)
    policy = Gibberish(QwenPolicy(qwen, processor, GENERIC, name="random"))
    seconds: dict[str, list[float]] = {"stock": [], "ours": []}
    speeds: dict[str, list[float]] = {"stock": [], "ours": []}
    with open_video(ASSETS / "examples" / f"{CLIP}.mp4") as video:
        for _ in range(rounds + 1):
            texts = {}
            for side, pipeline in pipelines(policy, model).items():
                texts[side], first, speed = write(pipeline, video, INSTRUCTION, num_tokens)
                seconds[side].append(first)
                speeds[side].append(speed)
            if texts["stock"] != texts["ours"]:
                raise SystemExit("gate failed: the policy wrote something else with the segmenter at work beside it")
    values: dict[str, Any] = {"new_tokens": num_tokens, "rounds": rounds}
    for side in ("stock", "ours"):  # the first round reads the pictures, the others reuse what was read
        values[f"{side}_first_word_s_median"] = round(statistics.median(seconds[side][1:]), 4)
        values[f"{side}_events_per_s_median"] = round(statistics.median(speeds[side][1:]), 2)
    loss = 1 - values["ours_events_per_s_median"] / values["stock_events_per_s_median"]
    return values | {"speed_loss": round(loss, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="(%(default)s)")
    parser.add_argument("--tokens", type=int, default=48, help="words of the cost part (%(default)s)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="cuda: large at 1024 px, a 3B policy")
    parser.add_argument("--parts", nargs="+", choices=["gain", "cost"], default=["gain", "cost"])
    arguments = parser.parse_args()
    load = machine_load()
    print(f"load average {os.getloadavg()}, {torch.get_num_threads()} thread(s)")
    if arguments.device == "cuda":
        model = random_sam2(*sizes_for("cuda"), "cuda")
    else:
        model = load_segmenter("nano", ModelOptions(device="cpu")).model
    values: dict[str, Any] = {"threads": torch.get_num_threads(), **load}
    if "gain" in arguments.parts:
        values["gain"] = measure_gain(arguments.rounds, model)
        print("gain:", values["gain"], flush=True)
    if "cost" in arguments.parts:
        values["cost"] = measure_cost(arguments.rounds, arguments.tokens, model, arguments.device)
        print("cost:", values["cost"], flush=True)
    print("->", write_result(named("ahead", load), values, device=device_name(arguments.device)))


if __name__ == "__main__":
    main()
