"""Make the moving picture and the screens of the documentation from the real app on its embedded models.

    python docs/scripts/pictures.py            # needs Chromium and ffmpeg; writes docs/images/*.png and answer.gif

The moving picture shows a question being answered and corrected. It runs at the speed of the machine that it was made
on, with waits cut short; the hand is drawn in, since a headless browser has none.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.browser.conftest import CHROMIUM_FLAGS, App, open_page, running_app
from tests.browser.studio import go_to_frame, open_example
from veason.cli import main as veason
from veason.hub import ASSETS

IMAGES = Path(__file__).parent.parent / "images"
QUESTION = "the pursuer"
LONGEST_S = 0.22
"""No frame of the film stands longer, unless it is meant to."""

LAST_S = 2.5
SIZE = {"width": 1536, "height": 864}
WRONG_FRAME, RIGHT_BOX = 28, (0.655, 0.36, 0.83, 0.675)
"""A frame on which the mask of the pursuer takes in what it pursues, and the box that is right, in shares of it."""

GIF_WIDTH = 1080

HAND = """
addEventListener('DOMContentLoaded', () => {
  const hand = document.createElement('div');
  hand.innerHTML = '<svg width="22" height="22" viewBox="0 0 24 24"><path d="M5 2l14 12-6 .8L16 22l-3 1-3-7-5 4z" ' +
    'fill="#fff" stroke="#000" stroke-width="1.4"/></svg>';
  hand.style.cssText = 'position:fixed;z-index:99999;pointer-events:none;left:-40px;top:-40px';
  document.body.append(hand);
  addEventListener('pointermove', (at) => {
    hand.style.left = at.clientX + 'px';
    hand.style.top = at.clientY + 'px';
  }, true);
});
"""


class Film:
    """Screenshots of a page with the seconds at which they were taken."""

    def __init__(self, page: Page, folder: Path) -> None:
        """Take the page to film and the folder for its frames."""
        self._page, self._folder = page, folder
        self._shots: list[tuple[Path, float]] = []

    def shoot(self) -> None:
        """Take one frame."""
        file = self._folder / f"{len(self._shots):04d}.png"
        self._page.screenshot(path=file)
        self._shots.append((file, time.monotonic()))

    def shoot_while(self, is_going_on: Callable[[], bool], longest_s: float = 120) -> None:
        """Take frames until a condition on the page no longer holds."""
        end = time.monotonic() + longest_s
        while is_going_on():
            self.shoot()
            if time.monotonic() > end:
                raise SystemExit(f"the app was not done after {longest_s:.0f} s")
        self.shoot()

    def rest(self, seconds: float) -> None:
        """Let the last frame stand for some seconds."""
        file, at = self._shots[-1]
        self._shots.append((file, at + seconds))

    def write(self, target: Path) -> None:
        """Write the frames as a GIF of `GIF_WIDTH`, each as long as it stood, at most `LONGEST_S`."""
        lines = []
        for (file, at), (following, after) in itertools.pairwise(self._shots):
            seconds = after - at if following == file else min(after - at, LONGEST_S)
            lines += [f"file '{file}'", f"duration {max(seconds, 0.02):.3f}"]
        listing = self._folder / "frames.txt"
        listing.write_text("\n".join(lines) + "\n")
        palette = "split[a][b];[a]palettegen=max_colors=160:stats_mode=diff[p]"
        filters = (
            f"fps=10,scale={GIF_WIDTH}:-1:flags=lanczos,{palette};[b][p]paletteuse=dither=none:diff_mode=rectangle"
        )
        command = ["ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(listing)]
        subprocess.run([*command, "-vf", filters, str(target)], check=True)


def glide(page: Page, film: Film, start: tuple[float, float], end: tuple[float, float], steps: int = 6) -> None:
    """Move the hand in a line and film it."""
    for step in range(1, steps + 1):
        share = step / steps
        page.mouse.move(start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)
        film.shoot()


def middle(page: Page, name: str) -> tuple[float, float]:
    """Return the middle of a button."""
    box = page.get_by_role("button", name=name, exact=True).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def has(page: Page, where: str, what: str) -> bool:
    """Tell whether a part of the page says something, and the models are at rest."""
    part = page.locator(where)
    is_said = part.count() > 0 and what in part.first.inner_text()
    return is_said and page.get_by_role("button", name="Stop").is_disabled()


def film_an_answer(page: Page, folder: Path) -> None:
    """Ask, watch the answer and the masks come, correct a box, and watch the masks follow."""
    open_example(page, "The chase")
    film = Film(page, folder)
    film.shoot()
    page.get_by_label("What should be segmented?").click()
    for words in ("the", QUESTION):
        page.get_by_label("What should be segmented?").fill(words)
        film.shoot()
    glide(page, film, (760, 330), middle(page, "Think"))
    page.mouse.down()
    page.mouse.up()
    film.shoot_while(lambda: not has(page, '[data-verdict="found"]', ""))
    film.rest(1.5)
    glide(page, film, middle(page, "Think"), middle(page, "Propagate"))
    page.mouse.down()
    page.mouse.up()
    film.shoot_while(lambda: not has(page, '[data-object="1"]', "96 fr"))
    film.rest(0.6)
    correct_a_box(page, film)
    film.write(IMAGES / "answer.gif")


def correct_a_box(page: Page, film: Film) -> None:
    """Go to a frame where the mask runs into a neighbour, draw a box around the object, and wait for the masks."""
    go_to_frame(page, WRONG_FRAME)
    film.shoot()
    film.rest(1.2)
    area = page.locator(".v-stage canvas").bounding_box()
    assert area is not None
    (left, top), (right, bottom) = (
        (area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in (RIGHT_BOX[:2], RIGHT_BOX[2:])
    )
    glide(page, film, middle(page, "Propagate"), (left, top), 4)
    page.mouse.down()
    glide(page, film, (left, top), (right, bottom))
    page.mouse.up()
    film.shoot_while(lambda: not has(page, '[data-object="1"]', "corrected"))
    film.rest(LAST_S)


@contextmanager
def new_page(browser: Browser, url: str, scheme: str, size: dict[str, int]) -> Iterator[Page]:
    """Open the app as a visitor who has seen the tour."""
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    context.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
    context.add_init_script(HAND)
    try:
        yield open_page(context, url)
    finally:
        context.close()


def fill_a_queue(folder: Path) -> Path:
    """Return a project with the example clips and their questions, most of them answered ahead."""
    project, table = folder / "labels", folder / "questions.csv"
    asked = {
        "parade": ("the star that is not yellow", "the latecomer"), "hide": ("the object that enters",),
        "chase": ("the pursuer", "the pink block"), "collide": ("what is pushed",),
        "cover": ("the square that is hidden",),
    }  # fmt: skip
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["instruction", "video"])
        writer.writerows([words, f"{clip}.mp4"] for clip, questions in asked.items() for words in questions)
    veason(["project", "new", str(project)])
    veason(["project", "add", str(project), str(ASSETS / "examples"), "--instructions", str(table)])
    veason(["project", "prelabel", str(project), "--policy", "nano", "--segmenter", "nano"])
    return project


def show_the_queue(page: Page) -> None:
    """Open the queue and wait for its rows, with a picture in each."""
    page.get_by_role("button", name=re.compile("^Queue")).click()
    expect(page.get_by_text("the pursuer").first).to_be_visible()
    pictures = "() => [...document.querySelectorAll('.v-thumb')].every((one) => one.style.backgroundImage)"
    page.wait_for_function(pictures)
    page.mouse.move(-50, -50)


def decide_some(page: Page) -> None:
    """Accept two answers and reject one, as kim."""
    page.get_by_placeholder("your name").fill("kim")
    page.get_by_placeholder("your name").press("Enter")
    for words, key in (("the pursuer", "a"), ("what is pushed", "a"), ("the latecomer", "x")):
        page.get_by_text(words, exact=True).first.click()
        page.keyboard.press(key)
        expect(page.get_by_text("accepted" if key == "a" else "rejected").first).to_be_visible()
    page.mouse.move(-50, -50)


def film(browser: Browser, folder: Path) -> None:
    """Make the moving picture, and screens of where it ends, in both colours."""
    with running_app(folder, "--policy", "nano") as url, new_page(browser, url, "dark", SIZE) as page:
        film_an_answer(page, folder)
        for scheme in ("dark", "light"):
            with new_page(browser, page.url, scheme, SIZE) as later:
                go_to_frame(later, WRONG_FRAME)
                later.screenshot(path=IMAGES / f"studio-{scheme}.png")


def queue(browser: Browser, folder: Path) -> None:
    """Make screens of a queue in both colours."""
    app = App(folder, "--project", str(fill_a_queue(folder)))
    app.start()
    for scheme in ("dark", "light"):
        with new_page(browser, app.url, scheme, SIZE) as page:
            show_the_queue(page)
            if scheme == "dark":
                decide_some(page)
            page.screenshot(path=IMAGES / f"queue-{scheme}.png")
    app.stop()


def main() -> None:
    """Make what is asked for, or everything."""
    parts = {"film": film, "queue": queue}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{' | '.join(parts)} (both)")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        for name in parser.parse_args().parts or parts:
            Path(folder, name).mkdir()
            parts[name](browser, Path(folder, name))
        browser.close()


if __name__ == "__main__":
    main()
