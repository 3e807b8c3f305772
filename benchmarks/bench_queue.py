"""How a long queue feels, measured in headless Chromium on the real app: 1,000 clips, each with a question.

    python benchmarks/bench_queue.py [--clips N] [--folder DIR]

Makes the clips (small, but real files, so that each row has its picture), labels most of them through the calls that
the app uses (answers, masks, corrections, comments, verdicts), then measures on the page:

Times ending in _work_ms are the page's own, layout included; the others run until the screen was due, the waiting for
its next picture included.

- open: from a click on the queue to its rows on the screen; link: the same from the address bar.
- keys: an arrow, Page Down, End and Home; filter: a status; search: each letter; order: most doubtful first.
- wheel: frames a second while the wheel turns through the whole list, and the longest gap between two.
- accept: from the key to the row that says so, with the server's answer, and what that answer weighs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright
from report import write_result

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.browser.conftest import CHROMIUM_FLAGS, App, open_page
from veason.annotation import Asked, GotAnswer, GotMasks, PutPrompt, Tracked
from veason.masks import encode_mask
from veason.project import Project
from veason.types import Answer, Box, FrameMasks, ObjectMask, Prompt
from veason.video.writer import VideoWriter

SIZE_WH, FRAMES, OBJECTS = (320, 180), 24, 2
PEOPLE = ("Ada", "Bo", "Cy")
WAYS = ("enters first", "leaves last", "is hidden behind the others for a while", "moves against the rest")

WORDS = "street-0777"

UNTIL_SHOWN = """
const shown = async (isThere) => {
    while (!isThere()) await new Promise((done) => setTimeout(done, 0));
    await new Promise(requestAnimationFrame);
};
const rows = () => document.querySelectorAll('.v-qrow');
const list = document.querySelector('.v-rows');
const press = (key) => list.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
const work = [], taken = [];
const timed = async (act, isThere = () => true) => {
    const start = performance.now();
    act();
    document.body.offsetHeight; // the layout belongs to it
    work.push(performance.now() - start);
    await shown(isThere);
    taken.push(performance.now() - start);
};
const chosen = () => document.querySelector('.v-qrow[aria-selected=true]')?.dataset.row;
"""

OPEN = f"""async () => {{ {UNTIL_SHOWN}
    const start = performance.now();
    document.querySelector('[data-ref=openQueue]').click();
    await shown(() => rows().length);
    return performance.now() - start;
}}"""

KEY = f"""async ([key, times]) => {{ {UNTIL_SHOWN}
    for (let number = 0; number < times; number += 1) {{
        const before = chosen();
        await timed(() => press(key), () => chosen() !== before);
    }}
    return {{ work, taken }};
}}"""

FILTER = f"""async (statuses) => {{ {UNTIL_SHOWN}
    const chip = (status) => document.querySelector(`.v-filter[data-status="${{status}}"]`);
    for (const status of statuses) {{
        await timed(() => chip(status).click(), () => chip(status).getAttribute('aria-pressed') === 'true');
    }}
    return {{ work, taken }};
}}"""

SET = f"""async ([ref, event, values]) => {{ {UNTIL_SHOWN}
    const field = document.querySelector(`[data-ref=${{ref}}]`);
    for (const value of values) {{
        await timed(() => {{
            field.value = value;
            field.dispatchEvent(new Event(event, {{ bubbles: true }}));
        }});
    }}
    return {{ work, taken }};
}}"""
"""Put values into a field one after the other, as typing or choosing does."""

ACCEPT = f"""async (times) => {{ {UNTIL_SHOWN}
    for (let number = 0; number < times; number += 1) {{
        const row = chosen();
        await timed(() => press('a'), () => chosen() !== row);
        await new Promise((done) => setTimeout(done, 500)); // as a person would
    }}
    return taken;
}}"""

WATCH_FRAMES = """() => {
    window.gaps = [];
    let last = performance.now();
    const tick = () => {
        const now = performance.now();
        window.gaps.push(now - last);
        last = now;
        window.ticking = requestAnimationFrame(tick);
    };
    window.ticking = requestAnimationFrame(tick);
}"""

WEIGH = """() => ({
    nodes: document.querySelectorAll('*').length,
    rows: document.querySelectorAll('.v-qrow').length,
    heap_mb: performance.memory.usedJSHeapSize / 1e6,
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--folder", help="keep the made project here and use it again")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(args.folder or made)
        labels = folder / "labels"
        if not labels.exists():
            start = time.perf_counter()
            make(folder, args.clips)
            print(f"made {args.clips} clips in {time.perf_counter() - start:.0f} s")
        app = App(folder, "--project", str(labels))
        app.start()
        try:
            values = {"clips": args.clips, **measure(app)}
        finally:
            app.stop()
    for name, value in values.items():
        print(f"{name}: {value}")
    write_result("queue", values)


def make(folder: Path, clips: int) -> None:
    """Make the clips and a queue in every state."""
    (folder / "clips").mkdir(parents=True)
    with Project.create(folder / "labels") as project:
        for number in range(clips):
            path = folder / "clips" / f"street-{number:04d}.mp4"
            with VideoWriter(path, SIZE_WH, 25.0) as writer:
                for frame in range(FRAMES):
                    writer.write(picture(number, frame))
            video = project.library.add_video(path)
            with project.atomic():
                question = project.library.add_question(video, f"the block that {WAYS[number % 4]}", PEOPLE[number % 3])
                label(project, question, number)


def picture(number: int, frame: int) -> np.ndarray:
    """Return a picture with two blocks on a ground that is another for each clip."""
    width, height = SIZE_WH
    image = np.empty((height, width, 3), np.uint8)
    image[:] = (40 + number * 37 % 120, 40 + number * 53 % 120, 40 + number * 71 % 120)
    for bit in range(10):  # no two clips are equal: they would be one
        image[160:180, 32 * bit : 32 * bit + 32] = 255 * (number >> bit & 1)
    for object_id in range(1, OBJECTS + 1):
        rows, columns = place(object_id, frame, number)
        image[rows, columns] = (220, 90 * object_id, 60)
    return image


def place(object_id: int, frame: int, number: int) -> tuple[slice, slice]:
    left = 10 + 8 * frame + number % 40
    return slice(60 * object_id - 40, 60 * object_id), slice(left, left + 50)


def label(project: Project, question: int, number: int) -> None:
    """Bring a question to where one in its place of a long queue may be."""
    if number % 10 == 0:
        return  # nobody has come so far
    key = FRAMES // 2
    boxes = []
    for object_id in range(1, OBJECTS + 1):
        rows, columns = place(object_id, key, number)
        boxes.append(Box(columns.start, rows.start, columns.stop, rows.stop))
    words = project.library.question(question).instruction
    answer = Answer("Two blocks move. The upper one is first.", key, tuple(boxes), text="<think>...")
    prompts = tuple(Prompt(place_ + 1, key, box=box) for place_, box in enumerate(boxes))
    project.labels.follow(question, [Asked(words, (0, key)), GotAnswer(answer, prompts)], source="policy")
    masks = []
    for frame in range(FRAMES):
        found = {}
        for object_id in range(1, OBJECTS + 1):
            mask = np.zeros(SIZE_WH[::-1], bool)
            mask[place(object_id, frame, number)] = True
            found[object_id] = ObjectMask(encode_mask(mask), 5.0)
        masks.append(GotMasks(FrameMasks(frame, found)))
    project.labels.follow(question, [*masks, Tracked(frozenset(range(1, OBJECTS + 1)))], source="segmenter")
    project.queue.set_doubt(question, number * 37 % 100 / 100)
    project.queue.set_status(question, "proposed", source="prelabel")
    if number % 10 < 4:
        return
    who = PEOPLE[number % 3]
    for edit in range(3):
        project.labels.record(question, PutPrompt(Prompt(1, edit, box=Box(10, 20, 60 + edit, 70))), annotator=who)
    project.queue.set_status(question, "in review", annotator=who)
    if number % 7 == 0:
        project.queue.comment(question, "look at the edge", 3, annotator="Bo")
    if number % 10 < 6:
        return
    project.queue.set_status(question, "rejected" if number % 10 == 9 else "accepted", annotator=who)
    if number % 10 < 9 and number % 4 == 0:
        project.queue.judge(question, "disagree" if number % 12 == 0 else "agree", annotator=PEOPLE[(number + 1) % 3])


def measure(app: App) -> dict[str, Any]:
    """Drive the page and return milliseconds by what was done."""
    values: dict[str, Any] = {}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*CHROMIUM_FLAGS, "--enable-precise-memory-info"]
        )
        visitor = chromium.new_context(viewport={"width": 1280, "height": 800})
        visitor.set_default_timeout(120_000)
        visitor.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
        page = open_page(visitor, app.url)
        values["open_ms"] = [page.evaluate(OPEN)]
        for _ in range(4):
            page.goto(app.url)
            page.locator('.v-app[data-ready="true"]').wait_for()
            page.wait_for_timeout(500)
            values["open_ms"].append(page.evaluate(OPEN))
        link = page.url
        start = time.perf_counter()
        page.goto(link)
        page.locator(".v-qrow").first.wait_for()
        values["link_to_rows_ms"] = 1000 * (time.perf_counter() - start)
        values["at_first"] = weigh(page)
        keys = (("arrow", "ArrowDown", 40), ("page_down", "PageDown", 5), ("end", "End", 1), ("home", "Home", 1))
        for name, key, times in (*keys, ("to_end", "End", 1), ("arrow_at_end", "ArrowUp", 20)):
            values |= both(name, page.evaluate(KEY, [key, times]))
        values["at_end"] = weigh(page)
        values |= both("filter", page.evaluate(FILTER, ["accepted", "new", "rejected", "all"] * 3))
        letters = [WORDS[:length] for length in range(1, len(WORDS) + 1)]
        values |= both("search", page.evaluate(SET, ["search", "input", [*letters, ""]]))
        values |= both("order", page.evaluate(SET, ["order", "change", ["doubt", "clip", "iou", "added"] * 2]))
        values |= turn_wheel(page)
        page.evaluate(FILTER, ["proposed"])
        with page.expect_response(lambda one: "component_server" in one.url and len(one.body()) > 50_000) as answer:
            values["accept_ms"] = page.evaluate(ACCEPT, 10)
        values["answer_of_the_server_kb"] = len(answer.value.body()) / 1e3
        chromium.close()
    return {name: summary(value) if isinstance(value, list) else rounded(value) for name, value in values.items()}


def turn_wheel(page: Page) -> dict[str, Any]:
    """Turn the wheel over the list for so long as there is more of it; show more where it is offered."""
    page.mouse.move(640, 500)
    page.evaluate(WATCH_FRAMES)
    start = time.perf_counter()
    for _ in range(300):
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(16)
    seconds = time.perf_counter() - start
    gaps = page.evaluate("() => { cancelAnimationFrame(window.ticking); return window.gaps; }")
    page.evaluate("() => window.scrollTo(0, 0)")
    return {"wheel_frames_a_second": len(gaps) / seconds, "wheel_gap_ms": gaps, "after_wheel": weigh(page)}


def both(name: str, measured: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the page's own work and the time until the screen showed it, under the name of what was done."""
    return {f"{name}_work_ms": measured["work"], f"{name}_ms": measured["taken"]}


def weigh(page: Page) -> dict[str, float]:
    return {name: round(value, 1) for name, value in page.evaluate(WEIGH).items()}


def summary(times: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(times), 1), "longest": round(max(times), 1), "count": len(times)}


def rounded(value: Any) -> Any:
    return round(value, 1) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
