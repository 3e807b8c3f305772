"""Runs that end where masks come out as they were, against whole runs after the same corrections.

    export VEASON_REAL_CLIPS=.../real_clips VEASON_DAVIS=.../davis16
    python benchmarks/bench_settling.py measure JOURNAL --half 0 [--seconds 500]
    python benchmarks/bench_settling.py choose JOURNAL       # the numbers, on that half of the clips
    python benchmarks/bench_settling.py measure JOURNAL --half 1
    python benchmarks/bench_settling.py report JOURNAL       # the other half, with those -> benchmarks/results/

Clips: rendered scenes of the nano world and sequences of DAVIS 2016, every frame of which has a true mask, and the real
clips with masks drawn by hand on some frames (real ones are left out where a variable is not set). Rendered clips are
followed by nano, real ones by nano-photo. The halves share no clip: half 0 has the scenes of even number, the five
sequences of DAVIS for choosing and the first real clip. Each object is boxed once and propagated. Then some corrections
on random frames with a true mask follow each other, chosen as a person would: a click in the middle of the largest
error, or the mask painted; a click inside where there is none. Each correction is followed by the whole run, and
`measure` notes for every frame how alike its mask is to the one before: from this `choose` says what any numbers would
have given. On the half that is reported each correction is also followed by runs that may end early, by the numbers in
the code, which go on from labels of their own. `measure` goes on where it stopped.

Frames are counted in calls of the mask decoder: hidden ones, which a frame depends on, count too. J is the mean IoU
over the frames with a true mask. `wrong` is a run whose frames that were left as they were have a mean IoU below 0.95
with the masks that the whole run gives there.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bench_davis import CHOOSING, ONCE
from bench_nano_segmenter import real_objects
from report import write_result
from scipy import ndimage
from timing import machine_load

from veason.annotation import PutPrompt, RecomputePlan, RecomputeRequest, State, apply
from veason.annotation.apply import apply_masks
from veason.annotation.marks import with_settled
from veason.annotation.settling import SAME_IOU, SETTLED_AFTER
from veason.annotation.state import count_frames, frames_of
from veason.evaluate.sequences import TrackingVideo, read_sequences
from veason.masks import decode_mask, encode_mask, mask_area, mask_box, mask_iou
from veason.pipeline import Pipeline
from veason.segmenter import load_segmenter
from veason.segmenter.counters import count_calls
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Click, ModelOptions, Prompt, Rle, VideoSource
from veason.video import open_video
from veason_nano.dataset import clip_size
from veason_nano.world.footage import DrawnVideo
from veason_nano.world.stories import make_scene

WORLD_CLIPS, WORLD_FRAMES, WORLD_SEED = 20, 144, 90_000
REAL_ROUNDS = 8
"""How often each object of the real clips is labelled anew, with other random frames."""
PAINTED = 0.3
"""The share of the corrections that are painted."""
WRONG_IOU = 0.95
COUNTS = (4, 6, 8, 12, 16)
LIKENESSES = (1.0, 0.995, 0.99, 0.98, 0.95)


@dataclass(frozen=True, slots=True)
class Target:
    """One object of one clip: its name, the half it belongs to, its video, and its true masks by frame.

    `start` is the frame on which it is boxed, `segmenter` the name of what follows it.
    """

    name: str
    half: int
    segmenter: str
    video: VideoSource
    truth: dict[int, Rle]
    start: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["measure", "choose", "report"])
    parser.add_argument("journal", type=Path, help="one JSON line a correction")
    parser.add_argument("--half", type=int, choices=[0, 1], default=0, help="0 to choose on, 1 to report (%(default)s)")
    parser.add_argument("--corrections", type=int, default=8, help="of an object, one after the other (%(default)s)")
    parser.add_argument("--seconds", type=float, default=500, help="begin no object after so long (%(default)s)")
    arguments = parser.parse_args()
    if arguments.step == "measure":
        measure(arguments.journal, arguments.half, time.monotonic() + arguments.seconds, arguments.corrections)
        return
    rows = [json.loads(line) for line in arguments.journal.read_text(encoding="utf-8").splitlines()]
    if arguments.step == "choose":
        choose([row for row in rows if row["half"] == 0])
        return
    values = {
        "settled_after": SETTLED_AFTER, "same_iou": SAME_IOU, "wrong_below_iou": WRONG_IOU,
        "rows": {
            "chosen_on": outcome([row for row in rows if row["half"] == 0], SETTLED_AFTER, SAME_IOU),
            "reported": summary([row for row in rows if row["half"] == 1]),
            "reported_world": summary([row for row in rows if row["half"] == 1 and row["name"].startswith("world")]),
            "reported_real": summary([row for row in rows if row["half"] == 1 and row["name"].startswith("real")]),
            "reported_davis": summary([row for row in rows if row["half"] == 1 and row["name"].startswith("davis")]),
        },
        **machine_load(),
    }  # fmt: skip
    print(json.dumps(values["rows"], indent=1))
    print("->", write_result("settling", values))


# --- measuring


def measure(journal: Path, half: int, deadline: float, count: int) -> None:
    """Measure the objects of a half that the journal does not hold yet, until the deadline."""
    done = set()
    if journal.exists():
        done = {json.loads(line)["name"] for line in journal.read_text(encoding="utf-8").splitlines()}
    segmenters = {name: load_segmenter(name, ModelOptions(device="cpu")) for name in ("nano", "nano-photo")}
    for name, of_half, make in targets():
        if name in done or of_half != half:
            continue
        if time.monotonic() > deadline:
            print("more is left: run it again")
            return
        begun, number = time.monotonic(), 0
        target = make()
        for row in corrections_of(target, segmenters[target.segmenter], np.random.default_rng(hash_of(name)), count):
            number += 1
            with journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        print(f"{name}: {number} corrections in {time.monotonic() - begun:.0f} s", flush=True)
    print("all is measured")


def targets() -> Iterator[tuple[str, int, Callable[[], Target]]]:
    """Yield the name of every object, its half, and what makes it; the halves share no clip.

    Rendered and real ones take turns, so that the first of them are a fair sample.
    """
    for some in itertools.zip_longest(world_targets(), real_targets(), davis_targets()):
        yield from (one for one in some if one is not None)


def world_targets() -> Iterator[tuple[str, int, Callable[[], Target]]]:
    for number in range(WORLD_CLIPS):
        name = f"world {number}"
        yield name, number % 2, functools.partial(world_target, name, number)


def real_targets() -> Iterator[tuple[str, int, Callable[[], Target]]]:
    root = os.environ.get("VEASON_REAL_CLIPS")
    if not root:
        print("the real clips are left out: VEASON_REAL_CLIPS does not name their folder")
        return
    clips = sorted({one.clip for one in real_objects(Path(root))})
    by_clip = [[one for one in real_objects(Path(root)) if one.clip == clip] for clip in clips]
    for turn in range(REAL_ROUNDS):
        for one in (one for ones in zip(*by_clip, strict=True) for one in ones):
            name, half = f"real {one.clip.name} {one.name} {turn}", clips.index(one.clip) % 2
            yield name, half, functools.partial(real_target, name, half, one)


def davis_targets() -> Iterator[tuple[str, int, Callable[[], Target]]]:
    root = os.environ.get("VEASON_DAVIS")
    if not root:
        print("DAVIS is left out: VEASON_DAVIS does not name its folder")
        return
    videos = {video.name: video for video in read_sequences(Path(root), "davis16")}
    for half, names in enumerate((CHOOSING, ONCE)):
        for name in names:
            yield f"davis {name}", half, functools.partial(davis_target, half, videos[name])


def world_target(name: str, number: int) -> Target:
    """Return the object of a rendered scene that is to be seen on most frames."""
    scene = make_scene(WORLD_SEED + number, num_frames=WORLD_FRAMES)
    video = DrawnVideo(scene, clip_size(scene))
    masks = [video.masks(scene.objects, index) for index in range(video.info.num_frames)]
    seen = {actor: sum(mask_area(here[actor]) > 60 for here in masks if actor in here) for actor in scene.objects}
    actor = max(seen, key=lambda one: seen[one])
    nothing = encode_mask(np.zeros(video.info.size_wh[::-1], bool))
    truth = {index: here.get(actor, nothing) for index, here in enumerate(masks)}
    start = next(index for index, mask in truth.items() if mask_area(mask) > 60)
    return Target(name, number % 2, "nano", video, truth, start)


def real_target(name: str, half: int, one: Any) -> Target:
    """Return an object of a real clip with its hand-made masks."""
    video = open_video(one.clip / "clip.mp4")
    truth = {index: encode_mask(one.truth(index)) for index in one.frames}
    return Target(name, half, "nano-photo", video, truth, one.frame_index)


def davis_target(half: int, sequence: TrackingVideo) -> Target:
    """Return the object of a sequence of DAVIS, which is there from its first frame on."""
    truth = {index: encode_mask(sequence.truth(1, index)) for index in sequence.objects[1]}
    return Target(f"davis {sequence.name}", half, "nano-photo", open_video(sequence.folder), truth, 0)


def corrections_of(target: Target, segmenter: Any, rng: np.random.Generator, most: int) -> Iterator[dict[str, Any]]:
    """Yield one row a correction; on the half that is reported both sides go on from labels of their own."""
    count = target.video.info.num_frames
    box = mask_box(target.truth[target.start])
    assert box is not None, "an object starts where it is to be seen"
    state = apply(State(count), PutPrompt(Prompt(1, target.start, box=box)))
    side, other = (
        Pipeline(None, Sam2Segmenter(segmenter.model, target.segmenter, features=segmenter.features)) for _ in "ab"
    )
    whole = run(side, target.video, state, may_settle=False)[0]
    settled = run(other, target.video, state, may_settle=False)[0] if target.half else None
    frames = [index for index in target.truth if index != target.start and mask_area(target.truth[index])]
    for frame_index in rng.permutation(frames)[:most].tolist():
        prompt = correction(target, whole, frame_index, rng)
        before = {index: mask.rle for index, mask in whole.frames_of(1).items()}
        whole, whole_calls, _ = run(side, target.video, corrected(target, whole, prompt), may_settle=False)
        likeness = {
            index: round(mask_iou(mask.rle, before[index]), 4)
            for index, mask in whole.frames_of(1).items()
            if index in before
        }
        row = {
            "name": target.name, "half": target.half, "frames": count, "frame": frame_index,
            "kind": "painted" if prompt.mask is not None else "clicked",
            "whole_calls": whole_calls, "j_whole": j_of(target, whole),
            "likeness": likeness, "reach": list(whole.reach((1, frame_index))),
        }  # fmt: skip
        if settled is not None:
            j_before = j_of(target, settled)
            settled, calls, left = run(other, target.video, corrected(target, settled, prompt), may_settle=True)
            stayed = [mask_iou(whole.frames_of(1)[at].rle, settled.frames_of(1)[at].rle) for at in left]
            row |= {
                "calls": calls, "left": len(left), "j_before": j_before, "j": j_of(target, settled),
                "stayed_iou": round(float(np.mean(stayed)), 4) if stayed else None,
            }  # fmt: skip
        yield row


def run(pipeline: Pipeline, video: VideoSource, state: State, *, may_settle: bool) -> tuple[State, int, list[int]]:
    """Return the labels after a run, how often the mask decoder was called, and the frames left as they were."""
    plan = RecomputePlan.of(state, RecomputeRequest((0, state.num_frames), may_settle=may_settle))
    with count_calls(pipeline.segmenter.model) as counter:  # type: ignore[attr-defined]  # a SAM2 of ours
        arrived = list(pipeline.recompute(video, plan, lambda: state))
    after = apply_masks(state, arrived)
    for one in plan.settled:
        after = apply(after, one, is_by_person=False)
    left = [at for one in plan.settled for at in frames_of(one.left)]
    assert sum(count_frames(one.left) for one in plan.settled) == len(left)
    assert not after.pending, "everything was computed, or left as it was"
    return after, counter.calls.decoder, left


def corrected(target: Target, state: State, prompt: Prompt) -> State:
    """Return the labels after a person made a correction; a painted mask is the mask of its frame."""
    for number, edit in enumerate(with_settled(state, PutPrompt(prompt), target.video.info.size_wh)):
        state = apply(state, edit, is_by_person=number == 0)
    return state


def correction(target: Target, state: State, frame_index: int, rng: np.random.Generator) -> Prompt:
    """Return what a person would do on a frame: paint it, or click in the middle of the largest error."""
    truth = decode_mask(target.truth[frame_index])
    if rng.random() < PAINTED:
        return Prompt(1, frame_index, mask=target.truth[frame_index])
    guess = decode_mask(state.frames_of(1)[frame_index].rle)
    labelled, number = ndimage.label(guess ^ truth)
    sizes = ndimage.sum_labels(np.ones_like(labelled), labelled, range(1, number + 1)) if number else np.zeros(1)
    error = labelled == int(np.argmax(sizes)) + 1 if number and sizes.max() > 0.02 * truth.sum() else truth
    inside = ndimage.distance_transform_edt(np.pad(error, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return Prompt(1, frame_index, clicks=(Click(float(x), float(y), is_positive=bool(truth[y, x])),))


def j_of(target: Target, state: State) -> float:
    """Return the mean IoU with the true masks."""
    masks = state.frames_of(1)
    return round(float(np.mean([mask_iou(masks[at].rle, truth) for at, truth in target.truth.items()])), 5)


def hash_of(name: str) -> int:
    """Return a seed that is the same in every run."""
    return sum(ord(letter) * 131**place for place, letter in enumerate(name)) % (1 << 32)


# --- what came of it


def choose(rows: Sequence[dict[str, Any]]) -> None:
    """Print what other numbers would have given, by the likeness of the whole run's masks to those before."""
    print(
        f"{len(rows)} corrections; in a row, IoU: times fewer frames (median, in all), stretches wrong, mean IoU left"
    )
    for count in COUNTS:
        for likeness in LIKENESSES:
            found = outcome(rows, count, likeness)
            times = f"{found['times_fewer_frames_median']:5.1f}x {found['times_fewer_frames_in_all']:5.1f}x"
            wrong = f"{found['stretches_wrong']} of {found['stretches']} wrong, {found['stayed_iou_mean']:.4f}"
            print(f"{count:3} {likeness:6.3f}: {times}, {wrong}")


