"""What schemathesis and a list of hostile requests get from a server, as JSON; `fuzz_doors.py` runs this.

    python benchmarks/fuzz_doors_client.py http://127.0.0.1:7860 SECONDS SEED CANARY...

It runs in an environment of its own (`make fuzzers`) and imports nothing of the project.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as with_seed

SCHEMAS = ("/openapi.json", "/gradio_api/openapi.json")
WAIT_S, MOST_READ, AT_ONCE = 2.0, 200_000, 24
WORDS = re.compile(r"[a-z]{2,} [a-z]{2,}", re.IGNORECASE)
RAW = re.compile(r"Traceback|File \"/|site-packages|Internal Server Error|Error\('|object has no attribute")

DEEP = "[" * 20_000 + "]" * 20_000
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no json": b"{",
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "a text": b'"a"',
    "an empty object": b"{}",
    "deep lists": DEEP.encode(),
    "not UTF-8": b'{"session_hash": "\xff\xfe"}',
    "half a letter": rb'{"session_hash": "\ud800", "fn_index": 0, "data": []}',
    "not a number": b'{"fn_index": NaN, "session_hash": "a", "data": [NaN, Infinity]}',
    "a huge number": b'{"fn_index": 99999999999999999999999999, "session_hash": "a", "data": []}',
    "a number of many digits": b'{"fn_index": ' + b"9" * 10_000 + b', "session_hash": "a", "data": []}',
    "an unknown function": b'{"fn_index": 4000, "session_hash": "a", "data": []}',
    "a negative function": b'{"fn_index": -1, "session_hash": "a", "data": []}',
    "no session": b'{"fn_index": 0, "data": []}',
    "a session of another kind": b'{"fn_index": 0, "data": [], "session_hash": {"a": []}}',
    "an event of another kind": b'{"fn_index": 0, "data": [], "session_hash": "a", "event_data": [1, [2]]}',
    "data of another kind": b'{"fn_index": 0, "data": {"a": 1}, "session_hash": "a"}',
    "data that is too long": b'{"fn_index": 0, "session_hash": "a", "data": [' + b"0," * 9999 + b"0]}",
    "a trigger": b'{"fn_index": 0, "data": [], "session_hash": "a", "trigger_id": "x"}',
    "a component": b'{"component_id": 99999, "fn_name": "frame", "data": {}, "session_hash": "a"}',
    "a component that is none": b'{"component_id": "x", "fn_name": "frame", "data": {}, "session_hash": "a"}',
    "a private function": b'{"component_id": 1, "fn_name": "__class__", "data": {}, "session_hash": "a"}',
    "a function of another kind": b'{"component_id": 1, "fn_name": {"a": 1}, "data": {}, "session_hash": "a"}',
    "a file of the server": b'{"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, "a"], '
    b'"session_hash": "a"}',
    "a file of another host": b'{"data": [{"url": "http://127.0.0.1:1/x", "path": "http://127.0.0.1:1/x", '
    b'"meta": {"_type": "gradio.FileData"}}, "a"], "session_hash": "a"}',
    "a file that is none": b'{"data": [{"path": null, "meta": {"_type": "gradio.FileData"}}]}',
}
KINDS = ("application/json", "text/plain", "application/json; charset=utf-16", "multipart/form-data; boundary=x", "")
PLACES = (
    "/etc/passwd", "//etc/passwd", "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd",
    "..%255c..%255cetc", "%00", "a%00b", "%ff%fe", "%c0%ae%c0%ae/", "a" * 5000, "/proc/self/environ", "/proc/self/fd/0",
    "http://127.0.0.1:1/", "https://huggingface.co/x", "file:///etc/passwd", "C:%5cwindows", "CON", "%0d%0aX-A:%20b",
    "~root", ".", "", "?a=%ff", ";x", "\\\\127.0.0.1\\x",
)  # fmt: skip
GETS = (
    "/{}", "/gradio_api/file={}", "/gradio_api/file/{}", "/gradio_api/proxy={}", "/static/{}", "/assets/{}",
    "/svelte/{}", "/theme.css{}", "/gradio_api/custom_component/{}/client/component/{}", "/gradio_api/stream/{}/{}/1/x",
    "/gradio_api/stream/{}/{}/1/playlist.m3u8", "/gradio_api/stream/{}/{}/1/playlist-file", "/gradio_api/call/{}/{}",
    "/gradio_api/call/ask/{}", "/gradio_api/heartbeat/{}", "/gradio_api/queue/data?session_hash={}", "/monitoring/{}",
    "/gradio_api/upload_progress?upload_id={}", "/pwa_icon/{}", "/?__theme={}", "/?deep_link={}",
    "/config?deep_link={}", "/gradio_api/deep_link?session_hash={}", "/gradio_api/info?all_endpoints={}",
    "/gradio_api/openapi.json?{}",
    "/gradio_api/run-history/records?{}", "/login_check{}", "/mcp/{}", "/health/{}", "/metrics{}", "/who{}",
)  # fmt: skip
POSTS = (
    "/gradio_api/queue/join", "/gradio_api/component_server", "/gradio_api/component_server/",
    "/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/run/ask", "/gradio_api/api/ask",
    "/gradio_api/run/predict", "/gradio_api/call/ask", "/gradio_api/call/v2/ask", "/gradio_api/call/v2/track",
    "/gradio_api/call/nothing", "/gradio_api/upload", "/gradio_api/stream/x", "/gradio_api/stream/x/close",
    "/gradio_api/process_recording", "/gradio_api/vibe-edit", "/gradio_api/vibe-code",
    "/gradio_api/undo-vibe-edit", "/gradio_api/vibe-starter-queries", "/login", "/mcp",
    "/gradio_api/queue/status", "/gradio_api/run-history/connect", "/gradio_api/profiling/clear", "/",
)  # fmt: skip
FORMS = {
    "an empty form": b"",
    "no end": b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\na',
    "a way out": b'--x\r\nContent-Disposition: form-data; name="files"; filename="../../a"\r\n\r\na\r\n--x--\r\n',
    "a place": b'--x\r\nContent-Disposition: form-data; name="files"; filename="/etc/cron.d/a"\r\n\r\na\r\n--x--\r\n',
    "no name": b'--x\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\na\r\n--x--\r\n',
    "a dot": b'--x\r\nContent-Disposition: form-data; name="files"; filename=".."\r\n\r\na\r\n--x--\r\n',
    "a long name": b'--x\r\nContent-Disposition: form-data; name="files"; filename="'
    + b"a" * 5000
    + b'"\r\n\r\na\r\n--x--\r\n',
    "a zero byte": b'--x\r\nContent-Disposition: form-data; name="files"; filename="a\0b"\r\n\r\na\r\n--x--\r\n',
    "not UTF-8": b'--x\r\nContent-Disposition: form-data; name="files"; filename="\xff\xfe"\r\n\r\na\r\n--x--\r\n',
    "a field": b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\na\r\n--x--\r\n',
    "no disposition": b"--x\r\nA: b\r\n\r\na\r\n--x--\r\n",
    "many parts": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 3000 + b"--x--\r\n",
    "a component": b'--x\r\nContent-Disposition: form-data; name="component_id"\r\n\r\nx\r\n--x--\r\n',
}


class Seen:
    """What came back.

    Args:
        url: of the server.
        canaries: texts that no answer may hold.
    """

    def __init__(self, url: str, canaries: list[str]) -> None:
        self.url, self._canaries = url, canaries
        self.statuses: Counter[int | str] = Counter()
        self.failures: dict[str, str] = {}

    def note(self, name: str, answer: requests.Response) -> None:
        """Count an answer, and read what it says until WAIT_S are over or it is long."""
        self.statuses[answer.status_code] += 1
        until, text = time.monotonic() + WAIT_S, b""
        try:
            for part in answer.iter_content(4096):
                text += part
                if time.monotonic() > until or len(text) > MOST_READ:
                    break
        except requests.RequestException:
            pass  # a stream that stays open
        answer.close()
        told = text.decode("utf-8", "replace")
        has_words = bool(WORDS.search(told)) and not RAW.search(told)
        if answer.status_code >= 500 and not (answer.status_code in (503, 507) and has_words):
            self.failures[name] = f"{answer.status_code}: {told[:200]}"
        elif answer.status_code >= 400 and RAW.search(told):
            self.failures[name] = f"{answer.status_code}, raw: {told[:200]}"
        for canary in self._canaries:
            if canary in told:
                self.failures[name] = f"{answer.status_code}, tells {canary}: {told[:200]}"

    def send(self, name: str, method: str, path: str, **sent: Any) -> None:
        """Send a request as it stands, without tidying its path, and note what comes back."""
        request = requests.Request(method, self.url, **sent).prepare()
        request.url = self.url + path
        try:
            with requests.Session() as session:
                self.note(f"{method} {path[:120]} {name}", session.send(request, stream=True, timeout=WAIT_S))
        except requests.RequestException as error:
            self.statuses[type(error).__name__] += 1

    def is_alive(self) -> bool:
        """Tell whether the server still answers."""
        try:
            return requests.get(f"{self.url}/config", timeout=60).status_code == 200
        except requests.RequestException:
            return False


def listed() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield (name, method, path, what is sent) of the hostile requests of the lists above."""
    for path in GETS:
        for place in PLACES:
            yield "", "GET", path.replace("{}", place), {}
    for path in POSTS:
        for name, body in BODIES.items():
            for kind in KINDS[:1] if len(body) > 100 else KINDS:
                yield f"{name} as {kind!r}", "POST", path, {"data": body, "headers": {"Content-Type": kind}}
        for name, body in FORMS.items():
            yield f"a form, {name}", "POST", path, {"data": body, "headers": {"Content-Type": KINDS[3]}}
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "BREW"):
        for path in ("/", "/gradio_api/upload", "/gradio_api/queue/join", "/config"):
            yield "", method, path, {}
    for name, value in (("long", "a" * 60_000), ("none", ""), ("odd", "\xff\xfe"), ("many", ",".join(["gzip"] * 999))):
        for header in ("Accept-Encoding", "Cookie", "Range", "Content-Encoding", "X-Forwarded-For", "X-Forwarded-Host",
                       "X-Forwarded-Proto", "Referer", "Accept-Language", "X-Gradio-User", "X-Gradio-Server",
                       "Authorization", "Last-Event-ID", "Upgrade", "Expect"):  # fmt: skip
            yield name, "GET", "/config", {"headers": {header: value.encode("latin-1")}}


