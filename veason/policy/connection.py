"""Connections to a model server: which address may be one, and how much of what it sends is read."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import openai

from veason.errors import EndpointError, OptionError
from veason.types import EndpointOptions

MAX_REPLY_BYTES = 16 << 20
"""Most bytes of one reply that are read; the longest answers of 2,048 tokens take some 600 kB."""

_BOM = b"\xef\xbb\xbf"


def check_address(address: str) -> str:
    """Return a server's URL without its last slash. Raises OptionError if it is invalid or contains a password."""
    example = "a server is named by its address, such as http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(address.strip())
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise OptionError(f"{example}; this is none: {error}") from error
    if "@" in address or parts.query or parts.fragment:
        raise OptionError("an address holds no password, query or fragment: give the key with --policy-key-file")
    if not is_address or any(character.isspace() or not character.isprintable() for character in address.strip()):
        raise OptionError(f"{example}, got {address!r}")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def open_client(address: str, options: EndpointOptions, context: ssl.SSLContext) -> openai.AsyncOpenAI:
    """Return a client that follows no redirect, reads `MAX_REPLY_BYTES` of a reply at most and tries nothing twice.

    Args:
        address: of the server, as `check_address` returns it.
        options: key and timeouts. Nothing else that could name a person is sent: what the environment says for the
            servers of OpenAI is not meant for this one.
        context: what certificates are trusted.
    """
    timeout = openai.Timeout(options.read_s, connect=options.connect_s)
    headers: dict[str, Any] = {  # without the first two the library sends what the environment says
        "OpenAI-Organization": openai.Omit(),
        "OpenAI-Project": openai.Omit(),
        "Accept-Encoding": "identity",
    }
    return openai.AsyncOpenAI(
        base_url=address,
        api_key=options.key or "none",
        default_headers=headers,
        timeout=timeout,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(
            verify=context, timeout=timeout, follow_redirects=False, event_hooks={"response": [_bound]}
        ),
    )


async def _bound(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = BoundedStream(response.stream, str(response.url.host))


class BoundedStream(httpx2.AsyncByteStream):
    """The bytes of a reply without a byte order mark before them, and an error after `MAX_REPLY_BYTES`."""

    def __init__(self, stream: httpx2.AsyncByteStream, server: str) -> None:
        self._stream, self._server = stream, server

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the bytes. Raises EndpointError after `MAX_REPLY_BYTES`."""
        count, head = 0, b""
        is_begun = False
        async for block in self._stream:
            count += len(block)
            if count > MAX_REPLY_BYTES:
                raise EndpointError(
                    f"{self._server} sends more than {MAX_REPLY_BYTES >> 20} MB for one answer: stopped"
                )
            if is_begun:
                yield block
                continue
            head += block
            if len(head) >= len(_BOM) or not _BOM.startswith(head):
                is_begun = True
                yield head.removeprefix(_BOM)
        if not is_begun:
            yield head

    async def aclose(self) -> None:
        """Close the connection's stream."""
        await self._stream.aclose()
