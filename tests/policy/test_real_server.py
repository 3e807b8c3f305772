"""Servers of others with the embedded weights: the answers of this process word for word, a stop that frees them, and
one that dies in the middle of an answer and comes back.

vLLM is asked where `VEASON_VLLM` names the Python of an environment that has it (`make engines`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.policy.real_servers import (
    QUESTIONS,
    VLLM,
    endpoint,
    free_port,
    look,
    own_policy,
    serving,
    text_of,
)
from veason import hub
from veason.errors import EndpointError
from veason.types import Answered, PolicyEvent, Sampling, ThoughtDelta, Unanswered

pytestmark = [
    pytest.mark.skipif(not hub.has_embedded("policy"), reason="assets/nano/policy is not here"),
    pytest.mark.timeout(900),
]
with_vllm = pytest.param(
    "vllm", marks=pytest.mark.skipif(not VLLM, reason="VEASON_VLLM names no Python with vLLM: make engines")
)


@pytest.mark.parametrize("engine", ["transformers", with_vllm])
def test_a_server_with_the_same_weights_writes_the_same_text_and_draws_others_where_it_is_to(
    engine: str, tmp_path: Path
) -> None:
    own, port = own_policy(), free_port()
    with serving(port, tmp_path / "log", engine):
        served = endpoint(port)
        for file, question in QUESTIONS if VLLM else QUESTIONS[:2]:
            frames, count = look(file)
            answers = [list(policy.stream(frames, question, num_frames=count)) for policy in (own, served)]
            assert text_of(answers[0]) == text_of(answers[1]), (file, question)
            last = answers[1][-1]
            assert not isinstance(last, Answered) or not last.answer.notes
        together, *alone = [
            [event for event in served.stream(frames, question, num_frames=count, sampling=sampling) if is_end(event)]
            for sampling in (
                Sampling(0.8, 1.0, 24, 3, seed=1),
                *(Sampling(0.8, 1.0, 24, seed=seed) for seed in (1, 2, 3)),
            )
        ]
    texts = [text_of([event]) for event in together]
    assert len(set(texts)) == 3
    assert texts == [text_of(events) for events in alone]


def test_a_server_is_free_after_a_stop_and_is_asked_again_after_its_death(tmp_path: Path) -> None:
    port = free_port()
    frames, count = look("parade.mp4")
    with serving(port, tmp_path / "log") as process:
        policy = endpoint(port)
        events = policy.stream(frames, "the latecomer", num_frames=count)
        wait_for_word(events)
        started = time.monotonic()
        events.close()
        events = policy.stream(frames, "the star that is not yellow", num_frames=count)
        wait_for_word(events)
        assert time.monotonic() - started < 10  # it does one thing at a time, and a whole answer takes it longer
        process.kill()
        with pytest.raises(EndpointError, match="broke off"):
            list(events)
        with pytest.raises(EndpointError, match="cannot reach"):
            list(policy.stream(frames, "the latecomer", num_frames=count))
    with serving(port, tmp_path / "log"):
        assert text_of(list(policy.stream(frames, "the latecomer", num_frames=count)))


def is_end(event: PolicyEvent) -> bool:
    """Tell whether an event ends a sample."""
    return isinstance(event, Answered | Unanswered)


def wait_for_word(events: Iterator[PolicyEvent]) -> None:
    """Go on to the first text."""
    while next(events) == ThoughtDelta(""):
        pass
