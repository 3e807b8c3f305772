"""Asks the service, and asks again where it does not answer: a replica that was killed costs a retry."""

from __future__ import annotations

import asyncio
import random
import time
import weakref
from collections.abc import Sequence
from typing import Any

from veason.errors import DataError, EndpointError, PromptError, VeasonError, VideoError
from veason.libraries import library_imports
from veason.reward_service.question import TracksQuestion

with library_imports():
    import httpx

_AGAIN = (500, 502, 503, 504)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_KINDS: dict[str, type[VeasonError]] = {"DataError": DataError, "PromptError": PromptError, "VideoError": VideoError}
_DIGESTS_AT_ONCE = 64


class RewardClient:
    """Asks one service.

    Args:
        url: its address, such as http://127.0.0.1:8765.
        token: its token, "" where it wants none.
        patience_s: how long a question is asked again, from its first failure.
        timeout_s: how long one answer is waited for.
    """

    def __init__(self, url: str, token: str = "", *, patience_s: float = 300.0, timeout_s: float = 600.0) -> None:
        self.url = url.rstrip("/")
        self.retries = 0
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._patience_s, self._timeout_s = patience_s, timeout_s
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            weakref.WeakKeyDictionary()
        )

    async def frame_iou(self, question: TracksQuestion) -> dict[int, float]:
        """Return the IoU of masks and target by absolute frame index.

        Raises:
            EndpointError: the service cannot be reached, or wants another token.
            DataError, PromptError, VideoError: it refuses the question.
        """
        found = await self._post("/v1/tracks", question.as_json())
        frame_iou = {int(index): float(value) for index, value in found["frame_iou"].items()}
        if tuple(frame_iou) != question.shown:
            raise EndpointError(f"{self.url} answered for frames {list(frame_iou)}, asked were {list(question.shown)}")
        return frame_iou

    async def footage(self, digests: Sequence[str]) -> dict[str, tuple[int, tuple[int, int]]]:
        """Return number of frames and (width, height) of the footage that the service has, by digest.

        Raises:
            EndpointError: the service cannot be reached, or wants another token.
            VideoError: a video cannot be opened.
        """
        known: dict[str, tuple[int, tuple[int, int]]] = {}
        for first in range(0, len(digests), _DIGESTS_AT_ONCE):
            found = await self._post("/v1/footage", {"digests": list(digests[first : first + _DIGESTS_AT_ONCE])})
            known |= {key: (one["num_frames"], tuple(one["size"])) for key, one in found["found"].items()}
        return known

    async def health(self) -> dict[str, Any]:
        """Return what the service tells of itself. Raises EndpointError where it does not answer in time."""
        return await self._ask("GET", "/health", None)

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        failed_at, pause = None, _FIRST_PAUSE_S
        while True:
            try:
                response = await self._client().request(method, self.url + path, json=body)
                failure = f"{response.status_code} {response.text[:300]}" if response.status_code in _AGAIN else ""
            except httpx.TransportError as error:
                failure = f"{type(error).__name__} {error}"
            if not failure:
                return self._read(response)
            failed_at = failed_at or time.monotonic()
            if time.monotonic() - failed_at > self._patience_s:
                raise EndpointError(
                    f"the reward service {self.url} does not answer ({failure}): start it with `veason reward-service`"
                )
            self.retries += 1
            await asyncio.sleep(pause * (0.5 + random.random()))
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            limits = httpx.Limits(max_connections=256, max_keepalive_connections=64)
            self._clients[loop] = httpx.AsyncClient(
                headers=self._headers,
                timeout=httpx.Timeout(self._timeout_s, connect=10.0),
                limits=limits,
                trust_env=False,
            )
        return self._clients[loop]

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        try:
            found: dict[str, Any] = response.json()
            if response.status_code == 200:
                return found
            text, kind = str(found["error"]), str(found["kind"])
        except (ValueError, KeyError, TypeError) as error:
            raise EndpointError(
                f"{self.url} is no reward service: it answered {response.status_code} {response.text[:200]!r}"
            ) from error
        if response.status_code == 401:
            raise EndpointError(f"the reward service {self.url} wants another token: {text}")
        raise _KINDS.get(kind, DataError)(text)
