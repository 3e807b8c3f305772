"""Whole objects on the page: copied, by key and from the lane's menu."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.studio import LONG, drag, expect_masks, lane, open_example, press, propagate, set_range

pytestmark = pytest.mark.browser


def one_object_with_masks(page: Page, last: int = 5) -> None:
    open_example(page, "Who comes first?")
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
