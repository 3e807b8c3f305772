"""The queue in the real app: filled, pre-labelled, worked through with the keyboard alone, exported and imported."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.conftest import App, open_page
from tests.browser.findings import findings
from tests.project.made import put_mark
from veason.annotation import GotMasks, PutPrompt, Tracked
from veason.hub import ASSETS
from veason.masks import decode_mask
from veason.project import Project
from veason.types import Box, FrameMasks, ObjectMask, Prompt

pytestmark = pytest.mark.browser

PARADE, CHASE = (ASSETS / "examples" / f"{name}.mp4" for name in ("parade", "chase"))
WORDS = ("the star that is not yellow", "the latecomer")


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a question that was answered and two that are new."""
    folder = tmp_path_factory.mktemp("queue") / "labels"
    with Project.create(folder) as project:
        video = project.library.add_video(PARADE)
        done = project.library.add_question(video, WORDS[0])
        project.library.add_question(video, WORDS[1])
        project.labels.record(done, PutPrompt(Prompt(1, 0, box=Box(10, 20, 110, 120))))
        project.labels.follow(done, [GotMasks(FrameMasks(frame, {1: square(project, video)})) for frame in range(3)])
        project.labels.follow(done, [Tracked(frozenset({1}))])
        project.queue.set_status(done, "proposed")
        project.library.add_question(project.library.add_video(CHASE), "the pursuer")
    return folder


def square(project: Project, video: int) -> ObjectMask:
    from veason.masks import encode_mask

    width, height = project.library.video(video).size_wh
    mask = np.zeros((height, width), bool)
    mask[20:120, 10:110] = True
    return ObjectMask(encode_mask(mask), 9.0)


@pytest.fixture(scope="module")
def app(labels: Path) -> Iterator[App]:
    one = App(labels.parent, "--project", str(labels))
    one.start()
    yield one
    one.stop()


@pytest.fixture
def queue(app: App, context: BrowserContext) -> Iterator[Page]:
    errors: list[str] = []
    page = open_page(context, app.url, errors)
    page.get_by_role("button", name="Your queue").click()
    expect(rows(page).first).to_be_visible()
    yield page
    assert errors == [], "script errors on the page"


