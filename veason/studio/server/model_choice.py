"""The models in use, and what is done about others: fetching, connecting to a server, switching.

Whatever asks for the models takes the pipeline once, at its beginning, and ends on it: a switch puts another pipeline
in its place and touches none that is at work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from veason.device import choose_device
from veason.errors import SessionError
from veason.model_workers import WorkerPipeline
from veason.models.catalogue import ModelKind, find_model
from veason.models.choice import KeptChoice, keep_choice, read_choice
from veason.models.fetch import FetchCancelled, fetch_model, plan_fetch, wanted_files
from veason.models.overview import ModelRow, overview
from veason.models.speed import PROBE_CLIP, PROBE_INSTRUCTION
from veason.pipeline import Pipeline
from veason.policy import check_answers, check_server, load_policy
from veason.profile import GENERIC
from veason.segmenter import load_segmenter
from veason.studio.server.messages.models import ModelPart, ModelRowPart, ModelsReply, ModelWorkPart
from veason.studio.server.question.job import ENDING_S
from veason.studio.server.requests.models import (
    CancelModelWork,
    ChooseModel,
    ConnectServer,
    ListModels,
    ModelRequests,
)
from veason.types import Answered, EndpointOptions, ModelOptions, Policy, Unanswered
from veason.types.budgets import MIB
from veason.video import open_video

LOCKED = "the models are locked here: whoever runs this server chooses them"


@dataclass(slots=True)
class _Work:
    """What is being done, and what stops it."""

    what: str
    name: str
    stop: threading.Event
    done: int = 0
    total: int = 0


class ModelChoice:
    """The pipeline in use, and at most one piece of work about other models at a time.

    Args:
        pipeline: the models to begin with.
        options: how further ones are loaded.
        is_locked: nothing can be changed.
        project: folder of the project that the choice is kept for, None where it is not kept.
        words: says an error in the words that the page may hear.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        options: ModelOptions = ModelOptions(),
        *,
        is_locked: bool = True,
        project: Path | None = None,
        words: Callable[[Exception], str] = str,
    ) -> None:
        self._pipeline, self._options, self._words = pipeline, options, words
        self.is_locked, self._project = is_locked, project
        self._lock = threading.Lock()
        self._work: _Work | None = None
        self._thread: threading.Thread | None = None
        self._told, self._failed = "", False

    @property
    def pipeline(self) -> Pipeline:
        """The models in use; take it once for each piece of work."""
        return self._pipeline

    def answer(self, request: ModelRequests) -> ModelsReply:
        """Do what a request asks for and tell how things stand; what takes time goes on in a thread.

        Raises:
            SessionError: the models are locked, or something else is being done.
            OptionError: a server's address is none, or holds a password.
        """
        if isinstance(request, ListModels):
            return self.reply(with_rows=request.do == "list")
        if self.is_locked:
            raise SessionError(LOCKED)
        if isinstance(request, CancelModelWork):
            with self._lock:
                if self._work is not None:
                    self._work.stop.set()
        elif isinstance(request, ChooseModel) and request.do == "fetch":
            self._start("fetching", request.name, lambda work: self._fetch(work, request.name, request.kind))
        elif isinstance(request, ChooseModel):
            self._start("loading", request.name, lambda _: self._use(request.kind, request.name))
        else:
            what = "testing" if request.do == "test" else "loading"
            address = check_server(request.address)  # what is no address, or holds a password, is shown to nobody
            self._start(what, address, lambda work: self._connect(work, address, request))
        return self.reply(with_rows=False)

    def reply(self, *, with_rows: bool) -> ModelsReply:
        """Return how things stand, with the list where it is wanted and may be seen."""
        machine, rows = overview() if with_rows and not self.is_locked else (None, ())
        with self._lock:
            work, told, failed = self._work, self._told, self._failed
        now = model_part(self._pipeline, self._options.device, is_locked=self.is_locked)
        return ModelsReply(
            now=now,
            machine=machine.text if machine is not None else "",
            rows=[_row_part(row, now) for row in rows],
            work=None
            if work is None
            else ModelWorkPart(what=work.what, name=work.name, done=work.done, total=work.total),  # type: ignore[arg-type]
            told=told,
            failed=failed,
        )

    def close(self) -> None:
        """Stop what is being done and wait for its end; workers of the models end as well."""
        if isinstance(self._pipeline, WorkerPipeline):
            self._pipeline.close()
        with self._lock:
            if self._work is not None:
                self._work.stop.set()
            thread = self._thread
        if thread is not None:
            thread.join(ENDING_S)

    # --- what takes time

    def _start(self, what: str, name: str, work: Callable[[_Work], str]) -> None:
        with self._lock:
            if self._work is not None:
                raise SessionError(f"{self._work.what} {self._work.name} is under way: let it end, or cancel it")
            self._work = now = _Work(what, name, threading.Event())
            self._told, self._failed = "", False
        self._thread = threading.Thread(target=self._run, args=(now, work), name="veason-models", daemon=True)
        self._thread.start()

    def _run(self, now: _Work, work: Callable[[_Work], str]) -> None:
        told, failed = "", False
        try:
            told = work(now)
        except FetchCancelled:
            told = f"stopped; what was fetched of {now.name} is kept, and fetching goes on there"
        except Exception as error:  # noqa: BLE001  # told in the dialog; the thread has nobody else to tell
            told, failed = self._words(error), True
        with self._lock:
            self._work, self._told, self._failed = None, told, failed

    def _fetch(self, work: _Work, name: str, kind: ModelKind) -> str:
        plan = plan_fetch(name, wanted_files(find_model(name, kind)))
        work.total, work.done = plan.num_bytes, plan.num_bytes - plan.missing_bytes

        def arrived(here: int) -> None:
            work.done = here

        fetch_model(plan, arrived, work.stop.is_set)
        return f"{name} is here"

    def _use(self, kind: ModelKind, name: str) -> str:
        if kind == "policy":
            self._put(load_policy(name, replace(self._options, profile=None)), KeptChoice(policy=name))
        else:
            segmenter = load_segmenter(name, replace(self._options, segmenter_config=None))
            with self._lock:
                self._pipeline = self._made(self._pipeline.policy, segmenter)
            self._keep(replace(self._kept(), segmenter=name))
        return ""

    def _connect(self, work: _Work, address: str, request: ConnectServer) -> str:
        endpoint = EndpointOptions(model=request.model.strip() or None, key=request.key.strip())
        policy = load_policy(address, replace(self._options, profile=None, endpoint=endpoint))
        if request.do == "test":
            return _asked_an_example(self._made(policy, self._pipeline.segmenter), work.stop)
        check_answers(policy)  # it may have gone since it was tested
        self._put(policy, KeptChoice(policy=address, policy_model=endpoint.model))
        return ""

    def _put(self, policy: Policy, chosen: KeptChoice) -> None:
        with self._lock:
            self._pipeline = self._made(policy, self._pipeline.segmenter)
        self._keep(replace(chosen, segmenter=self._kept().segmenter))

    def _made(self, policy: Policy | None, segmenter: object) -> Pipeline:
        budgets = self._options.budgets
        return Pipeline(
            policy,
            segmenter,  # type: ignore[arg-type]
            shown_bytes=budgets.shown * MIB,
            speculates=budgets.keeps_features,
        )

    # --- the choice

    def _kept(self) -> KeptChoice:
        return read_choice(self._project) if self._project is not None else KeptChoice()

    def _keep(self, choice: KeptChoice) -> None:
        if self._project is None:
            return
        try:
            keep_choice(self._project, choice)
        except OSError as error:
            raise SessionError(f"the model is in use, but the choice cannot be kept: {error}") from error


