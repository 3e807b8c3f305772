"""A project on a read-only disk, in the real app: it can be looked at and exported, and says why it does not change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import App, open_page
from tests.browser.studio import LONG, drag, expect_masks, lane
from tests.disks import may_mount
from veason.annotation import GotMasks, PutPrompt, Tracked
from veason.hub import ASSETS
from veason.masks import encode_mask
from veason.project import Project
from veason.types import Box, FrameMasks, ObjectMask, Prompt

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not may_mount(), reason="only root may make a disk read-only")]

WHY = "This project is read-only"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with accepted masks on three frames."""
    place = tmp_path_factory.mktemp("shut")
    with Project.create(place / "labels") as project:
        video = project.library.add_video(ASSETS / "examples" / "parade.mp4", copy=True)
        question = project.library.add_question(video, "the star that is not yellow")
        width, height = project.library.video(video).size_wh
        mask = np.zeros((height, width), bool)
        mask[20:120, 10:110] = True
        square = ObjectMask(encode_mask(mask), 9.0)
        project.labels.record(question, PutPrompt(Prompt(1, 0, box=Box(10, 20, 110, 120))))
        project.labels.follow(question, [GotMasks(FrameMasks(frame, {1: square})) for frame in range(3)])
        project.labels.follow(question, [Tracked(frozenset({1}))])
        project.queue.accept(question)
    return place / "labels"


@pytest.fixture(scope="module")
def app(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    one = App(tmp_path_factory.mktemp("log"), "--project", str(folder), shut=folder)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def page(app: App, context: BrowserContext) -> Iterator[Page]:
    errors: list[str] = []
    page = open_page(context, app.url, errors)
    page.get_by_role("button", name="Your queue").click()
    yield page
    assert errors == [], "script errors on the page"


def test_the_queue_says_so_and_offers_nothing_that_would_fail(page: Page) -> None:
    expect(page.get_by_text("read-only", exact=True)).to_be_visible()
    expect(page.get_by_text(WHY)).to_be_visible()
    expect(page.locator("[data-row]")).to_contain_text("accepted")
    expect(page.get_by_role("button", name="Add clips")).to_be_disabled()
    expect(page.get_by_role("button", name="Pre-label all")).to_be_disabled()
    page.keyboard.press("x")
    expect(page.get_by_text("is read-only: copy the project")).to_be_visible()
    expect(page.locator("[data-row]")).to_contain_text("accepted")


def test_labels_are_looked_at_and_an_edit_is_refused_in_words(page: Page, folder: Path) -> None:
    before = (folder / "project.sqlite").read_bytes()
    rows = page.get_by_role("listbox", name="Clips and instructions")
    expect(rows.get_by_role("option")).to_have_attribute("aria-selected", "true")  # Enter opens the row that is chosen
    rows.focus()
    page.keyboard.press("Enter")
    expect_masks(page, 1, 3)
    expect(page.get_by_text("read-only", exact=True)).to_be_visible()
    drag(page, (0.6, 0.6), (0.8, 0.8))
    expect(page.get_by_text("is read-only: copy the project")).to_be_visible(timeout=LONG)
    expect(lane(page, 2)).to_be_hidden()
    assert (folder / "project.sqlite").read_bytes() == before


def test_labels_are_exported_all_the_same(page: Page) -> None:
    page.get_by_role("button", name="Export, import").click()
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    page.get_by_role("radio", name="coco").check()
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Export as ZIP").click()
    assert download.value.suggested_filename == "labels-coco.zip"
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Download the whole project").click()
    assert download.value.suggested_filename == "labels.zip"
