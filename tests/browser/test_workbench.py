"""The workbench: zoom, objects, keys, timeline, corrections of the reasoning, tour, lost connection."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import open_page
from tests.browser.studio import (
    LONG,
    QUESTION,
    ask,
    drag,
    expect_answer,
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


def expect_frame(page: Page, frame: int) -> None:
    expect(page.get_by_role("application", name=f"Video frame {frame} of")).to_be_visible()


def test_the_wheel_zooms_space_pans_and_zero_fits(page: Page) -> None:
    open_example(page, "Who comes last?")
    fit = page.get_by_role("group", name="Zoom").get_by_role("button", name="%")
    expect(fit).to_have_text("100 %")
    area = page.locator(".v-stage canvas").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    page.mouse.wheel(0, -500)
    expect(fit).not_to_have_text("100 %")
    press(page)
    page.keyboard.down(" ")
    drag(page, (0.5, 0.5), (0.3, 0.3))
    page.keyboard.up(" ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()  # the drag moved the picture, it did not play
    expect(page.get_by_role("group", name="Objects")).to_be_hidden()  # nor did it draw a box
    press(page, "0")
    expect(fit).to_have_text("100 %")


def test_a_box_drawn_while_zoomed_lands_on_the_source_pixels(page: Page) -> None:
    open_example(page, "Who comes last?")
    press(page, "+", "+")
    expect(page.get_by_role("group", name="Zoom").get_by_role("button", name="%")).to_have_text("196 %")
    drag(page, (0.25, 0.25), (0.75, 0.75))
    x1, y1, x2, y2 = box_sides(page)
    assert abs((x2 - x1) - 640 / 1.96 / 2) <= 2
    assert abs((y2 - y1) - 360 / 1.96 / 2) <= 2
    assert abs((x1 + x2) / 2 - 320) <= 2


def box_sides(page: Page) -> list[int]:
    return [int(side) for side in verdict(page).get_by_role("button", name="Box ").inner_text().split()]


def test_the_selected_box_is_nudged_by_keys(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    chip = verdict(page).get_by_role("button", name="Box ")
    x1, y1, x2, y2 = box_sides(page)
    press(page, "Alt+ArrowRight")
    expect(chip).to_have_text(f"{x1 + 1} {y1} {x2 + 1} {y2}")
    press(page, "Alt+Shift+ArrowDown")
    expect(chip).to_have_text(f"{x1 + 1} {y1 + 10} {x2 + 1} {y2 + 10}")


def two_objects(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.1, 0.5), (0.3, 0.9))
    expect(lane(page, 1)).to_be_visible()
    press(page, "n")
    drag(page, (0.6, 0.2), (0.9, 0.6))
    expect(lane(page, 2)).to_be_visible()
    expect(page.get_by_role("button", name="object 2", exact=True)).to_have_attribute("aria-pressed", "true")


def test_a_box_is_copied_to_another_frame_of_the_same_object(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.3, 0.3), (0.6, 0.7))
    expect(lane(page, 1)).to_contain_text("1 fr", timeout=LONG)
    press(page, "Control+c", "ArrowRight", "Control+v")
    expect(page.get_by_role("button", name="Undo: box object 1 on frame 1")).to_be_enabled()
    expect(lane(page, 2)).to_have_count(0)
    press(page, "Control+s")
    expect(page.get_by_text("Everything is saved")).to_be_visible()


def test_an_object_is_hidden_shown_alone_and_locked(page: Page) -> None:
    two_objects(page)
    press(page, "h")
    expect(page.get_by_role("button", name="Hide object 2", exact=True)).to_have_attribute("aria-pressed", "true")
    press(page, "h")
    expect(page.get_by_role("button", name="Hide object 2", exact=True)).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Show only object 1").click()
    expect(lane(page, 2)).to_have_class(re.compile("v-faint"))
    page.get_by_role("button", name="Show only object 1").click()
    page.get_by_role("button", name="Lock object 2", exact=True).click()
    expect(page.get_by_role("button", name="Lock object 2", exact=True)).to_have_attribute("aria-pressed", "true")
    press(page, "Delete")
    expect(page.get_by_text("object 2 is locked")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Lock object 2", exact=True)).to_have_attribute("aria-pressed", "false")


def test_a_name_is_text_survives_a_refresh_and_can_be_undone(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(lane(page, 1)).to_be_visible()
    press(page, "F2")
    page.get_by_label("Name of object 1").fill("<img src=x onerror=document.title=1>")
    page.keyboard.press("Enter")
    name = page.get_by_role("button", name="<img src=x onerror=document.title=1>", exact=True)
    expect(name).to_be_visible()
    page.reload()
    expect(name).to_be_visible()
    expect(page).to_have_title("Veason")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="object 1", exact=True)).to_be_visible()


def test_outline_only_and_opacity_are_remembered(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    page.get_by_label("Mask opacity").fill("80")
    page.get_by_role("button", name="outline", exact=True).click()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()  # the box is on the server
    page.reload()
    expect(page.get_by_role("button", name="outline", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Mask opacity")).to_have_value("80")


def test_keys_follow_the_preset_and_none_fires_while_typing(page: Page) -> None:
    open_example(page, "Who comes last?")
    press(page, "f", "f", "v", "d")
    expect_frame(page, 11)
    page.get_by_label("What should be segmented?").click()
    page.keyboard.type("dfcv")
    expect_frame(page, 11)
    press(page, "?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_contain_text("Next doubtful frame")
    sheet.get_by_label("Key preset").select_option(label="X-AnyLabeling, labelme")
    sheet.get_by_role("button", name="Close").click()
    press(page, "a")
    expect_frame(page, 10)
    press(page, "g")
    page.keyboard.type("42")
    page.keyboard.press("Enter")
    expect_frame(page, 42)
    page.keyboard.press("d")  # the field has given the keys back
    expect_frame(page, 43)


def test_a_key_is_changed_with_a_warning_and_kept(page: Page) -> None:
    open_example(page, "Who comes last?")
    press(page, "F1")
    sheet = page.get_by_role("dialog", name="Keys")
    sheet.get_by_role("button", name="Change the key of Next frame", exact=True).click()
    expect(sheet.get_by_text("Press the new key")).to_be_visible()
    page.keyboard.press("k")
    expect(sheet.get_by_role("alert")).to_contain_text("K is “Make this frame the keyframe” already.")
    sheet.get_by_role("button", name="Use it here").click()
    page.keyboard.press("Escape")
    page.reload()
    expect_frame(page, 0)
    press(page, "k")
    expect_frame(page, 1)
    press(page, "?")
    sheet.get_by_role("button", name="undo my changes").click()
    expect(sheet.locator('[data-command="keyframe"]')).to_contain_text("K")


def test_tab_and_digits_select_objects_on_the_frame_that_is_shown_and_after_esc_tab_leaves(page: Page) -> None:
    two_objects(page)
    first = page.get_by_role("button", name="object 1", exact=True)
    second = page.get_by_role("button", name="object 2", exact=True)
    press(page, "ArrowRight", "1")
    expect(first).to_have_attribute("aria-pressed", "true")
    expect_frame(page, 1)
    press(page, "Tab")
    expect(second).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Tab")
    expect(first).to_have_attribute("aria-pressed", "true")
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    expect_frame(page, 1)
    press(page, "Escape", "Tab")
    expect(page.get_by_role("application")).not_to_be_focused()


def test_what_is_dragged_over_is_what_is_verified(page: Page) -> None:
    two_objects(page)
    page.get_by_role("button", name="object 1", exact=True).click()
    set_range(page, 0, 40)
    propagate(page)
    expect_masks(page, 2, 41)
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)
    track = lane(page, 2).locator(".v-track").bounding_box()
    assert track is not None
    middle = track["y"] + track["height"] / 2
    page.mouse.move(track["x"] + 1, middle)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] * 0.3, middle, steps=5)
    page.mouse.up()
    bar = page.get_by_role("group", name="Chosen frames")
    expect(bar).to_contain_text("object 2, frames 0 to")
    bar.get_by_role("button", name="masks are right").click()
    expect(page.get_by_role("button", name="Undo: verify object 2 on frames 0 to")).to_be_enabled()


def test_dragging_over_a_lane_chooses_the_frames_to_propagate(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(lane(page, 1)).to_be_visible()
    track = lane(page, 1).locator(".v-track").bounding_box()
    assert track is not None
    middle = track["y"] + track["height"] / 2
    page.mouse.move(track["x"] + 1, middle)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] * 4.5 / 96, middle, steps=4)
    page.mouse.up()
    expect(page.get_by_label("First frame to segment")).to_have_value("0")
    expect(page.get_by_label("Last frame to segment")).to_have_value("4")
    propagate(page)
    expect_masks(page, 1, 5)


def test_a_range_without_a_prompt_is_filled_and_nothing_around_it(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(lane(page, 1)).to_be_visible()
    expect_masks(page, 1, 1)  # a box shows its mask on its own frame at once
    set_range(page, 3, 5)
    propagate(page)
    expect_masks(page, 1, 4)


def test_absent_from_here_on_is_kept_by_propagation_and_undone(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(lane(page, 1)).to_be_visible()
    set_range(page, 0, 5)
    propagate(page)
    expect_masks(page, 1, 6)
    press(page, "o")
    expect(page.get_by_text("There is a box, click or painting of this object here")).to_be_visible()
    go_to_frame(page, 3)
    press(page, "o")
    expect(page.get_by_text("object 1 is absent from frame 3 to the end.")).to_be_visible()
    everywhere = lane(page, 1).get_by_title(re.compile("^96 of 96 frames done: .* 93 marked absent"))
    expect(everywhere).to_be_visible()
    propagate(page)
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)
    expect(everywhere).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect_masks(page, 1, 6)


def test_the_bracket_keys_go_to_doubtful_frames_or_say_that_there_are_none(page: Page) -> None:
    open_example(page, "Who comes last?")
    press(page, "]")
    expect(page.get_by_text("No doubtful or empty frame.")).to_be_visible()


def test_the_bracket_keys_go_from_doubt_to_doubt_and_back(page: Page) -> None:
    open_example(page, "Who comes last?")
    ask(page, "what goes out of the picture")
    expect_answer(page)
    propagate(page)
    expect_masks(page, 1, 96)
    stage = page.get_by_role("application")
    press(page, "Home")
    expect(stage).to_have_attribute("aria-label", re.compile("^Video frame 0 of"))
    seen = [stage.get_attribute("aria-label") or ""]
    for _ in range(2):
        press(page, "]")
        expect(stage).not_to_have_attribute("aria-label", seen[-1])
        seen.append(stage.get_attribute("aria-label") or "")
    press(page, "[")
    expect(stage).to_have_attribute("aria-label", seen[1])


def test_reasoning_that_is_still_true_is_confirmed(page: Page) -> None:
    open_example(page, "Who comes last?")
    ask(page, QUESTION)
    expect_answer(page)
    press(page, "Alt+Shift+ArrowLeft")
    page.get_by_role("button", name="Still true").click()
    expect(page.get_by_text("The labels changed after this was written.")).to_be_hidden()
    expect(page.get_by_label("Reasoning text")).to_contain_text("confirmed by you")


def test_a_correction_makes_the_reasoning_stale_until_it_is_thought_again(page: Page) -> None:
    open_example(page, "Who comes last?")
    ask(page, QUESTION)
    expect_answer(page)
    press(page, "Alt+Shift+ArrowLeft")
    expect(page.get_by_text("The labels changed after this was written.")).to_be_visible()
    page.get_by_role("button", name="Think again with my correction").click()
    expect(page.get_by_text("thought again after your correction")).to_be_visible(timeout=LONG)
    expect(verdict(page)).to_be_visible()


def test_the_reasoning_is_edited_and_its_frames_and_boxes_are_live(page: Page) -> None:
    open_example(page, "Who comes last?")
    ask(page, QUESTION)
    expect_answer(page)
    page.get_by_role("button", name="Edit", exact=True).click()
    written = "<b>See</b> frame 40, the box is [10, 20, 60, 80]."
    page.get_by_label("Edit the reasoning").fill(written)
    page.get_by_role("button", name="Save reasoning").click()
    reasoning = page.get_by_label("Reasoning text")
    expect(reasoning).to_contain_text(written)
    expect(reasoning).to_contain_text("edited by you")
    expect(reasoning.get_by_role("button", name="Box [10, 20, 60, 80]")).to_be_visible()
    reasoning.get_by_role("button", name="Go to frame 40").click()
    expect_frame(page, 40)
    page.reload()
    expect(reasoning).to_contain_text(written)


def test_the_tour_is_shown_once(browser: Browser, app_url: str) -> None:
    visitor = browser.new_context(viewport={"width": 1280, "height": 800})
    visitor.set_default_timeout(20_000)
    page = open_page(visitor, app_url)
    open_example(page, "Who comes last?")
    tour = page.locator(".v-tour")
    for title in ("Say what to find", "Or show it"):
        expect(page.get_by_role("dialog", name=title)).to_be_visible()
        tour.get_by_role("button", name="Next").click()
    expect(page.get_by_role("dialog", name="Nothing is lost")).to_be_visible()
    tour.get_by_role("button", name="Begin").click()
    expect(tour).to_be_hidden()
    page.reload()
    expect_frame(page, 0)
    expect(tour).to_be_hidden()
    drag(page, (0.35, 0.4), (0.55, 0.75))  # with the first object its lane is there
    expect(page.get_by_role("dialog", name="Check where it doubts")).to_be_visible()
    tour.get_by_role("button", name="Understood").click()
    expect(lane(page, 1)).to_contain_text("1 fr", timeout=LONG)
    page.reload()
    expect(lane(page, 1)).to_be_visible(timeout=LONG)
    expect(tour).to_be_hidden()
    visitor.close()


def test_a_lost_connection_is_told_and_healed(page: Page) -> None:
    open_example(page, "Who comes last?")
    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("Connection lost")
    page.context.set_offline(False)
    expect(page.get_by_text("Connection lost")).to_be_hidden()
    drag(page, (0.2, 0.2), (0.5, 0.6))
    expect(lane(page, 1)).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()


def test_typed_words_and_the_frame_are_there_again_after_a_reload(page: Page) -> None:
    open_example(page, "Who comes last?")
    page.get_by_label("What should be segmented?").press_sequentially("the latecomer")
    expect(page.get_by_text("saved", exact=True)).to_be_visible()
    go_to_frame(page, 17)
    expect(page).to_have_url(re.compile("frame=17"))
    page.reload()
    expect_frame(page, 17)
    expect(page.get_by_label("What should be segmented?")).to_have_value("the latecomer")


def test_an_overlap_is_given_to_the_other_object(page: Page) -> None:
    open_example(page, "Who comes last?")
    press(page, "b")
    drag(page, (0.3, 0.4), (0.5, 0.4))
    expect(lane(page, 1)).to_be_visible()
    press(page, "Escape", "n", "b")
    drag(page, (0.4, 0.3), (0.4, 0.6))
    expect(lane(page, 2)).to_be_visible()
    press(page, "Escape")
    overlap = page.get_by_role("group", name="Overlap")
    overlap.get_by_role("button", name="give it to object 1").click()
    expect(overlap).to_be_hidden()
    expect(page.get_by_role("button", name="Undo: paint object 2 on frame 0")).to_be_enabled()