def by_schema(seen: Seen, path: str, seconds: float, seed: int) -> int:
    """Send what schemathesis makes of a schema for so many seconds; return of how many operations."""
    schema = schemathesis.openapi.from_url(seen.url + path)
    operations = [one.ok() for one in schema.get_all_operations()]
    each_s = seconds / max(1, len(operations))
    for operation in operations:
        until = time.monotonic() + each_s

        @with_seed(seed)
        @settings(
            max_examples=60, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def fuzz(case: Any) -> None:
            if time.monotonic() > until:  # noqa: B023  # it runs before the next operation
                return
            try:
                with requests.Session() as session:
                    sent = requests.Request(**case.as_transport_kwargs(base_url=seen.url)).prepare()
                    seen.note(f"schema: {sent.method} {sent.path_url[:120]} {str(sent.body)[:200]}",
                              session.send(sent, stream=True, timeout=WAIT_S))  # fmt: skip
            except (requests.RequestException, ValueError) as error:  # nothing that can be sent, or no answer
                seen.statuses[type(error).__name__] += 1

        fuzz()
    return len(operations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("seconds", type=float)
    parser.add_argument("seed", type=int)
    parser.add_argument("canaries", nargs="*")
    arguments = parser.parse_args()
    seen = Seen(arguments.url, arguments.canaries)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for sending in [pool.submit(seen.send, name, method, path, **sent) for name, method, path, sent in listed()]:
            sending.result()
    num_listed = seen.statuses.total()
    operations = {path: by_schema(seen, path, arguments.seconds / 2, arguments.seed) for path in SCHEMAS}
    statuses = {str(status): count for status, count in sorted(seen.statuses.items(), key=lambda one: str(one[0]))}
    told = {"requests": seen.statuses.total(), "listed": num_listed, "operations": operations, "statuses": statuses}
    print(json.dumps({**told, "is_alive": seen.is_alive(), "failures": seen.failures}))


if __name__ == "__main__":
    main()
