"""What a project keeps, and what it tells about it."""

from pathlib import Path

import pytest

from tests.project.made import (
    NUM_FRAMES,
    QUESTION,
    SIZE_WH,
    answer,
    ask,
    box_prompt,
    make_frames,
    make_project,
    masks_on,
    put_mark,
)
from veason.annotation import Asked, DropPrompt, GotAnswer, Marked, MoveKeyframe, Named, PutPrompt, Reasoned
from veason.errors import ProjectError, PromptError, SessionError, VideoError
from veason.masks import mask_area
from veason.project import ChangedElsewhere, Project, StoredMask, StoredObject
from veason.types import Sampling


@pytest.fixture
def made(tmp_path: Path) -> tuple[Project, int]:
    return make_project(tmp_path)


def provenances(project: Project, question: int, object_id: int = 1) -> list[str]:
    return [one.provenance for one in project.labels.masks(question) if one.object_id == object_id]


def test_an_edit_is_on_the_disk_when_record_returns(made: tuple[Project, int]) -> None:
    project, question = made
    project.labels.record(question, PutPrompt(box_prompt()))
    with Project.open(project.folder) as other:  # nothing was closed or flushed in between
        assert other.labels.state(question).prompts == {(1, 2): box_prompt()}


def test_a_video_is_known_by_its_content(made: tuple[Project, int], tmp_path: Path) -> None:
    project, _ = made
    video = project.library.videos()[0]
    assert (video.num_frames, video.size_wh, video.path) == (NUM_FRAMES, SIZE_WH, tmp_path / "clip")
    assert project.library.add_video(make_frames(tmp_path / "same")) == video.id
    assert project.library.add_video(make_frames(tmp_path / "other", shade=1)) != video.id


def test_a_video_that_moved_is_found_again_when_it_is_added_again(made: tuple[Project, int], tmp_path: Path) -> None:
    project, question = made
    ask(project, question)
    (tmp_path / "clip").rename(tmp_path / "moved")
    video = project.library.question(question).video_id
    with pytest.raises(ProjectError, match="add the video again"):
        project.library.open_video(video)
    assert project.library.add_video(tmp_path / "moved") == video
    with project.library.open_video(video) as found:
        assert found.info.num_frames == NUM_FRAMES
    assert len(list(project.labels.masks(question))) == NUM_FRAMES


def test_a_copied_video_moves_with_the_project(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "a")
    video = project.library.add_video(make_frames(tmp_path / "clip"), copy=True)
    project.close()
    (tmp_path / "a").rename(tmp_path / "b")
    with Project.open(tmp_path / "b") as moved, moved.library.open_video(video) as found:
        assert Path(found.info.path).is_relative_to(tmp_path / "b")


def test_another_video_in_the_same_place_is_refused(made: tuple[Project, int], tmp_path: Path) -> None:
    project, question = made
    (tmp_path / "clip" / "00000.png").unlink()
    with pytest.raises(ProjectError, match="another video"):
        project.library.open_video(project.library.question(question).video_id)


