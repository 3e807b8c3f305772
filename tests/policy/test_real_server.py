"""`transformers serve` with the embedded weights: the answers of this process word for word, a stop that frees it, and
a server that dies in the middle of an answer and comes back.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from veason import hub
from veason.errors import EndpointError
from veason.policy import load_policy
from veason.profile import sample_indices
from veason.types import Answered, EndpointOptions, Frame, ModelOptions, Policy, PolicyEvent, Unanswered
from veason.video import open_video

FOLDER = hub.embedded("policy")
QUESTIONS = (("parade.mp4", "the latecomer"),)

pytestmark = [
    pytest.mark.skipif(not hub.has_embedded("policy"), reason="assets/nano/policy is not here"),
    pytest.mark.timeout(600),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(FOLDER), "--device", "cpu"]
    command += ["--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
        try:
            wait_for(port, process, log)
            yield process
        finally:
            process.kill()
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(f"the server did not start: {log.read_text()}")


def endpoint(port: int) -> Policy:
    options = EndpointOptions(model=str(FOLDER), num_tries=1)
    return load_policy(f"http://127.0.0.1:{port}/v1", ModelOptions(profile=FOLDER / "profile.json", endpoint=options))


def look(file: str) -> tuple[list[Frame], int]:
    with open_video(hub.ASSETS / "examples" / file) as video:
        count = video.info.num_frames
        return list(video.frames(sample_indices(count, 8))), count


def text_of(events: Sequence[PolicyEvent]) -> str:
    last = events[-1]
    assert isinstance(last, Answered | Unanswered)
    return last.answer.text if isinstance(last, Answered) else last.text


def test_a_server_with_the_same_weights_writes_the_same_text(tmp_path: Path) -> None:
    own, port = load_policy("nano", ModelOptions(device="cpu", dtype="float32")), free_port()
    with serving(port, tmp_path / "log"):
        served = endpoint(port)
        for file, question in QUESTIONS:
            frames, count = look(file)
            texts = [text_of(list(policy.stream(frames, question, num_frames=count))) for policy in (own, served)]
            assert texts[0] == texts[1]


def test_a_server_is_free_after_a_stop_and_is_asked_again_after_its_death(tmp_path: Path) -> None:
    port = free_port()
    frames, count = look("parade.mp4")
    with serving(port, tmp_path / "log") as process:
        policy = endpoint(port)
        events = policy.stream(frames, "the latecomer", num_frames=count)
        next(events)
        started = time.monotonic()
        events.close()
        assert time.monotonic() - started < 5
        events = policy.stream(frames, "the star that is not yellow", num_frames=count)
        next(events)
        process.kill()
        with pytest.raises(EndpointError):
            list(events)
        with pytest.raises(EndpointError, match="cannot reach"):
            list(policy.stream(frames, "the latecomer", num_frames=count))
    with serving(port, tmp_path / "log"):
        assert text_of(list(policy.stream(frames, "the latecomer", num_frames=count)))
