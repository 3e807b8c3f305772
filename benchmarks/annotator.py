"""A scripted annotator: how many actions four real clips take until every mask that is known by hand is reached.

    export VEASON_REAL_CLIPS=.../real_clips
    python benchmarks/annotator.py label JOURNAL [--clip NAME] [--tree TREE --before]
    python benchmarks/annotator.py report JOURNAL      # both sides -> benchmarks/results/

Works the real page in headless Chromium by role and key, as somebody would who knows the keys, by one rule: box each
object on its first given frame, propagate, then correct the worst of the given frames until all have IoU 0.85. A frame
without the object is marked absent. A mask below IoU 0.5 is boxed first, any other is clicked in the middle of its
largest error; once that gained less than 0.05 on a frame, it is drawn: today by an outline around each part, as far as
2 pixels off; before by painting over its errors with the brush, one stroke a part. Where one key of a mask tool is
enough, that key is pressed (only the page of today has them). `--before` with `--tree`, a checkout of an earlier
commit, works the page as it was before: with the same rule, clips and weights.

An action is a key, a click or a drag (a stroke of the brush and an outline are one each). The clips are stretches of
the real clips with two objects each: the frames with masks drawn by hand and one between each two of them, at 640x360.
Seconds are of the whole work and mean nothing on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, os.environ.get("VEASON_TREE") or str(Path(__file__).parent.parent))

import itertools

import numpy as np
from annotator_sight import corners, iou, largest, middle, one_key, outlines, to_and_fro
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright
from report import write_result
from scipy import ndimage
from skimage.morphology import disk
from timing import machine_load, named

from tests.browser.conftest import CHROMIUM_FLAGS, new_visitor, open_page, running_app
from veason.masks import decode_mask
from veason.project import Project

GOAL, LOST, PAINTED_TO = 0.85, 0.5, 0.88
LEAST_GAIN = 0.05
MOST = 60
MOST_PAINTED = 3
"""How often a frame is drawn: the page before lost some of it where another frame was corrected."""

SMALLER_KEYS, BRUSH_RADIUS = (6, 3), (2, 1)
"""How often the brush is made smaller, once for the first and once for further paintings, and its radius in pixels."""

TOOL_KEYS = {"brush": "b", "polygon": "w"}
WAIT_MS = 240_000
SIZE = (640, 360)
STRETCHES = {
    "dog, leaving": ("01_dog", 0, 104),
    "dog, returning": ("01_dog", 136, 272),
    "coffee, lifted": ("04_coffee", 0, 120),
    "coffee, poured": ("04_coffee", 120, 286),
}
"""Clips by name: the real clip and the first and last frame of the stretch."""

QUIET = """(most) => new Promise((done, failed) => {
  const begun = performance.now();
  let since = null;
  const look = () => {
    const now = performance.now();
    const isBusy = !document.querySelector("[data-ref=stop]").disabled;
    const isKept = document.querySelector("[data-ref=saved]").textContent.trim() === "saved";
    since = isBusy || !isKept ? null : (since ?? now);
    if (since !== null && now - since > 1100) done(); // a painting is followed after 0.9 s
    else if (now - begun > most) failed(new Error("the run does not end"));
    else setTimeout(look, 50);
  };
  look();
})"""

Truth = dict[tuple[int, int], np.ndarray]
"""`(H, W)` bool masks by object (from 1) and frame index of the cut clip."""


@dataclass
class Clip:
    """A cut clip, its length, and its masks drawn by hand."""

    path: Path
    frames: int
    truth: Truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["label", "report"])
    parser.add_argument("journal", type=Path, help="one JSON line a clip")
    parser.add_argument("--clip", choices=list(STRETCHES), action="append", help="only this one (repeatable)")
    parser.add_argument("--tree", type=Path, help="a checkout whose app is worked instead of this one's")
    parser.add_argument("--seconds", type=float, default=3600, help="give a clip up after so long (%(default)s)")
    parser.add_argument("--before", action="store_true", help="the page before: no mask tools, lanes select nothing")
    arguments = parser.parse_args()
    if arguments.step == "report":
        report(arguments.journal)
        return
    if arguments.tree and os.environ.get("VEASON_TREE") != str(arguments.tree):
        tree = str(arguments.tree)
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"VEASON_TREE": tree, "PYTHONPATH": tree})
    for name in arguments.clip or STRETCHES:
        row = label(name, is_before=arguments.before, seconds=arguments.seconds)
        with arguments.journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


# --- clips


def cut(name: str, folder: Path) -> Clip:
    """Write the stretch of a real clip as a file of its own, and read its masks."""
    source, first, last = STRETCHES[name]
    root = Path(os.environ["VEASON_REAL_CLIPS"]) / source
    objects = sorted(path.name for path in root.iterdir() if path.is_dir())
    given = {
        (number, int(png.stem)): png for number, one in enumerate(objects, 1) for png in (root / one).glob("*.png")
    }
    given = {(number, at): png for (number, at), png in given.items() if first <= at <= last}
    known = sorted({at for _, at in given})
    kept = sorted({*known, *((one + other) // 2 for one, other in itertools.pairwise(known))})
    place = {at: number for number, at in enumerate(kept)}
    wanted = "+".join(f"eq(n,{at})" for at in kept)
    filters = f"select='{wanted}',scale={SIZE[0]}:{SIZE[1]},setpts=N/(10*TB)"
    path = folder / "clip.mp4"
    command = ["ffmpeg", "-v", "error", "-i", str(root / "clip.mp4"), "-vf", filters, "-r", "10", "-crf", "12"]
    subprocess.run([*command, "-an", "-pix_fmt", "yuv420p", str(path)], check=True)
    truth = {(number, place[at]): _mask(png) for (number, at), png in given.items()}
    return Clip(path, len(kept), truth)


def _mask(png: Path) -> np.ndarray:
    return np.asarray(Image.open(png).resize(SIZE, Image.Resampling.NEAREST)) > 0


# --- the annotator


@dataclass
class Annotator:
    """Works one page, counts its own actions, and sees the masks as the project keeps them."""

    page: Page
    clip: Clip
    project: Path
    is_before: bool
    clicks: int = 0
    keys: int = 0
    corrections: Counter[str] = field(default_factory=Counter)
    selected: int = 0
    in_hand: str | None = None
    num_sized: int = 0
    tried: dict[tuple[int, int], float] = field(default_factory=dict)
    """By place the IoU before the last click or box there."""
    painted: Counter[tuple[int, int]] = field(default_factory=Counter)

    def press(self, *keys: str) -> None:
        """Press keys on the stage."""
        self.page.get_by_role("application").focus()
        for key in keys:
            self.page.keyboard.press(key)
            self.keys += 1

    def _at(self, xy: tuple[float, float]) -> tuple[float, float]:
        expect(self.page.get_by_role("application")).not_to_have_attribute("data-waiting", "")
        area = self.page.locator(".v-stage canvas").bounding_box()
        assert area is not None
        return area["x"] + (xy[0] + 0.5) / SIZE[0] * area["width"], area["y"] + (xy[1] + 0.5) / SIZE[1] * area["height"]

    def click(self, xy: tuple[float, float], *, is_positive: bool = True) -> None:
        """Click on a place of the picture, with the right button beside the object."""
        self.page.mouse.click(*self._at(xy), button="left" if is_positive else "right")
        self.clicks += 1

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one place of the picture to another."""
        self.page.mouse.move(*self._at(start))
        self.page.mouse.down()
        self.page.mouse.move(*self._at(end), steps=4)
        self.page.mouse.up()
        self.clicks += 1

    def settle(self) -> None:
        """Wait until nothing runs and everything is kept."""
        self.page.evaluate(QUIET, WAIT_MS)

    def go(self, object_id: int, frame: int) -> None:
        """Take an object in hand on a frame: a click on its lane, before which the earlier page needs its number."""
        if self.is_before and self.selected != object_id:
            self.press(str(object_id))
        shown = self.page.get_by_role("application", name=f"Video frame {frame} of")
        if not shown.is_visible() or (self.selected != object_id and not self.is_before):
            track = self.page.locator(f'[data-object="{object_id}"] .v-track')
            area = track.bounding_box()
            assert area is not None
            self.page.mouse.click(area["x"] + (frame + 0.5) / self.clip.frames * area["width"], area["y"] + 5)
            self.clicks += 1
        self.selected = object_id
        expect(shown).to_be_visible(timeout=WAIT_MS)
        expect(self.page.locator(f'[data-object="{object_id}"] .v-name')).to_have_attribute("aria-pressed", "true")

    def masks(self) -> Truth:
        """Return the masks of the given frames as the project holds them."""
        with Project.open(self.project) as project:
            (question,) = project.library.questions()
            state = project.labels.state(question.id)
        nothing = np.zeros(SIZE[::-1], bool)
        found = {}
        for place in self.clip.truth:
            mask = state.mask_at(place)
            is_there = mask is not None and state.marks.get(place) != "absent"
            found[place] = decode_mask(mask.rle) if mask is not None and is_there else nothing
        return found

    def label(self, deadline: float) -> dict[tuple[int, int], float]:
        """Label both objects, until the deadline; returns the IoU of every given frame."""
        for object_id in (1, 2):
            first = min(at for one, at in self.clip.truth if one == object_id and self.clip.truth[one, at].any())
            self._first_box(object_id, first)
        self.press("p")
        self.settle()
        for _ in range(MOST):
            masks = self.masks()
            scores = {place: iou(masks[place], truth) for place, truth in self.clip.truth.items()}
            worst = min(scores, key=lambda place: (scores[place], place))
            print(f"  {sum(self.corrections.values())} corrections, worst {worst} {scores[worst]:.3f}", flush=True)
            if scores[worst] >= GOAL or time.monotonic() > deadline:
                break
            self._correct(worst, masks[worst], scores[worst])
            self.settle()
        return scores

    def _first_box(self, object_id: int, frame: int) -> None:
        shown = self.page.get_by_role("application", name=f"Video frame {frame} of")
        if not shown.is_visible():
            self.press("g", *str(frame), "Enter")
            expect(shown).to_be_visible()
        if object_id > 1:
            self.press("n")
        self.drag(*corners(self.clip.truth[object_id, frame]))
        self.selected = object_id
        self.settle()

    def _correct(self, place: tuple[int, int], mask: np.ndarray, score: float) -> None:
        truth = self.clip.truth[place]
        self.go(*place)
        tool = None if self.is_before else one_key(mask, truth, GOAL)
        if not truth.any():
            if place in self.tried:
                self.press("Delete")
                self.settle()
            self._did("absent")
            self.press("o")
        elif tool is not None:
            self._did("tool")
            self.press(tool)
        elif place in self.tried and score - self.tried[place] < LEAST_GAIN:
            self.painted[place] += 1
            assert self.painted[place] <= MOST_PAINTED, f"{place} is painted and not right: IoU {score:.3f}"
            self._did("painted")
            self._hold("brush" if self.is_before else "polygon")
            if self.is_before:
                self._paint(mask, truth, self._resize(self.painted[place] - 1))
            else:
                self._outline(truth)
        else:
            self._hold(None)
            is_lost = place not in self.tried and score < LOST
            self.tried[place] = score
            if is_lost:
                self._did("boxed")
                self.drag(*corners(truth))
                return
            self._did("clicked")
            error = largest(mask ^ truth)
            self.click(middle(error), is_positive=bool(truth[error].mean() > 0.5))

    def _did(self, kind: str) -> None:
        self.corrections[kind] += 1

    def _hold(self, wanted: str | None) -> None:
        """Take a tool, or put it down where that is not so already."""
        if self.in_hand == wanted:
            return
        self.press(TOOL_KEYS[wanted or self.in_hand or "brush"])
        self.in_hand = wanted

    def _resize(self, times: int) -> int:
        """Make the brush as small as a painting after `times` others needs it; return its radius."""
        while self.num_sized <= min(times, 1):
            self.press(*[","] * SMALLER_KEYS[self.num_sized])
            self.num_sized += 1
        return BRUSH_RADIUS[self.num_sized - 1]

    def _paint(self, mask: np.ndarray, truth: np.ndarray, radius: int) -> None:
        """Paint over the largest errors, one stroke each, until little is left."""
        mask = mask.copy()
        while iou(mask, truth) < PAINTED_TO:
            error = mask ^ truth
            parts = [ndimage.binary_erosion(one, disk(radius)) for one in (error & truth, error & ~truth)]
            middles = [largest(part) for part in parts if part.any()]
            if not middles:
                return
            part = max(middles, key=np.count_nonzero)
            is_missing = bool(truth[part].mean() > 0.5)
            self._draw(to_and_fro(part, radius), "left" if is_missing else "right")
            self.page.wait_for_timeout(100)
            mask[ndimage.binary_dilation(part, disk(radius))] = is_missing

    def _outline(self, truth: np.ndarray) -> None:
        """Draw around each part of an object, the largest first in place of the mask; cut the holes out."""
        for number, (way, is_hole) in enumerate(outlines(truth)):
            if number == 0:
                self.page.keyboard.down("Shift")
            self._draw(way, "right" if is_hole else "left")
            if number == 0:
                self.page.keyboard.up("Shift")
                self.keys += 1
            self.settle()

    def _draw(self, way: Sequence[tuple[float, float]], button: Literal["left", "right"]) -> None:
        """Move along a way with a button held."""
        self.page.mouse.move(*self._at(way[0]))
        self.page.mouse.down(button=button)
        for point in way[1:]:
            self.page.mouse.move(*self._at(point))
        self.page.mouse.up(button=button)
        self.clicks += 1


