"""Mask tools by menu and key, shapes between drawn frames, corrections that wait, and a run that goes on."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.studio import (
    LONG,
    drag,
    expect_masks,
    go_to_frame,
    lane,
    open_example,
    press,
    propagate,
    set_range,
)

pytestmark = pytest.mark.browser


def expect_step(page: Page, step: str) -> None:
    expect(page.get_by_role("button", name=f"Undo: {step}", exact=True)).to_be_enabled(timeout=LONG)


def paint(page: Page, frame: int, start: tuple[float, float], end: tuple[float, float]) -> None:
    go_to_frame(page, frame)
    press(page, "b")
    drag(page, start, end)
    expect(lane(page, 1)).to_contain_text("painted", timeout=LONG)
    press(page, "Escape")


def test_masks_are_cleaned_taken_along_and_followed_together(page: Page) -> None:
    open_example(page, "Who comes last?")
    paint(page, 0, (0.5, 0.4), (0.64, 0.4))
    page.locator("summary", has=page.locator("svg")).and_(page.get_by_label("Mask tools")).click()
    page.get_by_role("button", name="Grow", exact=True).click()
    expect_step(page, "grow object 1 on frame 0")
    press(page, "Shift+F")
    expect(page.get_by_text("there is nothing to change about the mask of object 1")).to_be_visible(timeout=LONG)
    paint(page, 4, (0.3, 0.6), (0.44, 0.6))
    go_to_frame(page, 2)
    press(page, "Shift+K")
    expect_step(page, "interpolate object 1 on 3 frames")
    expect_masks(page, 1, 5)
    expect(lane(page, 1)).to_contain_text("painted")
    set_range(page, 0, 7)
    propagate(page)
    expect_masks(page, 1, 8)
    press(page, "Shift+A")
    paint(page, 6, (0.3, 0.5), (0.44, 0.5))
    follow = page.get_by_role("button", name="Propagate corrections")
    expect(follow).to_be_enabled(timeout=LONG)
    expect(lane(page, 1)).to_contain_text("changed")
    follow.click()
    expect(page.get_by_role("button", name="Propagate", exact=True)).to_be_enabled(timeout=LONG)
    expect(lane(page, 1)).not_to_contain_text("changed", timeout=LONG)
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Corrections wait for Propagate")
