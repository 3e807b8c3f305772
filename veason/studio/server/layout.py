"""The page: one `gr.HTML` component that holds the whole studio, its events and its cheap look-ups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from veason.device import choose_device
from veason.errors import VeasonError
from veason.formats.catalogue import FORMATS
from veason.libraries import library_imports
from veason.pipeline import load_pipeline
from veason.studio.server import payload as read
from veason.studio.server import render
from veason.studio.server.examples import list_examples
from veason.studio.server.hand import read_hand
from veason.studio.server.handlers import Desk
from veason.studio.server.settings import Settings
from veason.studio.server.shelf import Shelf
from veason.studio.server.store import Store
from veason.studio.server.wire import Message, message
from veason.types import Policy
from veason.video import open_video

with library_imports():
    import gradio as gr

STAGE = Path(__file__).parent.parent / "web"
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
    "queue/queue",
    "queue/dialogs",
)
"""The style sheets in the order of the cascade: each part's lies beside its modules."""

QUICK, LONG = ("open", "edit", "export", "enqueue", "take"), ("think", "propagate")
"""Page events. The long ones need the models and wait in one line for them."""

MOVING = ("export", "enqueue", "take")
"""The events that move files; `veason.studio.server.transfer` handles them."""

# Gradio finds the names of the events by their quotes in this text.
LOADER = """
const events = ['open', 'edit', 'export', 'enqueue', 'take', 'think', 'propagate'];
const scope = { element, props, trigger, watch, server, events };
import(new URL(props.main, document.baseURI).href).then((module) => module.start(scope));
"""


def build(desk: Desk, settings: Settings) -> gr.Blocks:
    """Return the page, with every event wired to the desk."""
    with gr.Blocks(title="Veason", fill_width=True, analytics_enabled=False) as page:
        studio = gr.HTML(
            value=None,
            html_template=template(),
            js_on_load=LOADER,
            apply_default_css=False,
            elem_id="studio",
            server_functions=look_ups(desk),
            main=f"gradio_api/file={STAGE / 'main.js'}",
            about=about(desk, settings),
        )
        for name in (*QUICK, *LONG):
            limits: dict[str, Any] = {
                "concurrency_limit": 1 if name == "edit" else 4
            }  # edits in the order they were made
            if name in LONG:
                limits = {"concurrency_limit": 1, "concurrency_id": "models"}
            getattr(studio, name)(
                listener(desk, getattr(desk.transfer if name in MOVING else desk, name), needs_models=name in LONG),
                None,
                studio,
                show_progress="hidden",
                trigger_mode="multiple",
                api_visibility="private",
                **limits,
            )
    return page


def template() -> str:
    """Return the page's markup: the stage with the queue and its dialogs."""
    studio, queue = ((STAGE / name).read_text(encoding="utf-8") for name in ("studio.html", "queue/queue.html"))
    return studio.replace("<!-- queue.html -->", queue)


def listener(
    desk: Desk, handler: Callable[[Any], Iterator[Message]], *, needs_models: bool
) -> Callable[[gr.EventData], Iterator[Message]]:
    """Return the handler in the form gradio calls; the page's data travels in the event."""

    def listen(event: gr.EventData) -> Iterator[Message]:
        turn = desk.turns.visitor() if needs_models else nullcontext()
        with turn, closing(handler(event._data)) as messages:  # type: ignore[type-var]  # every handler is a generator
            for one in messages:
                yield desk.stamped(one, event._data)

    return listen


def look_ups(desk: Desk) -> list[Callable[..., Any]]:
    """Return the functions that the page calls outside the queue: cheap, on the CPU, each with one argument."""

    def frame(data: Any) -> dict[str, str]:
        """Return one exact frame as a JPEG; `longest` bounds its longer side."""
        try:
            work = desk.store.get(data.get("work"))
            image = work.video.frame(read.whole_number(data, "frame"))
        except VeasonError as error:
            return {"error": str(error)}
        return {"jpeg": render.jpeg(image, data.get("longest"))}

    def snapshot(data: Any) -> Message:
        """Return everything the page needs to show a work again."""
        try:
            work = desk.store.get(data.get("work"))
            return desk.stamped(desk.snapshot(work), data)
        except VeasonError as error:
            return desk.stamped(message(None, render.notice(str(error))), data)

    def stop(data: Any) -> bool:
        """Stop what runs for this work; tell whether anything ran."""
        try:
            work = desk.store.get(data.get("work"))
        except VeasonError:
            return False
        running = work.is_running
        work.stop()
        return running

    def unknown(data: Any) -> list[str]:
        """Return the words of an instruction that the policy has never been trained on."""
        policy = desk.pipeline.policy
        return list(policy.unknown_words(read.short_text(data, "instruction"))) if policy is not None else []

    def pulse(data: Any) -> dict[str, Any]:
        """Tell whether labels were changed elsewhere since the tab last looked."""
        try:
            work = desk.store.get(data.get("work"))
            return {"isBehind": bool(work.others(read_hand(data)))}
        except VeasonError as error:
            return {"error": str(error)}

    return [frame, snapshot, stop, unknown, pulse, *desk.queue.look_ups()]


