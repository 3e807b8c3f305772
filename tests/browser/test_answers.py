"""Several answers to one question, from recordings that differ: how far they agree, and taking another one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import new_visitor, open_page, running_app
from tests.browser.studio import LONG, QUESTION, ask, expect_answer, keyframe_cell, open_example, verdict
from veason.policy import RECORDINGS

pytestmark = pytest.mark.browser


MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


@pytest.fixture(scope="module")
def wavering_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app on recorded answers that name frame 13, frame 27, frame 13 again, and no target."""
    found = json.loads(RECORDINGS.read_text(encoding="utf-8"))["records"]
    record = next(one for one in found if one["instruction"] == QUESTION and not one.get("turn"))
    text = "".join(piece for _, piece in record["pieces"])
    absent = '<think>It is in none of them.</think>\n<answer>{"keyframe_timestamp": null, "bbox_2d_list": []}</answer>'
    records = [
        {**record, "pieces": [[0.01 * place, part] for place, part in enumerate(re.findall(r"\S+\s*", said))]}
        for said in (
            text,
            text.replace('"keyframe_timestamp": 13', '"keyframe_timestamp": 27'),
            text.replace("501, 114", "505, 116"),
            absent,
        )
    ]
    rude = text.replace("<think>", f"<think>{MARKUP} ")
    records.append({**record, "instruction": "markup", "pieces": [[0.0, rude]]})
    folder = tmp_path_factory.mktemp("wavering")
    file = folder / "recordings.json"
    file.write_text(json.dumps({"records": records}))
    with running_app(folder, "--policy", f"scripted:{file}") as url:
        yield url


@pytest.fixture
def wavering(browser: Browser, wavering_url: str) -> Iterator[Page]:
    """The page of the wavering app, with the question answered four times."""
    with new_visitor(browser) as visitor:
        page = open_page(visitor, wavering_url)
        open_example(page, "Who comes last?")
        page.get_by_label("How many answers").select_option(label="4 answers")
        page.get_by_label("What should be segmented?").fill(QUESTION)
        page.get_by_role("button", name="Think").click()
        expect(page.get_by_role("group", name="Answers").get_by_role("button")).to_have_count(4, timeout=LONG)
        expect_answer(page)
        yield page


def test_answers_are_compared_and_another_one_is_taken_and_given_back(wavering: Page) -> None:
    answers = wavering.get_by_role("group", name="Answers")
    expect(answers).to_contain_text("4 answers · 1 says absent · 2 on frame 13")
    expect(wavering.get_by_role("button", name="Frame 27, chosen by answer 2")).to_be_visible()
    expect(keyframe_cell(wavering)).to_have_attribute("data-frame", "13")
    answers.get_by_role("button", name="Answer 2").click()
    expect(keyframe_cell(wavering)).to_have_attribute("data-frame", "27")
    expect(answers.get_by_role("button", name="Answer 2")).to_have_attribute("aria-pressed", "true")
    expect(wavering.get_by_role("application", name="Video frame 27 of")).to_be_visible()
    wavering.get_by_role("button", name="Undo: take another answer").click()
    expect(keyframe_cell(wavering)).to_have_attribute("data-frame", "13")
    expect(verdict(wavering)).to_contain_text("★ 13")


def test_markup_that_a_model_writes_stays_text(wavering: Page) -> None:
    wavering.get_by_label("How many answers").select_option(label="1 answer")
    ask(wavering, "markup")
    reasoning = wavering.get_by_label("Reasoning text")
    expect(reasoning).to_contain_text(MARKUP, timeout=LONG)
    expect_answer(wavering)
    expect(reasoning.locator("img, script")).to_have_count(0)
    expect(wavering).to_have_title("Veason")


def test_all_answers_are_there_again_after_a_refresh(wavering: Page) -> None:
    wavering.reload()
    answers = wavering.get_by_role("group", name="Answers")
    expect(answers.get_by_role("button", name="Answer 4: not in this video")).to_be_visible()
    answers.get_by_role("button", name="Answer 4").click()
    expect(wavering.get_by_text("Not in this video", exact=True)).to_be_visible()
