"""Model servers of others that are started for a test or a measurement, with the embedded policy's weights."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from veason import hub
from veason.policy import load_policy
from veason.profile import sample_indices
from veason.types import Answered, EndpointOptions, Frame, ModelOptions, Policy, PolicyEvent, Unanswered
from veason.video import open_video

FOLDER = hub.embedded("policy")
VLLM = os.environ.get("VEASON_VLLM", "")
"""The Python of an environment with vLLM; `make engines` makes one."""

CLIPS = ("parade.mp4", "chase.mp4", "collide.mp4", "cover.mp4", "hide.mp4")
INSTRUCTIONS = ("the latecomer", "the largest object", "the one that moves fastest", "all objects that do not move")
QUESTIONS = tuple((clip, instruction) for instruction in INSTRUCTIONS for clip in CLIPS)
"""Twenty questions about the bundled clips, (file, instruction)."""

START_S = {"transformers": 120.0, "vllm": 420.0}


def command(engine: str, port: int) -> list[str]:
    """Return what starts a server: "transformers" or "vllm"."""
    shared = ["--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    if engine == "transformers":
        program = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(FOLDER), "--device", "cpu"]
        return [*program, *shared]
    program = [VLLM, "-m", "vllm.entrypoints.openai.api_server", "--model", str(FOLDER), *shared]
    limits = ["--max-model-len", "2048", "--limit-mm-per-prompt", '{"image": 8, "video": 0}', "--enforce-eager"]
    return [*program, *limits]


@contextmanager
def serving(port: int, log: Path, engine: str = "transformers") -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while the block runs, from when it answers."""
    quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    environment = {**os.environ, **quiet, "OMP_NUM_THREADS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    environment.pop("PYTHONPATH", None)
    with log.open("wb") as out:
        process = subprocess.Popen(  # in a group of its own: vLLM's engine is a process beside the one that is started
            command(engine, port), stdout=out, stderr=out, env=environment, cwd=log.parent, start_new_session=True
        )
        try:
            wait_for(port, process, log, START_S[engine])
            yield process
        finally:
            with suppress(ProcessLookupError):  # the test may have ended it
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    """Wait until a server says that it is well. Raises AssertionError with its log where it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(f"the server did not start: {log.read_text()}")


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def endpoint(port: int) -> Policy:
    """Return the policy of a server; it is asked once."""
    options = EndpointOptions(model=str(FOLDER), num_tries=1)
    return load_policy(f"http://127.0.0.1:{port}/v1", ModelOptions(profile=FOLDER / "profile.json", endpoint=options))


def own_policy() -> Policy:
    """Return the same weights in this process."""
    return load_policy(hub.NANO, ModelOptions(device="cpu", dtype="float32"))


def look(file: str) -> tuple[list[Frame], int]:
    """Return the frames of a bundled clip that a policy is shown, and the number of all."""
    with open_video(hub.ASSETS / "examples" / file) as video:
        count = video.info.num_frames
        return list(video.frames(sample_indices(count, 8))), count


def text_of(events: Sequence[PolicyEvent]) -> str:
    """Return everything that was written for a question."""
    last = events[-1]
    assert isinstance(last, Answered | Unanswered)
    return last.answer.text if isinstance(last, Answered) else last.text
