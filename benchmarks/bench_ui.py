"""How the page feels, measured in headless Chromium on the real app: edit to pixel, steps, a long clip, a long day.

    python benchmarks/bench_ui.py [--only pixel|steps|long|edits] [--edits N] [--clip FILE]

- pixel: from letting a dragged box go to the screen with its mask, beside the segmenter's time for that one frame;
  on the first example (640x360), or on any `--clip`.
- steps: from a key to the picture after it, frames at hand, with masks on.
- long: a clip of 1,000 frames with masks on all of them: frames a second while playing, from a place on the slider
  to its picture, a slider dragged through the whole clip, bytes of the page's heap before and after.
- edits: 2,000 edits in one sitting: a step, an edit's way to the server and back, and the heap, before and after.

Needs chromium and ffmpeg. A busy machine shows in the load average that stands beside the numbers.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright
from report import write_result

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.browser.conftest import CHROMIUM_FLAGS, open_page, running_app
from tests.browser.studio import drag, expect_masks, lane, open_example, propagate, set_range, upload
from veason.hub import ASSETS
from veason.types import ModelOptions

LONG_FRAMES = 1000
EDITS = 2000
PROPAGATION_MS = 1_200_000

STEP = """async ([key, times]) => {
    const stage = document.querySelector('.v-stage');
    const canvas = stage.querySelector('canvas');
    const work = [], shown = [];
    for (let number = 0; number < times; number += 1) {
        const before = canvas.dataset.shown, start = performance.now();
        stage.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        while (canvas.dataset.shown === before) await new Promise((done) => setTimeout(done, 0));
        work.push(performance.now() - start);
        await new Promise(requestAnimationFrame);
        shown.push(performance.now() - start);
    }
    return [work, shown];
}"""
"""Press a key so often; milliseconds until the canvas was drawn anew, and until the screen was due."""

RELEASE = """() => {
    const canvas = document.querySelector('.v-stage canvas');
    window.measured = new Promise((found) => {
        canvas.addEventListener('pointerup', () => {
            const start = performance.now();
            const before = canvas.dataset.masks;
            const watch = new MutationObserver(async () => {
                if (canvas.dataset.masks === before) return;
                watch.disconnect();
                await new Promise(requestAnimationFrame);
                found(performance.now() - start);
            });
            watch.observe(canvas, { attributes: true, attributeFilter: ['data-masks'] });
        }, { once: true });
    });
}"""
"""Watch for the next release of the pointer, then for the screen after the first mask that is drawn."""

SCRUB = """async (places) => {
    const slider = document.querySelector('[data-ref=slider]');
    const canvas = document.querySelector('.v-stage canvas');
    const taken = [];
    for (const place of places) {
        const start = performance.now();
        slider.value = place;
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        while (canvas.dataset.shown !== String(place)) await new Promise((done) => setTimeout(done, 1));
        taken.push(performance.now() - start);
    }
    return taken;
}"""

DRAG_SLIDER = """async (last) => {
    const slider = document.querySelector('[data-ref=slider]');
    const canvas = document.querySelector('.v-stage canvas');
    const seen = new Set();
    const watch = new MutationObserver(() => seen.add(canvas.dataset.shown));
    watch.observe(canvas, { attributes: true, attributeFilter: ['data-shown'] });
    for (let moved = 0; moved <= 180; moved += 1) {
        slider.value = Math.round((last * moved) / 180);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        await new Promise(requestAnimationFrame);
    }
    const start = performance.now();
    while (canvas.dataset.shown !== String(last)) await new Promise((done) => setTimeout(done, 1));
    watch.disconnect();
    return [seen.size, performance.now() - start];
}"""
"""Drag the slider from the first to the last frame in 180 moves, one a screen."""

PLAY = """async (seconds) => {
    const canvas = document.querySelector('.v-stage canvas');
    const seen = new Set(), gaps = [];
    document.querySelector('[data-ref=play]').click();
    const start = performance.now();
    let last = start;
    while (performance.now() - start < seconds * 1000) {
        await new Promise(requestAnimationFrame);
        gaps.push(performance.now() - last);
        last = performance.now();
        seen.add(canvas.dataset.shown);
    }
    document.querySelector('[data-ref=play]').click();
    return [seen.size, gaps];
}"""

NUDGE = """async ([times, first]) => {
    const stage = document.querySelector('.v-stage');
    const undo = document.querySelector('[data-ref=undo]');
    const taken = [];
    for (let number = 0; number < times; number += 1) {
        const start = performance.now();
        const told = new Promise((done) => {
            const watch = new MutationObserver(() => { watch.disconnect(); done(); });
            watch.observe(undo, { attributes: true, attributeFilter: ['title'] });
        });
        const key = (first + number) % 2 ? 'ArrowLeft' : 'ArrowRight';
        stage.dispatchEvent(new KeyboardEvent('keydown', { key, altKey: true, bubbles: true }));
        await told;
        taken.push(performance.now() - start);
    }
    return taken;
}"""
"""Nudge the box to and fro; milliseconds until the server's answer is on the page."""


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the largest of some milliseconds."""
    ordered = sorted(values)
    return {
        "median_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1),
        "max_ms": round(ordered[-1], 1),
        "count": len(ordered),
    }


def heap_mb(page: Page) -> float:
    """Return the page's heap after a collection, in MB."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    devtools.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    devtools.detach()
    return round(metrics["JSHeapUsedSize"] / 1e6, 2)


