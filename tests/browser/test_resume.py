"""Nothing is lost: refresh, a killed server, a second tab, a project that cannot be written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import App, open_page
from tests.browser.studio import (
    LONG,
    QUESTION,
    ask,
    drag,
    expect_answer,
    lane,
    open_example,
    propagate,
    set_range,
    verdict,
)
from veason.project import Project
from veason.project.folder import unpack

pytestmark = pytest.mark.browser


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """An app of the test's own, to be killed."""
    one = App(tmp_path, "--project", str(tmp_path / "labels"))
    one.start()
    yield one
    one.stop()


def saved(page: Page) -> None:
    expect(page.get_by_role("status").get_by_text("saved", exact=True)).to_be_visible()


def test_a_killed_server_gives_everything_back_by_the_link(app: App, context: BrowserContext) -> None:
    page = open_page(context, app.url)
    open_example(page, "Who comes last?")
    ask(page, QUESTION)
    expect_answer(page)
    drag(page, (0.2, 0.2), (0.5, 0.6))
    saved(page)
    set_range(page, 0, 2)  # after the box: one outside of the range would move it
    propagate(page)
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=60_000)
    told, line = page.get_by_label("Reasoning text").text_content(), verdict(page).text_content() or ""
    lanes = page.locator(".v-lane").all_text_contents()
    last = page.get_by_label("Last frame to segment").input_value()
    assert last != "95"
    app.kill()
    app.start()
    later = open_page(context, page.url)
    expect(verdict(later)).to_have_text(line)
    expect(later.get_by_label("Last frame to segment")).to_have_value(last)
    expect(later.get_by_label("What should be segmented?")).to_have_value(QUESTION)
    assert later.get_by_label("Reasoning text").text_content() == told
    assert later.locator(".v-lane").all_text_contents() == lanes
    later.get_by_role("button", name="Undo").click()
    expect(later.get_by_role("button", name="Redo")).to_be_enabled()
    expect(verdict(later)).not_to_have_text(line)
    later.get_by_role("button", name="Redo").click()
    expect(verdict(later)).to_have_text(line)
    expect(page.get_by_text("Connection lost")).to_be_hidden()  # the old tab, never reloaded, goes on as well
    expect(verdict(page)).to_have_text(line)
    drag(page, (0.6, 0.2), (0.8, 0.4))
    expect(verdict(page)).not_to_have_text(line)
    saved(page)


def test_a_second_tab_sees_the_change_and_overwrites_nothing(page: Page, context: BrowserContext) -> None:
    open_example(page, "The chase")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(lane(page, 1)).to_be_visible()
    saved(page)
    second = open_page(context, page.url)
    expect(lane(second, 1)).to_be_visible()
    drag(page, (0.6, 0.6), (0.8, 0.8))
    saved(page)
    second.bring_to_front()
    expect(second.get_by_text("This was changed in another tab")).to_be_visible(timeout=15_000)
    expect(verdict(second)).to_have_text(verdict(page).text_content() or "")


def test_masks_that_were_streaming_survive_a_kill(app: App, context: BrowserContext) -> None:
    page = open_page(context, app.url)
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(lane(page, 1)).to_be_visible()
    propagate(page)
    expect(page.get_by_text("of 96 frames")).to_be_visible(timeout=60_000)
    page.wait_for_function("document.querySelector('[data-ref=status]').textContent.match(/^([3-9]\\d|\\d{3}) of/)")
    app.kill()
    app.start()
    with Project.open(app.log.parent / "labels") as project:
        (question,) = project.library.questions()
        kept = len(project.labels.state(question.id).tracks[1].frames)
    assert kept > 5
    later = open_page(context, page.url)
    expect(lane(later, 1)).to_contain_text(f"{kept} fr")


def test_a_visitor_of_a_public_page_has_a_project_of_their_own(tmp_path: Path, context: BrowserContext) -> None:
    one = App(tmp_path, "--visitors", str(tmp_path / "visitors"))
    one.start()
    try:
        page = open_page(context, one.url)
        open_example(page, "Who comes last?")
        drag(page, (0.2, 0.2), (0.5, 0.6))
        saved(page)
        (folder,) = (tmp_path / "visitors").iterdir()
        assert folder.name in page.url
        page.get_by_role("button", name="Open another").click()
        open_example(page, "The chase")
        assert folder.name in page.url
        assert list((tmp_path / "visitors").iterdir()) == [folder]
    finally:
        one.stop()


def test_a_visitor_takes_the_whole_project_home_and_to_another_server(tmp_path: Path, context: BrowserContext) -> None:
    first, second = (App(tmp_path, "--visitors", str(tmp_path / name)) for name in ("here", "there"))
    first.start()
    second.start()
    try:
        page = open_page(context, first.url)
        open_example(page, "Who comes last?")
        drag(page, (0.2, 0.2), (0.5, 0.6))
        saved(page)
        lanes = page.locator(".v-lane").count()
        page.get_by_role("button", name="Queue", exact=True).click()
        expect(page.get_by_text("The server keeps it for 48 hours after the last change")).to_be_visible()
        with page.expect_download(timeout=LONG) as download:
            page.get_by_role("button", name="Download the whole project").click()
        path = tmp_path / "project.zip"
        download.value.save_as(path)
        with unpack(path, tmp_path / "home") as project:
            (question,) = project.library.questions()
            assert project.labels.state(question.id).object_ids == (1,)
            project.library.open_video(question.video_id).close()  # the clip came along
        other = open_page(context, second.url)
        other.get_by_role("button", name="Queue", exact=True).click()
        other.get_by_role("button", name="Export, import").click()
        other.get_by_label("Format of the labels").select_option("project")
        other.get_by_label("Labels to import").set_input_files(path)
        other.get_by_role("button", name="Import", exact=True).click()
        expect(other.get_by_text("Your project is here again.")).to_be_visible(timeout=LONG)
        other.get_by_role("option", name="no words yet").dblclick()
        expect(lane(other, 1)).to_be_visible()
        assert other.locator(".v-lane").count() == lanes
    finally:
        first.stop()
        second.stop()
