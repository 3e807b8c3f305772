"""Statuses, filters, comments, review by a second annotator, and the numbers."""

import json
from pathlib import Path

import pytest

from tests.project.made import (
    NUM_FRAMES,
    QUESTION,
    answer,
    ask,
    box_prompt,
    make_frames,
    make_project,
    masks_on,
    put_mark,
)
from veason.annotation import Asked, GotAnswer, PutPrompt
from veason.errors import ProjectError
from veason.formats.datasets import WriteExpression, WriteVideo, open_dataset, write_dataset
from veason.project import ChangedElsewhere, Project
from veason.project.listings import Wanted, read_instructions
from veason.project.sources import add_dataset, add_videos, list_videos
from veason.project.statistics import agreement, rank, statistics
from veason.types import Answer


@pytest.fixture
def made(tmp_path: Path) -> tuple[Project, int]:
    return make_project(tmp_path)


def test_questions_are_found_by_status_person_and_video(made: tuple[Project, int]) -> None:
    project, first = made
    video = project.library.question(first).video_id
    second = project.library.add_question(video, "the cube", "ann")
    project.queue.set_status(second, "in review")
    project.queue.assign(first, "bob")
    assert [one.id for one in project.library.questions(status="in review")] == [second]
    assert [one.id for one in project.library.questions(status=("new", "accepted"))] == [first]
    assert [one.id for one in project.library.questions(assignee="ann")] == [second]
    assert [one.id for one in project.library.questions(video_id=video)] == [first, second]
    assert project.library.questions(assignee="ann", status="new") == ()


def test_questions_come_most_doubtful_first_until_they_are_accepted(made: tuple[Project, int]) -> None:
    project, first = made
    ids = [first, *(project.library.add_question(1, f"ball {number}") for number in range(3))]
    for question, doubt in zip(ids, (0.1, 0.9, 0.5, 0.2), strict=True):
        project.queue.set_status(question, "proposed")
        project.queue.set_doubt(question, doubt)
    order = {"status": "proposed", "most_doubtful_first": True}
    assert [one.id for one in project.library.questions(**order)] == [ids[1], ids[2], ids[3], ids[0]]
    project.queue.accept(ids[1], is_absent=True)
    assert [one.id for one in project.library.questions(**order)] == [ids[2], ids[3], ids[0]]


def test_nothing_is_not_absent_until_a_person_or_an_answer_says_so(made: tuple[Project, int]) -> None:
    project, question = made
    with pytest.raises(ProjectError, match="nothing to accept"):
        project.queue.accept(question, annotator="ann")
    project.queue.fail(question, "no box", text="I would rather not say")
    with pytest.raises(ProjectError, match="nothing to accept"):
        project.queue.accept(question)
    assert project.library.question(question).status == "new"
    assert project.queue.accept(question, is_absent=True, annotator="ann") == "absent"
    ask(project, question)
    with pytest.raises(ProjectError, match="delete them"):
        project.queue.accept(question, is_absent=True)
    assert project.queue.accept(question) == project.library.question(question).status == "accepted"


def test_an_answer_without_boxes_is_accepted_as_absent(made: tuple[Project, int]) -> None:
    project, question = made
    project.labels.record(question, Asked("the ball", (0, 4)))
    project.labels.follow(question, [GotAnswer(Answer("None shows it.", None, ()), ())])
    assert project.queue.accept(question) == "absent"


def test_an_unknown_status_is_refused(made: tuple[Project, int]) -> None:
    with pytest.raises(ProjectError, match="in review"):
        made[0].queue.set_status(made[1], "done")  # type: ignore[arg-type]


def test_a_status_does_not_overwrite_what_was_not_seen(made: tuple[Project, int]) -> None:
    project, question = made
    seen = project.library.question(question).revision
    project.labels.record(question, PutPrompt(box_prompt()))
    with pytest.raises(ChangedElsewhere):
        project.queue.accept(question, expected_revision=seen)


def test_comments_stand_at_their_frame_until_they_are_resolved(made: tuple[Project, int]) -> None:
    project, question = made
    late = project.queue.comment(question, "mask leaks", 4, annotator="ann")
    project.queue.comment(question, "looks fine", annotator="bob")
    project.queue.resolve(late)
    assert [
        (one.frame_index, one.text, one.annotator, one.is_resolved) for one in project.queue.comments(question)
    ] == [
        (None, "looks fine", "bob", False),
        (4, "mask leaks", "ann", True),
    ]
    with pytest.raises(ProjectError, match="empty"):
        project.queue.comment(question, " ")


def test_a_reviewer_agrees_or_not(made: tuple[Project, int]) -> None:
    project, question = made
    project.queue.judge(question, "disagree", "wrong ball", annotator="bob")
    (verdict,) = project.queue.standing_verdicts(question)[question]
    assert (verdict.verdict, verdict.text, verdict.annotator) == ("disagree", "wrong ball", "bob")


