"""Words that were typed and never asked are saved like every edit; a question that has its words keeps them."""

from tests.studio.visitor import BOX, Visitor, of_kind
from veason.annotation import Asked
from veason.formats.projects.from_project import from_project


def words_of(visitor: Visitor) -> str:
    return visitor.project.library.question(visitor.question.question_id).instruction


def test_typed_words_are_saved_come_back_and_are_exported() -> None:
    visitor = Visitor()
    session = of_kind(visitor.edit(edit="words", text=" the red square "), "session")[0]
    assert (session["instruction"], session["takesWords"]) == ("the red square", True)
    visitor.edit(edit="box", object=0, frame=5, xyxy=BOX)
    visitor.propagate()
    visitor.look_up("act", do="accept", question=visitor.question.question_id)
    shown = visitor.studio.look_up("snapshot", {"work": visitor.work})["items"]
    assert of_kind(shown, "session")[0]["instruction"] == "the red square"
    [video] = from_project(visitor.project)
    assert [one.instruction for one in video.questions] == ["the red square"]


def test_typed_words_change_until_they_are_asked_and_can_be_taken_away() -> None:
    visitor = Visitor()
    visitor.edit(edit="words", text="the re")
    visitor.edit(edit="words", text="")
    assert words_of(visitor) == ""
    visitor.edit(edit="words", text="the green square")
    assert words_of(visitor) == "the green square"


def test_what_is_asked_in_the_end_is_no_other_question_than_the_one_typed_before() -> None:
    visitor = Visitor()
    visitor.edit(edit="words", text="the red squ")
    visitor.think("the red square")  # there is no policy here: only the words are taken
    assert words_of(visitor) == "the red square"
    assert len(visitor.project.library.questions()) == 1


def test_words_that_arrive_after_the_question_asked_with_them_are_no_other_words_and_end_nothing() -> None:
    visitor = Visitor()
    visitor.question.labels.record(Asked("the red square", (0, 5)))
    assert [item["kind"] for item in visitor.edit(edit="words", text="the red square ")] == ["taken", "session"]
    refused = visitor.edit(edit="words", text="the red squ")
    assert [item["kind"] for item in refused] == ["notice", "refused"], "what runs goes on"


def test_words_that_a_question_came_with_are_not_typed_over() -> None:
    visitor = Visitor()
    video = visitor.project.library.questions()[0].video_id
    visitor.work = f"{visitor.key}.{visitor.project.library.add_question(video, 'the red square')}"
    items = visitor.edit(edit="words", text="the green square")
    assert "question of their own" in of_kind(items, "notice")[0]["text"]
    assert words_of(visitor) == "the red square"
