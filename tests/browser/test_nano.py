"""The app on nano-policy: it answers live, shows what it saw of each object, and says what it was trained on."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import new_visitor, open_page, running_app
from tests.browser.studio import LONG, ask, open_example
from veason import hub

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def nano(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("nano")
    with running_app(folder, "--policy", hub.NANO) as url, new_visitor(browser) as visitor:
        yield open_page(visitor, url)


@pytest.mark.parametrize(
    ("question", "wanted"), [("the pink block", "pink block"), ("the thing that is being chased", "chased")]
)
def test_it_says_the_question_again_and_tells_of_every_object(nano: Page, question: str, wanted: str) -> None:
    if nano.get_by_role("button", name="The chase").is_visible():
        open_example(nano, "The chase")
    expect(nano.get_by_text("trained on rendered scenes only")).to_be_visible()
    ask(nano, question)
    expect(nano.get_by_text(f"Looking for {wanted}", exact=True)).to_be_visible(timeout=LONG)
    expect(nano.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)
    expect(nano.get_by_text(re.compile(r"\d objects followed, (\d|none) fits?"))).to_be_visible()
