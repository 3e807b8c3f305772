"""A project of 1,000 videos x 300 frames x 3 objects: how long it takes to open and to save, and its size on disk.

    python benchmarks/bench_project.py [--folder DIR] [--videos N] [--frames N] [--edits N]

Makes the project once, through the same calls that the app uses; only the video files themselves are left out. Masks
are moving ellipses at 1280x720. Then measures in fresh processes: opening with the file in the page cache and dropped
from it, saving boxes and masks, 2,000 edits of one question, undo, streaming all masks of a question.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from report import write_result

from veason.annotation import Asked, GotAnswer, GotMasks, Tracked
from veason.masks import encode_mask
from veason.project import Project
from veason.project.folder import size_of
from veason.types import Answer, Box, FrameMasks, ObjectMask, Prompt, Sampling

SIZE_WH = (1280, 720)
OBJECTS = 3
OPEN_LIMIT_S, SAVE_LIMIT_MS = 2.0, 50.0

OPEN = """
import json, sys, time
from veason.project import Project
start = time.perf_counter()
project = Project.open(sys.argv[1])
questions = project.library.questions()
listed = time.perf_counter() - start
question = questions[len(questions) // 2].id
start = time.perf_counter()
session = project.labels.state(question)
print(json.dumps({"open_and_list_s": listed, "first_session_s": time.perf_counter() - start}))
"""

SAVE = """
import json, re, sys, time
from veason.project import Project
from veason.project.statistics import statistics
from veason.annotation import GotMasks, PutPrompt
from veason.types import Box, FrameMasks, Prompt
def timed(call, count):
    times = []
    for number in range(count):
        start = time.perf_counter()
        call(number)
        times.append(1000 * (time.perf_counter() - start))
    return times
project = Project.open(sys.argv[1])
count = int(sys.argv[2])
questions = [one.id for one in project.library.questions()]
one, frames = questions[7], project.library.videos()[0].num_frames
tracks = project.labels.state(questions[9]).tracks
all_masks = [GotMasks(FrameMasks(f, {1: tracks[2].frames[f]})) for f in range(frames)]
box = lambda n: PutPrompt(Prompt(1 + n % 3, n % frames, box=Box(n % 100, 5, n % 100 + 50, 80)))
mask = lambda n: [GotMasks(FrameMasks(n % frames, {1: tracks[2].frames[(n * 7) % frames]}))]
found = {"save_box_ms": timed(lambda n: project.labels.record(one, box(n)), count),
         "save_mask_of_one_frame_ms": timed(lambda n: project.labels.follow(one, mask(n)), 100),
         "undo_ms": timed(lambda n: project.labels.undo(one), 100),
         "redo_ms": timed(lambda n: project.labels.redo(one), 100),
         "save_all_masks_of_an_object_ms": timed(lambda n: project.labels.follow(questions[20 + n], all_masks), 20),
         "save_box_in_a_question_not_loaded_ms": timed(lambda n: project.labels.record(questions[50 + n], box(n)), 50),
         "stream_all_masks_ms": timed(lambda n: sum(1 for _ in project.labels.masks(questions[120 + n])), 20),
         "statistics_ms": timed(lambda n: statistics(project), 3),
         "peak_memory_mb": int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024}
project.close()
again = Project.open(sys.argv[1])
found["open_session_after_edits_ms"] = timed(lambda n: again.labels.state(one), 1)
found["first_undo_after_open_ms"] = timed(lambda n: again.labels.undo(one), 1)
print(json.dumps(found))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="keep the made project here and use it again")
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--edits", type=int, default=2000, help="boxes saved one after the other (%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(args.folder or made) / "project"
        values: dict[str, object] = {"videos": args.videos, "frames": args.frames, "objects": OBJECTS}
        if not folder.exists():
            start = time.perf_counter()
            make(folder, args.videos, args.frames)
            values["make_s"] = round(time.perf_counter() - start, 1)
        values["masks"] = args.videos * args.frames * OBJECTS
        values["size_on_disk_mb"] = round(size_of(folder) / 1e6, 1)
        values["bytes_per_mask"] = round(size_of(folder) / values["masks"], 1)  # type: ignore[operator]
        run(OPEN, folder)  # compiles
        values["cached"] = run(OPEN, folder)
        drop_from_cache(folder)
        values["not_cached"] = run(OPEN, folder)
        for name, times in run(SAVE, folder, str(args.edits)).items():
            values[name] = summary(times) if isinstance(times, list) else times
        report(values)
    write_result("project", values)


def make(folder: Path, videos: int, frames: int) -> None:
    """Make the project; its masks are the same for every video, but stored for each."""
    masks = [ellipses(frame, frames) for frame in range(frames)]
    size = sum(len(one.masks[1].rle.counts) for one in masks) / frames
    print(f"masks of {size:.0f} characters; making {videos} videos")
    boxes = tuple(Box(100.0 * number, 100, 100.0 * number + 90, 200) for number in range(OBJECTS))
    answer = Answer("The three balls roll to the right. " * 20, frames // 2, boxes, text="<think>..." * 30)
    prompts = tuple(Prompt(number + 1, frames // 2, box=box) for number, box in enumerate(boxes))
    shown = tuple(range(0, frames, 20))
    with Project.create(folder) as project:
        with project.database.write() as db:  # no files: there is nothing to hash and open
            db.executemany(
                "INSERT INTO videos (path, sha256, num_frames, width, height, fps, first_timestamp, last_timestamp, "
                "has_variable_rate, decoder) VALUES (?, ?, ?, ?, ?, 25, 0, 12, 0, 'pyav')",
                [(f"videos/{number}.mp4", f"{number:064d}", frames, *SIZE_WH) for number in range(videos)],
            )
        for video in project.library.videos():
            question = project.library.add_question(video.id, "the balls that roll to the right")
            edits = [Asked("the balls that roll to the right", shown), GotAnswer(answer, prompts)]
            project.labels.follow(question, edits, source="policy", sampling=Sampling())
            tracked = Tracked(frozenset(range(1, OBJECTS + 1)))
            project.labels.follow(question, [*map(GotMasks, masks), tracked], source="segmenter")
            project.queue.set_doubt(question, (question * 37 % 100) / 100)
            project.queue.set_status(question, "proposed")


def ellipses(frame: int, frames: int) -> FrameMasks:
    """Return three ellipses that move to the right, their edges a little rough, as those of a real mask are."""
    y, x = np.mgrid[: SIZE_WH[1], : SIZE_WH[0]]
    rough = 12 * np.sin(y / 5 + frame) + 6 * np.sin(y / 1.7)
    masks = {}
    for number in range(OBJECTS):
        centre = (200 + 800 * frame / frames + rough, 180 * (number + 1))
        inside = ((x - centre[0]) / (90 + 10 * number)) ** 2 + ((y - centre[1]) / 75) ** 2 < 1
        masks[number + 1] = ObjectMask(encode_mask(inside), 6.0 - number)
    return FrameMasks(frame, masks)


def run(script: str, folder: Path, *more: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), *more], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def drop_from_cache(folder: Path) -> None:
    """Ask the system to forget the file's pages, as after a restart."""
    import os

    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def summary(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    found = {"median": statistics.median(times), "p95": ordered[int(0.95 * (len(times) - 1))], "longest": ordered[-1]}
    if len(times) >= 1000:
        found |= {"median_of_first_100": statistics.median(times[:100]), "of_last_100": statistics.median(times[-100:])}
    return {name: round(value, 3) for name, value in found.items()}


def report(values: dict) -> None:
    print(json.dumps(values, indent=1))
    opened = max(sum(values[name].values()) for name in ("cached", "not_cached"))
    saved = values["save_box_ms"]["median"]
    print(f"open, list and show the first question: {opened:.2f} s (limit {OPEN_LIMIT_S} s)")
    print(f"a save: {saved:.1f} ms median (limit {SAVE_LIMIT_MS} ms)")
    if opened >= OPEN_LIMIT_S or saved >= SAVE_LIMIT_MS:
        sys.exit("FAILED: a limit was passed")


if __name__ == "__main__":
    main()
