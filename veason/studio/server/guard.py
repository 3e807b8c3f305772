"""Which web pages may talk to this server, and where the page itself may be shown.

A browser sends requests to this server for any page that it shows, also for one of somebody else. Such a request says
where it comes from (`Origin`, `Sec-Fetch-Site`), and it is refused. A name that was made to lead to this machine (DNS
rebinding) is told by the `Host` that it names. A browser that opens an address instead of a name cannot be misled so.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOSTING = "https://huggingface.co https://*.huggingface.co https://*.hf.space"
_ASKED = (b"host", b"x-forwarded-host", b"origin", b"sec-fetch-site")
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
        is_public: every visitor has a project of their own: the server may be called by any name, unless some are
            allowed, and its page may stand in a Space.
        is_local: only this machine can reach the server: it must be called by a name of this machine.
        hosts: names by which the server may be called, with a port where a proxy has an unusual one.
    """

    def __init__(self, app: App, *, is_public: bool, is_local: bool, hosts: Iterable[str] = ()) -> None:
        self._app, self._is_public, self._is_local = app, is_public, is_local
        self._allowed = {_without_port(host) for host in hosts}
        own = set() if is_public else {*LOOPBACK, *({} if is_local else names_of_machine())}
        self._names = {name for name in map(_name_of, self._allowed) if name} | own
        frames = f"'self' {_HOSTING}" if is_public else "'self'"
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
        if is_ambiguous(scope["headers"], _ASKED):
            return "this request says twice, and differently, where it comes from"
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if not self._is_called_rightly(host):
            return (
                f"this server does not know the name {(_name_of(host) or '')[:80]!r}: open it by its address, or start "
                "it with --allow-host and that name"
            )
        origin = headers.get(b"origin")
        if origin is not None:
            forwarded = _without_port(headers.get(b"x-forwarded-host", ""))
            own = {_without_port(host), *self._allowed}
            own |= {forwarded} if self._is_public and not self._allowed else set()
            return None if _place_of(origin) in own else "this page may not ask here"
        is_foreign = headers.get(b"sec-fetch-site") in ("cross-site", "same-site")
        if is_foreign and scope.get("method", "GET") not in _SAFE_METHODS:
            return "this page may not ask here"
        return None

    def _is_called_rightly(self, host: str) -> bool:
        """Tell whether a `Host` is a name of this server; an address is, where others can reach it by one."""
        if self._is_public and not self._names:
            return True
        name = _name_of(host)
        return name in self._names or (not self._is_local and name is not None and _is_address(name))

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                known = {name for name, _ in self._headers}
                kept = [one for one in message.get("headers", ()) if one[0].lower() not in known]
                message = {**message, "headers": [*kept, *self._headers]}
            await send(message)

        return sending


def is_ambiguous(headers: Iterable[tuple[bytes, bytes]], names: Iterable[bytes]) -> bool:
    """Tell whether a request has one of these headers twice, so that somebody on its way may read another of them."""
    found = [name.lower() for name, _ in headers]
    return any(found.count(name) > 1 for name in names)


def names_of_machine() -> tuple[str, ...]:
    """Return what others on the network call this machine."""
    name = socket.gethostname().lower()
    return (name, f"{name}.local") if name else ()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


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
