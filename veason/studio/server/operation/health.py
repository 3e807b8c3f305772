"""`/health/live` and `/health/ready`, for what starts and restarts servers, and sends them visitors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from veason.studio.server.guard import App, AsgiScope, Receive, Send

LEAST_FREE_BYTES = 500_000_000
"""With less room on a disk than this a server takes no more visitors."""

Checks = Mapping[str, Callable[[], bool]]
"""What must hold for a server to be ready, by name."""


class HealthPages:
    """Answers both pages, without asking who it is; hands everything else on.

    Args:
        app: what comes behind.
        checks: what must hold for the server to be ready; which do not is told by their names.
    """

    def __init__(self, app: App, *, checks: Checks) -> None:
        self._app, self._checks = app, checks

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http" or scope["path"] not in ("/health/live", "/health/ready"):
            await self._app(scope, receive, send)
            return
        failed = (
            [] if scope["path"] == "/health/live" else [name for name, holds in self._checks.items() if not holds()]
        )
        await send_page(
            send, "application/json", json.dumps({"ok": not failed, "failed": failed}), 503 if failed else 200
        )


def has_room(folder: Path) -> bool:
    """Tell whether the disk of a folder has room for more."""
    try:
        return shutil.disk_usage(folder).free >= LEAST_FREE_BYTES
    except OSError:
        return False


async def send_page(send: Send, kind: str, text: str, status: int = 200) -> None:
    """Send a whole answer that nobody keeps."""
    headers = [(b"content-type", kind.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
