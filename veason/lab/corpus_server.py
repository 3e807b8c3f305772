"""The page on which a corpus is looked at: `veason corpus view`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from veason.lab.corpus import CorpusView
from veason.lab.server import LAB_WEB, THEME, answering
from veason.libraries import library_imports
from veason.studio.server.guard import OriginGuard

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response


def corpus_app(view: CorpusView, *, hosts: tuple[str, ...] = ()) -> Starlette:
    """Return the web application that shows a corpus; `hosts` are further names by which it may be called."""
    with library_imports():
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.gzip import GZipMiddleware
        from starlette.responses import FileResponse
        from starlette.routing import Mount, Route
        from starlette.staticfiles import StaticFiles

    def file(path: Path) -> Route:
        async def send(request: Request) -> Response:
            return FileResponse(path, headers={"cache-control": "no-cache"})

        return Route("/" if path.suffix == ".html" else f"/{path.name}", send)

    look_ups = {"about": lambda view, params: view.about(), "find": CorpusView.find, "entry": CorpusView.entry}
    return Starlette(
        routes=[
            file(LAB_WEB / "corpus.html"),
            file(THEME),
            *(Route(f"/api/{name}", answering(view, look_up)) for name, look_up in look_ups.items()),
            Route("/api/picture", answering(view, CorpusView.picture)),
            Mount("/web", StaticFiles(directory=LAB_WEB)),
        ],
        middleware=[
            Middleware(OriginGuard, is_public=False, is_local=not hosts, hosts=hosts),
            Middleware(GZipMiddleware, minimum_size=2000),
        ],
    )
