"""Which of gradio's routes are open, and what is said where a request breaks in one of them.

gradio answers more than the page, programs and the tools ask: other servers' pages (`proxy=`), recordings, its own
monitoring, an editor of the code. What nobody needs here is not there. And what a request holds is read in many places
of gradio, each of which raises in its own way where it makes no sense: the sender is told in words.
"""

from __future__ import annotations

import errno
import json
import logging
import secrets
from collections.abc import MutableMapping
from typing import Any

from veason.libraries import library_imports
from veason.studio.server.failures import ErrorFormatter
from veason.studio.server.guard import App, AsgiScope, Receive, Send

with library_imports():
    from starlette.requests import ClientDisconnect

_LOG = logging.getLogger(__name__)

API_PREFIX = "/gradio_api/"

OPEN = (
    "app_id", "call/", "cancel", "component_server", "file/", "file=", "heartbeat/", "info", "login_check",
    "openapi.json", "queue/", "reset", "startup-events", "theme.css", "token", "upload", "upload_progress", "user",
)  # fmt: skip
"""What the page, `gradio_client` and programs ask for below API_PREFIX; one that ends with / or = goes on."""

CLOSED = ("/monitoring", "/login", "/logout")
"""Pages of gradio beside API_PREFIX that nobody needs: there are `--metrics` and `--auth`."""

SENSELESS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_READERS = ("fastapi", "gradio", "httpx", "multipart", "pydantic", "starlette")
"""What is raised where a request makes no sense, or by whom; what the studio itself raises, it has told before."""

_UNSAID = "this call made no sense to the server: /?view=api shows what each call wants, and in what order"
_STREAMED = {
    b'"output":{"error":null}': f'"output":{{"error":{json.dumps(_UNSAID)}}}'.encode(),
    b'event: error\ndata: {"error": null}': b"event: error\ndata: " + json.dumps({"error": _UNSAID}).encode(),
}
"""What gradio writes into a stream where a call broke before it reached the studio, and what is written instead.

The texts inside of a message cannot look so: their quotes are escaped.
"""


class RouteGuard:
    """Answers in words where a route is closed, and where a request breaks what answers an open one.

    Args:
        app: what comes behind.
        error_formatter: says what became of errors that are no fault of the request.
    """

    def __init__(self, app: App, *, error_formatter: ErrorFormatter) -> None:
        self._app, self._error_formatter = app, error_formatter

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not is_open(str(scope["path"])):
            await _tell(send, 404, "there is nothing here: the page is at /, and what programs may ask at /?view=api")
            return
        state = _State()

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                state.has_begun = True
                state.is_failed = message["status"] == 500
                state.is_stream = any(value.startswith(b"text/event-stream") for _, value in message["headers"])
            elif state.is_stream:
                message["body"] = _said(message.get("body", b""))
            if not state.is_failed:
                await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001  # whatever it is, the sender is told in words
            if state.has_begun and not state.is_failed:
                # without its end: whoever reads it sees that it is not whole
                _LOG.warning("an answer broke off: %s at %s", type(error).__name__, _place_of(error))
                return
            await _tell(send, *self._words(error))
            return
        if state.is_failed:
            await _tell(
                send, 500, self._error_formatter.words(RuntimeError(f"{scope['method']} was answered with a bare 500"))
            )

    def _words(self, error: Exception) -> tuple[int, str]:
        if isinstance(error, SENSELESS) or type(error).__module__.split(".")[0] in _READERS:
            number = secrets.token_hex(3)
            _LOG.warning("request %s was refused: %s at %s", number, type(error).__name__, _place_of(error))
            return 400, f"this request makes no sense to the server (number {number}): /?view=api shows what it reads"
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.EINVAL):
            return 404, "there is nothing of that name here"
        return (507 if is_full else 500), self._error_formatter.words(error)


class _State:
    """What an answer has sent: anything, a status that says no more than that the server failed, a stream of events."""

    has_begun = is_failed = is_stream = False


def is_open(path: str) -> bool:
    """Tell whether anything answers at a path.

    >>> is_open("/gradio_api/queue/join"), is_open("/gradio_api/proxy=http://a"), is_open("/monitoring/summary")
    (True, False, False)
    """
    if path.startswith(API_PREFIX):
        route = path.removeprefix(API_PREFIX)
        return any(
            route.startswith(one) if one.endswith(("/", "=")) else route.removesuffix("/") == one for one in OPEN
        )
    return not any(path == one or path.startswith(f"{one}/") for one in CLOSED)


def _said(part: bytes) -> bytes:
    """Return a part of an answer in which an error that gradio leaves without words has some."""
    for unsaid, said in _STREAMED.items():
        part = part.replace(unsaid, said)
    return part


def _place_of(error: BaseException) -> str:
    """Return where an error was raised, without what it says, which may be what was sent."""
    trace, place = error.__traceback__, "nowhere"
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


async def _tell(send: Send, status: int, words: str) -> None:
    """Answer with words, where gradio's clients look for them."""
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"detail": words}).encode()})
