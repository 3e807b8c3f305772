"""Serving the studio."""

from __future__ import annotations

import os
from dataclasses import replace

from veason.device import is_zero_gpu
from veason.errors import VeasonError
from veason.libraries import library_imports
from veason.models.choice import KeptChoice
from veason.pipeline import load_pipeline
from veason.studio.server.about import about_page
from veason.studio.server.examples import list_examples
from veason.studio.server.failures import Teller
from veason.studio.server.guard import LOOPBACK, OriginGuard
from veason.studio.server.intake import MIB, IntakeLimits, raise_descriptor_limit
from veason.studio.server.memory import bound_arenas
from veason.studio.server.model_choice import ModelChoice, read_kept
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
    models = _first_models(settings, registry)
    studio = Studio(
        models.pipeline,
        registry,
        list_examples(),
        capacity=settings.max_works,
        is_local=is_local,
        models=models,
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
    page = build(studio, about_page(studio, settings))
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
            allowed_paths=[str(WEB), str(studio.outbox.downloads)],
            app_kwargs={"middleware": [guard, intake]},
            max_threads=MOST_THREADS,
            max_file_size=f"{settings.max_upload_mb}mb",
            css_paths=[WEB / f"{name}.css" for name in STYLES],
            theme=gr.themes.Base(font=["Inter", "system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        )
    finally:
        if block:
            studio.close()
    return page


def _first_models(settings: Settings, registry: ProjectRegistry) -> ModelChoice:
    """Load the models that were named, else those that were chosen last, else the best that are here."""
    project = registry.get(registry.own_key).folder if registry.own_key is not None else None
    is_locked = settings.are_models_locked or registry.is_public or is_zero_gpu()
    kept = KeptChoice(settings.policy, None, settings.segmenter)
    if project is not None and not is_locked:
        kept = read_kept(project, settings.policy, settings.segmenter)
    endpoint = settings.models.endpoint
    if kept.policy_model is not None and endpoint is not None:
        endpoint = replace(endpoint, model=kept.policy_model)
    try:
        pipeline = load_pipeline(kept.policy, kept.segmenter, replace(settings.models, endpoint=endpoint))
    except VeasonError as error:
        if kept == KeptChoice(settings.policy, None, settings.segmenter):
            raise
        print(f"the models that were chosen last cannot be used ({error}): the best that are here are taken instead")
        pipeline = load_pipeline(settings.policy, settings.segmenter, settings.models)
    words = Teller(registry.hidden_folders, is_public=registry.is_public).words
    return ModelChoice(pipeline, settings.models, is_locked=is_locked, project=project, words=words)