def rows(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Clips and instructions").get_by_role("option")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_the_queue_is_worked_through_by_keyboard_alone(queue: Page, labels: Path) -> None:
    expect(rows(queue).nth(0)).to_have_attribute("aria-selected", "true")
    press(queue, "ArrowDown", "ArrowUp", "Enter")
    stage = queue.get_by_role("application")
    expect(stage).to_be_focused()
    expect(queue.get_by_label("What should be segmented?")).to_have_value(WORDS[0])
    press(queue, "ArrowRight", "Shift+M")
    queue.keyboard.type("cut the shadow away")
    press(queue, "Enter", "Escape")
    expect(queue.get_by_role("button", name="Go to frame 1", exact=True)).to_be_visible()
    press(queue, "Control+Enter")
    expect(queue.get_by_label("What should be segmented?")).to_have_value(WORDS[1])
    press(queue, "Control+Backspace")
    expect(queue.get_by_label("What should be segmented?")).to_have_value("the pursuer")
    press(queue, "PageUp")
    expect(queue.get_by_label("What should be segmented?")).to_have_value(WORDS[1])
    press(queue, "i")
    expect(rows(queue).nth(0)).to_contain_text("accepted")
    expect(rows(queue).nth(0)).to_contain_text("1 comment")
    expect(rows(queue).nth(1)).to_contain_text("rejected")
    press(queue, "r")
    expect(rows(queue).nth(1)).to_contain_text("in review")
    press(queue, "/")
    queue.keyboard.type("pursuer")
    press(queue, "Enter")
    expect(rows(queue)).to_have_count(1)
    with Project.open(labels) as project:
        assert [one.status for one in project.library.questions()] == ["accepted", "in review", "new"]
        assert project.queue.comments(1)[0].frame_index == 1


def test_a_reviewer_gives_a_second_opinion_on_accepted_labels(queue: Page, labels: Path) -> None:
    with Project.open(labels) as project:
        project.queue.accept(1)
    queue.get_by_role("textbox", name="Your name").fill("Bo")
    queue.get_by_role("listbox", name="Clips and instructions").focus()
    press(queue, "Home", "Enter")
    queue.get_by_role("button", name="Disagree").click()
    expect(queue.get_by_text("Bo disagrees")).to_be_visible()
    expect(queue.get_by_label("Comment on this frame")).to_be_focused()
    press(queue, "Escape", "i")
    expect(rows(queue).nth(0)).to_contain_text("Bo disagrees")
    expect(rows(queue).nth(0)).to_contain_text("disputed")
    queue.get_by_role("button", name="disputed 1").click()
    expect(rows(queue)).to_have_count(1)
    queue.get_by_role("button", name="all 3").click()
    queue.get_by_role("listbox", name="Clips and instructions").focus()
    press(queue, "Home", "g")
    expect(rows(queue).nth(0)).to_contain_text("Bo agrees")
    expect(rows(queue).nth(0)).to_contain_text("accepted")


def test_what_a_reviewer_disagrees_with_is_exported_only_where_it_is_asked_for(queue: Page, labels: Path) -> None:
    with Project.open(labels) as project:
        project.queue.accept(1)
        project.queue.judge(1, "disagree", annotator="Bo")
    expect(rows(queue).nth(0)).to_contain_text("disputed")
    queue.get_by_role("button", name="Export, import").click()
    queue.get_by_role("radio", name="coco").check()
    queue.get_by_role("button", name="Export as ZIP").click()
    expect(queue.get_by_text("1 accepted questions that a reviewer disagrees with")).to_be_visible(timeout=60_000)
    queue.get_by_label("and 1 that a reviewer disagrees with").check()
    with queue.expect_download(timeout=60_000):
        queue.get_by_role("button", name="Export as ZIP").click()
    with Project.open(labels) as project:
        project.queue.judge(1, "agree", annotator="Bo")


def test_the_numbers_of_the_project_are_told(queue: Page) -> None:
    queue.get_by_role("button", name="Numbers").click()
    numbers = queue.get_by_role("dialog", name="Numbers")
    expect(numbers.get_by_text("questions done")).to_be_visible()
    expect(numbers.get_by_role("group", name="People")).to_contain_text("without a name")
    expect(numbers.get_by_role("group", name="Clips")).to_contain_text("parade.mp4")
    expect(numbers.get_by_role("group", name="Edits")).to_contain_text("boxes, clicks, paintings")
    numbers.get_by_role("button", name="Close").click()


def test_a_long_queue_holds_only_the_rows_in_sight_and_keeps_its_place(tmp_path: Path, context: BrowserContext) -> None:
    with Project.create(tmp_path / "labels") as project:
        video = project.library.add_video(PARADE)
        with project.atomic():
            for number in range(300):
                project.library.add_question(video, f"thing {number}")
    app = App(tmp_path, "--project", str(tmp_path / "labels"))
    app.start()
    try:
        page = open_page(context, app.url)
        page.get_by_role("button", name="Your queue").click()
        expect(rows(page).nth(0)).to_contain_text("thing 0")
        assert rows(page).count() < 60
        press(page, "End")
        last = rows(page).filter(has_text="thing 299")
        expect(last).to_be_in_viewport()
        expect(last).to_have_attribute("aria-posinset", "300")
        expect(last).to_have_attribute("aria-selected", "true")
        press(page, "PageUp")
        page.get_by_role("button", name="new 300").click()
        press(page, "x")
        expect(page.get_by_role("button", name="new 299")).to_be_visible()
        expect(rows(page).filter(has_text="thing 290")).to_have_attribute("aria-selected", "true")
        page.get_by_label("Search clips").fill("thing 17")
        expect(rows(page)).to_have_count(11)
    finally:
        app.stop()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious_in_the_queue_and_its_dialogs(app: App, browser: Browser, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
    page = open_page(context, f"{app.url}?__theme={scheme}")
    page.get_by_role("button", name="Your queue").click()
    expect(rows(page).first).to_be_visible()
    assert findings(page) == []
    for name in ("Numbers", "Export, import", "Add clips"):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert findings(page) == []
        page.keyboard.press("Escape")
    context.close()


def test_an_export_holds_the_very_masks_and_says_what_it_left_out(queue: Page, labels: Path, tmp_path: Path) -> None:
    with Project.open(labels) as project:
        project.queue.accept(1)
        stored = [decode_mask(one.rle) for one in project.labels.masks(1)]
    queue.get_by_role("button", name="Export, import").click()
    queue.get_by_role("radio", name="davis").check()
    with queue.expect_download(timeout=60_000) as download:
        queue.get_by_role("button", name="Export as ZIP").click()
    expect(queue.get_by_text("left out: 2 questions that are not accepted")).to_be_visible()
    path = tmp_path / "labels.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if "/Annotations" in f"/{name}" and name.endswith(".png"))
        masks = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) == 1 for name in names]
    assert len(masks) == 3
    assert all(np.array_equal(mask, kept) for mask, kept in zip(masks, stored, strict=True))


