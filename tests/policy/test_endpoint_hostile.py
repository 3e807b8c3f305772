"""Replies of model servers byte by byte, and servers that lie, never end, send elsewhere or repeat a key."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.policy.model_server import ModelServer, chunk, running, wire_forms
from tests.policy.test_endpoint import ANSWER, FRAMES, PROFILE, THOUGHT, ask, policy_of
from veason.errors import EndpointError, OptionError
from veason.policy.connection import MAX_REPLY_BYTES, check_address
from veason.policy.endpoint import EndpointPolicy
from veason.policy.heard import prompt_tokens
from veason.profile import QWEN3_VL
from veason.types import Answered, EndpointOptions, ThoughtDelta, Unanswered

LINES = wire_forms("Der rote Ball ist groß 🎯 (4s).", ANSWER)["vllm"]
STREAM = "".join(f"{line}\n\n" for line in LINES).encode()


def kinds(events: list) -> list[str]:
    assert isinstance(events[-1], Answered), events[-1]
    return [note.kind for note in events[-1].answer.notes]


def byte_by_byte(content: bytes) -> list[bytes]:
    return [content[at : at + 1] for at in range(len(content))]


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        pytest.param(byte_by_byte(STREAM), {}, id="cut inside characters"),
        pytest.param([STREAM.replace(b"\n", b"\r\n")], {}, id="CRLF"),
        pytest.param(byte_by_byte(STREAM.replace(b"\n", b"\r\n")), {}, id="CRLF, cut between the two"),
        pytest.param([STREAM.replace(b"\n", b"\r")], {}, id="CR"),
        pytest.param([b"\xef\xbb\xbf" + STREAM.partition(b"\n\n")[2]], {}, id="byte order mark before the first word"),
        pytest.param(byte_by_byte(b"\xef\xbb\xbf" + STREAM), {}, id="byte order mark, cut"),
        pytest.param([gzip.compress(STREAM)], {"Content-Encoding": "gzip"}, id="gzip"),
        pytest.param(byte_by_byte(gzip.compress(STREAM)), {"Content-Encoding": "gzip"}, id="gzip, cut everywhere"),
        pytest.param([STREAM.replace(b"\n\n", b"\n\n: keep-alive\n\n:\n\n")], {}, id="keep-alive comments"),
        pytest.param([STREAM.replace(b"data: ", b"event: message\nid: 7\nretry: 10\ndata:")], {}, id="all SSE fields"),
        pytest.param([STREAM.replace(b"data: [DONE]\n\n", b"")], {}, id="no end mark"),
        pytest.param([STREAM.rstrip(b"\n") + b"\n"], {}, id="no empty line at the end"),
    ],
)
def test_every_way_to_write_a_stream_gives_the_same_answer(raw: list[bytes], headers: dict[str, str]) -> None:
    with running(ModelServer(raw=raw, headers=headers)) as server:
        events = ask(policy_of(server))
    thought = "".join(event.text for event in events if isinstance(event, ThoughtDelta))
    assert thought == "Der rote Ball ist groß 🎯 (4s)."
    assert kinds(events) == []


def test_a_reply_in_one_piece_is_read_as_well() -> None:
    message = {"role": "assistant", "reasoning_content": THOUGHT, "content": ANSWER}
    body = {"object": "chat.completion", "model": "only", "choices": [{"message": message, "finish_reason": "stop"}]}
    raw = [json.dumps(body).encode()]
    with running(ModelServer(raw=raw, headers={"Content-Type": "application/json"})) as server:
        assert isinstance(ask(policy_of(server))[-1], Answered)


@pytest.mark.parametrize(
    ("raw", "headers", "told"),
    [
        pytest.param(
            [b'{"error": {"message": "model is busy"}}'], {"Content-Type": "application/json"}, "busy", id="200, JSON"
        ),
        pytest.param(
            [b'{"object": "error", "message": "too warm", "code": 400}'],
            {"Content-Type": "application/json"},
            "too warm",
            id="older vLLM",
        ),
        pytest.param([b'data: {"error": "no room"}\n\ndata: [DONE]\n\n'], {}, "no room", id="in the stream"),
        pytest.param(
            [b'event: error\ndata: {"error": {"message": "no room"}}\n\n'], {}, "no room", id="an event called error"
        ),
        pytest.param([b"data: {not json\n\n"], {}, "does not answer as an OpenAI", id="no JSON"),
        pytest.param([b"data: " + b"[" * 100_000 + b"\n\n"], {}, "does not answer as an OpenAI", id="deep JSON"),
        pytest.param([b"data: [1, 2]\n\n"], {}, "does not answer as an OpenAI", id="a list"),
        pytest.param([b"\xff\xfe\x00"], {}, "does not answer as an OpenAI", id="no text at all"),
        pytest.param([b"data: \xff\xfe\n\n"], {}, "does not answer as an OpenAI", id="broken UTF-8"),
        pytest.param([b"x" * 99], {"Content-Encoding": "gzip"}, "server", id="no gzip"),
        pytest.param([f"{chunk({'content': 'a'})}\n\n{chunk({}, 'abort')}\n\n".encode()], {}, "an abort", id="abort"),
    ],
)
def test_a_reply_that_is_none_is_told(raw: list[bytes], headers: dict[str, str], told: str) -> None:
    with running(ModelServer(raw=raw, headers=headers)) as server, pytest.raises(EndpointError, match=told):
        ask(policy_of(server))


def test_an_answer_that_breaks_off_in_a_chunk_says_so() -> None:
    block = f"{chunk({'content': 'I see'})}\n\n".encode()
    raw = [b"%x\r\n" % len(block) + block + b"\r\n", b"ff\r\nda"]
    scripted = ModelServer(raw=raw, headers={"Transfer-Encoding": "chunked"})
    with running(scripted) as server, pytest.raises(EndpointError, match="broke off in the middle"):
        ask(policy_of(server))


def endless(block: bytes) -> Iterator[bytes]:
    while True:
        yield block


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        pytest.param([f"{chunk({'content': 'word ' * 200_000})}\n\n".encode()], "writes on and on", id="1 MB at once"),
        pytest.param(endless(f"{chunk({'content': 'word ' * 99})}\n\n".encode()), "on and on", id="text without end"),
        pytest.param(endless(b": keep-alive" * 1000 + b"\n\n"), "more than 16 MB", id="comments without end"),
        pytest.param(endless(b"data: " + b"x" * 100_000), "more than 16 MB", id="a line without end"),
        pytest.param(
            endless(f"{chunk({'content': 'a' * 999}, 'stop')}\n\n".encode()),
            "on and on|more than",
            id="text after the end",
        ),
    ],
)
def test_a_reply_without_end_is_ended(raw: Any, told: str) -> None:
    with running(ModelServer(raw=raw)) as server, pytest.raises(EndpointError, match=told):
        ask(policy_of(server))
    assert server.num_lines_sent < MAX_REPLY_BYTES


def test_a_question_is_stopped_while_the_server_reads_the_prompt() -> None:
    with running(ModelServer(first_word_s=30.0)) as server:
        events = policy_of(server).stream(FRAMES, "the red ball", num_frames=10)
        assert next(events) == ThoughtDelta("")
        events.close()
        deadline = time.monotonic() + 10
        while not server.left_after_s and time.monotonic() < deadline:
            time.sleep(0.02)
    assert server.left_after_s
    assert server.left_after_s[0] < 5
    assert not [thread for thread in threading.enumerate() if thread.name == "veason-endpoint"]


def test_a_server_that_reads_longer_than_is_waited_is_not_given_the_prompt_again() -> None:
    with running(ModelServer(first_word_s=3.0)) as server, pytest.raises(EndpointError, match="not answer in time"):
        ask(policy_of(server, read_s=0.3, num_tries=4))
    assert len(server.requests) == 1


def test_nothing_is_sent_to_where_a_server_sends_us_on() -> None:
    with running(ModelServer(lines=LINES)) as other:
        for status in (301, 302, 307, 308):
            moved = (status, {"Location": f"{other.address}/chat/completions?token=abc"}, "")
            with running(ModelServer(replies=[moved] * 4)) as server:
                with pytest.raises(EndpointError, match=r"sends us on to http://127\.0\.0\.1: if you trust") as told:
                    ask(policy_of(server, model="only", key="sk-secret"))
                assert "token" not in str(told.value)
        assert not other.requests


def test_a_key_is_not_repeated_and_the_environment_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = (400, {}, json.dumps({"error": {"message": "no such thing for sk-secret"}}))
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "of-somebody-else")
    with running(ModelServer(lines=LINES, replies=[refused])) as server:
        policy = policy_of(server, key="sk-secret")
        with pytest.raises(EndpointError) as told:
            ask(policy)
        ask(policy)
    assert "sk-secret" not in str(told.value)
    assert "of-somebody-else" not in str(server.asked_with)
    assert server.keys[-1] == "Bearer sk-secret"


@pytest.mark.parametrize("key", ["sk\nHost: elsewhere", "sk secret", "schlüssel", "sk\x00"])
def test_what_is_no_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(OptionError) as told:
        EndpointOptions(key=key)
    assert key not in str(told.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:99999/v1", "http://127.0.0.1:0/v1", "http://[::1/v1", "http://a b/v1", "http://x/v1\nHost: y",
        "http://x/v1#k", "javascript:alert(1)", "file:///etc/passwd", "//x/v1", "",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(OptionError):
        check_address(address)


@pytest.mark.parametrize(
    "address", ["http://me:pass-word@x/v1", "ftp://me:pass-word@x", "http://me:pass-word@x:9999999"]
)
def test_a_password_in_an_address_is_not_repeated(address: str) -> None:
    with pytest.raises(OptionError) as told:
        check_address(address)
    assert "pass-word" not in str(told.value)


def test_a_server_that_answers_with_another_model_is_told() -> None:
    lines = [line.replace('"model": "only"', '"model": "llama3:8b"') for line in LINES]
    with running(ModelServer(lines=lines)) as server:
        events = ask(policy_of(server))
    assert kinds(events) == ["other_model"]
    assert "llama3:8b" in events[-1].answer.notes[0].message


@pytest.mark.parametrize(
    ("name", "counted", "found"),
    [
        pytest.param("qwen2.5vl:7b", 2, ["prompt_cut"], id="cut"),
        pytest.param("qwen2.5vl:7b", 999_999, ["pictures_enlarged"], id="enlarged"),
        pytest.param("qwen2.5vl:7b", 250, [], id="as sent"),
        pytest.param("qwen2.5vl:7b", 0, [], id="not told"),
        pytest.param("gemma3:4b", 2, [], id="a model that reads pictures in another way"),
    ],
)
def test_a_prompt_that_the_server_cut_is_told(name: str, counted: int, found: list[str]) -> None:
    usage = {"prompt_tokens": counted, "completion_tokens": 9}
    lines = [line.replace('"model": "only"', f'"model": "{name}"') for line in LINES]
    lines = [*lines[:-2], chunk(None, usage=usage).replace("only", name), lines[-1]]
    with running(ModelServer(lines=lines)) as server:
        policy = EndpointPolicy(server.address, EndpointOptions(model=name), replace(PROFILE, size_wh=(112, 112)))
        assert [kind for kind in kinds(ask(policy)) if kind != "box_clipped"] == found


def test_the_tokens_of_a_prompt_are_bounded_as_the_real_vocabulary_counts_them() -> None:
    least, most = prompt_tokens(QWEN3_VL, 8, "x" * 900)
    assert least == 8 * 18 * 18 < 8 * 18 * 18 + 900 // 5 < most


def test_a_full_context_is_told_from_a_long_answer() -> None:
    cut = [chunk({"content": "<think>I see"}), chunk({}, "length")]
    for tokens, told in ((40, "context was full after 40 tokens"), (1024, "the most tokens that it may write")):
        usage = chunk(None, usage={"prompt_tokens": 3500, "completion_tokens": tokens})
        with running(ModelServer(lines=[*cut, usage, "data: [DONE]"])) as server:
            events = ask(policy_of(server))
        assert isinstance(events[-1], Unanswered)
        assert told in events[-1].reason


def test_a_server_that_wants_another_name_for_the_longest_answer_gets_it() -> None:
    message = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )
    refused = (400, {}, json.dumps({"error": {"message": message}}))
    with running(ModelServer(lines=LINES, replies=[refused])) as server:
        ask(policy_of(server))
    assert [("max_tokens" in one, one.get("max_completion_tokens")) for one in server.requests] == [
        (True, None),
        (False, 1024),
    ]


def test_the_profile_goes_with_the_name_of_the_model() -> None:
    with running(ModelServer(models=("Qwen/Qwen3-VL-8B-Instruct",))) as server:
        assert EndpointPolicy(server.address, EndpointOptions()).profile is QWEN3_VL
        assert EndpointPolicy(server.address, EndpointOptions(), PROFILE).profile is PROFILE


def test_whether_anybody_answers_at_an_address_is_found_out() -> None:
    with running(ModelServer(models=None)) as server:
        policy = policy_of(server, model="only")
        policy.check_reachable()
    with pytest.raises(EndpointError, match="cannot reach"):
        policy.check_reachable()
