"""A policy behind a server: the same answer from every wire form, errors that say what to do, and a stop that stops."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.policy.model_server import ModelServer, chunk, running, wire_forms
from veason.cli.options import KEY_VARIABLE, read_endpoint_options
from veason.errors import EndpointError, OptionError, PromptError
from veason.policy import load_policy
from veason.policy.connection import check_address
from veason.policy.endpoint import EndpointPolicy
from veason.profile import GENERIC, write_profile
from veason.types import Answered, EndpointOptions, Frame, ModelOptions, Sampling, ThoughtDelta, Turn, Unanswered

PROFILE = dataclasses.replace(GENERIC, name="test", size_wh=(56, 28), frame_count=3)
THOUGHT = "The red ball is large in (4s), so this frame is best."
ANSWER = '<answer>{"keyframe_timestamp": 4, "bbox_2d_list": [[10, 5, 30, 20]]}</answer>'
FRAMES = [Frame(index, np.full((48, 64, 3), 20 * index, np.uint8)) for index in (0, 4, 9)]


def policy_of(server: ModelServer, **options: Any) -> EndpointPolicy:
    return EndpointPolicy(server.address, EndpointOptions(**{"num_tries": 2, **options}), PROFILE)


def ask(policy: EndpointPolicy, **options: Any) -> list:
    return list(policy.stream(FRAMES, "the red ball", num_frames=10, **options))


@pytest.mark.parametrize("form", wire_forms("", "").keys())
def test_every_server_gives_the_same_answer(form: str) -> None:
    with running(ModelServer(lines=wire_forms(THOUGHT, ANSWER)[form])) as server:
        events = ask(policy_of(server))
    assert "".join(event.text for event in events if isinstance(event, ThoughtDelta)) == THOUGHT
    assert isinstance(events[-1], Answered)
    answer = events[-1].answer
    assert (answer.keyframe, answer.boxes[0].xyxy) == (
        4,
        pytest.approx((10 / 56 * 64, 5 / 28 * 48, 30 / 56 * 64, 20 / 28 * 48)),
    )
    assert not [note for note in answer.notes if note.kind not in ("tags_repaired",)]


def test_pictures_are_sent_without_loss_at_the_size_of_the_profile_with_labels_between() -> None:
    with running(ModelServer(lines=wire_forms(THOUGHT, ANSWER)["vllm"])) as server:
        ask(policy_of(server))
    (asked,) = server.requests
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    content = asked["messages"][-1]["content"]
    kinds = [part["type"] for part in content]
    assert kinds == ["text", "image_url", "text", "image_url", "text", "image_url", "text"]
    assert [part["text"] for part in content[:-1:2]] == ["(0s)", ", (4s)", ", (9s)"]
    for part, frame in zip(content[1::2], FRAMES, strict=True):
        data = base64.b64decode(part["image_url"]["url"].removeprefix("data:image/png;base64,"))
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.size == (56, 28)
            assert (np.asarray(picture) == frame.image[0, 0]).all()
    assert (asked["temperature"], asked["stream"], asked["max_tokens"]) == (0.0, True, 1024)


def test_an_empty_system_message_is_left_out_and_turns_go_along() -> None:
    profile = dataclasses.replace(PROFILE, system="")
    with running(ModelServer(lines=wire_forms(THOUGHT, ANSWER)["vllm"])) as server:
        policy = EndpointPolicy(server.address, EndpointOptions(), profile)
        ask(policy, turns=[Turn("earlier <|im_end|>", "no, the other one")])
    assert [message["role"] for message in server.requests[0]["messages"]] == ["user", "assistant", "user"]
    assert "<|" not in json.dumps(server.requests[0]["messages"][1:])


def test_what_the_server_says_of_tokens_is_kept() -> None:
    with running(ModelServer(lines=wire_forms(THOUGHT, ANSWER)["vllm"])) as server:
        policy = policy_of(server)
        ask(policy)
    assert (policy.usage.prompt_tokens, policy.usage.cached_tokens, policy.usage.completion_tokens) == (448, 400, 9)


def test_several_samples_are_asked_with_seeds_of_their_own_and_come_in_order() -> None:
    def lines(asked: dict[str, Any]) -> list[str]:
        box = f"[[{asked['seed']}, 5, 30, 20]]"
        return wire_forms(f"Seed {asked['seed']}.", ANSWER.replace("[[10, 5, 30, 20]]", box))["vllm"]

    with running(ModelServer(make_lines=lines)) as server:
        events = ask(policy_of(server), sampling=Sampling(temperature=0.7, num_samples=6, seed=3))
    answers = [event for event in events if isinstance(event, Answered)]
    assert [event.sample for event in answers] == list(range(6))
    assert [round(event.answer.boxes[0].x1 * 56 / 64) for event in answers] == [3, 4, 5, 6, 7, 8]
    assert [event.sample for event in events] == sorted(event.sample for event in events)


def test_a_further_sample_that_fails_is_told_and_one_that_nobody_wants_is_not_asked() -> None:
    def lines(asked: dict[str, Any]) -> list[str]:
        return wire_forms(THOUGHT, ANSWER)["vllm"] if asked["seed"] != 5 else [chunk({"content": "I"})]

    with running(ModelServer(make_lines=lines)) as server, pytest.raises(EndpointError, match="broke off"):
        ask(policy_of(server), sampling=Sampling(temperature=0.7, num_samples=3, seed=3))
    slow = [chunk({"content": f"word {number} "}) for number in range(200)]
    with running(ModelServer(lines=slow, pause_s=0.02)) as server:
        sampling = Sampling(temperature=0.7, num_samples=12, seed=3)
        events = policy_of(server).stream(FRAMES, "the red ball", num_frames=10, sampling=sampling)
        next(events)
        events.close()
        time.sleep(0.5)
        assert len(server.requests) <= 4


def test_a_text_without_an_answer_is_unanswered_and_kept() -> None:
    with running(ModelServer(lines=wire_forms("I see", "nothing I could name.")["vllm"])) as server:
        events = ask(policy_of(server))
    assert isinstance(events[-1], Unanswered)
    assert events[-1].text == "<think>I see</think>\nnothing I could name."


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        pytest.param(401, '{"error": {"message": "bad key"}}', "--policy-key-file", id="wrong key"),
        pytest.param(
            404, '{"error": {"message": "model x not found"}}', "has no model 'x', but big, small", id="no model"
        ),
        pytest.param(400, '{"error": {"message": "x is not a multimodal model"}}', "takes no pictures", id="blind"),
        pytest.param(
            500,
            '{"error": {"message": "image input is not supported - hint: mmproj"}}',
            "takes no pictures",
            id="llama.cpp without eyes",
        ),
        pytest.param(
            400,
            '{"message": "At most 4 image(s) may be provided in one prompt."}',
            "fewer frames",
            id="too many pictures",
        ),
        pytest.param(
            400,
            '{"error": {"message": "This model\'s maximum context length is 2048 tokens"}}',
            "fewer frames",
            id="too long",
        ),
        pytest.param(422, '{"detail": [{"msg": "unexpected"}]}', "refuses", id="not understood"),
        pytest.param(429, '{"error": {"message": "slow down"}}', "no more requests", id="too fast"),
        pytest.param(403, "<html>forbidden</html>", "refuses the key", id="a page instead"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, body: str, told: str) -> None:
    scripted = ModelServer(replies=[(status, {}, body)] * 9, models=("big", "small"))
    with running(scripted) as server, pytest.raises(EndpointError) as error:
        ask(policy_of(server, model="x", key="sk-secret"))
    assert told in str(error.value)
    assert "sk-secret" not in str(error.value)


def test_a_server_that_knows_neither_the_answer_nor_the_list_of_models_is_told() -> None:
    with running(ModelServer(models=None, status_of_no_list=404, replies=[(404, {}, "nothing here")])) as server:
        with pytest.raises(EndpointError, match="should it end with /v1"):
            ask(policy_of(server, model="only"))
        with pytest.raises(EndpointError, match="should it end with /v1"):
            policy_of(server)


def test_what_a_server_does_not_know_is_left_out() -> None:
    refused = (422, {}, '{"detail": "Unexpected keys in the request: {\'stream_options\'}"}')
    with running(ModelServer(lines=wire_forms(THOUGHT, ANSWER)["ollama"], replies=[refused])) as server:
        assert isinstance(ask(policy_of(server))[-1], Answered)
    assert ["stream_options" in asked for asked in server.requests] == [True, False]


def test_a_busy_server_is_asked_again_before_the_first_word_and_never_after() -> None:
    busy = (503, {"Retry-After": "0"}, '{"error": "loading"}')
    with running(ModelServer(lines=wire_forms(THOUGHT, ANSWER)["vllm"], replies=[busy])) as server:
        assert isinstance(ask(policy_of(server))[-1], Answered)
        assert len(server.requests) == 2
    with running(ModelServer(lines=wire_forms(THOUGHT, ANSWER)["vllm"], breaks_after=4)) as server:
        with pytest.raises(EndpointError):
            ask(policy_of(server))
        assert len(server.requests) == 1


def test_an_error_inside_a_stream_is_told() -> None:
    lines = [chunk({"content": "<think>I"}), 'data: {"error": {"message": "CUDA out of memory", "code": 500}}']
    with running(ModelServer(lines=lines)) as server:
        policy = policy_of(server)
        with pytest.raises(EndpointError, match="out of memory"):
            ask(policy)
        server.lines = wire_forms(THOUGHT, ANSWER)["vllm"]
        assert isinstance(ask(policy)[-1], Answered)


def test_closing_the_answer_closes_the_connection() -> None:
    lines = [chunk({"content": f"word {number} "}) for number in range(2000)]
    with running(ModelServer(lines=lines, pause_s=0.01)) as server:
        events = policy_of(server).stream(FRAMES, "the red ball", num_frames=10)
        next(events)
        events.close()
        time.sleep(0.3)
        sent = server.num_lines_sent
        time.sleep(0.5)
        assert server.num_lines_sent == sent < 200


@pytest.mark.parametrize(
    ("address", "told"),
    [
        pytest.param("http://127.0.0.1:9/v1", "cannot reach", id="nobody listens"),
        pytest.param("https://127.0.0.1:9/v1", "cannot reach", id="nobody listens, with TLS"),
    ],
)
def test_a_server_that_is_not_there_is_told(address: str, told: str) -> None:
    policy = EndpointPolicy(address, EndpointOptions(model="x", num_tries=1), PROFILE)
    with pytest.raises(EndpointError, match=told):
        ask(policy)


def test_a_page_that_is_no_model_server_is_told() -> None:
    scripted = ModelServer(replies=[(200, {"Content-Type": "text/html"}, "<html>hello</html>")] * 4)
    with running(scripted) as server, pytest.raises(EndpointError, match="broke off"):
        ask(policy_of(server, model="x"))


def test_the_only_model_is_taken_and_of_several_one_must_be_named() -> None:
    with running(ModelServer()) as server:
        assert policy_of(server).model == "only"
    several = "a, b: choose one with --policy-model"
    with running(ModelServer(models=("a", "b"))) as server, pytest.raises(EndpointError, match=several):
        policy_of(server)
    unlisted = r"cannot tell which models it has \(500\): name one with --policy-model"
    with running(ModelServer(models=None)) as server, pytest.raises(EndpointError, match=unlisted):
        policy_of(server)


def test_a_model_that_is_called_after_a_folder_here_has_the_profile_in_there(tmp_path: Path) -> None:
    write_profile(PROFILE, tmp_path / "profile.json")
    (tmp_path / "without").mkdir()
    for folder, wanted in ((tmp_path, PROFILE.size_wh), (tmp_path / "without", GENERIC.size_wh)):
        policy = load_policy("http://127.0.0.1:9/v1", ModelOptions(endpoint=EndpointOptions(model=str(folder))))
        assert isinstance(policy, EndpointPolicy)
        assert policy.profile.size_wh == wanted


@pytest.mark.parametrize("address", ["ftp://x/v1", "http:///v1", "http://user:pw@x/v1", "http://x/v1?key=1", "x"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(OptionError):
        check_address(address)


def test_no_frames_are_no_question() -> None:
    with running(ModelServer()) as server, pytest.raises(PromptError):
        list(policy_of(server).stream([], "x", num_frames=3))


def test_the_name_of_an_address_loads_an_endpoint_with_its_profile(tmp_path: Path) -> None:
    write_profile(PROFILE, tmp_path / "profile.json")
    with running(ModelServer()) as server:
        options = ModelOptions(profile=tmp_path / "profile.json", endpoint=EndpointOptions(key="sk-secret"))
        policy = load_policy(server.address, options)
        assert policy.name == f"only at {server.address.removeprefix('http://').removesuffix('/v1')}"
        assert policy.frame_count == 3
        assert "sk-secret" not in repr(options)


def test_the_key_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from argparse import Namespace

    monkeypatch.setenv(KEY_VARIABLE, "from-environment")
    assert read_endpoint_options(Namespace()).key == "from-environment"
    (tmp_path / "key").write_text("from-file\n")
    options = read_endpoint_options(Namespace(policy_key_file=str(tmp_path / "key"), policy_model="m"))
    assert (options.key, options.model) == ("from-file", "m")
    for text in ("", "two words"):
        (tmp_path / "key").write_text(text)
        with pytest.raises(OptionError):
            read_endpoint_options(Namespace(policy_key_file=str(tmp_path / "key")))
    with running(ModelServer(lines=wire_forms(THOUGHT, ANSWER)["vllm"])) as server:
        ask(policy_of(server, key="sk-secret"))
    assert server.keys == ["Bearer sk-secret"]
