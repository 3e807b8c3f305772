"""For everybody: no serious finding of axe-core, keys alone, and a phone in the hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import open_page
from tests.browser.findings import findings
from tests.browser.studio import (
    LONG,
    QUESTION,
    ask,
    drag,
    expect_answer,
    expect_masks,
    keyframe_cell,
    lane,
    open_example,
    propagate,
    set_range,
    verdict,
)

pytestmark = pytest.mark.browser


@pytest.fixture(params=["dark", "light"])
def visitor(request: pytest.FixtureRequest, browser: Browser, app_url: str) -> Iterator[Page]:
    """A page in dark, then in light."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=request.param)
    context.set_default_timeout(20_000)
    context.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
    yield open_page(context, f"{app_url}?__theme={request.param}")
    context.close()


def test_axe_finds_nothing_serious_from_the_welcome_page_to_masks(visitor: Page) -> None:
    assert findings(visitor) == []
    open_example(visitor, "Who comes last?")
    assert findings(visitor) == []
    ask(visitor, QUESTION)
    expect_answer(visitor)
    set_range(visitor, 10, 14)
    propagate(visitor)
    expect(lane(visitor, 1)).to_contain_text("5 fr", timeout=LONG)
    visitor.get_by_role("button", name="Brush").click()
    assert findings(visitor) == []
    visitor.get_by_role("button", name="Keys and help").click()
    expect(visitor.get_by_role("dialog", name="Keys")).to_be_visible()
    assert findings(visitor) == []


def test_everything_from_asking_to_accepting_works_by_keys_alone(page: Page) -> None:
    page.get_by_role("button", name="Who comes last?").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("application", name="Video frame 0 of")).to_be_visible(timeout=LONG)
    page.get_by_label("What should be segmented?").focus()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect_answer(page)
    page.get_by_role("application").focus()
    page.keyboard.press("Control+b")
    expect(lane(page, 1)).to_contain_text(" fr", timeout=LONG)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)
    page.keyboard.press("y")
    expect(lane(page, 1)).to_contain_text("verified")
    page.keyboard.press("Tab")
    expect(page.get_by_role("application")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_role("application")).not_to_be_focused()


def test_on_a_phone_a_clip_is_watched_asked_about_and_its_mask_accepted(browser: Browser, app_url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.set_default_timeout(20_000)
    context.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
    page = open_page(context, app_url)
    page.get_by_role("button", name="Who comes last?").tap()
    expect(page.get_by_role("application", name="Video frame 0 of")).to_be_visible(timeout=LONG)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name=QUESTION).tap()
    expect_answer(page)
    expect(keyframe_cell(page)).to_have_count(1)
    set_range(page, 12, 14)
    page.get_by_role("button", name="Propagate", exact=True).tap()
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)
    page.get_by_role("button", name="Mask is right here").tap()
    expect(lane(page, 1)).to_contain_text("verified")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


@pytest.mark.parametrize(("width", "height"), [pytest.param(1280, 720, id="small"), pytest.param(390, 844, id="phone")])
def test_accepting_is_in_view_when_there_is_something_to_accept(
    browser: Browser, app_url: str, width: int, height: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(20_000)
    context.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
    page = open_page(context, app_url)
    open_example(page, "Who comes last?")
    accept = page.get_by_role("button", name="Accept, next")
    expect(accept).to_be_in_viewport(ratio=1)
    ask(page, QUESTION)
    expect_answer(page)
    page.evaluate("window.scrollTo(0, 0)")
    expect(accept).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Propagate", exact=True)).not_to_contain_class("v-ghost")
    expect(accept).to_contain_class("v-ghost")
    context.close()


def test_on_a_narrow_page_a_typed_range_is_propagated_at_the_first_click(browser: Browser, app_url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(20_000)
    context.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
    page = open_page(context, app_url)
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect_masks(page, 1, 1)
    set_range(page, 0, 3)
    propagate(page)
    expect_masks(page, 1, 4)
    context.close()


def test_a_finger_draws_a_box_and_two_zoom(browser: Browser, app_url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.set_default_timeout(20_000)
    context.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
    page = open_page(context, app_url)
    page.get_by_role("button", name="Who comes last?").tap()
    expect(page.get_by_role("application", name="Video frame 0 of")).to_be_visible(timeout=LONG)
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(verdict(page)).to_contain_text("★ 0")
    area = page.locator(".v-stage canvas").bounding_box()
    assert area is not None
    fingers = context.new_cdp_session(page)
    middle = (area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)

    def touch(kind: str, apart: float) -> None:
        points = [{"x": middle[0] - apart, "y": middle[1]}, {"x": middle[0] + apart, "y": middle[1]}]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if kind != "touchEnd" else []})

    touch("touchStart", 30)
    for apart in (45, 60, 75, 90):
        touch("touchMove", apart)
    touch("touchEnd", 0)
    expect(page.get_by_role("group", name="Zoom").get_by_role("button", name="%")).not_to_have_text("100 %")
    context.close()
