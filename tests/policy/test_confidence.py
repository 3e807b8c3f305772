"""How probable a model finds the numbers that it writes: its own, and what a server says of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from tests.policy.model_server import ModelServer, chunk, running
from tests.policy.test_endpoint import ANSWER, PROFILE, THOUGHT, ask, policy_of
from tests.policy.test_qwen import make_frames
from veason.answer import context_for, parse_answer
from veason.policy.confidence import WrittenToken, confidence_in
from veason.policy.qwen import QwenPolicy
from veason.types import Answered, Confidence, Sampling

CONTEXT = context_for(PROFILE, [0, 4, 9], num_frames=10, source_wh=(64, 48))
TEXT = f"<think>{THOUGHT}</think>\n{ANSWER}"


def tokens_of(text: str, width: int = 3, logprob: float = -0.1) -> list[WrittenToken]:
    raw = text.encode()
    return [WrittenToken(raw[at : at + width], logprob) for at in range(0, len(raw), width)]


def one_a_byte(logprobs: dict[str, Sequence[float]]) -> list[WrittenToken]:
    """Return a token a byte: the digits of what is named get their log-probabilities, all else is certain."""
    known = {}
    for number, values in logprobs.items():
        at = TEXT.index(number, TEXT.index("<answer>"))
        known |= {at + place: value for place, value in enumerate(values)}
    return [WrittenToken(byte.encode(), known.get(at, 0.0)) for at, byte in enumerate(TEXT)]


def test_a_number_is_as_probable_as_its_tokens_together() -> None:
    answer = parse_answer(TEXT, CONTEXT)
    tokens = one_a_byte({"4,": [-0.5], "10,": [-0.2, -0.4], "20]": [-1.0]})
    assert confidence_in(tokens, answer, CONTEXT) == Confidence(
        pytest.approx(math.exp(-0.5)), (pytest.approx(math.exp(-1.6 / 4)),)
    )


def test_tokens_may_begin_anywhere_and_the_reasoning_may_be_missing() -> None:
    answer = parse_answer(TEXT, CONTEXT)
    for width in (1, 2, 5, 7):
        assert confidence_in(tokens_of(TEXT, width), answer, CONTEXT) is not None
    content = TEXT.partition("</think>")[2]
    assert confidence_in(tokens_of(content, 1, 0.0), answer, CONTEXT) == Confidence(1.0, (1.0,))


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("", id="nothing"),
        pytest.param(TEXT.replace(" 4,", " 9,").replace("10, 5", "11, 9"), id="another answer"),
        pytest.param(TEXT.replace("keyframe_timestamp", "at").replace("bbox_2d_list", "it"), id="no key"),
        pytest.param("token_id:1 token_id:2", id="ids in place of text"),
    ],
)
def test_tokens_that_spell_another_answer_say_nothing(written: str) -> None:
    assert confidence_in(tokens_of(written), parse_answer(TEXT, CONTEXT), CONTEXT) is None


def test_one_unknown_token_makes_its_number_unknown_and_no_other() -> None:
    tokens = [
        WrittenToken(token.text, None if at == TEXT.index(" 4,") + 1 else token.logprob)
        for at, token in enumerate(one_a_byte({}))
    ]
    assert confidence_in(tokens, parse_answer(TEXT, CONTEXT), CONTEXT) == Confidence(None, (1.0,))


@pytest.mark.parametrize("sampling", [Sampling(max_new_tokens=12), Sampling(0.9, 0.8, 12, seed=5)])
def test_the_probabilities_of_this_process_are_those_of_its_model(tiny: QwenPolicy, sampling: Sampling) -> None:
    frames = make_frames()
    pieces = [piece for piece in tiny.write(frames, "the ball", sampling=sampling) if piece.logprob is not None]
    assert len(pieces) == 12
    inputs = tiny._inputs(frames, "the ball", ())
    ids = torch.tensor([tiny_ids(tiny, frames, sampling)])
    whole = {**inputs, "input_ids": torch.cat([inputs["input_ids"], ids], 1)}
    whole["attention_mask"] = torch.ones_like(whole["input_ids"])
    if "mm_token_type_ids" in whole:
        whole["mm_token_type_ids"] = torch.cat([whole["mm_token_type_ids"], torch.zeros_like(ids)], 1)
    with torch.inference_mode():
        logits = tiny._model(**whole).logits[0, -13:-1].float()
    wanted = torch.log_softmax(logits, -1).gather(-1, ids[0, :, None])[:, 0]
    assert [piece.logprob for piece in pieces] == pytest.approx(wanted.tolist(), abs=1e-4)


def tiny_ids(tiny: QwenPolicy, frames: list, sampling: Sampling) -> list[int]:
    from veason.policy.decoding import ChosenProbabilities, sampling_processors

    chosen = ChosenProbabilities(sampling_processors(sampling, 0, tiny._model.device))
    return [one for ids in tiny._generate(tiny._prepare(frames, "the ball", ()), sampling, chosen) for one in ids]


# --- a server's


def rows(text: str, logprob: Any = -0.25, **more: Any) -> dict[str, Any]:
    """Return the log-probabilities of a text as OpenAI-compatible servers have them, a token a character."""
    content = [
        {"token": one, "logprob": logprob, "bytes": list(one.encode()), "top_logprobs": [], **more} for one in text
    ]
    return {"content": content, "refusal": None}


def streamed(pieces: list[tuple[dict[str, Any], dict[str, Any] | None]]) -> list[str]:
    lines = []
    for delta, logprobs in pieces:
        body = json.loads(chunk(delta).removeprefix("data: "))
        body["choices"][0]["logprobs"] = logprobs
        lines.append("data: " + json.dumps(body))
    return [*lines, chunk({}, "stop"), "data: [DONE]"]


FORMS = {
    # vLLM, llama.cpp and SGLang: beside the text that they are of
    "with the text": [({"content": part}, rows(part)) for part in (TEXT[:50], TEXT[50:])],
    # Ollama: those of the answer may come with the last of the reasoning
    "with other text": [({"reasoning": THOUGHT}, rows(TEXT)), ({"content": ANSWER}, None)],
    # SGLang before June 2026: none beside the reasoning
    "of the answer alone": [({"reasoning_content": THOUGHT}, None), ({"content": ANSWER}, rows(ANSWER))],
    # several to a piece, and none that can be read beside text without words
    "bytes missing": [({"content": TEXT}, {"content": [{"token": TEXT, "logprob": -0.25}]})],
}


@pytest.mark.parametrize("form", FORMS)
def test_what_a_server_says_of_its_numbers_is_read(form: str) -> None:
    with running(ModelServer(lines=streamed(FORMS[form]))) as server:
        last = ask(policy_of(server))[-1]
    assert server.requests[0]["logprobs"] is True
    assert isinstance(last, Answered)
    assert last.confidence is not None
    assert last.confidence.keyframe == pytest.approx(math.exp(-0.25))
    assert len(last.confidence.boxes) == 1


@pytest.mark.parametrize(
    "logprobs",
    [
        pytest.param(None, id="LM Studio, which sends null"),
        pytest.param({}, id="no content"),
        pytest.param({"content": None}, id="null content"),
        pytest.param({"content": ["4"]}, id="no rows"),
        pytest.param(rows(TEXT, 3.5), id="more probable than certain"),
        pytest.param(rows(TEXT, float("nan")), id="no number"),
        pytest.param(rows(TEXT, "certain"), id="text"),
        pytest.param(rows(TEXT, True), id="a switch"),
        pytest.param(rows(TEXT, bytes=[700]), id="no bytes"),
        pytest.param(rows(TEXT.replace("4", "9")), id="of another text"),
        pytest.param(rows(TEXT * 40), id="more tokens than were asked for"),
    ],
)
def test_where_a_server_tells_nothing_or_nonsense_the_answer_stands_without(logprobs: Any) -> None:
    with running(ModelServer(lines=streamed([({"content": TEXT}, logprobs)]))) as server:
        last = ask(policy_of(server))[-1]
    assert isinstance(last, Answered)
    assert last.confidence is None
    assert last.answer.keyframe == 4


def test_a_server_that_refuses_to_tell_is_asked_without() -> None:
    message = "logprobs is not supported with this model"
    refused = (400, {}, json.dumps({"error": {"message": message}}))
    with running(ModelServer(lines=streamed([({"content": TEXT}, None)]), replies=[refused])) as server:
        assert isinstance(ask(policy_of(server))[-1], Answered)
    assert [("logprobs" in one, "top_logprobs" in one) for one in server.requests] == [(True, True), (False, False)]


# --- several samples


def sample_lines(seed: int) -> list[str]:
    box = ANSWER.replace("[[10, 5, 30, 20]]", f"[[{seed}, 5, 30, 20]]")
    text = f"<think>Seed {seed}.</think>{box}"
    return [text[at : at + 9] for at in range(0, len(text), 9)]


def as_vllm(asked: dict[str, Any]) -> list[str]:
    """Stream `n` choices as vLLM does: interleaved, with seeds counted on, and one usage for all."""
    parts = [sample_lines(asked["seed"] + index) for index in range(asked.get("n", 1))]
    lines = []
    for step in range(max(map(len, parts))):
        for index, words in enumerate(parts):
            if step < len(words):
                body = json.loads(chunk({"content": words[step]}).removeprefix("data: "))
                body["choices"][0]["index"] = index
                if step == len(words) - 1:
                    body["choices"][0]["finish_reason"] = "stop"
                lines.append("data: " + json.dumps(body))
    return [*lines, chunk(None, usage={"prompt_tokens": 448, "completion_tokens": 90}), "data: [DONE]"]


def lefts(events: list) -> list[int]:
    return [round(event.answer.boxes[0].x1 * 56 / 64) for event in events if isinstance(event, Answered)]


SEVERAL = Sampling(temperature=0.7, num_samples=5, seed=3)


def test_vllm_is_asked_once_for_all_samples_and_gives_those_that_it_would_give_alone() -> None:
    with running(ModelServer(make_lines=as_vllm, owner="vllm")) as server:
        policy = policy_of(server)
        together = ask(policy, sampling=SEVERAL)
        assert [(one.get("n"), one["seed"]) for one in server.requests] == [(5, 3)]
        alone = [ask(policy, sampling=Sampling(temperature=0.7, seed=3 + place)) for place in range(5)]
        assert policy.usage.prompt_tokens == 448
    assert lefts(together) == [3, 4, 5, 6, 7] == [left for events in alone for left in lefts(events)]
    assert [event.sample for event in together] == sorted(event.sample for event in together)


@pytest.mark.parametrize("owner", ["sglang", "library", "llamacpp", ""])
def test_every_other_server_is_asked_for_each_sample_with_its_own_seed(owner: str) -> None:
    with running(ModelServer(make_lines=as_vllm, owner=owner)) as server:
        assert lefts(ask(policy_of(server), sampling=SEVERAL)) == [3, 4, 5, 6, 7]
    assert sorted((one.get("n"), one["seed"]) for one in server.requests) == [(None, 3 + place) for place in range(5)]


def only_first(asked: dict[str, Any]) -> list[str]:
    return as_vllm({**asked, "n": 1})


@pytest.mark.parametrize("refuses", [True, False], ids=["refuses it", "gives one all the same"])
def test_a_server_that_only_says_that_it_is_vllm_is_asked_again_one_by_one(refuses: bool) -> None:
    refused = (400, {}, '{"error": {"message": "n must be 1"}}')
    replies = [refused] if refuses else []
    with running(ModelServer(make_lines=only_first, owner="vllm", replies=replies)) as server:
        policy = policy_of(server)
        assert lefts(ask(policy, sampling=SEVERAL)) == [3, 4, 5, 6, 7]
        count = len(server.requests)
        ask(policy, sampling=SEVERAL)
        assert all("n" not in one for one in server.requests[count:])


def test_greedy_samples_are_never_asked_for_together() -> None:
    with running(ModelServer(make_lines=as_vllm, owner="vllm")) as server:
        ask(policy_of(server), sampling=Sampling(num_samples=2))
    assert all("n" not in one for one in server.requests)