def wait_until_idle(page: Page) -> None:
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=PROPAGATION_MS)


def with_masks(page: Page, stop: int, clip: Path | None = None) -> None:
    """Open a clip, by default an example, with a box on frame 0 and masks on the first frames."""
    if clip is None:
        open_example(page, "Who comes last?")
    else:
        upload(page, str(clip))
        expect(page.get_by_role("application", name="Video frame 0 of")).to_be_visible(timeout=60_000)
    drag(page, (0.35, 0.4), (0.55, 0.75))
    expect(lane(page, 1)).to_contain_text("1 fr", timeout=60_000)
    set_range(page, 0, stop - 1)
    propagate(page)
    expect_masks(page, 1, stop)
    wait_until_idle(page)


def one_frame_ms(clip: Path) -> dict[str, float]:
    """Return the segmenter's own time for the mask of a moved box on its frame, features at hand, as in the app."""
    from veason.segmenter import load_segmenter
    from veason.types import Box, Prompt
    from veason.video import open_video

    segmenter = load_segmenter("nano", ModelOptions(device="cpu"))
    taken = []
    with open_video(clip) as video:
        width, height = video.info.size_wh
        for number in range(12):
            box = Box(0.35 * width + number, 0.4 * height, 0.55 * width + number, 0.75 * height)
            start = time.perf_counter()
            next(iter(segmenter.track(video, [Prompt(1, 0, box=box)], frames=(0, 1), order="nearest")))  # type: ignore[call-arg]  # one with orders
            taken.append((time.perf_counter() - start) * 1000)
    return spread(taken[2:])


def measure_pixel(page: Page, clip: Path | None = None) -> dict[str, Any]:
    """Drag the box's corner again and again, and wait each time for the mask that follows."""
    with_masks(page, 8, clip)
    taken: list[float] = []
    corner = (0.55, 0.75)
    for number in range(12):
        end = (0.5 + 0.012 * (number % 5), 0.68 + 0.015 * (number % 4))
        page.evaluate(RELEASE)
        drag(page, corner, end)
        corner = end
        taken.append(page.evaluate("() => window.measured"))
        wait_until_idle(page)
    segmenter = one_frame_ms(clip or ASSETS / "examples" / "parade.mp4")
    release = spread(taken[1:])
    over = release["median_ms"] - segmenter["median_ms"]
    return {
        "clip": "parade.mp4, 640x360" if clip is None else clip.name,
        "first_release_ms": round(taken[0], 1),
        "release_to_pixel": release,
        "segmenter_one_frame": segmenter,
        "overhead_median_ms": round(over, 1),
        "overhead_ratio": round(release["median_ms"] / segmenter["median_ms"], 2),
        "aim_ms": 150,
    }


def measure_steps(page: Page) -> dict[str, Any]:
    """Step to and fro over frames that are at hand, masks on."""
    with_masks(page, 40)
    stage = page.get_by_role("application")
    stage.focus()
    page.evaluate(STEP, ["ArrowRight", 39])
    page.evaluate(STEP, ["ArrowLeft", 39])
    work, shown = page.evaluate(STEP, ["ArrowRight", 39])
    return {"until_drawn": spread(work), "until_screen": spread(shown), "aim_ms": 50}


