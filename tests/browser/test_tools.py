"""Brush, eraser and polygon, verified frames, corners by key, steps by name, forward and backward."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.studio import (
    LONG,
    click,
    drag,
    expect_masks,
    go_to_frame,
    lane,
    open_example,
    press,
    propagate,
    set_range,
    verdict,
)

pytestmark = pytest.mark.browser


def toolbox(page: Page) -> Locator:
    return page.get_by_role("group", name="Tool in hand")


def expect_quiet(page: Page) -> None:
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)


def downloaded_masks(page: Page) -> dict[int, np.ndarray]:
    page.get_by_text("Download", exact=True).click()
    with page.expect_download(timeout=LONG) as download:
        page.get_by_role("button", name="Masks palette").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        return {int(name[-9:-4]): np.array(Image.open(io.BytesIO(archive.read(name)))) for name in archive.namelist()}


def test_a_painted_mask_stays_to_the_pixel_while_the_rest_follows_it(page: Page) -> None:
    open_example(page, "Who comes last?")
    press(page, "b")
    drag(page, (0.5, 0.4), (0.64, 0.4))  # over a star
    expect(lane(page, 1)).to_contain_text("painted", timeout=LONG)
    drag(page, (0.57, 0.3), (0.57, 0.5))
    expect_quiet(page)
    before = downloaded_masks(page)
    assert list(before) == [0]
    middle, end, above = before[0][144, 365], before[0][144, 320], before[0][110, 365]
    assert (middle, end, above, before[0][300, 500]) == (1, 1, 1, 0)
    set_range(page, 0, 3)
    propagate(page)
    expect_masks(page, 1, 4)
    expect_quiet(page)
    after = downloaded_masks(page)
    assert np.array_equal(before[0], after[0])
    assert after[1].any()


def test_the_eraser_takes_away_and_undo_gives_back(page: Page) -> None:
    open_example(page, "Who comes last?")
    press(page, "b", "}", "}", "}")
    expect(toolbox(page)).to_contain_text(re.compile(r"Brush (4\d|5\d) px"))
    drag(page, (0.3, 0.5), (0.6, 0.5))
    expect(lane(page, 1)).to_contain_text("painted", timeout=LONG)
    press(page, "x")
    expect(page.get_by_role("button", name="Eraser")).to_have_attribute("aria-pressed", "true")
    drag(page, (0.45, 0.4), (0.45, 0.6))
    expect(page.get_by_role("button", name="Undo: paint object 1 on frame 0")).to_be_enabled()
    erased = downloaded_masks(page)[0]
    assert erased[180, 288] == 0
    assert erased[180, 200] == 1
    press(page, "Control+z")
    expect(page.get_by_role("button", name="Redo: paint object 1 on frame 0")).to_be_enabled()
    assert downloaded_masks(page)[0][180, 288] == 1


def test_wiping_everything_away_is_not_a_mask_but_advice(page: Page) -> None:
    open_example(page, "Who comes last?")
    press(page, "b")
    drag(page, (0.4, 0.5), (0.42, 0.5))
    expect(lane(page, 1)).to_contain_text("painted", timeout=LONG)
    press(page, "x", "}", "}", "}", "}", "}")
    drag(page, (0.38, 0.5), (0.44, 0.5))
    expect(page.get_by_text("Nothing is left of the mask here.")).to_be_visible()
    assert downloaded_masks(page)[0].any()


def test_a_polygon_is_closed_by_enter_and_cut_out_with_alt(page: Page) -> None:
    open_example(page, "Who comes last?")
    page.get_by_role("button", name="Polygon").click()
    for corner in ((0.2, 0.2), (0.6, 0.2), (0.6, 0.8), (0.9, 0.9)):
        click(page, corner)
    press(page, "Delete")  # the last corner was a slip
    click(page, (0.2, 0.8))
    press(page, "Enter")
    expect(lane(page, 1)).to_contain_text("painted", timeout=LONG)
    for corner in ((0.3, 0.4), (0.5, 0.4), (0.4, 0.6)):
        click(page, corner)
    page.keyboard.down("Alt")
    click(page, (0.3, 0.4))
    page.keyboard.up("Alt")
    expect(page.get_by_role("button", name="Undo: paint object 1 on frame 0")).to_be_enabled()
    expect_quiet(page)
    mask = downloaded_masks(page)[0]
    assert (mask[90, 150], mask[160, 256], mask[330, 580]) == (1, 0, 0)
    press(page, "Escape")
    expect(toolbox(page)).to_be_hidden()


def draw_around(
    page: Page, corners: Sequence[tuple[float, float]], *, button: Literal["left", "right"] = "left"
) -> None:
    """Move around an area with a button held."""
    area = page.locator(".v-stage canvas").bounding_box()
    assert area is not None
    places = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down(button=button)
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up(button=button)


def test_an_outline_is_drawn_in_one_go_added_cut_out_or_put_in_place_of_the_mask(page: Page) -> None:
    open_example(page, "Who comes last?")
    press(page, "w")
    draw_around(page, ((0.2, 0.2), (0.6, 0.2), (0.6, 0.8), (0.2, 0.8), (0.2, 0.25)))
    expect(lane(page, 1)).to_contain_text("painted", timeout=LONG)
    draw_around(page, ((0.3, 0.4), (0.5, 0.4), (0.5, 0.6), (0.3, 0.6), (0.3, 0.45)), button="right")
    expect(page.get_by_role("button", name="Undo: paint object 1 on frame 0")).to_be_enabled()
    expect_quiet(page)
    mask = downloaded_masks(page)[0]
    assert (mask[90, 150], mask[180, 256], mask[330, 580]) == (1, 0, 0)
    page.keyboard.down("Shift")
    draw_around(page, ((0.8, 0.8), (0.95, 0.8), (0.95, 0.95), (0.8, 0.95), (0.8, 0.85)))
    page.keyboard.up("Shift")
    expect_quiet(page)
    mask = downloaded_masks(page)[0]
    assert (mask[90, 150], mask[310, 560]) == (0, 1)
    click(page, (0.5, 0.5), button="right")  # no corner: nothing is begun
    press(page, "Enter", "Escape")
    expect(toolbox(page)).to_be_hidden()
    assert np.array_equal(downloaded_masks(page)[0], mask)


def test_a_verified_frame_is_shown_kept_and_given_back(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(lane(page, 1)).to_be_visible()
    set_range(page, 0, 5)
    propagate(page)
    expect_masks(page, 1, 6)
    expect_quiet(page)
    go_to_frame(page, 3)
    press(page, "y")
    expect(lane(page, 1)).to_contain_text("verified")
    expect(page.get_by_role("button", name="Mask is right here")).to_have_attribute("aria-pressed", "true")
    before = downloaded_masks(page)
    go_to_frame(page, 0)
    drag(page, (0.35, 0.4), (0.55, 0.5))
    expect(page.get_by_role("button", name="Undo: move the box of object 1 on frame 0")).to_be_enabled()
    expect_quiet(page)
    after = downloaded_masks(page)
    same = [frame for frame in range(6) if np.array_equal(before[frame], after[frame])]
    assert {3, 4, 5} <= set(same)
    assert 0 not in same
    go_to_frame(page, 3)
    press(page, "y")
    expect(lane(page, 1)).to_contain_text("propagated")


def test_a_range_is_verified_at_once_or_it_is_said_what_is_missing(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    set_range(page, 0, 4)
    propagate(page)
    expect_masks(page, 1, 5)
    expect_quiet(page)
    chosen = page.get_by_role("group", name="Chosen frames")
    expect(chosen).to_contain_text("frames 0 to 4")
    press(page, "Shift+Y")
    expect(page.get_by_text("object 1 is verified from frame 0 to 4.")).to_be_visible()
    expect(chosen).to_be_hidden()  # it has served, and would narrow later corrections
    press(page, "Shift+Y")
    expect(page.get_by_text("There is no mask of object 1 on frame 5 yet")).to_be_visible()


def test_masks_go_backward_alone_from_the_frame_in_hand(page: Page) -> None:
    open_example(page, "Who comes last?")
    go_to_frame(page, 4)
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(lane(page, 1)).to_contain_text("1 fr", timeout=LONG)
    press(page, "Control+Shift+B")
    expect_masks(page, 1, 5)
    set_range(page, 0, 7)
    press(page, "Control+b")
    expect_masks(page, 1, 8)


def sides(page: Page) -> list[float]:
    return [float(side) for side in verdict(page).get_by_role("button", name="Box ").inner_text().split()]


def test_a_corner_is_moved_by_keys_and_by_tenths_when_zoomed_in(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    x1, y1, x2, y2 = sides(page)
    press(page, "j", "j")
    expect(page.get_by_text("The arrows move the bottom right corner")).to_be_visible()
    press(page, "Alt+Shift+ArrowRight", "Alt+ArrowUp")
    chip = verdict(page).get_by_role("button", name="Box ")
    expect(chip).to_have_text(f"{x1:g} {y1:g} {x2 + 10:g} {y2 - 1:g}")
    press(page, "j", *["+"] * 7)
    exact = page.locator(".v-hint")
    expect(exact).to_have_text(re.compile(rf"^{x1:.1f}\s+\S+\s+{x2 + 10:.1f}\s"))
    press(page, "Alt+ArrowRight")
    expect(exact).to_have_text(re.compile(rf"^{x1 + 0.1:.1f}\s+\S+\s+{x2 + 10.1:.1f}\s"))


def test_a_box_needs_no_pointer(page: Page) -> None:
    open_example(page, "Who comes last?")
    press(page, "n", "Enter")
    expect(verdict(page).get_by_role("button", name="Box ")).to_have_text("160 90 480 270")


def test_the_list_of_steps_names_them_and_goes_back_to_any(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(lane(page, 1)).to_contain_text("1 fr", timeout=LONG)
    press(page, "F2")
    page.get_by_label("Name of object 1").fill("dog")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="dog", exact=True)).to_be_visible()
    press(page, "l")
    page.locator("summary[aria-label=Steps]").click()
    steps = page.get_by_role("group", name="Steps")
    expect(steps.get_by_role("button")).to_have_text(["lock dog", "name object 1 “dog”", "box dog on frame 0"])
    steps.get_by_role("button", name="name object 1").click()
    expect(page.get_by_role("button", name="object 1", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Redo: name object 1 “dog”")).to_be_enabled()
