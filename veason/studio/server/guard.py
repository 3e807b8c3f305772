"""Which web pages may talk to this server, and where the page itself may be shown.

A browser sends requests to this server for any page that it shows, also for one of somebody else. Such a request says
where it comes from (`Origin`, `Sec-Fetch-Site`), and it is refused. A name that was made to lead to this machine (DNS
rebinding) is told by the `Host` that it names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOSTING = "https://huggingface.co https://*.huggingface.co https://*.hf.space"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

_CONTENT = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
)
"""gradio makes functions of text (`unsafe-eval`); nothing is fetched from elsewhere."""


class OriginGuard:
    """Refuses what other pages send, and says where this page may be shown.

    Args:
        app: what comes behind.
        is_local: the server is for this machine only: it must be called by a name of this machine.
        hosts: further names of this machine.
    """

    def __init__(self, app: App, *, is_local: bool, hosts: Iterable[str] = ()) -> None:
        self._app, self._is_local = app, is_local
        self._hosts = {*LOOPBACK, *hosts}
        frames = "'self'" if is_local else f"'self' {_HOSTING}"
        self._headers = [
            (b"content-security-policy", f"{_CONTENT}; frame-ancestors {frames}".encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        reason = self._refusal(scope)
        if reason is None:
            await self._app(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": reason.encode()})

    def _refusal(self, scope: AsgiScope) -> str | None:
        """Return why a request is refused, None where it is not."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if self._is_local and _name_of(host) not in self._hosts:
            return "this server is for the machine it runs on: open it as http://localhost or http://127.0.0.1"
        origin = headers.get(b"origin")
        if origin is not None:
            own = {host} if self._is_local else {host, headers.get(b"x-forwarded-host", host)}
            return None if _place_of(origin) in {_without_port(one) for one in own} else "this page may not ask here"
        is_foreign = headers.get(b"sec-fetch-site") in ("cross-site", "same-site")
        if is_foreign and scope.get("method", "GET") not in _SAFE_METHODS:
            return "this page may not ask here"
        return None

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                known = {name for name, _ in self._headers}
                kept = [one for one in message.get("headers", ()) if one[0].lower() not in known]
                message = {**message, "headers": [*kept, *self._headers]}
            await send(message)

        return sending


def _name_of(host: str) -> str | None:
    """Return the name of a `Host`, without its port; None where it is none.

    >>> _name_of("LOCALHOST:7860"), _name_of("[::1]:7860"), _name_of("a@b")
    ('localhost', '::1', None)
    """
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname if parts.netloc == host and not parts.username else None
    except ValueError:
        return None


def _place_of(origin: str) -> str | None:
    """Return the host of an `Origin`, without the port that its scheme has anyway."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return _without_port(parts.netloc) if parts.scheme in ("http", "https") and parts.netloc else None


def _without_port(host: str) -> str:
    return host.lower().removesuffix(":80").removesuffix(":443")