def test_labels_are_imported_for_review(queue: Page, labels: Path, tmp_path: Path) -> None:
    with Project.open(labels) as project:
        project.queue.accept(1)
        before = len(project.library.questions())
    queue.get_by_role("button", name="Export, import").click()
    queue.get_by_role("radio", name="coco").check()
    with queue.expect_download(timeout=60_000) as download:
        queue.get_by_role("button", name="Export as ZIP").click()
    path = tmp_path / "labels.zip"
    download.value.save_as(path)
    with Project.open(labels) as project:
        put_mark(project, 1, 1, (0, 1), "absent")  # else they would be there already
    queue.get_by_label("Format of the labels").select_option("coco")
    queue.get_by_label("Labels to import").set_input_files(path)
    queue.get_by_role("button", name="Import", exact=True).click()
    expect(queue.get_by_text("they wait for review")).to_be_visible(timeout=60_000)
    expect(rows(queue)).to_have_count(before + 1)


def test_clips_are_added_and_pre_labelled_while_the_page_goes_on(
    app: App, context: BrowserContext, labels: Path
) -> None:
    page = open_page(context, app.url)
    page.get_by_role("button", name="Your queue").click()
    before = rows(page).count() if rows(page).first.is_visible() else 0
    page.get_by_role("button", name="Add clips").first.click()
    page.get_by_label("Choose clips").set_input_files([ASSETS / "examples" / "cover.mp4"])
    page.get_by_label("One instruction a line").fill("every star")
    page.get_by_role("button", name="Add to the queue").click()
    expect(page.get_by_text("Added 1 clip and 1 question.")).to_be_visible(timeout=60_000)
    expect(rows(page).last).to_contain_text("every star")
    page.get_by_role("button", name="Pre-label all").click()
    expect(page.get_by_text("Pre-labelling 0 of")).to_be_visible()
    expect(rows(page).filter(has_text="the pursuer")).to_contain_text("proposed", timeout=90_000)
    expect(page.get_by_role("button", name="Pre-label all")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("no answer is recorded for 'every star'").first).to_be_visible()
    assert rows(page).count() > before


def test_a_question_is_given_to_a_person_and_a_second_one(queue: Page) -> None:
    queue.get_by_role("textbox", name="Your name").fill("Ada")
    queue.get_by_role("listbox", name="Clips and instructions").focus()
    press(queue, "Home", "p")
    dialog = queue.get_by_role("dialog", name="Who should label this?")
    expect(dialog.get_by_label("Name, empty for nobody")).to_be_focused()
    queue.keyboard.type("Cy")
    press(queue, "Enter")
    expect(dialog).to_be_hidden()
    expect(rows(queue).nth(0)).to_contain_text("Cy")
    before = rows(queue).count()
    press(queue, "p")
    dialog.get_by_label("as a second annotator").check()
    dialog.get_by_role("button", name="Ada (you)").click()
    expect(rows(queue)).to_have_count(before + 1)
    expect(rows(queue).filter(has_text="Ada").filter(has_text="new")).to_contain_text("second version")
