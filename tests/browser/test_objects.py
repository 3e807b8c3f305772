"""Whole objects on the page: copied, merged and marked occluded, by key, button and from the lane's menu."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.studio import LONG, drag, expect_masks, go_to_frame, lane, open_example, press, propagate, set_range

pytestmark = pytest.mark.browser


def one_object_with_masks(page: Page, last: int = 5) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.4), (0.4, 0.8))
    expect(lane(page, 1)).to_contain_text("1 fr", timeout=LONG)
    set_range(page, 0, last)
    propagate(page)
    expect_masks(page, 1, last + 1)


def test_an_object_is_duplicated_by_key_and_from_its_menu(page: Page) -> None:
    one_object_with_masks(page)
    press(page, "Control+d")
    expect_masks(page, 2, 6)
    expect(page.get_by_role("button", name="object 2", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_label("More for object 1").first.click()
    page.get_by_role("button", name="Duplicate: object 1").click()
    expect_masks(page, 3, 6)
    page.get_by_role("button", name="Undo: duplicate object 1 as object 3").click()
    expect(lane(page, 3)).to_have_count(0)
    page.reload()
    expect_masks(page, 2, 6)


def two_objects_with_masks(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.1, 0.4), (0.3, 0.8))
    press(page, "n")
    drag(page, (0.6, 0.2), (0.9, 0.6))
    expect(lane(page, 2)).to_contain_text("1 fr", timeout=LONG)
    set_range(page, 0, 5)
    propagate(page)
    expect_masks(page, 2, 6)


def test_m_and_a_number_merge_two_objects_and_one_undo_brings_both_back(page: Page) -> None:
    two_objects_with_masks(page)
    press(page, "m")
    expect(page.get_by_text("Press the number of the object that object 2 goes into")).to_be_visible()
    expect(page.get_by_role("button", name="Merge object 2 into object 1")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Merge object 2 into object 1")).to_be_hidden()
    press(page, "m", "1")
    expect(lane(page, 2)).to_have_count(0)
    expect_masks(page, 1, 6)
    page.get_by_role("button", name="Undo: merge object 2 into object 1").click()
    expect_masks(page, 2, 6)
    page.get_by_label("More for object 1").first.click()
    page.get_by_role("button", name="Merge object 1 into object 2").click()
    expect(lane(page, 1)).to_have_count(0)
    expect(page.get_by_role("button", name="object 2", exact=True)).to_have_attribute("aria-pressed", "true")


def test_one_object_alone_has_nothing_to_be_merged_into(page: Page) -> None:
    one_object_with_masks(page, 1)
    press(page, "m")
    expect(page.get_by_text("There is no other object to merge it into")).to_be_visible()


def test_an_object_is_occluded_on_a_frame_and_on_a_range_and_stays_so(page: Page) -> None:
    one_object_with_masks(page)
    here = page.get_by_role("button", name="Occluded here")
    press(page, "Home", "q")
    expect(here).to_have_attribute("aria-pressed", "true")
    expect(lane(page, 1)).to_contain_text("occluded")
    here.click()
    expect(here).to_have_attribute("aria-pressed", "false")
    set_range(page, 2, 4)
    page.get_by_role("button", name="is occluded").click()
    expect(page.get_by_role("button", name="Undo: mark object 1 occluded on frames 2 to 4")).to_be_enabled()
    page.reload()
    go_to_frame(page, 4)
    expect(here).to_have_attribute("aria-pressed", "true")
    press(page, "ArrowRight")
    expect(here).to_have_attribute("aria-pressed", "false")
    go_to_frame(page, 20)
    press(page, "q")
    expect(page.get_by_text("no mask on frame 20 yet")).to_be_visible()


def test_a_lane_counts_no_frames_that_are_marked_absent(page: Page) -> None:
    one_object_with_masks(page)
    set_range(page, 2, 3)
    page.get_by_role("button", name="object is absent").click()
    told = re.compile("1 with a mask, 3 empty, 0 doubtful, 2 marked absent")
    expect(lane(page, 1).locator(".v-figure")).to_have_attribute("title", told)
