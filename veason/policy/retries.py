"""Which errors of a model server are worth another try, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import openai

FIRST_RETRY_WAIT_S = 0.5
"""Seconds to wait before the second try; doubled before each further try."""

MAX_RETRY_WAIT_S = 20.0
"""Longest wait in seconds between tries, also if a server asks for more with `Retry-After`."""

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


def may_pass(error: openai.APIStatusError, request: Mapping[str, Any]) -> bool:
    """Tell whether the same request may do better later; a 500 may come from `n`, which some servers do not foresee."""
    return error.status_code in _PASSING and not (error.status_code == 500 and "n" in request)


def is_for_any_request(error: Exception, *, has_begun: bool) -> bool:
    """Tell whether a request for several samples ended as one for a single sample would have ended too.

    Args:
        error: that it ended with.
        has_begun: something had arrived before.
    """
    if isinstance(error, openai.APIStatusError):
        return error.status_code not in (400, 422) and error.status_code < 500
    return isinstance(error, openai.APITimeoutError) or (isinstance(error, openai.APIConnectionError) and not has_begun)


def is_connecting(error: Exception) -> bool:
    """Tell whether a time-out happened before there was a connection."""
    return isinstance(error.__cause__, httpx2.ConnectTimeout)


def is_cut(error: Exception) -> bool:
    """Tell whether a connection was cut before anything came, as one that is kept for longer than the server does."""
    return isinstance(error.__cause__, httpx2.ReadError | httpx2.WriteError | httpx2.RemoteProtocolError)


def retry_after_s(error: openai.APIStatusError) -> float:
    """Return the seconds that a server asks to wait, 0 where it does not say."""
    value = error.response.headers.get("retry-after", "")
    return float(value) if value.replace(".", "", 1).isdecimal() else 0.0
