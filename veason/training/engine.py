"""Engines in environments of their own: found, run, followed, and never twice in one folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veason.errors import MissingBackend, TrainingError
from veason.locks import take_lock


@dataclass(frozen=True, slots=True)
class EngineKind:
    """An engine that Veason trains with, in an environment of its own.

    Attributes:
        name: as people call it.
        target: of the Makefile that builds its environment; the folder is called the same, with a dot before it.
        script: run by the environment's Python, beside this module: it tells the version, and what else is asked.
    """

    name: str
    target: str
    script: str

    @property
    def place(self) -> Path:
        """The Python of the environment that `make` builds, in a clone of Veason."""
        return Path(f".{self.target}") / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    @property
    def build(self) -> str:
        """The command that builds the environment."""
        return f"make {self.target}"


LLAMAFACTORY = EngineKind("LLaMA-Factory", "engine-llamafactory", "in_engine.py")
TRL = EngineKind("TRL", "engine-trl", "in_trl.py")
VERL = EngineKind("verl", "engine-verl", "in_verl.py")

LOG = "engine.log"
"""What the engine says, of every run in a folder."""

LOCK = "running.lock"
"""Held while an engine runs in a folder."""

HERE = Path(__file__).parent
_LAST_LINES = 15
_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """A step that is done: `done` of `total`, its loss, and the seconds left, None before they are known."""

    done: int
    total: int
    loss: float | None
    left_s: float | None


@dataclass(frozen=True, slots=True)
class Engine:
    """An environment with an engine.

    Attributes:
        kind: which one.
        python: its interpreter.
        version: of the engine.
        has_half: whether it computes in bfloat16 on a GPU.
    """

    kind: EngineKind
    python: Path
    version: str
    has_half: bool


def find_engine(kind: EngineKind, python: str | None = None) -> Engine:
    """Return the engine of an environment.

    Args:
        kind: which engine.
        python: its interpreter; by default the one that `make` builds, looked for in the current folder and in the
            clone that this module lies in.

    Raises:
        MissingBackend: it is not built, or does not start.
    """
    clone = Path(__file__).parent.parent.parent
    places = [Path(python).expanduser()] if python else [Path.cwd() / kind.place, clone / kind.place]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise MissingBackend(
            f"{kind.name} is not in {' or '.join(map(str, places))}: `{kind.build}` builds it in a clone of Veason, "
            "--engine-python FILE names another environment's Python, --write-only writes its files without it"
        )
    place = Path(os.path.abspath(found))  # not resolved: the link tells Python which environment it is in
    told = _ask(kind, place, ["probe"], Path.cwd())
    return Engine(kind, place, str(told["version"]), bool(told["has_half"]))


def ask_engine(engine: Engine, words: Sequence[str], folder: Path) -> dict[str, Any]:
    """Have the engine's script answer in its environment.

    Args:
        engine: the environment.
        words: an action of the script, and what it wants.
        folder: the working folder.

    Raises:
        MissingBackend: it fails; the message has its last words.
    """
    return _ask(engine.kind, engine.python, words, folder)


def compare_prompts(engine: Engine, out: Path, config: str, places: Sequence[int]) -> list[dict[str, Any]]:
    """Return, for some rows, whether the engine makes the checkpoint's own prompt and answer of them.

    Each has `place`, `tokens`, and `difference` ("" where all tokens are equal).
    """
    rows: list[dict[str, Any]] = ask_engine(engine, ["compare", config, *map(str, places)], out)["rows"]
    return rows


def run_engine(
    engine: Engine,
    out: Path,
    words: Sequence[str],
    log: Path,
    on_step: Callable[[TrainingStep], object] = lambda step: None,
) -> None:
    """Run an engine in a folder until it ends.

    Args:
        engine: the environment.
        out: the working folder.
        words: what its Python is told, such as `["-m", "llamafactory.cli", "train", "train.yaml"]`.
        log: the file of steps that it writes; what is in it before is not told again.
        on_step: told every step.

    Raises:
        TrainingError: it failed; the message has its last words.
    """
    follower = _Follower(log)
    with locked_run(out) as lock, (out / LOG).open("ab") as said:
        begin = said.tell()
        process = subprocess.Popen(
            [str(engine.python), *words],
            cwd=out, env=_environment(engine.python), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            pass_fds=() if sys.platform == "win32" else (lock,),
        )  # fmt: skip
        try:
            while True:
                code = process.poll()
                for step in follower.steps():
                    on_step(step)
                if code is not None:
                    break
                time.sleep(_EVERY_S)
        finally:
            if process.poll() is None:
                _stop(process)
    if code:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        raise TrainingError(
            f"{engine.kind.name} {how}; checkpoints are kept, and the same command goes on from the last one. "
            f"Its last words (all are in {out / LOG}):\n{_last_words(out / LOG, begin)}"
        )


@contextmanager
def locked_run(out: Path) -> Iterator[int]:
    """Hold a folder of a training; what is started with the descriptor that comes holds it too, after this process.

    Raises:
        TrainingError: a training is running there.
    """
    descriptor = os.open(out / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not take_lock(descriptor):
            raise TrainingError(
                f"{out}: a training is still running there (also one whose `veason train` was killed): wait for it"
            )
        yield descriptor
    finally:
        os.close(descriptor)


def drop_broken_checkpoints(adapter: Path) -> int | None:
    """Remove checkpoints that were being written when the engine was killed; return the step of the last whole one.

    The engine writes the state of the trainer last, so a checkpoint without one that can be read is not whole.
    """
    whole = []
    for folder in adapter.glob("checkpoint-*"):
        try:
            state = json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
            whole.append(int(state["global_step"]))
        except (OSError, ValueError, KeyError, TypeError):
            shutil.rmtree(folder)
    return max(whole, default=None)


class _Follower:
    """Reads the steps that an engine appends to its log, and tells how long the rest will take."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = log.stat().st_size if log.exists() else 0
        self._first: tuple[int, float] | None = None

    def steps(self) -> Iterator[TrainingStep]:
        """Yield the steps that have come since."""
        if not self._log.exists():
            return
        with self._log.open("rb") as stream:
            stream.seek(self._read)
            new = stream.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            row = json.loads(line)
            done, total, now = int(row["current_steps"]), int(row["total_steps"]), time.monotonic()
            if self._first is None:
                self._first = (done, now)
            since, start = self._first
            left = (now - start) / (done - since) * (total - done) if done > since else None
            if "loss" in row:
                yield TrainingStep(done, total, float(row["loss"]), left)


