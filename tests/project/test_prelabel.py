"""The queue pre-labelled in the background: kept when killed, never done twice, most doubtful first afterwards."""

import os
import signal
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.project.crash import check_whole
from tests.project.made import NUM_FRAMES, Ball, box_prompt, make_frames
from tests.standins import BoxFiller
from veason.annotation import PutPrompt
from veason.errors import MissingBackend, ProjectError, VideoError
from veason.pipeline import Pipeline
from veason.project import Project
from veason.project.prelabel import prelabel
from veason.types import FrameMasks, Prompt, VideoSource


class Logged(BoxFiller):
    """A segmenter that kills its own process, or raises, when it has made so many masks."""

    def __init__(self, dies_after: int = 10**9, error: Exception | None = None) -> None:
        self._left, self._error = dies_after, error
        self.tracked = 0

    def track(self, video: VideoSource, prompts: Sequence[Prompt], **options: Any) -> Iterator[FrameMasks]:
        self.tracked += 1
        for masks in super().track(video, prompts, **options):
            self._left -= 1
            if self._left < 0:
                if self._error is not None:
                    raise self._error
                os.kill(os.getpid(), signal.SIGKILL)
            yield masks


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three videos, one question each."""
    project = Project.create(tmp_path / "project")
    for number in range(3):
        project.library.add_question(
            project.library.add_video(make_frames(tmp_path / f"clip{number}", shade=number)), "the ball"
        )
    return project


def test_every_new_question_gets_a_proposal_with_masks_doubt_and_what_made_it(project: Project) -> None:
    done = [one for one in prelabel(project, Pipeline(Ball(), BoxFiller())) if one.stage == "proposed"]
    assert [(one.question_id, one.done, one.total) for one in done] == [(1, 1, 3), (2, 2, 3), (3, 3, 3)]
    assert done[0].seconds_left is not None
    assert done[2].seconds_left == 0
    for question in project.library.questions():
        assert question.status == "proposed"
        assert question.doubt == pytest.approx(0.0, abs=0.02)
        assert (question.segmenter, question.reasoning, question.failure) == ("box filler", "fresh", "")
        assert [one.frame_index for one in project.labels.masks(question.id)] == list(range(NUM_FRAMES))
        assert not project.labels.state(question.id).stale
        stored = project.labels.answer(question.id)
        assert stored is not None
        assert (stored.policy, stored.shown) == ("ball", (0, 2, 5))


def test_a_second_run_has_nothing_to_do(project: Project) -> None:
    list(prelabel(project, Pipeline(Ball(), BoxFiller())))
    policy = Ball()
    assert list(prelabel(project, Pipeline(policy, BoxFiller()))) == []
    assert policy.asked == []


@pytest.mark.parametrize("dies_after", [0, 3, NUM_FRAMES, NUM_FRAMES + 2])
def test_a_killed_run_is_continued_where_it_was(project: Project, dies_after: int) -> None:
    project.close()
    child = os.fork()
    if child == 0:
        try:
            list(prelabel(project, Pipeline(Ball(), Logged(dies_after))))
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    finished = dies_after // NUM_FRAMES
    assert [one.status for one in project.library.questions()].count("proposed") == finished
    unfinished = project.library.questions()[finished]
    assert unfinished.status == "thinking"
    assert list(project.labels.masks(unfinished.id)) == []  # half a propagation is not trusted
    check_whole(project, unfinished.id)
    policy, segmenter = Ball(), Logged()
    list(prelabel(project, Pipeline(policy, segmenter)))
    assert len(policy.asked) == 3 - finished - 1  # the answer of the unfinished one was kept
    assert segmenter.tracked == 3 - finished
    for question in project.library.questions():
        assert question.status == "proposed"
        assert len(list(project.labels.masks(question.id))) == NUM_FRAMES
        check_whole(project, question.id)


def test_a_run_that_is_cancelled_leaves_its_question_new(project: Project) -> None:
    events = prelabel(project, Pipeline(Ball(), BoxFiller()))
    assert [one.stage for one in islice(events, 2)] == ["thinking", "tracking"]
    events.close()
    assert [one.status for one in project.library.questions()] == ["new"] * 3
    assert len(list(prelabel(project, Pipeline(Ball(), BoxFiller())))) >= 6


def test_an_absent_target_is_proposed_without_masks(project: Project) -> None:
    list(prelabel(project, Pipeline(Ball("nothing"), BoxFiller())))
    question = project.library.questions()[0]
    assert (question.status, question.failure) == ("proposed", "")
    assert project.labels.state(question.id).answer is not None
    assert project.queue.accept(question.id) == "absent"


def test_an_unusable_answer_comes_first_with_all_that_was_written(project: Project) -> None:
    events = list(prelabel(project, Pipeline(Ball("I would rather not say"), BoxFiller())))
    assert [(one.stage, one.message) for one in events if one.stage != "thinking"] == [("failed", "no JSON")] * 3
    question = project.library.questions(most_doubtful_first=True)[0]
    assert (question.status, question.failure, question.doubt) == ("new", "no JSON", 1.0)
    (change,) = [one for one in project.library.changes_since(0, question.id) if one.operation == "failure"]
    assert change.body["text"] == "I would rather not say"


def test_a_question_that_cannot_be_done_stays_new_and_the_others_go_on(project: Project, tmp_path: Path) -> None:
    (tmp_path / "clip0").rename(tmp_path / "gone")
    ended = [one for one in prelabel(project, Pipeline(Ball(), BoxFiller())) if one.stage in ("failed", "proposed")]
    assert [one.stage for one in ended] == ["failed", "proposed", "proposed"]
    assert "is gone" in ended[0].message
    assert "is gone" in project.library.question(1).failure
    project.library.add_video(tmp_path / "gone")
    assert [one.question_id for one in prelabel(project, Pipeline(Ball(), BoxFiller())) if one.stage == "proposed"] == [
        1
    ]
    assert project.library.question(1).failure == ""


def test_a_broken_frame_keeps_the_answer(project: Project) -> None:
    list(prelabel(project, Pipeline(Ball(), Logged(2, VideoError("frame 3 is damaged")))))
    assert project.library.question(1).status == "new"
    assert "damaged" in project.library.question(1).failure
    policy = Ball()
    list(prelabel(project, Pipeline(policy, BoxFiller())))
    assert policy.asked == []
    assert [one.status for one in project.library.questions()] == ["proposed"] * 3


def test_what_a_person_takes_over_is_left_to_the_person(project: Project) -> None:
    events = prelabel(project, Pipeline(Ball(), BoxFiller()))
    next(events)
    with Project.open(project.folder) as tab:
        tab.labels.record(1, PutPrompt(box_prompt(2)), annotator="ann")
        assert next(one for one in events if one.stage in ("skipped", "proposed")).stage == "skipped"
        assert tab.labels.state(1).answer is None
        assert list(tab.labels.state(1).prompts) == [(2, 2)]


def test_only_one_run_at_a_time(project: Project) -> None:
    events = prelabel(project, Pipeline(Ball(), BoxFiller()))
    next(events)
    with pytest.raises(ProjectError, match="already"):
        next(prelabel(project, Pipeline(Ball(), BoxFiller())))
    events.close()


def test_only_one_persons_questions_are_done_when_asked_so(project: Project) -> None:
    project.queue.assign(2, "ann")
    list(prelabel(project, Pipeline(Ball(), BoxFiller()), assignee="ann"))
    assert [one.status for one in project.library.questions()] == ["new", "proposed", "new"]


def test_without_a_policy_nothing_begins(project: Project) -> None:
    with pytest.raises(MissingBackend):
        list(prelabel(project, Pipeline(None, BoxFiller())))
    assert [one.status for one in project.library.questions()] == ["new"] * 3


def test_a_long_clip_is_tracked_around_its_keyframe(project: Project) -> None:
    list(prelabel(project, Pipeline(Ball(), BoxFiller()), longest=2))
    assert [one.frame_index for one in project.labels.masks(1)] == [1, 2]