def measure_long(page: Page) -> dict[str, Any]:
    """Upload a clip of 1,000 frames, give every frame a mask, then scrub and play."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "long.mp4"
        source = str(ASSETS / "examples" / "parade.mp4")
        command = ["ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", source, "-frames:v", str(LONG_FRAMES)]
        subprocess.run([*command, "-an", "-pix_fmt", "yuv420p", str(clip)], check=True)
        upload(page, str(clip))
        expect(page.locator("[data-ref=clip]")).to_contain_text(f"{LONG_FRAMES} frames", timeout=60_000)
    empty = heap_mb(page)
    drag(page, (0.35, 0.4), (0.55, 0.75))
    expect(lane(page, 1)).to_contain_text("1 fr", timeout=60_000)
    set_range(page, 0, LONG_FRAMES - 1)
    begin = time.monotonic()
    propagate(page)
    expect(lane(page, 1)).to_contain_text(f"{LONG_FRAMES} fr", timeout=PROPAGATION_MS)
    wait_until_idle(page)
    propagated = time.monotonic() - begin
    full = heap_mb(page)
    places = [(number * 377) % LONG_FRAMES for number in range(1, 121)]
    scrubbed = page.evaluate(SCRUB, places)
    page.evaluate(SCRUB, [300])
    pictures, late = page.evaluate(DRAG_SLIDER, LONG_FRAMES - 1)
    page.evaluate(SCRUB, [300])
    seconds = 10
    count, gaps = page.evaluate(PLAY, seconds)
    return {
        "frames": LONG_FRAMES,
        "propagation_s": round(propagated, 1),
        "place_to_picture": spread(scrubbed),
        "slider_dragged": {"moves": 181, "pictures_seen": pictures, "last_picture_after_ms": round(late, 1)},
        "played_frames_per_s": round(count / seconds, 1),
        "source_fps": 24,
        "screen_gaps_while_playing": spread(gaps),
        "heap_before_masks_mb": empty,
        "heap_with_masks_mb": full,
        "heap_after_scrubbing_and_playing_mb": heap_mb(page),
    }


def measure_edits(page: Page, edits: int = EDITS) -> dict[str, Any]:
    """Make so many edits and see what became slower."""
    with_masks(page, 20)
    page.get_by_role("application").focus()

    def look() -> dict[str, Any]:
        wait_until_idle(page)
        page.evaluate(STEP, ["ArrowRight", 15])
        page.evaluate(STEP, ["ArrowLeft", 15])
        work, _ = page.evaluate(STEP, ["ArrowRight", 15])
        page.evaluate(STEP, ["ArrowLeft", 15])
        return {"step": spread(work), "heap_mb": heap_mb(page)}

    page.evaluate(NUDGE, [20, 0])  # connections and code are warm from here on
    page.wait_for_timeout(1500)
    before = look()
    first = page.evaluate(NUDGE, [100, 0])
    for number in range(100, edits - 100, 100):
        page.evaluate(NUDGE, [100, number])
    last = page.evaluate(NUDGE, [100, 0])
    page.wait_for_timeout(1500)
    after = look()
    return {"edits": edits, "before": before, "after": after, "first_100": spread(first), "last_100": spread(last)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("pixel", "steps", "long", "edits"))
    parser.add_argument("--edits", type=int, default=EDITS, help="how many edits to make (%(default)s)")
    parser.add_argument("--clip", type=Path, help="a clip for `pixel` instead of the example")
    args = parser.parse_args()
    only = args.only
    parts: dict[str, Callable[[Page], dict[str, Any]]] = {
        "pixel": partial(measure_pixel, clip=args.clip),
        "steps": measure_steps,
        "edits": partial(measure_edits, edits=args.edits),
        "long": measure_long,
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        running_app(Path(folder)) as url,
        sync_playwright() as play,
    ):
        path = next(one for one in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if os.path.exists(one))
        chromium = play.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        for name, measure in parts.items():
            if only not in (None, name):
                continue
            visitor = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
            visitor.set_default_timeout(60_000)
            visitor.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
            values = measure(open_page(visitor, url))
            busy = os.getloadavg()[0] > 1
            told = {**values, "note": "other work ran on the machine meanwhile" if busy else "nothing else ran"}
            print(name, told, flush=True)
            slug = name if args.clip is None else f"{name}-{args.clip.stem}"
            print("->", write_result(f"ui-{slug}", told), flush=True)
            visitor.close()
        chromium.close()


if __name__ == "__main__":
    main()
