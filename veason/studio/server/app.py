"""Serving the studio."""

from __future__ import annotations

import hashlib
import os

from veason.libraries import library_imports
from veason.pipeline import load_pipeline
from veason.studio.server.about import about_page
from veason.studio.server.compression import PageCompression
from veason.studio.server.examples import list_examples
from veason.studio.server.guard import LOOPBACK, OriginGuard
from veason.studio.server.intake import MIB, IntakeLimits, raise_descriptor_limit
from veason.studio.server.memory import bound_arenas
from veason.studio.server.modules import bundle
from veason.studio.server.page import MOST_EVENTS, MOST_THREADS, STYLES, WEB, build
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio

with library_imports():
    import gradio as gr
    from starlette.middleware import Middleware


def serve(settings: Settings, *, host: str, port: int | None, open_browser: bool, block: bool = True) -> gr.Blocks:
    """Load the models, build the page and serve it; returns at once unless `block`."""
    is_public = settings.visitors is not None
    is_local = host in LOOPBACK and not is_public
    bound_arenas()
    registry = ProjectRegistry(
        settings, is_shared=not is_local
    )  # first: a folder that cannot be used is told before the models are loaded
    pipeline = load_pipeline(settings.policy, settings.segmenter, settings.models)
    studio = Studio(
        pipeline,
        registry,
        list_examples(),
        capacity=settings.max_works,
        is_local=is_local,
        video_bytes=settings.video_mb * MIB,
        transfer_bytes=settings.transfer_mb * MIB,
    )
    if registry.own_key is not None:
        print(f"labels are kept in {registry.get(registry.own_key).folder}")
    os.environ["GRADIO_TEMP_DIR"] = str(studio.outbox.uploads)  # gradio knows no other way to be told
    studio.housekeeping.start()
    guard = Middleware(
        OriginGuard, is_public=is_public, is_local=is_local, hosts=[*settings.hosts, *([] if is_public else [host])]
    )
    intake = Middleware(
        IntakeLimits,
        outbox=studio.outbox,
        most_upload=settings.max_upload_mb * MIB,
        most_requests=raise_descriptor_limit(),
    )
    text = bundle(WEB).encode()
    modules = studio.outbox.show(f"modules-{hashlib.sha256(text).hexdigest()[:12]}.json", text)
    page = build(studio, about_page(studio, settings), modules)
    page.queue(max_size=MOST_EVENTS)
    try:
        page.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            prevent_thread_lock=not block,
            quiet=not block,
            run_history=False,
            footer_links=[],
            ssr_mode=False,
            allowed_paths=[str(studio.outbox.shown), str(studio.outbox.downloads)],
            app_kwargs={"middleware": [guard, intake, Middleware(PageCompression)]},
            head=f'<link rel="preload" href="{modules}" as="fetch" crossorigin="anonymous">',
            max_threads=MOST_THREADS,
            max_file_size=f"{settings.max_upload_mb}mb",
            css_paths=[WEB / f"{name}.css" for name in STYLES],
            theme=gr.themes.Base(font=["Inter", "system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        )
    finally:
        if block:
            studio.close()
    return page
