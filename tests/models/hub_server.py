"""A hub for tests: it serves the files of models over HTTP as the real one does, slowly where a test wants that."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_BLOCK = 1 << 15


@dataclass
class HubServer:
    """What the hub has, `{model: {file: bytes}}`, and what it was asked: (file, first byte) of every download."""

    models: Mapping[str, Mapping[str, bytes]]
    pause_s: float = 0.0
    breaks_after: int | None = None
    spoils: frozenset[str] = frozenset()
    changes_after: int | None = None
    licence: str = ""
    served: list[tuple[str, int]] = field(default_factory=list)
    address: str = ""

    @property
    def commit(self) -> str:
        """The newest commit: another one after so many downloads, where a test wants that."""
        is_changed = self.changes_after is not None and len(self.served) >= self.changes_after
        return COMMIT[::-1] if is_changed else COMMIT

    def file(self, path: str) -> tuple[str, bytes] | None:
        model, _, rest = path.strip("/").partition("/resolve/")
        _, _, name = rest.partition("/")
        found = self.models.get(unquote(model), {}).get(unquote(name))
        return None if found is None else (unquote(name), found)


@contextmanager
def running_hub(hub: HubServer) -> Iterator[HubServer]:
    """Serve on a free port of this machine while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _head(self, status: int, length: int, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(length), "X-Repo-Commit": hub.commit, **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def do_HEAD(self) -> None:
            found = hub.file(urlsplit(self.path).path)
            if found is None:
                return self._head(404, 0, {"X-Error-Code": "EntryNotFound"})
            return self._head(200, len(found[1]), {"ETag": f'"{hashlib.sha256(found[1]).hexdigest()}"'})

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path.startswith("/api/models/"):
                return self._about(unquote(path.removeprefix("/api/models/").partition("/revision/")[0]))
            found = hub.file(path)
            if found is None:
                return self._head(404, 0, {"X-Error-Code": "EntryNotFound"})
            name, content = found
            first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            hub.served.append((name, first))
            sent = bytes(len(content)) if name in hub.spoils else content
            etag = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
            self._head(206 if "Range" in self.headers else 200, len(content) - first, etag)
            for at in range(first, len(sent), _BLOCK):
                if hub.breaks_after is not None and at - first >= hub.breaks_after:
                    self.close_connection = True
                    self.connection.close()
                    return None
                try:
                    self.wfile.write(sent[at : at + _BLOCK])
                except OSError:
                    return None
                time.sleep(hub.pause_s)
            return None

        def _about(self, model: str) -> None:
            if model not in hub.models:
                return self._head(404, 0, {"X-Error-Code": "RepoNotFound"})
            siblings = [{"rfilename": name, "size": len(content)} for name, content in hub.models[model].items()]
            card = {"license": hub.licence} if hub.licence else {}
            body = json.dumps({"id": model, "sha": hub.commit, "siblings": siblings, "cardData": card}).encode()
            self._head(200, len(body), {"Content-Type": "application/json"})
            self.wfile.write(body)
            return None

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, daemon=True).start()
    hub.address = f"http://127.0.0.1:{http.server_port}"
    try:
        yield hub
    finally:
        http.shutdown()
        http.server_close()
