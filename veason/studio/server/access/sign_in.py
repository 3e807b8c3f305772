"""Asking who sends a request: a name and a password (HTTP Basic, RFC 7617), or the header of a proxy that has asked."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, unquote

import anyio.to_thread

from veason.errors import OptionError
from veason.studio.server.access.people import People, Person, Role
from veason.studio.server.guard import App, AsgiScope, Receive, Send, is_ambiguous
from veason.studio.server.operation.health import send_page

NAME_HEADER, ROLE_HEADER = "x-veason-name", "x-veason-role"
"""In these the person is told to what comes behind; from outside they are not taken."""

SECRET_HEADER = b"x-proxy-secret"
MOST_WRONG, WRONG_FOR_S = 10, 300.0
"""After so many wrong passwords for a name within so many seconds it is not tried any more until they are over."""

_KNOWN = 256
"""So many people who signed in are known again without the work of checking the password."""

_OWN_CALL = "/gradio_api/startup-events"
"""gradio asks itself for this when it begins, and does not say who it is; it does nothing after the first time."""

_ASK = (b"www-authenticate", b'Basic realm="Veason", charset="UTF-8"')
_ASK_PROXY = (b"www-authenticate", b'Proxy realm="Veason"')


def person_of(headers: Mapping[str, str]) -> Person | None:
    """Return who sent a request that came through `SignIn`, None where nobody has to sign in."""
    name = headers.get(NAME_HEADER)
    role = headers.get(ROLE_HEADER)
    roles: Mapping[str | None, Role] = {"annotator": "annotator", "reviewer": "reviewer", "operator": "operator"}
    return None if name is None else Person(unquote(name), roles[role])


class SignIn:
    """Lets nobody through whose name is not known. To whoever asks, `/who` tells their name and role.

    Args:
        app: what comes behind.
        people: who there is; None where a proxy knows them, all as annotators.
        user_header: the header in which a proxy names the person; without one passwords are asked for.
        proxy_secret: what the proxy sends in X-Proxy-Secret, "" where nobody else can reach this server.
    """

    def __init__(
        self, app: App, *, people: People | None, user_header: str | None = None, proxy_secret: str = ""
    ) -> None:
        self._app, self._people, self._secret = app, people, proxy_secret.encode()
        self._header = user_header.lower().encode() if user_header is not None else None
        self._asked = (b"authorization", SECRET_HEADER, *([] if self._header is None else [self._header]))
        self._passwords = _Passwords(people) if people is not None else None

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Hand a request on with the person's name, or ask for it."""
        if scope["type"] not in ("http", "websocket") or scope["path"] == _OWN_CALL:
            await self._app(scope, receive, send)
            return
        own = {NAME_HEADER.encode(), ROLE_HEADER.encode()}
        headers = [one for one in scope["headers"] if one[0].lower() not in own]
        try:
            person = None if is_ambiguous(headers, self._asked) else await self._person(dict(headers))
        except OptionError:  # the file cannot be read just now: better nobody than anybody
            await _refuse(scope, send, 503, "who may sign in cannot be read at the moment")
            return
        except _TooManyWrong:
            await _refuse(scope, send, 429, "too many wrong passwords for this name: wait five minutes")
            return
        if person is None:
            await _refuse(scope, send, 401, "please sign in", _ASK if self._header is None else _ASK_PROXY)
            return
        if scope["path"] == "/who":
            await send_page(send, "application/json", json.dumps({"name": person.name, "role": person.role}))
            return
        known = [
            (NAME_HEADER.encode(), quote(person.name).encode()),
            (ROLE_HEADER.encode(), person.role.encode()),
        ]
        await self._app({**scope, "headers": [*headers, *known]}, receive, send)

    async def _person(self, headers: Mapping[bytes, bytes]) -> Person | None:
        if self._header is None:
            assert self._passwords is not None
            return await self._passwords.person(headers.get(b"authorization", b""))
        if self._secret and not hmac.compare_digest(headers.get(SECRET_HEADER, b""), self._secret):
            return None
        name = " ".join(headers.get(self._header, b"").decode("utf-8", "replace").split())
        if not name or len(name) > 80 or not name.isprintable():
            return None
        return (self._people.person(name) if self._people is not None else None) or Person(name)


class _TooManyWrong(Exception):  # noqa: N818  # says what happened
    pass


class _Passwords:
    """Checks names and passwords, off the event loop, two at a time."""

    def __init__(self, people: People) -> None:
        self._people, self._lock = people, threading.Lock()
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, Person] = OrderedDict()
        self._stamp: object = None
        self._wrong: dict[str, list[float]] = {}
        self._limiter: anyio.CapacityLimiter | None = None

    async def person(self, header: bytes) -> Person | None:
        if not header.lower().startswith(b"basic "):
            return None
        seen = hmac.digest(self._secret, header, hashlib.sha256)
        person = self._recall(seen)
        if person is not None:
            return person
        try:
            name, colon, password = base64.b64decode(header[6:].strip(), validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            return None
        if not colon:
            return None
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(2)
        return await anyio.to_thread.run_sync(self._check, name, password, seen, limiter=self._limiter)

    def _recall(self, seen: bytes) -> Person | None:
        stamp = self._people.stamp
        with self._lock:
            if stamp != self._stamp:
                self._known.clear()
                self._stamp = stamp
            return self._known.get(seen)

    def _check(self, name: str, password: str, seen: bytes) -> Person | None:
        now = time.monotonic()
        with self._lock:
            self._wrong = {
                one: kept
                for one, times in self._wrong.items()
                if (kept := [at for at in times if now - at < WRONG_FOR_S])
            }
            if len(self._wrong.get(name[:200], ())) >= MOST_WRONG:
                raise _TooManyWrong
            before = self._stamp
        person = self._people.check(name, password)
        with self._lock:
            if person is None:
                self._wrong.setdefault(name[:200], []).append(now)
                return None
            if before == self._stamp:  # else the file has changed meanwhile, and the next request is checked again
                self._known[seen] = person
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)
            return person


async def _refuse(scope: AsgiScope, send: Send, status: int, words: str, *more: tuple[bytes, bytes]) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers: list[tuple[bytes, bytes]] = [(b"content-type", b"text/plain; charset=utf-8")]
    message: MutableMapping[str, Any] = {"type": "http.response.start", "status": status}
    await send({**message, "headers": [*headers, *more]})
    await send({"type": "http.response.body", "body": words.encode()})
