"""The main job in the real app: open, think, watch, correct, propagate, stop, download; and come back to it."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from tests.browser.conftest import open_page
from tests.browser.studio import (
    LONG,
    QUESTION,
    ask,
    click,
    drag,
    expect_answer,
    expect_masks,
    go_to_frame,
    keyframe_cell,
    lane,
    open_example,
    propagate,
    set_range,
    upload,
    verdict,
)
from veason.hub import ASSETS
from veason.video import open_video

pytestmark = pytest.mark.browser

CLIP = ASSETS / "examples" / "parade.mp4"


def test_thinking_streams_and_lights_the_keyframe_up(page: Page) -> None:
    open_example(page, "Who comes last?")
    page.get_by_role("button", name=QUESTION).click()
    reasoning = page.get_by_label("Reasoning text")
    expect(reasoning.get_by_role("heading", name="1 · What happens")).to_be_visible()
    expect_answer(page)
    expect(reasoning.get_by_role("heading")).to_have_text(["1 · What happens", "2 · Why this frame", "3 · Where"])
    expect(page.get_by_text("first word 0.4 s · 33 tok/s")).to_be_visible()
    expect(keyframe_cell(page)).to_have_count(1)
    chosen = keyframe_cell(page).get_attribute("data-frame")
    expect(page.get_by_role("application", name=f"Video frame {chosen} of")).to_be_visible()
    expect(lane(page, 1)).to_contain_text("no masks yet")


def test_an_example_chosen_before_the_scripts_have_come_is_opened(context: BrowserContext, app_url: str) -> None:
    held: list[Route] = []
    is_held = True

    def hold(route: Route) -> None:
        if is_held:
            held.append(route)
        else:
            route.continue_()

    page = context.new_page()
    page.route("**/modules-*.json", hold)
    page.goto(app_url, wait_until="commit")
    page.get_by_role("button", name="Who comes last?").click()
    expect(page.get_by_text("Opening Who comes last? …")).to_be_visible()
    is_held = False
    for route in held:
        route.continue_()
    expect(page.get_by_role("application", name="Video frame 0 of")).to_be_visible(timeout=LONG)
    expect(page.locator("#veason-skeleton")).to_have_count(0)


@pytest.mark.parametrize("lost", ["**/modules-*.json", "**/assets/index-*.js"], ids=["our modules", "gradio's script"])
def test_a_page_whose_scripts_do_not_come_says_so(context: BrowserContext, app_url: str, lost: str) -> None:
    page = context.new_page()
    page.route(lost, lambda route: route.abort())
    page.goto(app_url)
    told = page.get_by_role("alert").filter(has_text="has not come whole")
    expect(told).to_be_visible()
    assert page.evaluate("document.querySelector('gradio-app').inert"), "keys are not to reach what nobody sees"
    page.unroute(lost)
    told.get_by_role("button", name="Reload").click()
    expect(page.locator("#veason-skeleton")).to_have_count(0, timeout=LONG)
    expect(told).to_have_count(0)
    assert not page.evaluate("document.querySelector('gradio-app').inert")


WATCH_FOLLOWED = r"""() => {
    window.wasFollowed = false;
    const look = () => (window.wasFollowed ||= /\d objects? followed …/.test(document.body.innerText));
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
"""Notes whether the page ever said so: it stands there for a moment only, which a busy machine may miss."""


def test_what_was_seen_of_each_object_is_a_table_and_the_question_is_said_again(page: Page) -> None:
    open_example(page, "The chase")
    page.evaluate(WATCH_FOLLOWED)
    ask(page, "the pursuer")
    expect_answer(page)
    assert page.evaluate("window.wasFollowed"), "the table is there while the thought still comes"
    expect(page.get_by_text("Looking for chases")).to_be_visible()
    page.get_by_text("5 objects followed, 1 fits").click()
    rows = page.get_by_label("Reasoning text").get_by_role("listitem")
    expect(rows).to_have_count(5)
    expect(rows.filter(has_text="yellow star").get_by_label("fits", exact=True)).to_be_visible()
    expect(rows.filter(has_text="red star")).to_contain_text("moves left chased")


def test_an_uploaded_video_is_reported_exactly(page: Page) -> None:
    upload(page, str(CLIP))
    with open_video(CLIP) as video:
        info = video.info
    expect(page.get_by_text(f"{info.num_frames} frames · {info.fps:.2f} fps")).to_be_visible()
    expect(page.get_by_text(CLIP.name)).to_be_visible()


def test_a_file_that_is_no_video_is_refused_in_words(page: Page, tmp_path: Path) -> None:
    fake = tmp_path / "holiday.mp4"
    fake.write_text("not a video at all")
    upload(page, str(fake))
    expect(page.get_by_role("status").get_by_text("video")).to_be_visible()
    expect(page.get_by_text("Drop a video here")).to_be_visible()


def test_a_box_drawn_by_hand_needs_no_thinking(page: Page) -> None:
    open_example(page, "The chase")
    go_to_frame(page, 20)
    drag(page, (0.3, 0.3), (0.6, 0.7))
    expect(lane(page, 1)).to_be_visible()
    set_range(page, 18, 23)
    propagate(page)
    expect_masks(page, 1, 6)


def test_dragging_a_box_propagates_again_and_undo_brings_the_old_box_back(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    set_range(page, 0, 5)
    propagate(page)
    expect_masks(page, 1, 6)
    before = verdict(page).text_content() or ""
    drag(page, (0.35, 0.4), (0.55, 0.5))
    expect(verdict(page)).not_to_have_text(before)
    expect_masks(page, 1, 6)
    page.get_by_role("button", name="Undo").click()
    expect(verdict(page)).to_have_text(before)


def test_the_keyframe_moves_with_one_key_and_takes_its_box_along(page: Page) -> None:
    open_example(page, "Who comes last?")
    ask(page, QUESTION)
    expect_answer(page)
    go_to_frame(page, 40)
    page.get_by_role("application").focus()
    page.keyboard.press("k")
    expect(keyframe_cell(page)).to_have_attribute("data-frame", "40")
    expect(verdict(page)).to_contain_text("★ 40")


def test_stop_keeps_what_was_done(page: Page) -> None:
    open_example(page, "Behind the screen")
    drag(page, (0.3, 0.3), (0.6, 0.7))
    propagate(page)
    expect(lane(page, 1)).to_contain_text(re.compile(r"\d+ of|changed|fr"), timeout=60_000)
    expect(page.get_by_text(re.compile(r"^[1-9]\d* of 96 frames"))).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped. What was done is kept.")).to_be_visible()
    expect(page.get_by_role("button", name="Propagate", exact=True)).to_be_enabled(timeout=30_000)
    expect(lane(page, 1)).to_contain_text(re.compile(r"[1-9]\d? fr"))


def test_stop_ends_the_thinking(page: Page) -> None:
    open_example(page, "Who comes last?")
    ask(page, QUESTION)
    expect(page.get_by_label("Reasoning text")).to_contain_text("What happens", timeout=60_000)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Think")).to_be_enabled(timeout=30_000)


def test_masks_overlay_and_result_can_be_downloaded(page: Page, tmp_path: Path) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    set_range(page, 0, 3)
    propagate(page)
    expect_masks(page, 1, 4)
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    files = {}
    for name in ("Masks palette", "Overlay MP4", "Result JSON"):
        page.get_by_text("Download", exact=True).click()
        with page.expect_download(timeout=60_000) as download:
            page.get_by_role("button", name=name).click()
        files[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[name])
    with zipfile.ZipFile(files["Masks palette"]) as archive:
        assert archive.namelist() == [f"Annotations/parade/{index:05d}.png" for index in range(4)]
    with open_video(files["Overlay MP4"]) as video:
        assert video.info.num_frames == 4
    result = json.loads(files["Result JSON"].read_text())
    assert [one["id"] for one in result["objects"]] == [1]


def test_a_refresh_brings_the_work_back(page: Page) -> None:
    open_example(page, "Who comes last?")
    ask(page, QUESTION)
    expect_answer(page)
    keyframe = int(keyframe_cell(page).get_attribute("data-frame") or -1)
    set_range(page, max(0, keyframe - 2), keyframe + 1)
    propagate(page)
    expect_masks(page, 1, min(keyframe, 2) + 2)
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)
    told, line = page.get_by_label("Reasoning text").text_content(), verdict(page).text_content() or ""
    page.reload()
    expect_masks(page, 1, min(keyframe, 2) + 2)
    expect(verdict(page)).to_have_text(line)
    expect(page.get_by_label("Reasoning text")).to_have_text(told or "")


def test_a_link_to_forgotten_work_says_so_and_starts_afresh(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}?work=nobody")
    expect(page.get_by_text("no longer on the server")).to_be_visible()
    expect(page.get_by_text("Drop a video here")).to_be_visible()


def test_two_visitors_at_once_see_only_their_own_work(page: Page, browser: object, app_url: str) -> None:
    other: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 800})  # type: ignore[attr-defined]
    other.set_default_timeout(20_000)
    second = open_page(other, app_url)
    open_example(page, "Who comes last?")
    open_example(second, "The chase")
    ask(page, QUESTION)
    ask(second, "the pursuer")
    expect_answer(page)
    expect_answer(second)
    expect(page.get_by_text("parade.mp4")).to_be_visible()
    expect(second.get_by_text("chase.mp4")).to_be_visible()
    expect(second.get_by_label("What should be segmented?")).to_have_value("the pursuer")
    assert page.url != second.url
    other.close()


