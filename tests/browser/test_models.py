"""The dialog of the models: fetch, cancel, go on, connect a server, test it, switch in mid-work, and no hub."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import new_visitor, open_page, running_app
from tests.browser.studio import LONG, ask, expect_answer, open_example
from tests.models.hub_server import HubServer, running_hub
from tests.policy.model_server import ModelServer, running, wire_forms
from tests.tiny_qwen import save_tiny_qwen

pytestmark = pytest.mark.browser

NAME = "Qwen/Qwen2.5-VL-3B-Instruct"
ANSWER = '<answer>{"keyframe_timestamp": 0, "bbox_2d_list": [[100, 100, 300, 300]]}</answer>'


def _pill(page: Page, name: str) -> None:
    expect(page.get_by_role("button", name=re.compile("^policy ")).locator("b")).to_have_text(name, timeout=LONG)


def test_models_are_fetched_tested_and_switched_without_losing_work(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny_qwen(tmp_path / "tiny")
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    server = ModelServer(lines=wire_forms("I see it.", ANSWER)["ollama"])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with running_hub(HubServer({NAME: files}, pause_s=0.6)) as hub, running(server):
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        with running_app(tmp_path) as url, new_visitor(browser) as visitor:
            page = open_page(visitor, url)
            open_example(page, "Who comes last?")
            page.get_by_role("button", name=re.compile("^policy ")).click()
            dialog = page.get_by_role("dialog", name="Models")
            row = dialog.get_by_role("listitem").filter(has_text=NAME)

            dialog.get_by_role("button", name=f"Fetch {NAME}").click()
            expect(dialog.get_by_text(re.compile(rf"Fetching {NAME}: [2-8]\d\d kB of "))).to_be_visible(timeout=LONG)
            expect(row.get_by_role("button")).to_be_disabled()
            dialog.get_by_role("button", name="Cancel").click()
            go_on = dialog.get_by_role("button", name=f"Go on fetching {NAME}")
            expect(go_on).to_be_enabled(timeout=LONG)

            hub.pause_s = 0.0
            go_on.click()
            expect(dialog.get_by_role("button", name=f"Use {NAME}")).to_be_enabled(timeout=LONG)
            assert any(first > 0 for _, first in hub.served), "it began anew"

            dialog.get_by_label("Address").fill("http://127.0.0.1:9/v1")
            dialog.get_by_role("button", name="Test").click()
            expect(dialog.locator('[data-failed="true"]')).to_contain_text("127.0.0.1:9", timeout=LONG)
            dialog.get_by_label("Address").fill(server.address)
            dialog.get_by_label("Model", exact=True).fill("only")
            dialog.get_by_role("button", name="Test").click()
            expect(dialog.get_by_text(re.compile("^It works: “"))).to_be_visible(timeout=LONG)
            page.screenshot(path=str(tmp_path / "models.png"))
            page.keyboard.press("Escape")
            expect(dialog).to_be_hidden()

            ask(page, "the star that is not yellow")  # of the recordings, which are read out word by word
            page.get_by_role("button", name=re.compile("^policy ")).click()
            dialog.get_by_role("button", name="Connect").click()
            _pill(page, f"only at {server.address.removeprefix('http://').removesuffix('/v1')}")
            page.keyboard.press("Escape")
            expect_answer(page)
            assert not [one for one in server.requests if "star" in str(one)], "the new policy answered for the old one"
            ask(page, "the other star")
            expect_answer(page)
            assert "the other star" in str(server.requests[-1])

            page.get_by_role("button", name=re.compile("^policy ")).click()
            dialog.get_by_role("button", name=f"Use {NAME}").click()
            _pill(page, NAME)
            expect(row.get_by_text("in use")).to_be_visible(timeout=LONG)
            dialog.get_by_role("button", name="Segmenter").click()
            hub.models = {}
            monkeypatch.undo()
    assert (tmp_path / ".config" / "veason" / "models.json").is_file()


def test_without_a_hub_it_says_at_once_what_to_type_elsewhere(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with running_app(tmp_path) as url, new_visitor(browser) as visitor:
        page = open_page(visitor, url)
        page.get_by_role("button", name=re.compile("^segmenter ")).click()
        dialog = page.get_by_role("dialog", name="Models")
        dialog.get_by_role("button", name="Fetch facebook/sam2.1-hiera-tiny").click()
        told = dialog.locator('[data-failed="true"]')
        expect(told).to_contain_text("hf download facebook/sam2.1-hiera-tiny", timeout=LONG)
        page.screenshot(path=str(tmp_path / "no-hub.png"))
