"""The app on the policy that ships: it answers live, shows what it saw of each object, and says what it was taught."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import open_page, running_app
from tests.browser.studio import LONG, ask, expect_answer, open_example, verdict
from veason import hub

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not hub.has_embedded("policy"), reason="assets/nano/policy is not here"),
]


@pytest.fixture(scope="module")
def nano(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with running_app(tmp_path_factory.mktemp("nano"), "--policy", "nano") as url:
        visitor = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
        visitor.set_default_timeout(20_000)
        visitor.add_init_script("localStorage.setItem('veason.tour', '\"seen\"')")
        yield open_page(visitor, url)
        visitor.close()


def test_it_tells_of_every_object_what_it_looks_for_and_what_it_was_trained_on(nano: Page) -> None:
    open_example(nano, "The chase")
    expect(nano.get_by_text("trained on rendered scenes only")).to_be_visible()
    ask(nano, "the green star")
    expect_answer_or_absence(nano)
    expect(nano.get_by_text(re.compile(r"\d objects followed, (\d|none) fits?"))).to_be_visible()
    expect(nano.get_by_text("Looking for green star")).to_be_visible()
    expect(nano.get_by_text("Not in this video", exact=True)).to_be_visible()


def test_another_question_is_answered_live(nano: Page) -> None:
    ask(nano, "the pursuer")
    expect_answer(nano)
    expect(nano.get_by_text("Looking for chases")).to_be_visible()
    expect(verdict(nano)).to_contain_text("★")


def expect_answer_or_absence(page: Page) -> None:
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)
