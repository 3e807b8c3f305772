"""The results table: right answers score high, wrong ones low, and a run that was cut off goes on."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from tests.standins import BoxFiller
from veason.answer import AnswerContext, render_answer
from veason.errors import DataError
from veason.masks import encode_mask
from veason.types import FrameMasks, ObjectMask
from veason_nano.dataset import draw_scene
from veason_nano.evaluate import (
    FIGURES,
    Course,
    ResultRow,
    check_journal,
    compare_policies,
    evaluate_policies,
    make_table,
    read_results,
    summarise_rows,
)  # fmt: skip
from veason_nano.language.corpus import image_context
from veason_nano.language.questions import WorldQuestion
from veason_nano.policy.model import build_policy, build_tokenizer, save_policy


class Oracle(BoxFiller):
    """Gives the exact masks of the object that fills most of each box."""

    def track(self, video, prompts, **_):
        found = {}
        for prompt in prompts:
            rows, columns = (slice(int(low), int(high)) for low, high in (prompt.box.xyxy[1::2], prompt.box.xyxy[::2]))
            inside = video.owners[prompt.frame_index, rows, columns].ravel()
            found[prompt.object_id] = np.bincount(inside[inside >= 0]).argmax()
        for frame, owner in enumerate(video.owners):
            yield FrameMasks(frame, {key: ObjectMask(encode_mask(owner == actor), 5.0) for key, actor in found.items()})


@pytest.fixture(scope="module")
def course() -> Course:
    return Course(0, draw_scene("test", 7, 0, 16), 4, Oracle())


def row(policy: str, clip: int, kind: str, value: float, is_empty: bool = False) -> ResultRow:
    return ResultRow(policy, clip, "x", kind, value, value, value, is_empty, True, value, value, 10, 9, "")


def right_answer(course: Course) -> tuple[WorldQuestion, str, AnswerContext]:
    """The first question with a target, the answer that boxes it where it shows best, and what that is read against."""
    question = next(question for question in course.questions if question.targets)
    place = max(range(len(course.view.shown)), key=lambda place: course.view.area[list(question.targets), place].sum())
    boxes = [box for actor in question.targets if (box := course.view.box(actor, place))]
    context = image_context(course.view, course.view.size_wh)
    return question, render_answer("", course.view.shown[place], boxes, context), context


def test_a_right_answer_beats_a_wrong_one(course: Course) -> None:
    question, text, context = right_answer(course)
    right = course.mark("a", question, text, context)
    wrong = course.mark("a", question, "nothing to read", context)
    assert right.box_iou == pytest.approx(1, abs=0.1)
    assert (right.j, right.f) == (1, 1)
    assert wrong.j < 1
    assert (wrong.stated, wrong.true) == (1, 0)
    assert (right.is_readable, wrong.is_readable, wrong.is_empty) == (True, False, True)


def test_the_table_is_that_of_revos_with_intervals_around_it() -> None:
    rows = [row("a", clip, kind, 0.5 + 0.1 * clip) for clip in range(4) for kind in ("referring", "reasoning")]
    rows += [row("a", 0, "absent", 1.0, is_empty=True), row("a", 1, "absent", 0.0)]
    figures = summarise_rows(rows)
    assert figures["overall"] == pytest.approx(65)
    assert figures["n_acc"] == 50
    assert figures["t_acc"] == 100
    assert figures["truth"] == 90
    table = make_table(rows)["a"]
    assert set(table) == set(FIGURES)
    value, low, high = table["overall"]
    assert low < value < high


def test_a_margin_is_taken_clip_by_clip() -> None:
    def rows(policy: str, values: tuple[float, ...]) -> list[ResultRow]:
        kinds = ("referring", "reasoning")
        return [row(policy, clip, kind, value) for clip, value in enumerate(values) for kind in kinds]

    before = rows("a", (0.1, 0.9, 0.2, 0.8, 0.5))
    better_everywhere = rows("b", (0.15, 0.95, 0.25, 0.85))
    assert compare_policies(before, better_everywhere) == pytest.approx((5, 5, 5)), "no width"
    value, low, high = compare_policies(before, rows("b", (0.5,) * 5))
    assert value == pytest.approx(0, abs=1e-9)
    assert low < -10 < 10 < high


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    save_policy(build_policy(build_tokenizer()), tmp_path / "policy")
    policies = {"random": tmp_path / "policy"}
    first = evaluate_policies(policies, BoxFiller(), tmp_path / "j.jsonl", clips=1, longest=16, questions=1)
    lines = (tmp_path / "j.jsonl").read_text().splitlines()
    both = evaluate_policies(policies, BoxFiller(), tmp_path / "j.jsonl", clips=2, longest=16, questions=1)
    assert both[: len(first)] == first
    assert (tmp_path / "j.jsonl").read_text().splitlines()[:2] == lines
    assert {row.clip for row in both} == {0, 1}
    assert list(read_results(tmp_path / "j.jsonl")) == [0, 1]


def test_answers_can_be_drawn_and_the_lots_are_the_same_each_time(tmp_path: Path) -> None:
    save_policy(build_policy(build_tokenizer()), tmp_path / "policy")
    policies = {"random": tmp_path / "policy"}

    def texts(name: str, temperature: float) -> list[str]:
        journal, box = tmp_path / f"{name}.jsonl", BoxFiller()
        rows = evaluate_policies(policies, box, journal, clips=1, longest=16, questions=1, temperature=temperature)
        return [row.answer for row in rows]

    assert texts("a", 1.0) == texts("b", 1.0)
    assert texts("a", 1.0) != texts("c", 0.0)


def test_answers_of_a_journal_are_marked_again_without_asking(course: Course, tmp_path: Path) -> None:
    question, text, _ = right_answer(course)
    save_policy(build_policy(build_tokenizer()), tmp_path / "policy")
    told = [replace(row("p", 0, one.type, 0.0), text=one.text, answer=text) for one in course.questions]
    (tmp_path / "old.jsonl").write_text(json.dumps([asdict(one) for one in told]) + "\n")

    def again(policy: str) -> list[ResultRow]:
        return evaluate_policies(
            {policy: tmp_path / "policy"}, Oracle(), tmp_path / "new.jsonl", clips=1, longest=16,
            answers=tmp_path / "old.jsonl",
        )  # fmt: skip

    marked = next(one for one in again("p") if one.text == question.text)
    assert (marked.answer, marked.j, marked.f) == (text, 1, 1)
    with pytest.raises(DataError, match=r"want answers of 'other'.*without --answers"):
        again("other")


def test_a_journal_is_not_gone_on_with_in_another_way(tmp_path: Path) -> None:
    journal = tmp_path / "deep" / "table.jsonl"
    check_journal(journal, {"seed": 7, "photos": None})
    check_journal(journal, {"seed": 7, "photos": None})
    assert read_results(journal) == {}
    with pytest.raises(DataError, match=r"'seed': 7.*wanted is .*'seed': 8.*give another journal"):
        check_journal(journal, {"seed": 8, "photos": None})


def test_a_journal_from_before_they_told_their_way_is_gone_on_with(tmp_path: Path) -> None:
    journal = tmp_path / "table.jsonl"
    journal.write_text(json.dumps([asdict(row("a", 3, "referring", 1.0))]) + "\n")
    check_journal(journal, {"seed": 8})
    assert list(read_results(journal)) == [3]
