"""Whatever is sent to the lab is answered or refused in words; no request breaks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.lab.conftest import Made
from veason.lab.changes import CHANGES
from veason.lab.look_ups import LAB_LOOK_UPS
from veason.lab.open_lab import OpenLab
from veason.lab.server import lab_app

NAMES = ("run", "other", "key", "sort", "descending", "limit", "offset", "brush", "frame", "width", "name")
SHORT = ("--5", "-", "9" * 5000, "1e999", "\u0663", "\0", "\ud800", "../../etc/passwd", "x" * 3999)
TEXTS = (
    "", "x", "--5", "-", "-1", "999999999", "9" * 5000, "1e999", "nan", "\u0663", "\u00b2", "\0", "\ud800", "\u202e",
    "../../etc/passwd", "/etc/passwd", "x" * 3999, "(" * 3000, "not " * 900, "-" * 3000, "a.b", "__import__('os')",
    "9**9**9", "1 if 1 else 2", "[x for x in y]", "lambda: 1", "f'{x}'", "'a' * 999999999", "jf > 'a'",
    "jf / 0 > 1", "jf and", "jf == None", "jf in (1, 2)", "true", "\n", "<script>", "jf\n> 1", "1 < jf < 'b'", "~jf",
    "instruction > 5",
)  # fmt: skip
ODD: tuple[Any, ...] = (*TEXTS, None, True, 1, 1.5, -1, 10**30, [], {}, [[]], {"a": 1})


@pytest.fixture
def client(made: Made) -> Iterator[TestClient]:
    with TestClient(lab_app(OpenLab(made.lab)), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def check(status: int, text: str, what: object) -> None:
    assert status < 500, what
    assert "Traceback" not in text, what
    if status >= 400:
        assert json.loads(text)["error"], what


@pytest.mark.parametrize("name", LAB_LOOK_UPS)
def test_whatever_is_looked_up_is_answered_or_refused_in_words(client: TestClient, made: Made, name: str) -> None:
    right = {"run": "honest", "key": made.dataset[0].key, "frame": "0"}
    for field in (*NAMES, "query"):
        for text in TEXTS if field == "query" else SHORT:
            sent = {**right, field: text.encode("utf-8", "surrogatepass").decode("latin-1")}
            answer = client.get(f"/api/{name}", params=sent)
            if not answer.headers["content-type"].startswith("image/"):
                check(answer.status_code, answer.text, (field, text[:40]))


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_is_to_be_changed_is_answered_or_refused_in_words(client: TestClient, made: Made, name: str) -> None:
    right = {"run": "honest", "key": "nobody's", "name": "a view", "rater": "ann", "tag": "x", "note": ""}
    for field in right:
        for value in ODD:
            content = json.dumps({**right, field: value})
            answer = client.post(f"/api/{name}", content=content, headers={"content-type": "application/json"})
            check(answer.status_code, answer.text, (field, str(value)[:40]))
    for content in (b"", b"[]", b"{", b"\xff", b"[" * 9000, b'{"a": 1' + b"0" * 9000 + b"}", b"null", b"x" * 30_000):
        answer = client.post(f"/api/{name}", content=content, headers={"content-type": "application/json"})
        check(answer.status_code, answer.text, content[:20])
