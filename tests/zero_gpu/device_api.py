"""The scheduler of ZeroGPU, as the `spaces` package asks it over HTTP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

NEVER_ALLOCATED = 99


class DeviceApi:
    """A server on this machine that grants every request, except for a duration of NEVER_ALLOCATED seconds.

    Attributes:
        calls: (path, parameters) of every request, in order.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        """What a ZeroGPU Space finds in its environment."""
        return {
            "SPACES_ZERO_GPU": "true",
            "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{self._server.server_port}",
        }

    @property
    def durations(self) -> list[int]:
        """The seconds that were asked for."""
        return [int(given["durationSeconds"]) for path, given in self.calls if path == "/schedule"]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, given: dict[str, str]) -> tuple[int, Any]:
        """Return status and JSON of an answer."""
        self.calls.append((path, given))
        if path != "/schedule":
            return 200, {}
        if int(given["durationSeconds"]) == NEVER_ALLOCATED:
            return 429, {"left": 3, "wait": 3600}
        return 200, {"idle": False, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": f"token-{len(self.calls)}"}

    def _handler(api) -> type[BaseHTTPRequestHandler]:  # noqa: N805  # the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                status, body = api.answer(parts.path, dict(parse_qsl(parts.query)))
                sent = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