# --- one clip, and what came of all


def label(name: str, *, is_before: bool, seconds: float) -> dict[str, Any]:
    """Label a clip in an app of its own, and return what it took."""
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as url, sync_playwright() as playwright:
        clip = cut(name, Path(folder))
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        with new_visitor(chromium) as visitor:
            visitor.set_default_timeout(60_000)
            page = open_page(visitor, url)
            page.get_by_label("Choose a video").set_input_files(str(clip.path))
            expect(page.get_by_role("application", name="Video frame 0 of")).to_be_visible(timeout=WAIT_MS)
            annotator = Annotator(page, clip, Path(folder) / "labels", is_before)
            begun = time.monotonic()
            try:
                scores = annotator.label(deadline)
            except BaseException:
                page.screenshot(path=Path(tempfile.gettempdir()) / "annotator.png")
                raise
            taken = time.monotonic() - begun
        chromium.close()
    row = {
        "clip": name, "side": "before" if is_before else "today", "frames": clip.frames, "given": len(clip.truth),
        "clicks": annotator.clicks, "keys": annotator.keys, "actions": annotator.clicks + annotator.keys,
        "corrections": dict(annotator.corrections), "seconds": round(taken),
        "iou_mean": round(float(np.mean(list(scores.values()))), 4), "iou_least": round(min(scores.values()), 4),
        "is_reached": min(scores.values()) >= GOAL,
    }  # fmt: skip
    print(row, flush=True)
    return row


def report(journal: Path) -> None:
    """Write both sides of every clip, and their sums, to a result file."""
    rows = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    sums = {
        side: {
            key: sum(row[key] for row in rows if row["side"] == side)
            for key in ("clicks", "keys", "actions", "seconds")
        }
        for side in ("before", "today")
    }
    load = machine_load()
    fewer = 1 - sums["today"]["actions"] / sums["before"]["actions"]
    values = {"goal_iou": GOAL, "rows": rows, "sums": sums, "fewer_actions_share": round(fewer, 3), **load}
    print(json.dumps(sums, indent=1), f"{fewer:.1%} fewer actions")
    print("->", write_result(named("annotator", load), values))


if __name__ == "__main__":
    main()
