"""A day without a mouse: twenty questions from new to accepted, by keys alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import App, open_page
from tests.browser.studio import LONG, lane
from veason.hub import ASSETS
from veason.project import Project

pytestmark = pytest.mark.browser

COUNT = 20
COUNT_POINTERS = "window.pointers = 0; addEventListener('pointerdown', () => { window.pointers += 1; }, true);"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on a project with twenty new questions about one clip."""
    folder = tmp_path_factory.mktemp("day")
    with Project.create(folder / "labels") as project:
        video = project.library.add_video(ASSETS / "examples" / "parade.mp4")
        for number in range(COUNT):
            project.library.add_question(video, f"thing {number}")
    one = App(folder, "--project", str(folder / "labels"))
    one.start()
    yield one
    one.stop()


def test_twenty_questions_go_from_new_to_accepted_without_a_mouse(app: App, context: BrowserContext) -> None:
    context.add_init_script(COUNT_POINTERS)
    page = open_page(context, app.url)
    page.get_by_role("button", name="Your queue").focus()
    page.keyboard.press("Enter")
    rows = page.get_by_role("listbox", name="Clips and instructions").get_by_role("option")
    expect(rows.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    for number in range(COUNT):
        expect(page.get_by_label("What should be segmented?")).to_have_value(f"thing {number}")
        expect(page.get_by_role("application", name="Video frame 0 of")).to_be_visible(timeout=LONG)
        page.keyboard.press("n")
        page.keyboard.press("Enter")  # a box in the middle
        figure = lane(page, 1).locator(".v-figure")
        expect(figure).to_contain_text("1 fr", timeout=LONG)
        page.keyboard.press("y")
        expect(figure).to_contain_text("verified")
        page.keyboard.press("Control+Enter")
    expect(page.get_by_text("nothing is left to review")).to_be_visible()
    expect(page.get_by_role("option").filter(has_text="accepted").first).to_be_visible()
    assert page.evaluate("window.pointers") == 0
    with Project.open(app.log.parent / "labels") as project:
        assert [one.status for one in project.library.questions()] == ["accepted"] * COUNT
        assert all(project.labels.state(one.id).marks == {(1, 0): "verified"} for one in project.library.questions())
