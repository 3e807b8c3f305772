"""The page itself, compressed: gradio compresses its files, but not the page, most of which is text."""

from __future__ import annotations

from veason.libraries import library_imports
from veason.studio.server.guard import App, AsgiScope, Receive, Send

with library_imports():
    from starlette.middleware.gzip import GZipMiddleware

LEAST_BYTES = 1000


class PageCompression:
    """Compresses the page; everything else is handed on as it is.

    Args:
        app: what comes behind.
    """

    def __init__(self, app: App) -> None:
        self._app, self._compressed = app, GZipMiddleware(app, minimum_size=LEAST_BYTES)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        is_page = scope["type"] == "http" and scope["path"] in ("", "/")
        await (self._compressed if is_page else self._app)(scope, receive, send)