def test_accepted_labels_are_disputed_until_they_change_or_the_reviewer_is_convinced(made: tuple[Project, int]) -> None:
    project, question = made
    project.labels.record(question, PutPrompt(box_prompt()))
    project.queue.judge(question, "disagree", annotator="bob")
    assert project.queue.disputed() == {}  # nobody has accepted them
    project.queue.accept(question)
    project.queue.judge(question, "agree", annotator="cy")
    assert project.queue.disputed() == project.queue.disputed(question) == {question: ("bob",)}
    project.queue.judge(question, "agree", annotator="bob")
    assert project.queue.disputed() == {}
    project.queue.judge(question, "disagree")
    assert project.queue.disputed() == {question: ("",)}
    project.labels.record(question, PutPrompt(box_prompt(2)))
    project.queue.accept(question)
    assert project.queue.disputed() == {}
    project.queue.judge(question, "disagree", annotator="bob")
    project.queue.set_status(question, "rejected")
    assert project.queue.disputed() == {}


def test_two_annotators_are_compared_object_by_object(made: tuple[Project, int]) -> None:
    project, first = made
    second = project.library.add_question(1, QUESTION, "bob", original_id=first)
    for question, objects in ((first, {1: 0, 2: 16}), (second, {1: 16, 3: 4})):
        for object_id, x in objects.items():
            project.labels.follow(question, masks_on(range(NUM_FRAMES), object_id, x))
    found = agreement(project, first, second)
    assert found.pairs == pytest.approx({(1, 3): 1 / 3, (2, 1): 1.0})  # eight columns each, four shared
    assert found.mean_iou == pytest.approx(2 / 3)
    assert found.frames == pytest.approx(dict.fromkeys(range(NUM_FRAMES), 2 / 3))


def test_an_object_or_a_frame_that_only_one_has_counts_as_disagreement(made: tuple[Project, int]) -> None:
    project, first = made
    second = project.library.add_question(1, QUESTION, original_id=first)
    assert agreement(project, first, second).mean_iou == 1.0  # both say: nothing there
    project.labels.follow(first, masks_on(range(4)))
    assert agreement(project, first, second).mean_iou == 0.0
    project.labels.follow(second, masks_on(range(2)))
    assert agreement(project, first, second).mean_iou == 0.5
    project.labels.follow(second, masks_on(range(2), 2))
    assert agreement(project, first, second).mean_iou == 0.25


def test_versions_of_different_videos_are_not_compared(made: tuple[Project, int], tmp_path: Path) -> None:
    project, first = made
    other = project.library.add_question(project.library.add_video(make_frames(tmp_path / "b", shade=9)), QUESTION)
    with pytest.raises(ProjectError, match="different videos"):
        agreement(project, first, other)


def test_the_most_doubtful_question_is_the_one_that_contradicts_itself(made: tuple[Project, int]) -> None:
    project, sure = made
    ask(project, sure)
    jumpy = project.library.add_question(1, "jumpy")
    ask(project, jumpy)
    project.labels.follow(jumpy, masks_on([3, 5], x=20))
    liar = project.library.add_question(1, "liar")
    project.labels.record(liar, Asked("liar", (0, 2, 5)))
    lie = Answer("The target is not in the video.", 2, answer().boxes)
    project.labels.follow(liar, [GotAnswer(lie, (box_prompt(x=0),)), *masks_on(range(NUM_FRAMES), x=0)])
    failed = project.library.add_question(1, "failed")
    project.queue.fail(failed, "no JSON", text="hm")
    untouched = project.library.add_question(1, "untouched")
    doubts = {one: rank(project, one) for one in (sure, jumpy, liar, failed, untouched)}
    assert doubts[untouched] is None
    assert 0 < doubts[sure] < 0.05 < doubts[jumpy] < doubts[failed] == 1.0  # type: ignore[operator]
    assert doubts[liar] == pytest.approx(0.5, abs=0.05)
    order = [one.id for one in project.library.questions(most_doubtful_first=True)]
    assert order[0] == failed
    assert order[-2:] == [sure, untouched]
    put_mark(project, jumpy, 1, (3, NUM_FRAMES), "verified")
    assert rank(project, jumpy) < 0.05  # type: ignore[operator]  # what a person verified is not doubtful


def test_statistics_count_time_and_edits_by_question_and_person(made: tuple[Project, int]) -> None:
    project, question = made
    for number in range(3):
        project.labels.record(question, PutPrompt(box_prompt(frame_index=number)), annotator="ann")
    project.labels.undo(question, annotator="ann")
    project.queue.comment(question, "hm", annotator="bob")
    project.labels.follow(question, masks_on([0]), source="segmenter")
    with project.database.write() as db:  # a pause of 10 s before the second edit, of an hour before the third
        for place, moment in enumerate((0, 10, 3610, 3612)):
            db.execute("UPDATE log SET time = ? WHERE annotator = 'ann' AND revision = ?", (moment, 3 + place))
    found = statistics(project)
    assert (found.num_videos, found.num_questions, found.num_masks) == (1, 1, 1)
    assert found.by_status["new"] == 1
    assert found.annotators["ann"].edits == {"PutPrompt": 3, "undo": 1}
    assert found.annotators["ann"].seconds == pytest.approx(12)
    assert found.questions[question].num_edits == found.videos[1].num_edits == found.total.num_edits == 5


