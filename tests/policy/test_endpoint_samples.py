"""Several samples in one request: none gets what is not its own, and one that fails takes no other with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.policy.model_server import ModelServer, chunk, running
from tests.policy.test_endpoint import ANSWER, FRAMES, ask, policy_of
from veason import cli, hub
from veason.errors import EndpointError
from veason.types import Answered, PolicyEvent, Sampling, ThoughtDelta

COUNT, SEED = 4, 3
SEVERAL = Sampling(temperature=0.7, num_samples=COUNT, seed=SEED)
Choice = dict[str, Any]


def text_of(seed: int, *, is_alone: bool) -> str:
    how = "alone" if is_alone else "together"
    box = ANSWER.replace("[[10, 5, 30, 20]]", f"[[{seed}, 5, 30, 20]]")
    return f"<think>Seed {seed} {how}.</think>{box}"


def line(*choices: Choice) -> str:
    return chunk(None, choices=list(choices))


def logprobs_of(text: str, logprob: float) -> dict[str, Any]:
    return {"content": [{"token": one, "logprob": logprob, "bytes": list(one.encode())} for one in text]}


def choices_of(asked: dict[str, Any]) -> list[list[Choice]]:
    """Return the choices of each sample of a request in the order that they are written in."""
    count = asked.get("n", 1)
    written = []
    for place in range(count):
        text = text_of(asked["seed"] + place, is_alone=count == 1)
        words = [text[at : at + 9] for at in range(0, len(text), 9)]
        written.append(
            [
                {"index": place, "delta": {"content": word}, "finish_reason": None, "logprobs": logprobs_of(word, -0.1)}
                for word in words
            ]
            + [{"index": place, "delta": {}, "finish_reason": "stop"}]
        )
    return written


def interleaved(written: list[list[Choice]]) -> list[str]:
    longest = max(map(len, written))
    return [line(words[step]) for step in range(longest) for words in written if step < len(words)]


def asked_of(server: ModelServer) -> list[tuple[int | None, int]]:
    """Return `n` and the seed of every request, in order of the seeds after the first."""
    first, *others = [(one.get("n"), one["seed"]) for one in server.requests]
    return [first, *sorted(others, key=lambda one: one[1])]


def answers(events: list[PolicyEvent]) -> dict[int, tuple[int, str]]:
    """Return the seed that each sample's answer was drawn with, and how."""
    found = {}
    for event in events:
        if isinstance(event, Answered):
            found[event.sample] = (round(event.answer.boxes[0].x1 * 56 / 64), event.answer.thought.split()[-1])
            shown = [one.text for one in events if isinstance(one, ThoughtDelta) and one.sample == event.sample]
            assert "".join(shown) == event.answer.thought  # nothing was shown that did not stay
    return found


def notes_of(events: list[PolicyEvent]) -> dict[int, list[str]]:
    return {
        event.sample: [note.kind for note in event.answer.notes]
        for event in events
        if isinstance(event, Answered) and event.answer.notes
    }


ALONE = {place: (SEED + place, "alone.") for place in range(COUNT)}
TOGETHER = {place: (SEED + place, "together.") for place in range(COUNT)}
EACH = [(None, SEED + place) for place in range(COUNT)]


def with_index(make: Callable[[int], Any]) -> Callable[[list[list[Choice]]], list[str]]:
    def lines(written: list[list[Choice]]) -> list[str]:
        return interleaved([[{**one, "index": make(one["index"])} for one in words] for words in written])

    return lines


def without_index(written: list[list[Choice]]) -> list[str]:
    return interleaved(
        [[{key: value for key, value in one.items() if key != "index"} for one in words] for words in written]
    )


def going_on(written: list[list[Choice]]) -> list[str]:
    return [*interleaved(written), line({"index": 1, "delta": {"content": "[[1, 2, 3, 4]]"}, "finish_reason": None})]


def late(written: list[list[Choice]]) -> list[str]:
    """Say at the very end that something is no sample's."""
    return [*interleaved(written), line({"index": COUNT, "delta": {"content": "?"}, "finish_reason": None})]