def about(desk: Desk, settings: Settings) -> dict[str, Any]:
    """Return what the page shows before any video: models, limits, examples."""
    policy, segmenter = desk.pipeline.policy, desk.pipeline.segmenter
    profile = getattr(policy, "profile", None)
    return {
        "policy": policy.name if policy is not None else "none",
        "device": "CPU" if choose_device(settings.models.device).type == "cpu" else "GPU",
        "recorded": bool(getattr(policy, "is_recorded", False)),
        "several": gives_several(policy),
        "segmenter": segmenter.name,
        "trainedOn": profile.trained_on if profile is not None else "",
        "space": list(profile.space_wh) if profile is not None else None,
        "marks": list(profile.step_marks) if profile is not None else [],
        "doubtThreshold": profile.doubt_threshold if profile is not None else 0.5,
        "project": described(desk, settings),
        "formats": [
            {
                "name": format.name,
                "about": format.about,
                "canRead": format.read is not None,
                "onlyAccepted": format.accepted_only,
            }
            for format in FORMATS
            if format.write
        ],
        "maxMb": settings.max_upload_mb,
        "examples": [example_card(place, example) for place, example in enumerate(desk.examples)],
    }


def gives_several(policy: Policy | None) -> bool:
    """Tell whether it makes sense to ask for more than one answer: recordings may hold only one for each question."""
    recordings = getattr(policy, "recordings", None)
    if recordings is None:
        return policy is not None
    asked = [(one.video, one.num_frames, one.instruction, one.turn) for one in recordings]
    return len(set(asked)) < len(asked)


def described(desk: Desk, settings: Settings) -> dict[str, Any]:
    """Return what the page says about where labels are kept."""
    shelf = desk.store.shelf
    if shelf.own_key is None:
        hours = round(settings.visitor_age_s / 3600)
        limits = {"megabytes": round(settings.visitor_bytes / 1e6), "hours": hours}
        return {"key": None, "folder": None, "readOnly": False, "isLocal": False, **limits}
    project = shelf.get(shelf.own_key)
    return {
        "key": shelf.own_key,
        "folder": str(project.folder),
        "readOnly": project.is_read_only,
        "isLocal": desk.is_local,
    }


def example_card(place: int, example: Any) -> dict[str, Any]:
    """Return one card of the welcome page, with a picture from the middle of the clip."""
    with open_video(example.path) as video:
        info = video.info
        picture = render.jpeg(video.frame(info.num_frames // 2), longest=480)
    return {
        "place": place,
        "title": example.title,
        "file": example.path.name,
        "instructions": list(example.instructions),
        "rendered": example.is_rendered,
        "picture": picture,
        "frames": info.num_frames,
        "seconds": info.num_frames / info.fps if info.fps else 0,
    }


def serve(settings: Settings, *, host: str, port: int | None, open_browser: bool, block: bool = True) -> gr.Blocks:
    """Load the models, build the page and serve it; returns at once unless `block`."""
    is_local = host in ("127.0.0.1", "localhost", "::1") and settings.visitors is None
    shelf = Shelf(settings)  # first: a folder that cannot be used is told before the models are loaded
    desk = Desk(
        load_pipeline(settings.policy, settings.segmenter, settings.models),
        Store(shelf, settings.max_works),
        list_examples(),
        is_local=is_local,
    )
    if shelf.own_key is not None:
        print(f"labels are kept in {shelf.get(shelf.own_key).folder}")
    page = build(desk, settings)
    page.queue(max_size=64)
    try:
        page.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            prevent_thread_lock=not block,
            show_error=True,
            quiet=not block,
            run_history=False,
            footer_links=[],
            ssr_mode=False,
            allowed_paths=[str(STAGE), str(desk.store.outbox)],
            max_file_size=f"{settings.max_upload_mb}mb",
            css_paths=[STAGE / f"{name}.css" for name in STYLES],
            theme=gr.themes.Base(font=["Inter", "system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        )
    finally:
        if block:
            desk.close()
    return page
