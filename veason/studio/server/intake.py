"""How much a request may send, and how many are answered at once: refused before anything of it is in memory."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any

from veason.libraries import library_imports
from veason.studio.server.guard import App, AsgiScope, Receive, Send
from veason.studio.server.outbox import Outbox
from veason.types.budgets import MIB

with library_imports():
    import anyio.to_thread

MOST_BODY = 16 * MIB
"""What a request may send that is no upload. A drawn mask of 4K takes some hundred kilobytes."""

FEWEST_REQUESTS = 400
"""So many requests are answered at once in any case; each page holds one open for as long as it is shown."""

_SPARED_DESCRIPTORS = 256
"""For projects, videos and files beside the connections."""


class IntakeLimits:
    """Refuses requests that are too large, uploads for which there is no room, and more than can be answered.

    Args:
        app: what comes behind.
        outbox: where uploads go.
        most_upload: bytes of one upload.
        most_requests: how many are answered at once.
    """

    def __init__(self, app: App, *, outbox: Outbox, most_upload: int, most_requests: int) -> None:
        self._app, self._outbox = app, outbox
        self._most_upload, self._most_requests = most_upload, most_requests
        self._num_requests = 0

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._num_requests >= self._most_requests:
            await _refuse(send, 503, "too many at once: try again in a minute")
            return
        self._num_requests += 1
        try:
            if scope["method"] == "POST" and str(scope["path"]).rstrip("/").endswith("/upload"):
                await self._upload(scope, receive, send)
            else:
                await self._bounded(scope, receive, send, MOST_BODY)
        finally:
            self._num_requests -= 1

    async def _upload(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        length = _length_of(scope)
        if length is None:
            await _refuse(send, 411, "say how long the upload is")
        elif length > self._most_upload + MIB:
            await _refuse(send, 413, f"at most {self._most_upload // MIB} MB can be uploaded")
        elif not await anyio.to_thread.run_sync(self._outbox.expect, length):
            await _refuse(send, 507, "the server has no room for uploads at the moment: try again later")
        else:
            try:
                await self._bounded(scope, receive, send, length)
            finally:
                self._outbox.arrived(length)

    async def _bounded(self, scope: AsgiScope, receive: Receive, send: Send, most: int) -> None:
        """Hand a request on whose body has at most so many bytes, whatever it says of its length."""
        if (_length_of(scope) or 0) > most:
            await _refuse(send, 413, f"at most {most // MIB} MB can be sent")
            return
        left, has_answered = most, False

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise _TooLongError
            return message

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        try:
            await self._app(scope, bounded, sending)
        except _TooLongError:
            if not has_answered:
                await _refuse(send, 413, f"at most {most // MIB} MB can be sent")


class _TooLongError(Exception):
    """A body is longer than it may be."""


def raise_descriptor_limit() -> int:
    """Let this process open as many files as the system allows, and return how many requests that is good for."""
    if sys.platform == "win32":
        return FEWEST_REQUESTS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(FEWEST_REQUESTS, soft - _SPARED_DESCRIPTORS)


def _length_of(scope: AsgiScope) -> int | None:
    """Return what a request says of its length, None where it says nothing that is a number."""
    headers = dict(scope["headers"])
    told = headers.get(b"content-length", b"").decode("latin-1")
    return int(told) if told.isdecimal() and len(told) < 20 else None


async def _refuse(send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": reason.encode()})