def in_one_chunk(written: list[list[Choice]]) -> list[str]:
    texts = [[{**one, "index": 0} for one in words] for words in written]
    return [line(*step) for step in zip(*texts, strict=True)]


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(without_index, id="no index"),
        pytest.param(with_index(lambda place: None), id="null"),
        pytest.param(with_index(str), id="text"),
        pytest.param(with_index(float), id="a number with a point"),
        pytest.param(with_index(lambda place: bool(place) if place < 2 else place), id="true and false"),
        pytest.param(with_index(lambda place: place + 1), id="counted from 1"),
        pytest.param(with_index(lambda place: -place), id="negative"),
        pytest.param(with_index(lambda place: 10**400), id="huge"),
        pytest.param(with_index(lambda place: 0), id="always the first"),
        pytest.param(in_one_chunk, id="always the first, in one chunk"),
        pytest.param(going_on, id="text after its end"),
        pytest.param(late, id="one too many after all others"),
        pytest.param(lambda written: interleaved(written[:-1]), id="one too few"),
        pytest.param(lambda written: [*interleaved(written), line("no choice")], id="what is no choice"),  # type: ignore[arg-type]
    ],
)
def test_a_reply_that_does_not_say_whose_a_text_is_is_not_taken(lie: Callable[..., list[str]]) -> None:
    def lines(asked: dict[str, Any]) -> list[str]:
        written = choices_of(asked)
        return lie(written) if "n" in asked else interleaved(written)

    with running(ModelServer(make_lines=lines, owner="vllm")) as server:
        policy = policy_of(server)
        events = ask(policy, sampling=SEVERAL)
        assert answers(events) == ALONE
        assert notes_of(events) == {place: ["asked_again"] for place in range(COUNT)}
        assert asked_of(server) == [(COUNT, SEED), *EACH]
        assert not notes_of(ask(policy, sampling=SEVERAL))
        assert all("n" not in one for one in server.requests[1:])


def test_samples_in_any_order_keep_text_and_confidence() -> None:
    def lines(asked: dict[str, Any]) -> list[str]:
        return [
            line({**words[0], "delta": {"content": text}, "finish_reason": "stop", "logprobs": logprobs_of(text, -lp)})
            for lp, words in enumerate(choices_of(asked))
            for text in (text_of(asked["seed"] + lp, is_alone=False),)
        ][::-1]

    with running(ModelServer(make_lines=lines, owner="vllm")) as server:
        events = ask(policy_of(server), sampling=SEVERAL)
        assert asked_of(server) == [(COUNT, SEED)]
    assert answers(events) == TOGETHER
    sure = [event.confidence.keyframe for event in events if isinstance(event, Answered) and event.confidence]
    assert sure == pytest.approx([2.718281828**-place for place in range(COUNT)])


def ending(reason: str | None) -> Callable[[list[list[Choice]]], list[str]]:
    def lines(written: list[list[Choice]]) -> list[str]:
        written[1] = [{**one, "finish_reason": reason if one["finish_reason"] else None} for one in written[1]]
        return interleaved(written)

    return lines


def broken(written: list[list[Choice]]) -> list[str]:
    error = 'data: {"error": {"message": "CUDA out of memory"}}'
    whole = [words for place, words in enumerate(written) if place != 1]
    return [line(written[1][0]), *interleaved(whole), error]


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(ending(None), id="no end"),
        pytest.param(ending("content_filter"), id="filtered"),
        pytest.param(ending("abort"), id="aborted"),
        pytest.param(broken, id="an error in the stream"),
        pytest.param(lambda written: [*broken(written)[:-1], "data: {no JSON"], id="no JSON in the stream"),
    ],
)
def test_one_sample_that_fails_is_asked_for_alone_and_the_others_stay(bad: Callable[..., list[str]]) -> None:
    def lines(asked: dict[str, Any]) -> list[str]:
        written = choices_of(asked)
        return bad(written) if "n" in asked else interleaved(written)

    with running(ModelServer(make_lines=lines, owner="vllm")) as server:
        policy = policy_of(server)
        events = ask(policy, sampling=SEVERAL)
        assert answers(events) == {**TOGETHER, 1: ALONE[1]}
        assert notes_of(events) == {1: ["asked_again"]}
        assert asked_of(server) == [(COUNT, SEED), EACH[1]]
        ask(policy, sampling=SEVERAL)
        assert all("n" not in one for one in server.requests[1:])


