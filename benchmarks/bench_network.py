"""How long the page takes over a slow network, in headless Chromium on the real app.

    python benchmarks/bench_network.py [--mbit 1] [--latency 40] [--times 3] [--shots DIR]

The network is made slow by Chromium itself (`Network.emulateNetworkConditions`), both ways, with an empty cache.

- welcome: from the address to a welcome page whose examples can be seen and chosen. What is chosen before the scripts
  have come is kept, and opened once they have.
- ready: from the address to a page all of which works.
- first picture: from a click on an example of a page that is ready to its first picture on the stage, which comes
  small before it is exact.
- address to picture: from the address, with the example chosen as soon as it is to be seen, to that picture.

The bytes are what came over the network by then. On a busy machine the load average says what the seconds are worth.
`--shots` keeps a picture of both moments.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from report import write_result
from timing import machine_load, named

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.browser.conftest import CHROMIUM_FLAGS, new_visitor, running_app

EXAMPLE = "Who comes last?"
WAIT_MS = 120_000
WELCOME_S, PICTURE_S = 3.0, 5.0
"""What is asked at 1 Mbit/s."""

SHOWN = "[role=application]:not([data-waiting])"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mbit", type=float, default=1.0, help="megabits a second, both ways (%(default)s)")
    parser.add_argument(
        "--latency", type=float, default=40.0, help="milliseconds of a way there and back (%(default)s)"
    )
    parser.add_argument("--times", type=int, default=3, help="visitors one after another (%(default)s)")
    parser.add_argument("--shots", type=Path, help="a folder for pictures of the page")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        visit(browser, url, 1000.0, 0.0)  # the server's first visitor pays for what is made once
        line = (arguments.mbit, arguments.latency)
        found = [
            visit(browser, url, *line, arguments.shots) | visit(browser, url, *line, is_hasty=True)
            for _ in range(arguments.times)
        ]
        browser.close()
    load = machine_load()
    values = {
        "mbit_per_second": arguments.mbit, "latency_ms": arguments.latency, "visitors": arguments.times,
        "asked": {"welcome_s": WELCOME_S, "first_picture_s": PICTURE_S},
        **{key: round(statistics.median(one[key] for one in found), 2) for key in found[0]},
        "all": found,
        **load,
    }  # fmt: skip
    print(values)
    print("->", write_result(named("network", load), values))


def visit(
    browser: Browser, url: str, mbit: float, latency: float, shots: Path | None = None, *, is_hasty: bool = False
) -> dict[str, float]:
    """Return the seconds and bytes of one visitor who has never been here; a hasty one waits for no script."""
    with new_visitor(browser) as visitor:
        page = visitor.new_page()
        session = visitor.new_cdp_session(page)
        session.send("Network.enable")
        rate = mbit * 1e6 / 8
        slow = {"offline": False, "latency": latency, "downloadThroughput": rate, "uploadThroughput": rate}
        session.send("Network.emulateNetworkConditions", slow)
        came: list[float] = []

        def loaded(event: dict[str, Any]) -> None:
            came.append(event["encodedDataLength"])

        session.on("Network.loadingFinished", loaded)
        example = page.get_by_role("button", name=EXAMPLE).first
        start = time.monotonic()
        page.goto(url, wait_until="commit")
        example.wait_for(timeout=WAIT_MS)
        welcome, welcome_bytes = time.monotonic() - start, sum(came)
        _shoot(page, shots, "welcome")
        if is_hasty:
            example.click(timeout=WAIT_MS)
            _wait_for_picture(page)
            return {"address_to_picture_s": round(time.monotonic() - start, 2)}
        page.locator('.v-app[data-ready="true"]').wait_for(timeout=WAIT_MS)
        ready, ready_bytes = time.monotonic() - start, sum(came)
        start = time.monotonic()
        example.click(timeout=WAIT_MS)
        _wait_for_picture(page)
        picture, picture_bytes = time.monotonic() - start, sum(came) - ready_bytes
        _shoot(page, shots, "studio")
        return {
            "welcome_s": round(welcome, 2), "welcome_bytes": welcome_bytes,
            "ready_s": round(ready, 2), "ready_bytes": ready_bytes,
            "first_picture_s": round(picture, 2), "picture_bytes": picture_bytes,
        }  # fmt: skip


def _wait_for_picture(page: Any) -> None:
    page.locator(SHOWN).wait_for(timeout=WAIT_MS)
    page.locator(".v-stage canvas[data-shown]").wait_for(timeout=WAIT_MS)


def _shoot(page: Any, folder: Path | None, name: str) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    main()
