"""Applications mounted beside the studio: what another part of the program serves, each below its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from veason.studio.server.guard import App, AsgiScope, Receive, Send

MakeMount = Callable[[Path | None], App]
"""Makes an application to mount, given the folder of the server's own project, None where each visitor has one."""


class MountedApps:
    """Hands what lies below the name of a mounted application to it, and everything else on.

    Args:
        app: what comes behind.
        mounts: the applications by name; their pages use addresses relative to their own.
    """

    def __init__(self, app: App, *, mounts: Mapping[str, App]) -> None:
        self._app, self._mounts = app, mounts

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        name, slash, _ = scope.get("path", "").removeprefix("/").partition("/")
        mounted = self._mounts.get(name) if scope["type"] == "http" else None
        if mounted is None:
            await self._app(scope, receive, send)
        elif slash:
            inner = {**scope, "path": scope["path"].removeprefix(f"/{name}"), "root_path": ""}
            await mounted({**inner, "raw_path": inner["path"].encode()}, receive, send)
        else:
            headers = [(b"location", f"{name}/".encode())]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