def test_markup_in_an_instruction_stays_text(page: Page) -> None:
    open_example(page, "Who comes last?")
    ask(page, '<img src=x onerror="document.title=1"><b>bold</b>')
    expect(page.get_by_role("button", name="Think")).to_be_enabled(timeout=60_000)
    expect(page.locator(".v-think b img, .v-reason img")).to_have_count(0)
    expect(page).to_have_title("Veason")


def test_markup_in_a_file_name_stays_text(page: Page) -> None:
    name = "<img src=x onerror=document.title=1>.mp4"
    field = page.get_by_label("Choose a video")
    other = CLIP.read_bytes() + b"\x00\x00\x00\x08free"  # a clip of the same bytes would keep the name it came with
    field.set_input_files({"name": name, "mimeType": "video/mp4", "buffer": other})
    expect(page.locator("[data-ref=clip]")).to_contain_text("<img src=x onerror=document.title=1>", timeout=LONG)
    expect(page.locator("header img")).to_have_count(0)
    expect(page).to_have_title("Veason")


def test_a_frame_in_the_reasoning_lights_up_and_is_jumped_to(page: Page) -> None:
    open_example(page, "Who comes last?")
    ask(page, "the latecomer")
    expect_answer(page)
    canvas = page.locator(".v-stage canvas")
    dark = canvas.evaluate("canvas => canvas.toDataURL()")
    verdict(page).get_by_role("button", name="Box ").hover()
    assert canvas.evaluate("canvas => canvas.toDataURL()") != dark, "the box under the pointer lights up"
    frame = page.get_by_label("Reasoning text").get_by_role("button", name="Go to frame 54")
    frame.hover()
    expect(page.get_by_role("button", name="Frame 54", exact=True)).to_contain_class("v-seen")
    frame.click()
    expect(page.get_by_role("application", name="Video frame 54 of")).to_be_visible()


