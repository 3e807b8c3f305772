"""Requests below the path at which a proxy shows the app: seen by everything as if the app were at the top."""

from __future__ import annotations

from urllib.parse import quote

from veason.studio.server.guard import App, AsgiScope, Receive, Send


class RootPath:
    """Takes the root path off each request's path before anything looks at it.

    Some proxies take it off themselves, others leave it. What routes requests reads both alike, so what stands before
    it and decides by the path has to see what will be routed.

    Args:
        app: what comes behind.
        root_path: such as "/veason", "" for the top.
    """

    def __init__(self, app: App, *, root_path: str) -> None:
        self._app, self._root = app, root_path

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Hand a request on, with a path in which the root path is no more."""
        asked = scope.get("path", "")
        path = without_root(asked, self._root)
        if path != asked:
            scope = {**scope, "path": path, "raw_path": quote(path).encode()}
        await self._app(scope, receive, send)


def without_root(path: str, root_path: str) -> str:
    """Return a path without the root path, however often that stands before it.

    >>> [without_root(path, "/veason") for path in ("/veason/queue", "/veason/veason/", "/veasons")]
    ['/queue', '/', '/veasons']
    """
    while root_path and path.startswith(f"{root_path}/"):
        path = path.removeprefix(root_path)
    return "/" if root_path and path == root_path else path