def _ask(kind: EngineKind, python: Path, words: Sequence[str], folder: Path) -> dict[str, Any]:
    """Run the engine's script in its environment and return what it answers."""
    try:
        done = subprocess.run(
            [str(python), str(HERE / kind.script), *words],
            cwd=folder, env=_environment(python), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        answer: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2]) if done.returncode == 0 else {}
    except (OSError, ValueError) as error:
        raise MissingBackend(f"{python} does not start {kind.name} ({error}): build it with `{kind.build}`") from error
    if not answer:
        last = "\n".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
        raise MissingBackend(f"{python} does not start {kind.name}: build it with `{kind.build}`. It said:\n{last}")
    return answer


def _environment(python: Path) -> dict[str, str]:
    """Return the environment of the engine: nothing of ours on its path, nothing fetched, nothing reported."""
    left_out = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if key not in left_out}
    told = {
        "HF_HUB_OFFLINE": "1",
        "WANDB_MODE": "disabled",
        "PYTHONUNBUFFERED": "1",
        "PYTHONSAFEPATH": "1",  # the modules beside our scripts are not taken for the engine's
        "TOKENIZERS_PARALLELISM": "false",
    }
    return {**kept, **told, "PATH": os.pathsep.join([str(python.parent), kept.get("PATH", os.defpath)])}


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(log: Path, begin: int) -> str:
    with log.open("rb") as stream:
        stream.seek(begin)
        text = stream.read().decode(errors="replace")
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    return "\n".join(lines[-_LAST_LINES:])