@pytest.mark.parametrize("owner", ["vllm", "somebody"])
def test_a_sample_that_fails_alone_too_is_told_after_the_answers_of_all_others(owner: str) -> None:
    def lines(asked: dict[str, Any]) -> list[str]:
        written = choices_of(asked)
        for words in written:
            if asked["seed"] + words[0]["index"] == SEED:
                words[-1]["finish_reason"] = "content_filter"
        return interleaved(written)

    events: list[PolicyEvent] = []
    with running(ModelServer(make_lines=lines, owner=owner)) as server:
        asked = policy_of(server).stream(FRAMES, "the red ball", num_frames=10, sampling=SEVERAL)
        with pytest.raises(EndpointError, match="content filter"):
            events.extend(asked)  # what came before the error stays
    assert {place: seed for place, (seed, _) in answers(events).items()} == {1: SEED + 1, 2: SEED + 2, 3: SEED + 3}


@pytest.mark.parametrize("failing", [SEED, SEED + 2])
def test_the_command_segments_what_was_answered_where_another_sample_fails(
    failing: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def lines(asked: dict[str, Any]) -> list[str]:
        written = choices_of(asked)
        if asked["seed"] == failing:
            written[0][-1]["finish_reason"] = "content_filter"
        return interleaved(written)

    clip = str(hub.ASSETS / "examples" / "chase.mp4")
    with running(ModelServer(make_lines=lines)) as server:
        drawn = ["--samples", "3", "--temperature", "0.7", "--seed", str(SEED)]
        where = ["--policy", server.address, "--segmenter", "nano", "--range", "0:6", "--out", str(tmp_path)]
        assert cli.main(["ask", clip, "the star", *drawn, *where]) == 0
    assert "not all answers came" in capsys.readouterr().err
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["error"] is None
    assert result["think"] == f"Seed {SEED if failing != SEED else SEED + 1} alone."
    assert [sorted(one["frames"], key=int) for one in result["objects"]] == [[str(index) for index in range(6)]]


@pytest.mark.parametrize("status", [400, 422, 500, 501])
def test_a_server_that_fails_at_several_is_asked_for_each(status: int) -> None:
    refused = (status, {}, json.dumps({"error": {"message": "n > 1 is not foreseen"}}))
    with running(
        ModelServer(make_lines=lambda asked: interleaved(choices_of(asked)), owner="vllm", replies=[refused])
    ) as server:
        events = ask(policy_of(server), sampling=SEVERAL)
        assert answers(events) == ALONE
        assert not notes_of(events)  # nothing had come that was thrown away
        assert asked_of(server) == [(COUNT, SEED), *EACH]


def test_a_server_that_is_not_there_for_several_is_not_asked_for_each() -> None:
    refused = (401, {}, '{"error": {"message": "who are you?"}}')
    with running(ModelServer(owner="vllm", replies=[refused] * 9)) as server:
        with pytest.raises(EndpointError, match="refuses the key"):
            ask(policy_of(server), sampling=SEVERAL)
        assert asked_of(server) == [(COUNT, SEED)]


def test_a_server_that_refuses_everything_is_not_asked_for_what_has_not_begun() -> None:
    refused = (400, {}, '{"error": {"message": "no"}}')
    with running(ModelServer(replies=[refused] * 99)) as server:
        with pytest.raises(EndpointError, match=r"refuses \(400\)"):
            ask(policy_of(server), sampling=Sampling(temperature=0.7, num_samples=16, seed=SEED))
        assert len(server.requests) < 16


@pytest.mark.parametrize(
    ("body", "is_left_out"),
    [
        pytest.param({"message": "Unsupported parameter: seed"}, True, id="a word at the end"),
        pytest.param({"message": "seed: Extra inputs are not permitted"}, True, id="a word before a colon"),
        pytest.param({"message": "invalid: body.seed"}, True, id="a path"),
        pytest.param({"message": "not supported", "param": "seed"}, True, id="the parameter alone"),
        pytest.param({"message": "model ByteDance/seed-oss is still loading"}, False, id="in the name of a model"),
        pytest.param({"message": "model seed-oss is still loading"}, False, id="at the start of a name"),
        pytest.param({"message": "model seed:7b is still loading"}, False, id="before a tag"),
        pytest.param({"message": "seed.gguf is damaged"}, False, id="a file"),
        pytest.param({"message": "no seed, and no room", "param": "messages"}, False, id="another parameter"),
    ],
)
def test_a_seed_is_left_out_only_if_it_is_what_is_refused_and_the_answer_says_so(
    body: dict[str, str], is_left_out: bool
) -> None:
    lines = interleaved(choices_of({"seed": SEED}))
    with running(ModelServer(lines=lines, replies=[(400, {}, json.dumps({"error": body}))])) as server:
        policy = policy_of(server)
        if is_left_out:
            (answered,) = [one for one in ask(policy, sampling=Sampling(0.7)) if isinstance(one, Answered)]
            assert [note.kind for note in answered.answer.notes] == ["seed_refused"]
        else:
            with pytest.raises(EndpointError):
                ask(policy, sampling=Sampling(0.7))
        (answered,) = [one for one in ask(policy) if isinstance(one, Answered)]  # the likeliest needs no seed
        assert not answered.answer.notes
        assert ("seed" in server.requests[-1]) is not is_left_out


@pytest.mark.parametrize("logprob", [-(10**400), 10**400, -(10.0**308), "-1", None, [], True])
def test_no_number_of_a_server_costs_the_answer(logprob: object) -> None:
    text = text_of(SEED, is_alone=True)
    rows = [{"token": text, "logprob": logprob, "bytes": [10**400] if logprob is None else None}]
    usage = {
        "prompt_tokens": 10**400,
        "completion_tokens": -(10**400),
        "prompt_tokens_details": {"cached_tokens": 1e400},
    }
    said = {"index": 0, "delta": {"content": text}, "finish_reason": "stop", "logprobs": {"content": rows}}
    body = chunk(None, choices=[said], usage=usage, created=10**400)
    with running(ModelServer(lines=[body, "data: [DONE]"])) as server:
        policy = policy_of(server)
        (answered,) = [one for one in ask(policy) if isinstance(one, Answered)]
    assert answered.confidence is None or answered.confidence.keyframe == 0
    assert (policy.usage.prompt_tokens, policy.usage.cached_tokens, policy.usage.completion_tokens) == (0, 0, 0)


def as_transformers_serve(asked: dict[str, Any]) -> list[str]:
    """Return a text that is drawn if it is told so in the way of `transformers serve`, else the likeliest one."""
    is_drawn = asked["temperature"] > 0 and json.loads(asked.get("generation_config", "{}")).get("do_sample")
    text = text_of(asked["seed"] if is_drawn else 0, is_alone=True)
    first = chunk({"role": "assistant"}, id="the-request", system_fingerprint="")
    return [first, chunk({"content": text}, "stop", id="the-request", system_fingerprint="")]


def test_transformers_serve_is_told_to_draw_once_it_is_known() -> None:
    server = ModelServer(make_lines=as_transformers_serve, headers={"x-request-id": "the-request"})
    with running(server):
        policy = policy_of(server)
        ask(policy)  # the likeliest, for which nothing is to be told
        assert not any("generation_config" in one for one in server.requests)
        events = ask(policy, sampling=SEVERAL)
        assert answers(events) == ALONE
        assert not notes_of(events)
        asked = len(server.requests)
        assert answers(ask(policy, sampling=SEVERAL)) == ALONE
        told = server.requests[asked:]
        assert len(told) == COUNT
        assert all(json.loads(one["generation_config"]) == {"do_sample": True, "top_k": 0} for one in told)
        ask(policy)
        assert "generation_config" not in server.requests[-1]


def test_where_it_cannot_be_told_to_draw_the_answer_says_so() -> None:
    server = ModelServer(
        make_lines=as_transformers_serve, headers={"x-request-id": "the-request"}, refuses="generation_config"
    )
    with running(server):
        policy = policy_of(server)
        assert not notes_of(ask(policy))
        for _ in range(2):
            assert notes_of(ask(policy, sampling=Sampling(0.7, seed=SEED))) == {0: ["temperature_ignored"]}