def model_part(pipeline: Pipeline, device: str, *, is_locked: bool) -> ModelPart:
    """Return what the page is told of the models in use."""
    policy = pipeline.policy
    profile = policy.profile if policy is not None else GENERIC
    return ModelPart(
        policy=policy.name if policy is not None else "none",
        segmenter=pipeline.segmenter.name,
        device="CPU" if choose_device(device).type == "cpu" else "GPU",
        recorded=policy is not None and policy.is_recorded,
        several=policy is not None and policy.can_sample,
        trained_on=profile.trained_on if policy is not None else "",
        space=profile.space_wh if policy is not None else None,
        marks=profile.step_marks if policy is not None else (),
        doubt_threshold=profile.doubt_threshold,
        is_locked=is_locked,
    )


def _row_part(row: ModelRow, now: ModelPart) -> ModelRowPart:
    return ModelRowPart(
        name=row.name,
        kind=row.kind,
        about=row.about,
        here=row.here,
        is_here=row.is_here,
        is_part=row.is_part,
        in_use=row.name == (now.policy if row.kind == "policy" else now.segmenter),
        memory=row.memory,
        fits=row.fits,
        fit=row.fit,
        speed=row.speed,
        licence=row.licence,
    )


def _asked_an_example(pipeline: Pipeline, stop: threading.Event) -> str:
    """Ask about a bundled clip and return the answer in words. Raises SessionError where there is none."""
    with open_video(PROBE_CLIP) as video:
        events = pipeline.think(video, PROBE_INSTRUCTION, guess=True)
        with closing(events):  # type: ignore[type-var]  # a generator
            for event in events:
                if stop.is_set():
                    raise FetchCancelled
                if isinstance(event, Answered):
                    return _in_words(event)
                if isinstance(event, Unanswered):
                    raise SessionError(
                        f"it answered, but the answer cannot be read ({event.reason}): {event.text[:300]}"
                    )
    raise SessionError("it answered nothing")


def _in_words(event: Answered) -> str:
    answer, speed = event.answer, event.speed
    boxes = ", ".join("[" + " ".join(f"{side:.0f}" for side in box.xyxy) + "]" for box in answer.boxes)
    found = "says that the target is not there" if answer.is_absent else f"frame {answer.keyframe}, box {boxes}"
    took = f" First word after {speed.first_token_s:.1f} s, all after {speed.total_s:.1f} s." if speed else ""
    thought = f" “{answer.thought.strip()[:300]}”" if answer.thought.strip() else ""
    sure = f" How sure: {event.confidence.text}." if event.confidence else " It does not tell how sure it is."
    return f"It works: “{PROBE_INSTRUCTION}” in {PROBE_CLIP.name}: {found}.{took}{sure}{thought}"


def read_kept(project: Path, policy: str | None, segmenter: str | None) -> KeptChoice:
    """Return the models to begin with: those that were named, else those that were chosen last for the project."""
    kept = read_choice(project)
    chosen = KeptChoice(policy=policy) if policy is not None else replace(kept, segmenter=None)
    return replace(chosen, segmenter=segmenter if segmenter is not None else kept.segmenter)
