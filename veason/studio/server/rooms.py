"""Further rooms of the app: pages that another part of the program serves beside the studio, each below its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from veason.studio.server.guard import App, AsgiScope, Receive, Send

MakeRoom = Callable[[Path | None], App]
"""Makes a room, given the folder of the server's own project, None where each visitor has one."""


class RoomPages:
    """Hands what lies below the name of a room to it, and everything else on.

    Args:
        app: what comes behind.
        rooms: the applications by name; their pages use addresses relative to their own.
    """

    def __init__(self, app: App, *, rooms: Mapping[str, App]) -> None:
        self._app, self._rooms = app, rooms

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        name, slash, _ = scope.get("path", "").removeprefix("/").partition("/")
        room = self._rooms.get(name) if scope["type"] == "http" else None
        if room is None:
            await self._app(scope, receive, send)
        elif slash:
            inner = {**scope, "path": scope["path"].removeprefix(f"/{name}"), "root_path": ""}
            await room({**inner, "raw_path": inner["path"].encode()}, receive, send)
        else:
            headers = [(b"location", f"{name}/".encode())]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
