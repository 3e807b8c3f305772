"""The words of the browser tests: what a visitor does on the page, by role and label."""

from __future__ import annotations

import re
from typing import Literal

from playwright.sync_api import FloatRect, Locator, Page, expect

LONG = 60_000
"""Milliseconds to wait for a model on a busy machine."""


QUESTION = "the star that is not yellow"
"""A question that the example "Who comes last?" has an answer to."""


def press(page: Page, *keys: str) -> None:
    """Press keys on the stage."""
    page.get_by_role("application").focus()
    for key in keys:
        page.keyboard.press(key)


def open_example(page: Page, title: str) -> None:
    page.get_by_role("button", name=title).click()
    expect(page.get_by_role("application", name="Video frame 0 of")).to_be_visible(timeout=LONG)


def upload(page: Page, path: str) -> None:
    page.get_by_label("Choose a video").set_input_files(path)


def ask(page: Page, instruction: str) -> None:
    page.get_by_label("What should be segmented?").fill(instruction)
    page.get_by_role("button", name="Think").click()


def verdict(page: Page) -> Locator:
    """The line under the reasoning that holds the keyframe and the boxes."""
    return page.locator('[data-verdict="found"]')


def expect_answer(page: Page) -> None:
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)
    expect(verdict(page)).to_be_visible(timeout=LONG)


def keyframe_cell(page: Page) -> Locator:
    return page.get_by_role("group", name="Frames shown to the policy").get_by_role("button", name=", keyframe")


def set_range(page: Page, first: int, last: int) -> None:
    page.get_by_label("First frame to segment").fill(str(first))
    page.get_by_label("Last frame to segment").fill(str(last))


def propagate(page: Page) -> None:
    page.get_by_role("button", name="Propagate", exact=True).click()


def lane(page: Page, object_id: int) -> Locator:
    return page.locator(f'[data-object="{object_id}"]')


def expect_masks(page: Page, object_id: int, count: int) -> None:
    """Wait for so many masks; that none came for `LONG` is an error, that a busy machine makes them slowly is not."""
    done = re.compile(rf"^{count} of ")  # an empty mask is one too
    figure = lane(page, object_id).locator(".v-figure")
    before = None
    while True:
        try:
            expect(figure).to_have_attribute("title", done, timeout=LONG)
        except AssertionError:
            now = figure.get_attribute("title")
            if now == before:
                raise
            before = now
        else:
            return


def _picture(page: Page) -> FloatRect:
    """Wait for a picture on the stage, without which nothing can be drawn there, and return where it is."""
    expect(page.get_by_role("application")).not_to_have_attribute("data-waiting", "")
    area = page.locator(".v-stage canvas").bounding_box()
    assert area is not None
    return area


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag on the frame from one place to another, both as shares of its width and height."""
    area = _picture(page)
    page.mouse.move(area["x"] + start[0] * area["width"], area["y"] + start[1] * area["height"])
    page.mouse.down()
    page.mouse.move(area["x"] + end[0] * area["width"], area["y"] + end[1] * area["height"], steps=5)
    page.mouse.up()


def click(page: Page, place: tuple[float, float], button: Literal["left", "right"] = "left") -> None:
    """Click on the frame at a place given as shares of its width and height."""
    area = _picture(page)
    page.mouse.click(area["x"] + place[0] * area["width"], area["y"] + place[1] * area["height"], button=button)


def go_to_frame(page: Page, frame: int) -> None:
    field = page.get_by_label("Frame number")
    field.fill(str(frame))
    field.press("Enter")
    expect(page.get_by_role("application", name=f"Video frame {frame} of")).to_be_visible()
