"""The parts of gradio that the studio stands on and that gradio does not promise; it is pinned to what is tested."""

from __future__ import annotations

import inspect
from pathlib import Path

import gradio as gr
from gradio import utils

from veason.studio.server.page import LOADER, sent_with
from veason.studio.server.requests import EVENTS


def test_an_event_carries_what_the_page_sent() -> None:
    assert sent_with(gr.EventData(None, {"work": "key.1"})) == {"work": "key.1"}


def test_uploads_lie_in_a_folder_that_gradio_names(tmp_path: Path) -> None:
    assert Path(utils.get_upload_folder()).is_absolute()
    assert utils.is_in_or_equal(tmp_path / "a", tmp_path)
    assert not utils.is_in_or_equal(tmp_path / ".." / "a", tmp_path)


def test_one_html_component_takes_scripts_functions_and_properties_of_its_own() -> None:
    wanted = {"html_template", "js_on_load", "server_functions", "apply_default_css"}
    assert wanted <= set(inspect.signature(gr.HTML.__init__).parameters)
    with gr.Blocks(analytics_enabled=False):
        component = gr.HTML(html_template="<i></i>", js_on_load=LOADER, main="main.js")
        assert component.get_config()["props"]["main"] == "main.js"


def test_events_are_found_by_their_quotes_in_the_script() -> None:
    with gr.Blocks(analytics_enabled=False):
        component = gr.HTML(html_template="<i></i>", js_on_load=LOADER)
        assert all(callable(getattr(component, name)) for name in EVENTS)
