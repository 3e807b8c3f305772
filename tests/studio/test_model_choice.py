"""The models of the app: tested, connected, switched while a job runs, kept for the next start, and locked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.policy.model_server import ModelServer, chunk, running, wire_forms
from tests.standins import BoxFiller
from tests.studio.visitor import Visitor, make_frames, of_kind
from veason import hub
from veason.errors import OptionError, SessionError
from veason.formats.projects.from_project import from_project
from veason.models.choice import read_choice
from veason.pipeline import Pipeline
from veason.profile import GENERIC
from veason.project import Project
from veason.studio.server.model_choice import LOCKED, ModelChoice, read_kept
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.requests.models import CancelModelWork, ChooseModel, ConnectServer, ListModels
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio
from veason.types import Answer, Answered, Box, Frame, PolicyEvent, Sampling, ThoughtDelta, Turn

ANSWER = '<answer>{"keyframe_timestamp": 0, "bbox_2d_list": [[100, 100, 300, 300]]}</answer>'


class SlowPolicy:
    """Writes one word, lets a test do something, then answers."""

    name, frame_count, profile, is_recorded, can_sample = "slow", 4, GENERIC, False, True

    def __init__(self) -> None:
        self.meanwhile: Any = lambda: None

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        return ()

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        fps: float | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        yield ThoughtDelta("well")
        self.meanwhile()
        yield Answered(Answer("well", frames[0].index, (Box(2, 2, 10, 10),)))


def ended(choice: ModelChoice) -> Any:
    """Wait for the end of what is being done and return how things stand."""
    deadline = time.monotonic() + 120
    while (told := choice.reply(with_rows=False)).work is not None:
        assert time.monotonic() < deadline, told
        time.sleep(0.02)
    return told


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "labels"


def test_a_server_is_tested_then_used_and_a_running_question_ends_on_the_policy_it_began_with(project: Path) -> None:
    visitor, policy = Visitor(), SlowPolicy()
    choice = ModelChoice(Pipeline(policy, visitor.segmenter), is_locked=False, project=project)
    registry = ProjectRegistry(Settings(project=project))
    studio = Studio(choice.pipeline, registry, [], capacity=2, models=choice)
    key, kept = registry.get_or_make(None)
    video = kept.library.add_video(make_frames(project.parent / "frames", 8))
    question = kept.library.add_question(video, "the red ball")
    with running(ModelServer(lines=wire_forms("I see it.", ANSWER)["ollama"])) as server:
        tested = ConnectServer(do="test", address=server.address, model="only", key="sk-secret")
        choice.answer(tested)
        told = ended(choice)
        assert not told.failed
        assert told.told.startswith("It works: “the pursuer” in chase.mp4: frame 0, box [")
        assert choice.pipeline.policy is policy

        def switch() -> None:
            choice.answer(ConnectServer(do="connect", address=server.address, model="only", key="sk-secret"))
            assert ended(choice).now.policy.startswith("only at 127.0.0.1")

        policy.meanwhile = switch
        asked = {"work": f"{key}.{question}", "instruction": "the red ball", "project": key}
        first = [item for message in studio.answer("think", asked) for item in message["items"]]
        assert of_kind(first, "answered")
        answer = kept.labels.answer(question)
        assert answer is not None
        assert answer.policy == "slow"
        assert kept.labels.state(question).prompts  # the work is where it was
        [message for message in studio.answer("think", asked)]
        answer = kept.labels.answer(question)
        assert answer is not None
        assert answer.policy is not None
        assert answer.policy.startswith("only at")
        remembered = read_kept(project, None, None)
        assert (remembered.policy, remembered.policy_model) == (server.address, "only")
        assert read_kept(project, "nano", None).policy == "nano"  # what is named on the command line goes first
    assert "sk-secret" not in "".join(one.read_text() for one in (project.parent / ".config").rglob("*.json"))
    studio.close()


class NamedFiller(BoxFiller):
    def __init__(self, name: str) -> None:
        self.name = name


def test_a_batch_that_prelabels_ends_on_the_models_it_began_with_and_the_next_one_takes_the_new(project: Path) -> None:
    policy = SlowPolicy()
    choice = ModelChoice(Pipeline(policy, NamedFiller("old filler")), is_locked=False, project=project)
    registry = ProjectRegistry(Settings(project=project))
    studio = Studio(choice.pipeline, registry, [], capacity=2, models=choice)
    key, kept = registry.get_or_make(None)
    video = kept.library.add_video(make_frames(project.parent / "frames", 8))
    batch = [kept.library.add_question(video, words) for words in ("the red ball", "the blue ball", "the hat")]
    switched: list[str] = []

    def prelabel() -> None:
        assert "error" not in studio.look_up("act", {"project": key, "do": "prelabel"})
        deadline = time.monotonic() + 120
        while (run := studio.look_up("queue", {"project": key})["prelabel"])["running"]:
            assert time.monotonic() < deadline, run
            time.sleep(0.02)
        assert (run["failure"], run["failed"], run["done"]) == ("", 0, run["total"])

    with running(ModelServer(lines=wire_forms("I see it.", ANSWER)["llama.cpp"])) as server:

        def switch() -> None:
            if not switched:
                choice.answer(ConnectServer(do="connect", address=server.address, model="only"))
                switched.append(ended(choice).now.policy)
                choice.answer(ChooseModel(do="choose", kind="segmenter", name=hub.NANO))
                switched.append(ended(choice).now.segmenter)

        policy.meanwhile = switch
        prelabel()
        assert switched == [choice.pipeline.policy.name if choice.pipeline.policy else "", hub.NANO]
        assert [_makers(kept, question) for question in batch] == [("slow", "old filler")] * 3
        later = kept.library.add_question(video, "the dog")
        prelabel()
        made = _makers(kept, later)
        assert made[0].startswith("only at 127.0.0.1")
        assert made[1] == hub.NANO
        assert [_makers(kept, question) for question in batch] == [("slow", "old filler")] * 3
    (exported,) = from_project(kept)
    assert {one.instruction: (one.policy, one.segmenter) for one in exported.questions}["the hat"] == (
        "slow",
        "old filler",
    )
    studio.close()


def _makers(project: Project, question_id: int) -> tuple[str, str]:
    answer = project.labels.answer(question_id)
    assert answer is not None
    return answer.policy or "", project.library.question(question_id).segmenter or ""


def test_what_cannot_be_used_is_told_and_the_models_stay(project: Path) -> None:
    choice = ModelChoice(Pipeline(None, BoxFiller()), is_locked=False, project=project)
    for request in (
        ConnectServer(do="connect", address="http://127.0.0.1:9/v1", model="x"),
        ChooseModel(do="choose", kind="policy", name="/nowhere"),
        ChooseModel(do="choose", kind="segmenter", name="somebody/nothing"),
    ):
        before = choice.pipeline
        if isinstance(request, ConnectServer):
            choice.answer(ConnectServer(do="test", address=request.address, model="x"))
        else:
            choice.answer(request)
        told = ended(choice)
        assert told.failed
        assert told.told
        assert choice.pipeline is before
    assert read_choice(project).policy is None


def test_a_server_that_died_after_its_test_is_not_put_in_the_place_of_one_that_works(project: Path) -> None:
    choice = ModelChoice(Pipeline(SlowPolicy(), BoxFiller()), is_locked=False, project=project)
    with running(ModelServer(lines=wire_forms("I see it.", ANSWER)["vllm"])) as server:
        choice.answer(ConnectServer(do="test", address=server.address, model="only"))
        assert not ended(choice).failed
    choice.answer(ConnectServer(do="connect", address=server.address, model="only"))
    told = ended(choice)
    assert told.failed
    assert "cannot reach" in told.told
    assert told.now.policy == "slow"
    assert read_choice(project).policy is None


def test_an_address_with_a_password_is_refused_before_anybody_sees_it(project: Path) -> None:
    choice = ModelChoice(Pipeline(SlowPolicy(), BoxFiller()), is_locked=False, project=project)
    for address in ("http://me:pass-word@10.0.0.1/v1", "nowhere", "http://[::1/v1"):
        with pytest.raises(OptionError) as told:
            choice.answer(ConnectServer(do="test", address=address, model="x"))
        assert "pass-word" not in str(told.value)
        assert choice.reply(with_rows=False).work is None


def test_a_key_of_two_lines_is_told_and_not_shown(project: Path) -> None:
    choice = ModelChoice(Pipeline(SlowPolicy(), BoxFiller()), is_locked=False, project=project)
    choice.answer(ConnectServer(do="test", address="http://127.0.0.1:9/v1", model="x", key="sk-one\nHost: there"))
    told = ended(choice)
    assert told.failed
    assert "sk-one" not in told.told


def test_of_two_tabs_that_switch_at_once_one_is_told_to_wait_and_nothing_is_mixed(project: Path) -> None:
    choice = ModelChoice(Pipeline(SlowPolicy(), BoxFiller()), is_locked=False, project=project)
    words = [chunk({"content": f"word {number} "}) for number in range(400)]
    with running(ModelServer(lines=words, pause_s=0.01)) as server:
        refused: list[str] = []

        def switch(model: str) -> None:
            try:
                choice.answer(ConnectServer(do="test", address=server.address, model=model))
            except SessionError as error:
                refused.append(str(error))

        tabs = [threading.Thread(target=switch, args=(name,)) for name in ("a", "b")]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()
        assert len(refused) == 1
        assert "under way" in refused[0]
        choice.answer(CancelModelWork(do="cancel"))
        assert ended(choice).told.startswith("stopped")
    assert choice.pipeline.policy is not None
    assert choice.pipeline.policy.name == "slow"


@pytest.mark.skipif(not hub.has_embedded("segmenter"), reason="assets/nano is not here")
def test_a_segmenter_is_switched_alone_and_the_list_marks_it(project: Path) -> None:
    policy = SlowPolicy()
    choice = ModelChoice(Pipeline(policy, BoxFiller()), is_locked=False, project=project)
    choice.answer(ChooseModel(do="choose", kind="segmenter", name="nano"))
    assert not ended(choice).failed
    assert choice.pipeline.segmenter.name == "nano"
    assert choice.pipeline.policy is policy
    listed = choice.answer(ListModels(do="list"))
    in_use = [(row.kind, row.name) for row in listed.rows if row.in_use]
    assert in_use == [("segmenter", "nano")]
    assert {row.kind for row in listed.rows} == {"policy", "segmenter"}
    assert listed.machine


def test_locked_models_cannot_be_changed_and_no_list_is_told() -> None:
    visitor = Visitor()
    told = visitor.look_up("models", do="list")
    assert told["now"]["isLocked"]
    assert told["rows"] == []
    assert told["machine"] == ""
    for request in (
        {"do": "connect", "address": "http://10.0.0.1/v1", "model": "x"},
        {"do": "test", "address": "http://10.0.0.1/v1", "model": "x"},
        {"do": "fetch", "kind": "policy", "name": "somebody/something"},
        {"do": "choose", "kind": "policy", "name": "nano"},
        {"do": "cancel"},
    ):
        assert visitor.look_up("models", **request)["error"] == LOCKED
