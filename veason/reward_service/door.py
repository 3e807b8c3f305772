"""The HTTP interface: who may ask, how much at a time, and what is answered.

    POST /v1/tracks     a question of `veason.reward_service.question` -> {"frame_iou": {"0": 0.5, ...}}
    POST /v1/footage    {"digests": [...]} -> {"found": {DIGEST: {"num_frames": 20, "size": [w, h]}}, "missing": [...]}
    GET  /health        {"status": "ok"}; who has the token is told more

Errors are {"error": text, "kind": name}: 401 no token, 404 unknown footage, 413 too long, 422 a question that has no
answer, 503 too many wait.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from veason.errors import DataError, DeviceError, VeasonError
from veason.reward_service.batching import Busy
from veason.reward_service.footage import FootageIndex, UnknownFootage
from veason.reward_service.question import TracksQuestion, is_digest, parse_question
from veason.reward_service.scorer import FrameIou
from veason.video import open_video

MOST_BYTES = 16 * 2**20
"""Longest request."""

MOST_DIGESTS = 256
"""Most digests that are asked about at once."""

OWN_NAMES = ("localhost", "127.0.0.1", "::1")
"""Names of this machine: without a token nobody else may ask, and under no other name."""

_BROWSERS = frozenset({"origin", "sec-fetch-site"})
"""Headers that a browser sends for the page of a stranger, and no program of a trainer does."""

Score = Callable[[TracksQuestion], Awaitable[FrameIou]]
Told = Callable[[], dict[str, Any]]


class _TooLong(VeasonError):  # noqa: N818
    """A request of more bytes than are read."""


class Door:
    """Answers requests.

    Args:
        score: answers a question.
        footage: where digests lead.
        told: what /health tells whoever has the token.
        token: what is wanted as `Authorization: Bearer TOKEN`; "" lets every program ask that calls a name of this
            machine, and no page in a browser.
    """

    def __init__(self, score: Score, footage: FootageIndex, told: Told, token: str = "") -> None:
        self._score, self._footage, self._told, self._token = score, footage, told, token

    async def answer(self, request: Request) -> Response:
        """Answer one request; only what is nobody's fault but ours is raised."""
        method, path = request.method, request.url.path.rstrip("/")
        is_known = self._is_known(request)
        if path.endswith("/health") and method == "GET":
            return JSONResponse({"status": "ok", **(self._told() if is_known else {})})
        if not is_known:
            return _refusal(401, "Unauthorized", "give the token of the service: Authorization: Bearer TOKEN")
        try:
            if path.endswith("/v1/tracks") and method == "POST":
                return await self._tracks(request)
            if path.endswith("/v1/footage") and method == "POST":
                return await self._videos(request)
        except VeasonError as error:
            return _refusal(_status(error), type(error).__name__, str(error))
        return _refusal(404, "NotFound", "there is POST /v1/tracks, POST /v1/footage and GET /health")

    async def _tracks(self, request: Request) -> Response:
        question = parse_question(await _body(request))
        frame_iou = await self._score(question)
        return JSONResponse({"frame_iou": {str(index): value for index, value in frame_iou.items()}})

    async def _videos(self, request: Request) -> Response:
        body = await _body(request)
        digests = body.get("digests") if isinstance(body, dict) else None
        if (
            not isinstance(digests, list)
            or len(digests) > MOST_DIGESTS
            or not all(isinstance(one, str) and is_digest(one) for one in digests)
        ):
            raise DataError(
                f"digests is a list of at most {MOST_DIGESTS} SHA-256, in 64 characters of 0-9 and a-f each"
            )
        return JSONResponse(await run_in_threadpool(self._look, digests))

    def _look(self, digests: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for digest, path in self._footage.find_all(digests).items():
            with open_video(path) as video:
                found[digest] = {"num_frames": video.info.num_frames, "size": list(video.info.size_wh)}
        return {"found": found, "missing": [digest for digest in dict.fromkeys(digests) if digest not in found]}

    def _is_known(self, request: Request) -> bool:
        if not self._token:
            return request.url.hostname in OWN_NAMES and not _BROWSERS.intersection(request.headers)
        said = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(said, f"Bearer {self._token}".encode())


async def _body(request: Request) -> Any:
    """Return the JSON of a request. Raises DataError where it is none, _TooLong where it is too long."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > MOST_BYTES:
            raise _TooLong(f"a request has at most {MOST_BYTES:,} bytes")
        parts.append(part)
    try:
        return json.loads(b"".join(parts))
    except (ValueError, RecursionError) as error:
        raise DataError("the request is not JSON") from error


def _status(error: VeasonError) -> int:
    if isinstance(error, UnknownFootage):
        return 404
    if isinstance(error, _TooLong):
        return 413
    if isinstance(error, Busy | DeviceError):
        return 503
    return 422


def _refusal(status: int, kind: str, text: str) -> Response:
    headers = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse({"error": text, "kind": kind}, status_code=status, headers=headers)