def test_a_folder_is_searched_for_videos_and_folders_of_frames(tmp_path: Path) -> None:
    make_frames(tmp_path / "clips" / "a")
    (tmp_path / "clips" / "b.MP4").touch()
    (tmp_path / "clips" / "notes.txt").touch()
    assert [path.name for path in list_videos([tmp_path / "clips"])] == ["a", "b.MP4"]
    assert list_videos([tmp_path / "clips" / "a"]) == [tmp_path / "clips" / "a"]
    (tmp_path / "clips" / "cover.jpg").write_bytes(b"")  # beside clips, and so no frame of one
    assert [path.name for path in list_videos([tmp_path / "clips"])] == ["a", "b.MP4"]
    for path in ("nowhere", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ProjectError, match=path):
            list_videos([tmp_path / path])


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        pytest.param(
            "a.csv",
            '\ufeffvideo,instruction\nx.mp4,"the red, ball"\n,all\n',
            [Wanted("x.mp4", "the red, ball"), Wanted("", "all")],
            id="csv",
        ),
        pytest.param("a.csv", "instruction,assignee\nball,ann\n", [Wanted("", "ball", "ann")], id="csv with a person"),
        pytest.param(
            "a.jsonl", '{"instruction": "ball", "video": "x"}\n\n', [Wanted("x", "ball")], id="jsonl with an empty line"
        ),
    ],
)
def test_instructions_are_read(tmp_path: Path, name: str, text: str, wanted: list[Wanted]) -> None:
    (tmp_path / name).write_text(text)
    listing = read_instructions(tmp_path / name)
    assert (listing.wanted, listing.left_out) == (tuple(wanted), ())


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("a.csv", "ball\ncube\n", "first line should name", id="csv without heading"),
        pytest.param("a.csv", "instruction\n,\n", "line 2: there is no instruction", id="csv with a gap"),
        pytest.param("a.jsonl", '\n{"instruction": "ball"', "line 2: is not JSON", id="jsonl cut off"),
        pytest.param("a.jsonl", '["ball"]', "should be an object", id="jsonl of lists"),
    ],
)
def test_broken_lists_are_told_by_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ProjectError, match=message):
        read_instructions(tmp_path / name)


def test_adding_twice_adds_once(tmp_path: Path) -> None:
    make_frames(tmp_path / "clips" / "a")
    make_frames(tmp_path / "clips" / "b", shade=1)
    project = Project.create(tmp_path / "project")
    wanted = [Wanted("a", "the ball"), Wanted("", "the cube", "ann")]
    told: list[tuple[int, int]] = []
    added = add_videos(project, [tmp_path / "clips"], wanted, tell=lambda done, count: told.append((done, count)))
    assert (added.num_videos, added.num_questions) == (2, 3)
    assert told == [(0, 2), (1, 2)]
    added = add_videos(project, [tmp_path / "clips"], wanted)
    assert (added.num_videos, added.num_questions) == (0, 0)
    assert add_videos(project, [], [Wanted("b", "the ball")]).num_questions == 1
    with pytest.raises(ProjectError, match="'c', which is not in the project"):
        add_videos(project, [], [Wanted("c", "the ball")])


def test_a_benchmark_dataset_becomes_a_queue(tmp_path: Path) -> None:
    frames = sorted(make_frames(tmp_path / "frames").iterdir())
    expressions = [WriteExpression("the ball", ()), WriteExpression("the cube", ())]
    video = WriteVideo("clip", frames, {}, expressions)
    write_dataset(tmp_path / "data", "mevis", [video])
    project = Project.create(tmp_path / "project")
    dataset = open_dataset(tmp_path / "data", "mevis")
    assert add_dataset(project, dataset).num_questions == 2
    assert [one.instruction for one in project.library.questions()] == ["the ball", "the cube"]
    assert project.library.videos()[0].num_frames == NUM_FRAMES


def test_every_change_is_in_the_log_as_json(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    project.queue.set_status(question, "proposed")
    project.queue.comment(question, "hm", 1)
    operations = [one.operation for one in project.library.changes_since(0)]
    assert operations == ["video", "question", "record", *["follow"] * 3, "status", "comment"]
    assert all(json.dumps(dict(one.body)) for one in project.library.changes_since(0))
    assert [one.question_id for one in project.library.changes_since(6, question)] == [question] * 2


def test_two_thousand_instructions_come_in_by_a_few_commits_and_queries(tmp_path: Path) -> None:
    project, _ = make_project(tmp_path)
    commits: list[str] = []
    with project.database.read() as db:
        db.set_trace_callback(commits.append)
    wanted = [Wanted("", f"the ball number {number}") for number in range(2000)]
    assert add_videos(project, (), [*wanted, *wanted]).num_questions == 2000
    assert sum(one.startswith("COMMIT") for one in commits) <= 20
    assert len(commits) <= 2000 * 8
    assert add_videos(project, (), wanted).num_questions == 0
