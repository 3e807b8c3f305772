"""The real app on a free port, and headless Chromium on it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.disks import seeing_read_only

expect.set_options(timeout=20_000)  # a machine that tests other things too is slow to draw

ROOT = Path(__file__).parent.parent.parent
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the app ended with code {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"the app did not answer on {url} within {seconds} s")


class App:
    """The app on its embedded models, in a process of its own that can be killed and started again."""

    def __init__(self, folder: Path, *flags: str, shut: Path | None = None) -> None:
        """Take a folder for its log, flags of `app.py`, and a folder that it sees as lying on a read-only disk.

        Without a policy among the flags it answers from recordings: the same words at the same speed every time.
        """
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.log = folder / "log.txt"
        policy = [] if "--policy" in flags else ["--policy", "scripted"]
        command = [sys.executable, str(ROOT / "app.py"), "--no-browser", "--port", str(self.port), *policy, *flags]
        self._command = command if shut is None else seeing_read_only(shut, command)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output)
        try:
            wait_until_it_answers(self.url, self._process)
        except BaseException:  # also where the test is ended meanwhile: nobody else knows of the process
            self.kill()
            raise

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(timeout=20)

    def stop(self) -> None:
        """End it in good order."""
        self._process.terminate()
        self._process.wait(timeout=60)
        print(self.log.read_text()[-4000:])


@contextmanager
def running_app(folder: Path, *flags: str) -> Iterator[str]:
    """Run the app with a project of its own in a folder and give its address."""
    app = App(folder, "--project", str(folder / "labels"), *flags)
    app.start()
    try:
        yield app.url
    finally:
        app.stop()


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app that most tests share."""
    with running_app(tmp_path_factory.mktemp("app")) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all tests."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor of their own who has seen the tour: dark, 1280x800."""
    with new_visitor(browser) as visitor:
        yield visitor


@contextmanager
def new_visitor(browser: Browser) -> Iterator[BrowserContext]:
    """Give a visitor like that of `context`, for pages that several tests share."""
    visitor = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark", accept_downloads=True)
    visitor.set_default_timeout(20_000)
    visitor.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
    try:
        yield visitor
    finally:
        visitor.close()


@pytest.fixture
def page(context: BrowserContext, app_url: str) -> Iterator[Page]:
    """The welcome page, ready; a script error on it fails the test that caused it."""
    errors: list[str] = []
    yield open_page(context, app_url, errors)
    assert errors == [], "script errors on the page"


def open_page(context: BrowserContext, url: str, errors: list[str] | None = None) -> Page:
    """Open a page of the app and wait until its script runs; script errors go into `errors`."""
    page = context.new_page()
    if errors is not None:
        page.on("pageerror", lambda error: errors.append(f"{error.message}\n{error.stack}"))
    page.goto(url)
    page.locator('.v-app[data-ready="true"]').wait_for()
    return page
