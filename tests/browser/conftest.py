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
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

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


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app on its embedded models."""
    with running_app(tmp_path_factory.mktemp("app") / "log.txt") as url:
        yield url


@contextmanager
def running_app(log: Path, *flags: str) -> Iterator[str]:
    """Run the app in a process of its own and give its address."""
    port = free_port()
    command = [sys.executable, str(ROOT / "app.py"), "--no-browser", "--port", str(port), *flags]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        url = f"http://127.0.0.1:{port}/"
        try:
            wait_until_it_answers(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)
            print(log.read_text()[-4000:])


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
    visitor = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark", accept_downloads=True)
    visitor.set_default_timeout(20_000)
    visitor.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
    yield visitor
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
