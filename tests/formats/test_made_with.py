"""Which models labelled what comes along into a project, and out of it again, and makes up no answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.formats.made import CLIP
from tests.formats.test_records import GUESS, POLICY, SEGMENTER
from veason.annotation import Asked, GotAnswer
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.made_with import for_strangers, model_name, models_from, origin_from
from veason.formats.labels.values import LabelledQuestion, LabelledVideo
from veason.formats.projects.from_project import from_project
from veason.formats.projects.into_project import into_project
from veason.project import Project
from veason.types import Answer, Box

WORDS = "the round thing"


@pytest.mark.parametrize(
    ("format", "guess"),
    [("coco", GUESS), ("cvat", ""), ("label-studio", GUESS), ("youtube-vis", GUESS), ("veason", GUESS)],
)
def test_models_and_guesses_come_into_a_project_and_out_again_without_an_answer_that_nobody_gave(
    format: str, guess: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    (wanted,) = (question for question in videos[0].questions if question.instruction == WORDS)
    bare = LabelledQuestion(
        "7", WORDS, wanted.object_ids, status="accepted", policy=POLICY, segmenter=SEGMENTER, guess=GUESS
    )
    export_labels([replace(videos[0].only((wanted,)), questions=(bare,))], format, tmp_path / "out")
    with Project.create(tmp_path / "project") as project:
        into_project(project, tmp_path / "out", format, videos={"hide": CLIP})
        (question,) = project.library.questions()
        assert project.labels.answer(question.id) is None
        assert project.labels.state(question.id).answer is None
        copy = project.library.duplicate_question(question.id)
        assert project.queue.guesses() == ({question.id, copy} if guess else frozenset())
        assert project.queue.guesses(copy) == ({copy} if guess else frozenset())
        (back,) = from_project(project)
        assert [(one.policy, one.segmenter, one.guess) for one in back.questions] == [(POLICY, SEGMENTER, guess)] * 2

        answer = GotAnswer(Answer("because", 4, (Box(1, 2, 30, 40),)), ())
        project.labels.follow(copy, [Asked(WORDS, ()), answer], source="another policy")
        assert copy not in project.queue.guesses()  # it has an answer of its own now
        (back,) = from_project(project)
        assert [(one.policy, one.guess) for one in back.questions] == [(POLICY, guess), ("another policy", "")]


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        pytest.param(" it has never\nseen: a dog ", "it has never seen: a dog", id="in one line"),
        pytest.param(True, "no reason is told", id="a mark alone"),
        pytest.param("\x1b[31m", "no reason is told", id="what cannot be shown"),
        pytest.param("x" * 3000, "x" * 1999 + "…", id="a long one"),
        pytest.param("", None, id="none"),
        pytest.param(False, None, id="false"),
        pytest.param(7, None, id="a number"),
        pytest.param(["a"], None, id="a list"),
    ],
)
def test_a_mark_of_a_guess_is_read_in_a_line_and_not_lost_without_a_reason(mark: object, told: str | None) -> None:
    assert origin_from({"policy": "nano", "guess": mark}).get("guess") == told


def test_what_is_no_name_of_a_model_is_left_out() -> None:
    assert models_from({"policy": ["nano"], "segmenter": None}) == {}
    assert models_from({"policy": " nano ", "segmenter": "x" * 4000}) == {
        "policy": "nano",
        "segmenter": "x" * 299 + "…",
    }
    assert model_name("a\x00b") == ""


def test_strangers_are_told_of_no_folder_and_no_server() -> None:
    question = LabelledQuestion(
        "1", "", policy="/srv/models/mine at 10.0.0.1:8000", segmenter="facebook/sam2.1-hiera-tiny"
    )
    told = for_strangers(question)
    assert (told.policy, told.segmenter) == ("mine", "facebook/sam2.1-hiera-tiny")


def test_questions_that_become_one_are_nobodys_where_their_models_differ(
    videos: list[LabelledVideo], tmp_path: Path
) -> None:
    first, second = sorted(key for key, track in videos[0].tracks.items() if track)[:2]
    for policies, told in ((("a", "b"), ""), (("a", ""), ""), (("", "b"), ""), (("a", "a"), "a")):
        asked = tuple(
            LabelledQuestion(str(key), WORDS, (key,), status="accepted", policy=policy)
            for key, policy in zip((first, second), policies, strict=True)
        )
        out = tmp_path / "-".join(policies)
        tracks = {key: videos[0].tracks[key] for key in (first, second)}
        export_labels([replace(videos[0], questions=asked, tracks=tracks)], "cvat", out)
        (back,) = import_labels(out, "cvat", videos={"hide": CLIP})
        assert [(one.object_ids, one.policy) for one in back.questions] == [((first, second), told)], policies
