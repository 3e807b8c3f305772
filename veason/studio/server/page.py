"""The page: one `gr.HTML` component that holds the whole studio, its events and its cheap look-ups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from veason.libraries import library_imports
from veason.studio.server.access.sign_in import person_of
from veason.studio.server.api import Api, add_endpoints
from veason.studio.server.encode import encode
from veason.studio.server.messages.about import About
from veason.studio.server.model_line import MOST_IN_LINE
from veason.studio.server.modules import MARK
from veason.studio.server.requests import EVENTS, LOOK_UPS
from veason.studio.server.studio import MODEL_EVENTS, Studio

with library_imports():
    import gradio as gr

WEB = Path(__file__).parent.parent / "web"
"""The page's own JavaScript modules and style sheets; served as they are, no build step."""

STYLES = (
    "core/theme",
    "core/controls",
    "header/header",
    "welcome/welcome",
    "canvas/stage",
    "timeline/player",
    "timeline/lanes",
    "panel/panel",
    "panel/reasoning",
    "keyboard/help",
    "models/models",
    "queue/queue",
    "queue/dialogs",
)
"""The style sheets in the order of the cascade: each part's lies beside its modules."""

# Gradio finds the names of the events by their quotes in this text.
LOADER = f"""
const events = {[*EVENTS]};
const scope = {{ element, props, trigger, watch, server, events }};
const made = new Map();
const addressOf = (text, mark) => JSON.stringify(made.get(mark));
const make = ([name, text]) => {{
  const whole = text.replace(/"{MARK}([^"]+)"/g, addressOf) + "\\n//# sourceURL=" + name;
  made.set(name, URL.createObjectURL(new Blob([whole], {{ type: "text/javascript" }})));
}};
const start = (rows) => {{
  rows.forEach(make);
  return import(made.get("main.js")).then((module) => module.start(scope));
}};
const told = (error) => {{
  window.veasonFailed?.();
  throw error;
}};
fetch(new URL(props.main, document.baseURI)).then((answer) => answer.json()).then(start).catch(told);
"""
"""Makes modules of `modules.bundle` again, each under its own name, and starts the page."""


MOST_TRANSFERS, MOST_EVENTS, MOST_THREADS = 24, 1024, 320
"""Transfers of a kind at once, events that wait for anything, and threads: each event that runs has one."""

MOST_SESSIONS = 256
"""Of so many pages gradio keeps what they were told last, which may be megabytes; nothing here reads it."""


def build(studio: Studio, about: About, api: Api, modules: str, *, has_people: bool = False) -> gr.Blocks:
    """Return the page, with every event and look-up wired to the studio.

    Args:
        studio: what answers.
        about: what the page shows before any video.
        api: the endpoints for programs.
        modules: the address of the page's modules (see `modules.bundle`).
        has_people: people sign in.
    """
    with gr.Blocks(title="Veason", fill_width=True, analytics_enabled=False) as page:
        component = gr.HTML(
            value=None,
            html_template=template(),
            js_on_load=LOADER,
            apply_default_css=False,
            elem_id="studio",
            server_functions=[_look_up(studio, name, has_people) for name in LOOK_UPS],
            main=modules,
            about=encode(about),
        )
        for name in EVENTS:
            getattr(component, name)(
                _listener(studio, name, has_people),
                None,
                component,
                show_progress="hidden",
                trigger_mode="multiple",
                api_visibility="private",
                **_limits(name),
            )
        add_endpoints(api)
    return page


def template() -> str:
    """Return the page's markup: the stage with the models' dialog, the queue and its dialogs."""
    markup = (WEB / "studio.html").read_text(encoding="utf-8")
    for name in ("models/models.html", "queue/queue.html"):
        markup = markup.replace(f"<!-- {Path(name).name} -->", (WEB / name).read_text(encoding="utf-8"))
    return markup


def sent_with(event: gr.EventData) -> object:
    """Return what the page sent with an event; gradio has no public name for it."""
    sent: object = event._data
    return sent


def _limits(event: str) -> dict[str, Any]:
    """Return how many runs of an event go on at once: edits in the order they were made; models have their own line."""
    if event in MODEL_EVENTS:
        return {"concurrency_limit": MOST_IN_LINE + 16, "concurrency_id": "models"}
    return {"concurrency_limit": 1 if event == "edit" else MOST_TRANSFERS}


def _listener(studio: Studio, name: str, has_people: bool) -> Callable[[gr.EventData, gr.Request], Iterator[Any]]:
    """Return what gradio calls for an event."""

    def listen(event: gr.EventData, request: gr.Request) -> Iterator[Any]:
        person = person_of(request.headers) if has_people else None
        answering = studio.answer(name, sent_with(event), person)
        with closing(answering) as messages:  # type: ignore[type-var]  # it is a generator
            yield from messages

    return listen


def _look_up(studio: Studio, name: str, has_people: bool) -> Callable[[Any, gr.Request], Any]:
    """Return what the page calls outside the queue: cheap, on the CPU; gradio goes by the function's name."""

    def look_up(sent: Any, request: gr.Request) -> Any:
        return studio.look_up(name, sent, person_of(request.headers) if has_people else None)

    look_up.__name__ = name
    return look_up
