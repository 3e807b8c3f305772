"""The lab's page and what it asks for: queries, cases, pictures, verdicts.

uvicorn.run(lab_app(OpenLab(Lab(Path("lab")))))
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from veason.errors import DataError, OptionError, VeasonError
from veason.lab.changes import CHANGES
from veason.lab.look_ups import LAB_LOOK_UPS
from veason.lab.open_lab import OpenLab
from veason.libraries import library_imports
from veason.studio.server.guard import OriginGuard

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

LAB_WEB = Path(__file__).parent / "web"
THEME = Path(__file__).parent.parent / "studio" / "web" / "core" / "theme.css"

_PNG = b"\x89PNG"

Shown = TypeVar("Shown")
Handler = Callable[["Request"], Awaitable["Response"]]


def lab_app(opened: OpenLab, *, hosts: tuple[str, ...] | None = ()) -> Starlette:
    """Return the web application of a lab.

    Args:
        opened: the lab, with what can be done from the page.
        hosts: further names by which it may be called; None where who serves it looks at that.
    """
    with library_imports():
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.gzip import GZipMiddleware
        from starlette.responses import FileResponse
        from starlette.routing import Mount, Route
        from starlette.staticfiles import StaticFiles

    async def page(request: Request) -> Response:
        return FileResponse(LAB_WEB / "lab.html", headers={"cache-control": "no-cache"})

    async def theme(request: Request) -> Response:
        return FileResponse(THEME, headers={"cache-control": "no-cache"})

    asked = {name: answering(opened, look_up) for name, look_up in LAB_LOOK_UPS.items()}
    changed = {name: _changing(opened, change) for name, change in CHANGES.items()}
    return Starlette(
        routes=[
            Route("/", page),
            Route("/theme.css", theme),
            *(Route(f"/api/{name}", handler) for name, handler in asked.items()),
            *(Route(f"/api/{name}", handler, methods=["POST"]) for name, handler in changed.items()),
            Mount("/web", StaticFiles(directory=LAB_WEB)),
        ],
        middleware=[
            *([] if hosts is None else [Middleware(OriginGuard, is_public=False, is_local=not hosts, hosts=hosts)]),
            Middleware(GZipMiddleware, minimum_size=2000),
        ],
    )


def serve_page(app: Starlette, what: str, host: str, port: int, *, opens_browser: bool) -> None:
    """Serve an application until it is ended, tell where it is, and open a browser if that is wanted."""
    import sys
    import threading
    import webbrowser

    with library_imports():
        import uvicorn

    address = f"http://{host}:{port}/"
    print(f"{what} is at {address} (Ctrl-C ends it)", file=sys.stderr)
    if opens_browser:
        threading.Timer(1.0, webbrowser.open, [address]).start()
    uvicorn.run(app, host=host, port=port, log_level="warning")


def answering(shown: Shown, look_up: Callable[[Shown, Mapping[str, str]], dict[str, Any] | bytes]) -> Handler:
    """Return what answers a request with a look-up of something: JSON, a picture, or why not."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response

    async def handle(request: Request) -> Response:
        try:
            found = await run_in_threadpool(look_up, shown, dict(request.query_params))
            if not isinstance(found, bytes):
                return Response(as_json(found), media_type="application/json")
        except VeasonError as error:
            return _refused(error)
        kind = "image/png" if found.startswith(_PNG) else "image/jpeg"
        return Response(found, media_type=kind, headers={"cache-control": "max-age=3600"})

    return handle


def _changing(opened: OpenLab, change: Callable[[OpenLab, Mapping[str, Any]], dict[str, Any]]) -> Handler:
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response

    async def handle(request: Request) -> Response:
        try:
            if not request.headers.get("content-type", "").startswith("application/json"):
                raise OptionError("what changes something is sent as application/json")
            body = await request.body()
            sent = json.loads(body) if len(body) <= 20_000 else None
            if not isinstance(sent, dict):
                raise OptionError("wanted a JSON object of at most 20,000 bytes")
            return Response(as_json(await run_in_threadpool(change, opened, sent)), media_type="application/json")
        except VeasonError as error:
            return _refused(error)
        except (ValueError, RecursionError):
            return _refused(OptionError("the body is not JSON"))

    return handle


def as_json(value: Any) -> bytes:
    """Return a value as JSON that every browser reads: what is not a number becomes null, half a letter "?".

    Raises DataError where it is nested deeper than can be written.
    """
    try:
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False).encode(errors="replace")
    except RecursionError as error:
        raise DataError("what is to be shown is nested too deeply") from error


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value


def _refused(error: VeasonError) -> Response:
    from starlette.responses import Response

    status = 404 if isinstance(error, DataError) else 400
    return Response(as_json({"error": str(error)}), status_code=status, media_type="application/json")