def outcome(rows: Sequence[dict[str, Any]], count: int, likeness: float) -> dict[str, Any]:
    """Return what runs that end after `count` frames of that likeness would have left of the whole runs."""
    wanted = [row["reach"][1] - row["reach"][0] for row in rows]
    found = [simulated(row, count, likeness) for row in rows]
    stretches = [stretch for _, left in found for stretch in left]
    everywhere = [likeness for stretch in stretches for likeness in stretch]
    ratios = [frames / computed for frames, (computed, _) in zip(wanted, found, strict=True)]
    return {
        "corrections": len(rows),
        "times_fewer_frames_median": round(statistics.median(ratios), 2),
        "times_fewer_frames_in_all": round(sum(wanted) / sum(computed for computed, _ in found), 2),
        "stretches": len(stretches),
        "stretches_wrong": sum(float(np.mean(stretch)) < WRONG_IOU for stretch in stretches),
        "stayed_iou_mean": round(float(np.mean(everywhere)), 4) if everywhere else 1.0,
    }


def simulated(row: dict[str, Any], count: int, least: float) -> tuple[int, list[list[float]]]:
    """Return how many frames a run would compute, and the likeness of the frames of each stretch it would leave."""
    likeness = {int(at): value for at, value in row["likeness"].items()}
    start, stop = row["reach"]
    computed, left = 1, []
    for way in (range(row["frame"] + 1, stop), range(row["frame"] - 1, start - 1, -1)):
        in_a_row = 0
        for place, at in enumerate(way):
            computed += 1
            in_a_row = in_a_row + 1 if likeness.get(at, 0.0) >= least else 0
            if in_a_row == count:
                rest = [likeness[one] for one in way[place + 1 :] if one in likeness]
                left += [rest] if rest else []
                break
    return computed, left


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what runs that end early gained and lost."""
    if not rows:
        return {"corrections": 0}
    ratios = [row["whole_calls"] / max(1, row["calls"]) for row in rows]
    lost = [100 * (row["j_whole"] - row["j"]) for row in rows]
    left = [row for row in rows if row["left"]]
    wrong = [row for row in left if row["stayed_iou"] < WRONG_IOU]
    return {
        "corrections": len(rows),
        "painted": sum(row["kind"] == "painted" for row in rows),
        "times_fewer_frames_median": round(statistics.median(ratios), 2),
        "times_fewer_frames_in_all": round(sum(r["whole_calls"] for r in rows) / sum(r["calls"] for r in rows), 2),
        "frames_whole_median": statistics.median(row["whole_calls"] for row in rows),
        "frames_median": statistics.median(row["calls"] for row in rows),
        "j_whole_mean": round(100 * statistics.mean(row["j_whole"] for row in rows), 2),
        "j_lost_mean": round(statistics.mean(lost), 3),
        "j_lost_most": round(max(lost), 2),
        "runs_that_left_frames": len(left),
        "of_these_wrong": len(wrong),
        "stayed_iou_mean": round(statistics.mean(row["stayed_iou"] for row in left), 4) if left else None,
    }


if __name__ == "__main__":
    main()
