"""How fast a model is here: measured in some seconds on a bundled clip, and kept until it is measured again."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from veason import hub
from veason.atomic import atomic_file
from veason.models.catalogue import ModelKind
from veason.pipeline import Pipeline
from veason.types import Answered, Box, Prompt, Unanswered
from veason.video import open_video

PROBE_CLIP = hub.ASSETS / "examples" / "chase.mp4"
PROBE_INSTRUCTION = "the pursuer"
PROBE_FRAMES = 12
PROBE_SECONDS = 20.0
"""After so many seconds a probe ends, with what it has come to by then."""


@dataclass(frozen=True, slots=True)
class ModelSpeed:
    """What was measured: seconds to the first word and tokens a second of a policy, or seconds a frame of a segmenter;
    None for what does not apply, or did not come in time.
    """

    first_word_s: float | None = None
    tokens_per_s: float | None = None
    frame_s: float | None = None

    @property
    def text(self) -> str:
        """The speed in words, "" where nothing was measured."""
        if self.frame_s is not None:
            return f"{self.frame_s:.2f} s a frame" if self.frame_s >= 0.1 else f"{1 / self.frame_s:.0f} frames a second"
        parts = [f"first word {self.first_word_s:.1f} s"] if self.first_word_s is not None else []
        parts += [f"{self.tokens_per_s:.0f} tokens a second"] if self.tokens_per_s is not None else []
        return ", ".join(parts)


def speeds_file() -> Path:
    """Return the file that measurements are kept in."""
    return Path.home() / ".cache" / "veason" / "speeds.json"


def known_speed(name: str, kind: ModelKind, device: str) -> ModelSpeed | None:
    """Return what was measured of a model on a device ("cpu" or "cuda"), None where nothing was."""
    row = _read().get(f"{kind} {name} {device}")
    try:
        return ModelSpeed(**row) if isinstance(row, dict) else None
    except TypeError:
        return None  # written by another version


def keep_speed(name: str, kind: ModelKind, device: str, speed: ModelSpeed) -> None:
    """Keep a measurement."""
    rows = {**_read(), f"{kind} {name} {device}": asdict(speed)}
    file = speeds_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file) as stream:
        stream.write(json.dumps(rows, indent=1).encode())


def measure_policy(pipeline: Pipeline) -> ModelSpeed:
    """Ask the policy of a pipeline about a bundled clip."""
    started, tokens, first = time.perf_counter(), 0, None
    with open_video(PROBE_CLIP) as video:
        events = pipeline.think(video, PROBE_INSTRUCTION, guess=True)
        with closing(events):  # type: ignore[type-var]  # a generator
            for event in events:
                if isinstance(event, Answered) and event.speed is not None:
                    rest = event.speed.total_s - event.speed.first_token_s
                    return ModelSpeed(event.speed.first_token_s, event.speed.num_tokens / rest if rest > 0 else None)
                if isinstance(event, Unanswered) or time.perf_counter() - started > PROBE_SECONDS:
                    break
                if getattr(event, "text", ""):
                    first = first or time.perf_counter()
                    tokens += 1
    if first is None:
        return ModelSpeed()
    took = time.perf_counter() - first
    return ModelSpeed(first - started, tokens / took if took > 0 else None)


def measure_segmenter(pipeline: Pipeline) -> ModelSpeed:
    """Track a box through the first frames of a bundled clip."""
    with open_video(PROBE_CLIP) as video:
        width, height = video.info.size_wh
        prompt = Prompt(1, 0, box=Box(width * 0.4, height * 0.4, width * 0.6, height * 0.6))
        started, count = time.perf_counter(), 0
        masks = pipeline.propagate(video, [prompt], frames=(0, PROBE_FRAMES))
        with closing(masks):  # type: ignore[type-var]  # a generator
            for _ in masks:
                count += 1
                if time.perf_counter() - started > PROBE_SECONDS:
                    break
    return ModelSpeed(frame_s=(time.perf_counter() - started) / count) if count else ModelSpeed()


def _read() -> dict[str, object]:
    try:
        rows = json.loads(speeds_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return rows if isinstance(rows, dict) else {}
