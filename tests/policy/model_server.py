"""A model server for tests: it says what a test scripts, in the wire form of one of the servers that people run."""

from __future__ import annotations

import json
import select
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], str]
"""Status, headers and body of an answer that is no stream."""


@dataclass
class ModelServer:
    """What the server says, and what it was asked. `lines` are the data of a stream, sent one after another.

    Where there is `raw`, those bytes are the body, as they are and with `headers`. Before the status it reads the
    prompt for `first_word_s`, and `left_after_s` tells after how long somebody went away meanwhile. A request
    with the field that it `refuses` ends with 422.
    """

    lines: Sequence[str] = ()
    replies: list[Reply] = field(default_factory=list)
    models: Sequence[str] | None = ("only",)
    owner: str = "test"
    status_of_no_list: int = 500
    pause_s: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    asked_with: list[dict[str, str]] = field(default_factory=list)
    num_lines_sent: int = 0
    breaks_after: int | None = None
    make_lines: Callable[[dict[str, Any]], Iterable[str]] | None = None
    raw: Iterable[bytes] | None = None
    refuses: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    first_word_s: float = 0.0
    left_after_s: list[float] = field(default_factory=list)
    address: str = ""


@contextmanager
def running(server: ModelServer, tls: ssl.SSLContext | None = None) -> Iterator[ModelServer]:
    """Serve on a free port of this machine while the block runs, behind TLS where there is a context for it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _send(self, status: int, headers: dict[str, str], body: str) -> None:
            data = body.encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _is_left(self) -> bool:
            """Wait for the time of the prompt; tell whether the other side went away meanwhile."""
            started = time.monotonic()
            if not select.select([self.connection], [], [], server.first_word_s)[0]:
                return False
            server.left_after_s.append(time.monotonic() - started)
            self.close_connection = True
            return True

        def _send_raw(self, blocks: Iterable[bytes]) -> None:
            self.send_response(200)
            for name, value in {"Content-Type": "text/event-stream", "Connection": "close", **server.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = True
            for block in blocks:
                try:
                    self.wfile.write(block)
                    self.wfile.flush()
                except OSError:
                    return
                server.num_lines_sent += 1
                time.sleep(server.pause_s)

        def do_GET(self) -> None:
            if server.models is None or not self.path.endswith("/models"):
                return self._send(server.status_of_no_list, {}, '{"detail": "no hub"}')
            rows = [{"id": name, "object": "model", "created": 0, "owned_by": server.owner} for name in server.models]
            return self._send(200, {}, json.dumps({"object": "list", "data": rows}))

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append(asked)
            server.keys.append(self.headers.get("Authorization", ""))
            server.asked_with.append(dict(self.headers))
            if server.replies:
                return self._send(*server.replies.pop(0))
            if server.refuses in asked:
                return self._send(422, {}, json.dumps({"detail": f"Unexpected fields: {{{server.refuses!r}}}"}))
            if server.first_word_s and self._is_left():
                return None
            if server.raw is not None:
                return self._send_raw(server.raw)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = True
            lines = server.make_lines(asked) if server.make_lines else server.lines
            for number, line in enumerate(lines):
                if number == server.breaks_after:
                    self.connection.close()
                    return None
                try:
                    self.wfile.write(f"{line}\n\n".encode())
                    self.wfile.flush()
                except OSError:
                    return None
                server.num_lines_sent += 1
                time.sleep(server.pause_s)
            return None

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    if tls is not None:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
        http.handle_error = lambda *_: None  # type: ignore[method-assign]  # refused handshakes are what is tested
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    server.address = f"http{'s' if tls else ''}://127.0.0.1:{http.server_port}/v1"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> str:
    """Return one `data:` line with a delta."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    body = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "only", "choices": choices, **more}
    return "data: " + json.dumps(body)


USAGE = {
    "prompt_tokens": 448,
    "completion_tokens": 9,
    "total_tokens": 457,
    "prompt_tokens_details": {"cached_tokens": 400},
}


def wire_forms(thought: str, answer: str) -> dict[str, list[str]]:
    """Return the same text as different servers stream it, from their documentation: `<think>` thought, then answer."""
    whole = f"<think>{thought}</think>\n{answer}"
    words = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    thoughts = [thought[at : at + 5] for at in range(0, len(thought), 5)]
    answers = [answer[at : at + 5] for at in range(0, len(answer), 5)]
    usage = chunk(None, usage=USAGE)
    return {
        "vllm": [
            chunk({"role": "assistant", "content": ""}),
            *(chunk({"content": word}) for word in words),
            chunk({"content": ""}, "stop", stop_reason=None),
            usage,
            "data: [DONE]",
        ],
        "vllm with a reasoning parser": [
            chunk({"role": "assistant", "content": ""}),
            *(chunk({"reasoning": word}) for word in thoughts),
            *(chunk({"content": word, "reasoning": None}) for word in answers),
            chunk({}, "stop"),
            "data: [DONE]",
        ],
        "sglang": [
            chunk({"role": "assistant", "content": "", "reasoning_content": None, "tool_calls": None}),
            *(chunk({"role": None, "content": None, "reasoning_content": word}) for word in thoughts),
            *(chunk({"role": None, "content": word, "reasoning_content": None}) for word in answers),
            chunk({"content": None}, "stop", matched_stop=151645),
            usage,
            "data: [DONE]",
        ],
        "llama.cpp": [
            chunk({"role": "assistant", "content": None}),
            *(chunk({"reasoning_content": word}) for word in thoughts),
            *(chunk({"content": word}) for word in answers),
            chunk({}, "stop", timings={"predicted_per_second": 11.5}),
            "data: [DONE]",
        ],
        "ollama": [
            *(chunk({"role": "assistant", "content": "", "reasoning": word}) for word in thoughts),
            *(chunk({"role": "assistant", "content": word}) for word in answers),
            chunk({"role": "assistant", "content": ""}, "stop"),
            "data: [DONE]",
        ],
        "lm studio": [
            *(chunk({"role": "assistant", "content": word}, logprobs=None) for word in words),
            chunk({}, "stop"),
            chunk(None, usage=USAGE, stats={}),
            "data: [DONE]",
        ],
        "transformers serve, without an end": [
            chunk({"role": "assistant"}),
            *(chunk({"reasoning_content": word}) for word in thoughts),
            *(chunk({"content": word}) for word in answers),
            chunk({}, "stop"),
        ],
        "comments and a closing tag alone": [
            ": keep-alive",
            chunk({"content": thought + "</think>"}),
            ": keep-alive",
            chunk({"content": answer}, "stop"),
            "data: [DONE]",
        ],
    }
