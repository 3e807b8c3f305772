"""Serving the studio."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from veason.errors import OptionError, VeasonError
from veason.libraries import library_imports
from veason.model_workers import load_workers
from veason.models.choice import KeptChoice
from veason.pipeline import Pipeline, load_pipeline
from veason.studio.server.about import about_page
from veason.studio.server.access.people import People
from veason.studio.server.access.sign_in import SignIn
from veason.studio.server.api import Api
from veason.studio.server.compression import PageCompression
from veason.studio.server.deployment import Deployment
from veason.studio.server.examples import list_examples
from veason.studio.server.failures import ErrorFormatter
from veason.studio.server.guard import LOOPBACK, OriginGuard
from veason.studio.server.intake import IntakeLimits, raise_descriptor_limit
from veason.studio.server.memory import bound_arenas
from veason.studio.server.messages.about import About
from veason.studio.server.model_choice import ModelChoice, read_kept
from veason.studio.server.modules import bundle
from veason.studio.server.mounts import MakeMount, MountedApps
from veason.studio.server.operation.health import Checks, HealthPages, has_room
from veason.studio.server.operation.log import log_as_json, log_served
from veason.studio.server.operation.metrics import Gauges, MetricsPage, ServerMetrics
from veason.studio.server.page import MOST_EVENTS, MOST_SESSIONS, MOST_THREADS, STYLES, WEB, build, template
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.root_path import RootPath
from veason.studio.server.route_guard import RouteGuard
from veason.studio.server.settings import Settings
from veason.studio.server.skeleton import SKELETON_STYLES, Skeleton, layer, small_picture
from veason.studio.server.studio import Studio
from veason.types.budgets import MIB
from veason.video import UNTRUSTED
from veason.video.limits import ANY
from veason.zero_gpu import is_zero_gpu

with library_imports():
    import gradio as gr
    from starlette.middleware import Middleware


def serve(
    settings: Settings,
    *,
    host: str,
    port: int | None,
    open_browser: bool,
    deployment: Deployment = Deployment(),
    mounts: Mapping[str, MakeMount] | None = None,
    block: bool = True,
) -> gr.Blocks:
    """Load the models, build the page and serve it, with applications beside it; return at once unless `block`."""
    deployment.check_host(host)
    is_public = settings.visitors is not None
    is_local = host in LOOPBACK and not is_public and not settings.hosts and not deployment.is_shared
    people = People(deployment.auth) if deployment.auth is not None else None
    bound_arenas()
    registry = ProjectRegistry(settings, is_shared=not is_local)  # before the models: its errors come at once
    studio = _make_studio(settings, registry, is_local=is_local)
    own = registry.get(registry.own_key).folder if registry.own_key is not None else None
    if own is not None:
        print(f"labels are kept in {own}")
    os.environ["GRADIO_TEMP_DIR"] = str(studio.outbox.uploads)  # gradio knows no other way to be told
    studio.housekeeping.start()
    has_people = deployment.has_people
    limits = ANY if is_local else UNTRUSTED
    api = Api(studio.models, studio.line, studio.outbox, studio.error_formatter, limits=limits)
    text = bundle(WEB).encode()
    modules = studio.outbox.show(f"modules-{hashlib.sha256(text).hexdigest()[:12]}.json", text)
    beside = {name: make(own) for name, make in (mounts or {}).items()}
    about = about_page(studio, settings, has_people=has_people, mounts=tuple(beside))
    page = build(studio, about, api, modules, has_people=has_people)
    guard = Middleware(
        OriginGuard,
        is_public=is_public,
        is_local=is_local,
        hosts=[*settings.hosts, *([] if is_public else [host])],
    )
    guards = [
        Middleware(RootPath, root_path=deployment.root_path),
        guard,
        Middleware(RouteGuard, error_formatter=studio.error_formatter),
    ]
    guards += shared_middleware(studio, deployment, people)
    look = _skeleton(studio, about, modules)
    app_kwargs: dict[str, Any] = {"middleware": [*guards, *_page_middleware(studio, settings, beside), look]}
    if deployment.has_mcp:
        _add_tools(app_kwargs, api, studio, is_local=is_local)
    page.queue(max_size=MOST_EVENTS)
    try:
        page.launch(
            server_name=host,
            server_port=port,
            root_path=deployment.root_path or None,
            inbrowser=open_browser,
            prevent_thread_lock=not block,
            quiet=not block,
            run_history=False,
            footer_links=[],
            ssr_mode=False,
            allowed_paths=[str(studio.outbox.shown), str(studio.outbox.downloads)],
            app_kwargs=app_kwargs,
            max_threads=MOST_THREADS,
            state_session_capacity=MOST_SESSIONS,
            max_file_size=f"{settings.max_upload_mb}mb",
            css_paths=[WEB / f"{name}.css" for name in STYLES],
            theme=gr.themes.Base(font=["Inter", "system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        )
    finally:
        if block:
            studio.close()
    return page


def _make_studio(settings: Settings, registry: ProjectRegistry, *, is_local: bool) -> Studio:
    """Load the models and return the studio that they work for."""
    models = _first_models(settings, registry, is_local=is_local)
    return Studio(
        models.pipeline,
        registry,
        list_examples(are_recorded=settings.are_examples_recorded),
        capacity=settings.max_works,
        is_local=is_local,
        models=models,
        video_bytes=settings.video_mb * MIB,
        transfer_bytes=settings.transfer_mb * MIB,
        workers=settings.workers,
    )


def _skeleton(studio: Studio, about: About, modules: str) -> Middleware:
    """Return what shows the welcome page before its scripts have come, whose modules have that address."""
    small = [(one, small_picture(studio.outbox.shown / f"example-{one.place}.jpg")) for one in about.examples]
    styles = [(WEB / f"{name}.css").read_text("utf-8") for name in SKELETON_STYLES]
    return Middleware(Skeleton, layer=layer(template(), styles, small), preload=modules)


def _page_middleware(studio: Studio, settings: Settings, mounts: Mapping[str, Any]) -> list[Middleware]:
    """Return what stands between the guards and the page: limits of what comes in, mounts, compression."""
    intake = Middleware(
        IntakeLimits,
        outbox=studio.outbox,
        most_upload=settings.max_upload_mb * MIB,
        most_requests=raise_descriptor_limit(),
    )
    return [intake, Middleware(MountedApps, mounts=mounts), Middleware(PageCompression)]


def _first_models(settings: Settings, registry: ProjectRegistry, *, is_local: bool) -> ModelChoice:
    """Load the models that were named, else those that were chosen last, else the best that are here."""
    project = registry.get(registry.own_key).folder if registry.own_key is not None else None
    wanted = settings.are_models_locked
    is_locked = registry.is_public or is_zero_gpu() or (not is_local if wanted is None else wanted)
    kept = KeptChoice(settings.policy, None, settings.segmenter)
    if project is not None and not is_locked:
        kept = read_kept(project, settings.policy, settings.segmenter)
    endpoint = settings.models.endpoint
    words = ErrorFormatter(registry.hidden_folders, is_public=registry.is_public).words
    if settings.workers > 1:
        return ModelChoice(_load_workers(settings), settings.models, is_locked=True, project=project, words=words)
    if kept.policy_model is not None and endpoint is not None:
        endpoint = replace(endpoint, model=kept.policy_model)
    try:
        pipeline = load_pipeline(kept.policy, kept.segmenter, replace(settings.models, endpoint=endpoint))
    except VeasonError as error:
        if kept == KeptChoice(settings.policy, None, settings.segmenter):
            raise
        print(f"the models that were chosen last cannot be used ({error}): the best that are here are taken instead")
        pipeline = load_pipeline(settings.policy, settings.segmenter, settings.models)
    return ModelChoice(pipeline, settings.models, is_locked=is_locked, project=project, words=words)


def _load_workers(settings: Settings) -> Pipeline:
    """Load the models in several processes, in each of them the same. Raises OptionError on a ZeroGPU Space."""
    if is_zero_gpu():
        raise OptionError("a ZeroGPU Space has workers of its own: leave --workers out")
    load = partial(load_pipeline, settings.policy, settings.segmenter, settings.models)
    return load_workers(settings.workers, load, device=settings.models.device)


def shared_middleware(studio: Studio, deployment: Deployment, people: People | None) -> list[Middleware]:
    """Return the middleware of a deployment, outermost first: health, sign-in, metrics."""
    passed = [Middleware(HealthPages, checks=_checks(studio))]
    if deployment.has_people:
        header, secret = deployment.user_header, deployment.proxy_secret
        passed.append(Middleware(SignIn, people=people, user_header=header, proxy_secret=secret))
    if deployment.logs_json:
        log_as_json()
        studio.observers.told.append(log_served)
    if deployment.has_metrics:
        metrics = ServerMetrics(_gauges(studio), lambda: studio.holdings)
        studio.observers.told.append(metrics.count)
        passed.append(Middleware(MetricsPage, metrics=metrics, has_people=deployment.has_people))
    return passed


def _add_tools(app_kwargs: dict[str, Any], api: Api, studio: Studio, *, is_local: bool) -> None:
    """Add the tools of the Model Context Protocol to what gradio makes its app of. Raises MissingBackend."""
    from veason.studio.server import tool_server  # its library is an extra

    server = tool_server.make_server(tool_server.Tools(api, tool_server.Clips(studio.outbox, is_local=is_local)))
    app_kwargs["middleware"].append(Middleware(tool_server.ToolPages, tools=tool_server.application(server)))
    app_kwargs["lifespan"] = tool_server.running(server)


def _checks(studio: Studio) -> Checks:
    return {
        "room for uploads": lambda: has_room(studio.outbox.folder),
        "room for labels": lambda: has_room(studio.registry.root),
        "housekeeping": lambda: studio.housekeeping.is_running,
    }


def _gauges(studio: Studio) -> Gauges:
    return {
        "models_waiting": ("Requests that wait for the models.", lambda: studio.line.num_waiting),
        "workers_running": ("Workers of the models that run.", lambda: studio.models.pipeline.num_workers),
        "questions_open": ("Questions that are held open.", lambda: len(studio.questions)),
        "projects_open": ("Projects that are held open.", lambda: studio.registry.num_open),
    }