def is_wanted(request: Request) -> bool:
    return '"frame":60' in (request.post_data or "")


def test_nothing_is_laid_over_the_picture_of_another_frame(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.3, 0.3), (0.6, 0.7))
    expect_masks(page, 1, 1)
    held: list[Route] = []
    page.route(
        re.compile("component_server"),
        lambda route: held.append(route) if is_wanted(route.request) else route.continue_(),
    )
    field = page.get_by_label("Frame number")
    field.fill("60")
    with page.expect_request(is_wanted):
        field.press("Enter")
    expect(page.get_by_role("slider", name="Frame", exact=True)).to_have_value("60")
    stage = page.get_by_role("application")
    expect(stage).to_have_accessible_name("Video frame 0 of 96")
    drag(page, (0.1, 0.1), (0.2, 0.2))
    expect(lane(page, 2)).to_have_count(0)
    held[0].continue_()
    expect(stage).to_have_accessible_name("Video frame 60 of 96")
    expect(page.locator(".v-stage canvas")).to_have_attribute("data-shown", "60")


def test_escape_gives_up_a_drag(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.3, 0.3), (0.6, 0.7))
    before = verdict(page).inner_text()
    area = page.locator(".v-stage canvas").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 0.6 * area["width"], area["y"] + 0.7 * area["height"])
    page.mouse.down()
    page.mouse.move(area["x"] + 0.8 * area["width"], area["y"] + 0.9 * area["height"], steps=3)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.get_by_role("button", name="Undo: box object 1 on frame 0")).to_be_enabled()
    assert verdict(page).inner_text() == before


def test_a_slider_dragged_through_a_long_clip_ends_on_the_picture_where_it_is_let_go(page: Page) -> None:
    open_example(page, "Earth from orbit")
    page.get_by_role("slider", name="Frame", exact=True).evaluate(
        """async slider => {
            for (let frame = 0; frame <= 900; frame += 10) {
                slider.value = frame;
                slider.dispatchEvent(new Event('input', { bubbles: true }));
                await new Promise(requestAnimationFrame);
            }
        }"""
    )
    expect(page.locator(".v-stage canvas")).to_have_attribute("data-shown", "900")


def test_playback_runs_by_frame_index_to_the_end(page: Page) -> None:
    open_example(page, "Who comes last?")
    go_to_frame(page, 88)
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("application", name="Video frame 95 of")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_an_absent_target_is_told_in_words(page: Page) -> None:
    open_example(page, "The chase")
    ask(page, "the pink block")
    expect(page.get_by_text("Not in this video")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Propagate", exact=True)).to_be_disabled()


def test_a_long_clip_starts_with_a_window_around_the_box(page: Page) -> None:
    open_example(page, "Earth from orbit")
    expect(page.get_by_text("600 of 901 frames")).to_be_visible()
    go_to_frame(page, 800)
    drag(page, (0.4, 0.1), (0.8, 0.9))
    expect(page.get_by_label("First frame to segment")).to_have_value("301")
    expect(page.get_by_label("Last frame to segment")).to_have_value("900")


def test_clicks_correct_the_selected_object(page: Page) -> None:
    open_example(page, "Who comes last?")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    set_range(page, 0, 3)
    propagate(page)
    expect_masks(page, 1, 4)
    click(page, (0.35, 0.4))
    expect(lane(page, 1)).to_contain_text("changed")
    expect_masks(page, 1, 4)
    click(page, (0.7, 0.7), button="right")
    expect_masks(page, 1, 4)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Redo")).to_be_enabled()