def test_what_is_no_video_is_not_added(made: tuple[Project, int], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no video")
    with pytest.raises(VideoError):
        made[0].library.add_video(tmp_path / "notes.txt")
    assert len(made[0].library.videos()) == 1


def test_an_answer_is_kept_whole_with_what_made_it(made: tuple[Project, int]) -> None:
    project, question = made
    project.labels.record(question, Asked(QUESTION, (0, 2, 5)))
    sampling = Sampling(temperature=0.7, seed=3)
    project.labels.follow(question, [GotAnswer(answer(), (box_prompt(),))], source="Veason-R1", sampling=sampling)
    stored = project.labels.answer(question)
    assert stored is not None
    assert (stored.answer, stored.shown) == (answer(), (0, 2, 5))
    assert (stored.policy, stored.sampling, stored.thought) == ("Veason-R1", sampling, answer().thought)
    project.labels.undo(question)
    assert project.labels.answer(question) is None


def test_every_mask_tells_where_it_comes_from(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    assert provenances(project, question) == ["propagated"] * 2 + ["model"] + ["propagated"] * 3
    project.labels.record(question, PutPrompt(box_prompt(frame_index=4)))
    project.labels.follow(question, masks_on(range(3, NUM_FRAMES), x=9), source="segmenter")
    put_mark(project, question, 1, (0, 2), "verified")
    put_mark(project, question, 1, (5, 6), "absent")
    assert provenances(project, question) == ["verified", "verified", "model", "propagated", "corrected", "absent"]
    assert mask_area(next(project.labels.masks(question, (5, 6))).rle) == 0
    project.labels.undo(question)
    assert provenances(project, question)[5] == "propagated"
    assert mask_area(next(project.labels.masks(question, (5, 6))).rle) > 0


def test_drawing_on_a_verified_frame_takes_the_mark_away(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    put_mark(project, question, 1, (0, 3), "verified")
    project.labels.record(question, PutPrompt(box_prompt(frame_index=1)))
    assert dict(project.labels.state(question).marks) == {(1, 0): "verified", (1, 2): "verified"}


def test_a_new_answer_takes_marks_away_as_its_objects_are_others(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    put_mark(project, question, 1, (0, 3), "verified")
    project.labels.follow(question, [GotAnswer(answer(), (box_prompt(),))])
    assert project.labels.state(question).marks == {}
    project.labels.undo(question)  # the mark was the last step; what followed it goes with it
    assert provenances(project, question)[0] == "propagated"


@pytest.mark.parametrize(
    ("edits", "standing"),
    [
        pytest.param([], "fresh", id="as it came"),
        pytest.param([PutPrompt(box_prompt(x=6))], "stale", id="box moved"),
        pytest.param([MoveKeyframe(3)], "stale", id="keyframe moved"),
        pytest.param([DropPrompt(1, 2)], "stale", id="box deleted"),
        pytest.param([Marked(1, 0, 2, "absent")], "stale", id="marked absent"),
        pytest.param([Marked(1, 0, 2, "verified")], "fresh", id="marked verified"),
        pytest.param([PutPrompt(box_prompt(x=6)), Reasoned()], "confirmed", id="confirmed after the correction"),
        pytest.param([PutPrompt(box_prompt(x=6)), Reasoned("new")], "edited", id="edited after the correction"),
        pytest.param([Reasoned(), PutPrompt(box_prompt(x=6))], "stale", id="confirmed before the correction"),
    ],
)
def test_the_project_knows_whether_the_reasoning_fits_the_labels(
    made: tuple[Project, int], edits: list, standing: str
) -> None:
    project, question = made
    ask(project, question)
    for edit in edits:
        project.labels.record(question, edit)
    assert project.library.question(question).reasoning == standing
    for _ in edits:
        project.labels.undo(question)
    assert project.library.question(question).reasoning == "fresh"


@pytest.mark.parametrize("asks_again", [True, False])
def test_an_answer_after_a_correction_is_regenerated(made: tuple[Project, int], asks_again: bool) -> None:
    project, question = made
    ask(project, question)
    project.labels.record(question, PutPrompt(box_prompt(x=6)))
    if asks_again:
        project.labels.record(question, Asked(QUESTION, (0, 1)))
    project.labels.follow(question, [GotAnswer(answer(), (box_prompt(),))])
    assert project.library.question(question).reasoning == "regenerated"


def test_another_question_starts_with_fresh_reasoning(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    project.labels.record(question, PutPrompt(box_prompt(x=6)))
    project.labels.record(question, Asked("the cube", (0, 1)))
    project.labels.follow(question, [GotAnswer(answer(), (box_prompt(),))])
    assert project.library.question(question).reasoning == "fresh"


def test_edited_reasoning_stands_beside_what_the_policy_wrote(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    project.labels.record(question, Reasoned("it rolls"))
    stored = project.labels.answer(question)
    assert stored is not None
    assert (stored.thought, stored.answer.thought) == ("it rolls", answer().thought)


def test_objects_can_be_named(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question, 2)
    project.labels.name_object(question, 2, "<b>right</b> ball")
    assert project.labels.objects(question) == (StoredObject(1, ""), StoredObject(2, "<b>right</b> ball"))


def test_masks_stream_one_state_whatever_is_written_meanwhile(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    stream = project.labels.masks(question)
    first = next(stream)
    project.labels.follow(question, masks_on(range(NUM_FRAMES), x=9))
    assert {one.rle for one in stream} == {first.rle}
    assert {one.rle for one in project.labels.masks(question)} != {first.rle}


def test_masks_made_elsewhere_keep_their_provenance(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    put_mark(project, question, 1, (0, 2), "verified")
    masks = list(project.labels.masks(question))
    other = project.library.add_question(project.library.videos()[0].id, "the same")
    project.labels.put_masks(other, iter(masks), source="import")
    assert list(project.labels.masks(other)) == masks


def test_a_mask_of_another_size_is_refused_and_nothing_of_its_batch_kept(made: tuple[Project, int]) -> None:
    from veason.masks import empty_mask

    project, question = made
    wrong = StoredMask(1, 1, empty_mask((5, 5)), 1.0, "model")
    good = StoredMask(0, 1, empty_mask(SIZE_WH), 1.0, "model")
    with pytest.raises(ProjectError, match="mask"):
        project.labels.put_masks(question, [good, wrong])
    assert list(project.labels.masks(question)) == []


def test_equal_masks_are_stored_once(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    for _ in range(3):
        project.labels.follow(question, masks_on(range(NUM_FRAMES), x=0))
    with project.database.read() as db:
        assert db.execute("SELECT count(*) FROM masks").fetchone()[0] == NUM_FRAMES


def test_an_equal_mask_of_another_origin_tells_its_new_origin(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    project.labels.record(question, PutPrompt(box_prompt(frame_index=4)))
    project.labels.follow(question, masks_on([4], x=0))  # the very mask that was propagated there
    assert provenances(project, question)[4] == "corrected"


def test_a_batch_that_fails_half_way_leaves_nothing_of_its_first_half(made: tuple[Project, int]) -> None:
    project, question = made
    revision = project.library.revision
    with pytest.raises(SessionError):
        project.labels.follow(question, [PutPrompt(box_prompt()), *masks_on([0]), DropPrompt(2, 0)])
    assert project.library.revision == revision
    assert project.labels.state(question).object_ids == ()
    with Project.open(project.folder) as other:
        assert (other.library.revision, other.labels.prompts(question), list(other.labels.masks(question))) == (
            revision,
            (),
            [],
        )


def test_a_second_tab_is_told_and_overwrites_nothing(made: tuple[Project, int]) -> None:
    project, question = made
    with Project.open(project.folder) as tab:
        seen = tab.library.question(question).revision
        project.labels.record(question, PutPrompt(box_prompt(1)))
        with pytest.raises(ChangedElsewhere, match="changed elsewhere"):
            tab.labels.record(question, PutPrompt(box_prompt(2)), expected_revision=seen)
        (change,) = tab.library.changes_since(seen)
        assert (change.operation, change.body["type"], change.revision) == ("record", "PutPrompt", seen + 1)
        tab.labels.record(question, PutPrompt(box_prompt(2)), expected_revision=change.revision)
        assert project.labels.state(question).object_ids == (1, 2)  # and the first tab sees the second's


def test_edits_that_do_not_fit_leave_no_trace(made: tuple[Project, int]) -> None:
    project, question = made
    before = project.library.revision
    with pytest.raises(SessionError):
        project.labels.record(question, DropPrompt(1, 0))
    with pytest.raises(SessionError, match="frames 4 to 9"):
        project.labels.record(question, Marked(1, 4, 10, "absent"))
    with pytest.raises(SessionError, match="no reasoning"):
        project.labels.record(question, Reasoned())
    assert project.library.revision == before


def test_steps_to_undo_and_redo_have_names(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    project.labels.record(question, PutPrompt(box_prompt(x=6)), annotator="ann")
    put_mark(project, question, 1, (0, 2), "verified")
    project.labels.undo(question)
    now = project.labels.look(question)
    assert [type(edit).__name__ for edit in now.done] == ["Asked", "PutPrompt"]
    assert [type(edit).__name__ for edit in now.undone] == ["Marked"]
    project.labels.record(question, Named(1, "dog"))
    now = project.labels.look(question)
    with Project.open(project.folder) as other:  # what is remembered is what is on the disk
        assert other.labels.look(question).done == now.done
    assert [type(edit).__name__ for edit in now.done] == ["Asked", "PutPrompt", "Named"]
    assert now.undone == ()
    assert (now.question, now.state) == (project.library.question(question), project.labels.state(question))


def test_redo_brings_back_what_was_there_whatever_the_model_reported_meanwhile(made: tuple[Project, int]) -> None:
    project, question = made
    ask(project, question)
    project.labels.record(question, PutPrompt(box_prompt(x=6)))
    there = project.labels.state(question)
    project.labels.undo(question)
    project.labels.follow(question, masks_on([1, 3], object_id=2, x=15))
    between = project.labels.state(question)
    project.labels.redo(question)
    assert project.labels.state(question) == there
    project.labels.undo(question)
    assert project.labels.state(question) == between


def test_an_answer_takes_a_failure_back(made: tuple[Project, int]) -> None:
    project, question = made
    project.queue.fail(question, "no JSON")
    assert project.library.question(question).failure == "no JSON"
    ask(project, question)
    assert project.library.question(question).failure == ""


def test_unknown_ids_are_told(made: tuple[Project, int]) -> None:
    project, _ = made
    for call in (
        project.library.question,
        project.labels.state,
        project.labels.undo,
        lambda one: list(project.labels.masks(one)),
    ):
        with pytest.raises(ProjectError, match="no question 99"):
            call(99)
    with pytest.raises(ProjectError, match="no video 99"):
        project.library.add_question(99, "x")
    with pytest.raises(PromptError, match="empty"):
        project.library.add_question(1, "  ")


def test_a_block_of_changes_that_breaks_is_forgotten_on_disk_and_in_memory(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    project.labels.record(question, PutPrompt(box_prompt(1, 2)))
    revision = project.library.revision
    with pytest.raises(SessionError, match="nothing to redo"), project.atomic():
        _ = project.labels.record(question, PutPrompt(box_prompt(2, 2))), project.labels.redo(question)
    assert project.library.revision == revision
    with Project.open(project.folder) as other:
        other.labels.record(question, PutPrompt(box_prompt(3, 2)))  # takes the revision that the forgotten one had
    assert project.labels.state(question).object_ids == (1, 3)
