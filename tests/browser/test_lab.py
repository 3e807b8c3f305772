"""The lab in the browser: find a kind, look at a case, judge it, all by role and keyboard."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import free_port, wait_until_it_answers
from tests.lab.planted import LIES_EACH, answer_all, make_dataset, plan_lies
from tests.lab.test_detail import OTHER, RIGHT, BlockSegmenter, Drawer, Models
from veason.lab.groups import ask_group
from veason.lab.importing import import_predictions
from veason.lab.store import Lab
from veason.lab.verdicts import Verdicts

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    root = tmp_path_factory.mktemp("lab")
    dataset = make_dataset(root / "revos", 70)
    lab = Lab(root / "lab")
    told = plan_lies(dataset)
    import_predictions(lab, "liar", dataset, answer_all(dataset, told, root / "liar"))
    import_predictions(lab, "honest", dataset, answer_all(dataset, {}, root / "honest"))
    lied = [sample for sample in dataset if told.get(sample.key) == "side_differs"]
    models: Any = Models(Drawer([OTHER, RIGHT]), BlockSegmenter())
    ask_group(lab.run("liar"), models, lied, count=2)
    return lab


@pytest.fixture(scope="module")
def lab_url(lab: Lab) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "veason", "lab", "open", str(lab.folder), "--no-browser", "--port", str(port)]
    process = subprocess.Popen(command)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_from_a_kind_to_a_verdict_by_role_and_keyboard(context: BrowserContext, lab: Lab, lab_url: str) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{lab_url}#run=liar")
    expect(page.get_by_role("status")).to_have_text("280 of 280 cases")
    assert page.get_by_role("option", name="J&F").count() < 60  # only what is in sight is drawn

    page.get_by_role("button", name=f"side differs {LIES_EACH}").click()
    expect(page.get_by_role("status")).to_have_text(f"{LIES_EACH} of 280 cases")
    page.get_by_label("Rater").fill("ann")
    page.get_by_label("Rater").press("Enter")

    page.get_by_role("listbox", name="Cases").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    case = page.get_by_role("dialog", name="the red block")
    expect(case.locator("mark.false")).to_have_text("right")
    expect(case.locator("mark.true")).to_have_text(["red", "Frame 2"])
    page.keyboard.press("ArrowRight")
    expect(case.get_by_text("Frame 3.")).to_be_visible()
    assert case.get_by_role("img").count() == 1
    with page.expect_request(re.compile("frame=1&")):  # from the first, since it stood at the last
        page.keyboard.press("p")
    expect(case.get_by_text("Frame 3.")).to_be_visible()
    expect(case.get_by_role("button", name="Play")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("d")
    for name in ("target", "liar", "difference of liar"):
        expect(case.get_by_role("img", name=f"frame, {name}")).to_be_visible()
    case.get_by_role("button", name="frame 2: 64 pixels of the target").click()  # what Rk compares
    expect(case.get_by_text("Frame 2.")).to_be_visible()
    expect(case.get_by_text("box 1 with target 1: 1.00")).to_be_visible()
    for place, (number, advantage) in enumerate([(1, "−0.71"), (2, "+0.71")]):
        case.get_by_role("button", name=f"answer {number}:").click()
        expect(case.get_by_role("button", name=f"advantage {advantage}")).to_be_visible()
        expect(case.get_by_role("img", name="frame, liar")).to_have_attribute("src", re.compile(f"boxes={place}"))
    page.keyboard.press("5")
    expect(case.get_by_role("button", name="right for wrong reason")).to_have_attribute("aria-pressed", "true")
    (verdict,) = Verdicts(lab.folder).all()
    assert (verdict.run, verdict.rater, verdict.tag) == ("liar", "ann", "right_for_wrong_reason")
    assert [one["id"] for one in Axe().run(page).response["violations"]] == []

    link = page.url
    page.keyboard.press("Escape")
    expect(case).to_be_hidden()
    assert [one["id"] for one in Axe().run(page).response["violations"]] == []

    page.get_by_label("Query").fill("jff < 3")
    page.get_by_label("Query").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("no column 'jff'")
    page.get_by_label("Query").fill("wrong_instance")
    page.get_by_label("Query").press("Enter")
    page.get_by_label("against").select_option("honest")
    expect(page.get_by_role("option", name="J&F 0.0 → 100.0").first).to_be_visible()

    page.get_by_role("button", name="Save view").click()
    page.get_by_label("Name", exact=True).fill("took the other")
    page.get_by_label("Name", exact=True).press("Enter")
    page.get_by_role("button", name="took the other").first.click()  # takes the query back
    expect(page.get_by_role("status")).to_have_text("280 of 280 cases")

    page.get_by_role("button", name="Compare").click()
    panel = page.get_by_role("region", name="Comparison")
    holds = panel.get_by_role("row", name="wrong instance %").first
    expect(holds).to_have_class("holds")
    area = panel.get_by_role("img", name="a point a case").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 0.1 * area["width"], area["y"] + 1)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.3 * area["width"], area["y"] + 0.3 * area["height"], steps=4)
    page.mouse.up()
    expect(page.get_by_role("option", name="J&F 0.0 → 100.0").first).to_be_visible()
    expect(page.get_by_role("option", name="J&F 100.0 → 100.0")).to_have_count(0)
    brushed = page.get_by_role("status").inner_text()
    assert [one["id"] for one in Axe().run(page).response["violations"]] == []
    page.get_by_role("option", name="J&F 0.0 → 100.0").first.click()
    case = page.get_by_role("dialog")
    expect(case.locator("del").first).to_be_visible()  # what the other run does not say
    expect(case.get_by_role("region", name="Reasoning of honest")).to_be_visible()
    page.keyboard.press("Escape")
    panel.get_by_role("button", name="All cases").click()
    expect(page.get_by_role("status")).to_have_text("280 of 280 cases")
    assert brushed != "280 of 280 cases"
    page.get_by_role("button", name="Probes").click()
    expect(page.get_by_role("region", name="Probes")).to_contain_text("No table yet")

    again = context.new_page()
    again.goto(link)  # a link leads a colleague to the same case
    expect(again.get_by_role("dialog", name="the red block").locator("mark.false")).to_have_text("right")
    assert errors == []
