"""Questions have the right answers, and every sentence of the reasoning is true of the drawn clip."""

from __future__ import annotations

import re

import numpy as np
import pytest

from veason.answer import parse_answer
from veason_nano.language.claims import holds, prominence, shown_places
from veason_nano.language.corpus import STEP_MARKS, TrainingExample, answer_text, draw_examples, image_context
from veason_nano.language.query import fitting
from veason_nano.language.questions import all_questions
from veason_nano.language.ranks import find_ranks
from veason_nano.language.records import describe_objects, find_tags, find_worths, number_of, told_objects
from veason_nano.world.facts import Facts
from veason_nano.world.render import Renderer
from veason_nano.world.scene import COLOURS
from veason_nano.world.stories import make_scene
from veason_nano.world.view import View, look_at

SIZE = (112, 112)


@pytest.fixture(scope="module")
def views() -> list[View]:
    return [look_at(Facts(make_scene(seed)), SIZE) for seed in range(24)]


@pytest.fixture(scope="module")
def examples(views: list[View]) -> list[tuple[View, TrainingExample]]:
    return [(view, one) for view in views for one in draw_examples(view, np.random.default_rng(view.shown), 8, 0.3)]


def named(view: View, name: str) -> int:
    (actor,) = (actor for actor in view.facts.scene.objects if view.facts.name(actor) == name)
    return actor


def test_every_claim_behind_a_thought_holds(examples: list[tuple[View, TrainingExample]]) -> None:
    assert all(holds(claim, view) for view, example in examples for claim in example.claims)
    assert len({claim.kind for _, example in examples for claim in example.claims}) > 15


def test_thoughts_have_three_marked_steps(examples: list[tuple[View, TrainingExample]]) -> None:
    for _, example in examples:
        places = [example.thought.index(mark) for mark in STEP_MARKS]
        assert places == sorted(places)
        assert places[0] == 0


def test_the_paths_in_the_records_are_the_middles_of_the_boxes(views: list[View]) -> None:
    for view in views:
        steps = r"(?:^| )[a-z]+ ([a-z]+ [a-z]+)((?: frame \d+ (?:-|\d+/\d+))+)[, ]"
        told = dict(re.findall(steps, describe_objects(view)))
        assert set(told) == {view.facts.name(actor) for actor in view.facts.scene.objects if shown_places(view, actor)}
        for name, path in told.items():
            actor = named(view, name)
            frames, places = path.split()[1::3], path.split()[2::3]
            assert [int(frame) for frame in frames] == list(view.shown)
            for step, box in zip(places, view.boxes[actor], strict=True):
                assert (step == "-") == bool(np.isnan(box[0]))
                if step != "-":
                    column, row = map(int, step.split("/"))
                    assert abs(column - (box[0] + box[2]) / 2) <= 0.5
                    assert abs(row - (box[1] + box[3]) / 2) <= 0.5


def test_tags_say_what_the_claims_behind_them_mean(views: list[View]) -> None:
    kinds = set()
    for view in views:
        for actor in view.facts.objects:
            for words, claim in (*find_tags(view, actor), *find_worths(view, actor)):
                kinds.add(claim.kind)
                assert holds(claim, view)
                if claim.kind == "worth" and words.startswith("size"):
                    height = np.nanmax(view.boxes[actor, :, 3] - view.boxes[actor, :, 1]) / SIZE[1] * 100
                    assert height < 1.2 * int(words.split()[1]), "no box is much higher than the object is wide"
                if claim.kind in ("enters", "leaves"):
                    assert int(words.split()[-1]) in view.shown
                if claim.kind == "carries":
                    assert words == ("carries" if claim.actor == actor else "carried")
    assert {"looks", "enters", "leaves", "moves", "still", "worth", "carries", "collides"} <= kinds


def test_what_a_question_wants_is_what_its_targets_have(examples: list[tuple[View, TrainingExample]]) -> None:
    kinds = set()
    for view, example in examples:
        assert set(fitting(view, example.question.wanted)) == set(example.question.targets)
        judged = re.search(r" so find ([^,]+), (.*?): ", example.thought)
        assert judged is not None
        fit = [item.split()[0] for item in judged[2].split(", ") if item.endswith("yes")]
        assert fit == [number_of(view, actor) for actor in told_objects(view) if actor in example.question.targets]
        kinds |= {term.words.split()[0] for term in example.question.wanted}
    assert {"red", "ball", "moves", "still", "above"} <= kinds


def test_who_is_ahead_is_so_by_what_the_boxes_show(views: list[View]) -> None:
    for view in views:
        ranks, told = find_ranks(view), told_objects(view)
        columns = {actor: np.nanmean(view.boxes[actor][:, [0, 2]]) for actor in told}
        assert columns[ranks["leftmost"]] < min(columns.values()) + 4
        assert columns[ranks["rightmost"]] > max(columns.values()) - 4
        if "first in" in ranks:
            first = {actor: shown_places(view, actor)[0] for actor in told if view.facts.entry(actor)}
            assert first[ranks["first in"]] == min(first.values())


def test_the_words_first_seen_and_last_seen_agree_with_the_boxes(examples: list[tuple[View, TrainingExample]]) -> None:
    checked = 0
    for view, example in examples:
        for name, word, frame in re.findall(
            r"the (\w+ \w+) [^,;]*?is (first|last) seen in frame (\d+)", example.thought
        ):
            actor, place = named(view, name), view.shown.index(int(frame))
            outer = view.area[actor, :place] if word == "first" else view.area[actor, place + 1 :]
            assert view.is_there(actor, place)
            assert outer.max(initial=0) < 0.5 * view.area[actor].max()
            checked += 1
    assert checked > 5


def test_largest_means_largest_among_the_shown_frames(examples: list[tuple[View, TrainingExample]]) -> None:
    checked = 0
    for view, example in examples:
        for name, frame in re.findall(r"the (\w+ \w+) is largest in frame (\d+)", example.thought):
            area = view.area[named(view, name)]
            assert area[view.shown.index(int(frame))] >= 0.95 * area.max()
            checked += 1
    assert checked > 10


def test_the_place_word_fits_the_box(examples: list[tuple[View, TrainingExample]]) -> None:
    for view, example in examples:
        for word in ("upper left", "lower right"):
            for name in re.findall(rf"the (\w+ \w+) is at the {word}\b", example.thought.split("Where:")[1]):
                box = view.boxes[named(view, name), view.shown.index(example.keyframe)]
                middle = (box[:2] + box[2:]) / 2
                assert (middle < 112 / 3 + 1).all() if word == "upper left" else (middle > 224 / 3 - 1).all()


def test_keyframes_are_among_the_five_best_and_the_targets_are_boxed(
    examples: list[tuple[View, TrainingExample]],
) -> None:
    for view, example in examples:
        if example.question.targets:
            place = view.shown.index(example.keyframe)
            share = prominence(view, example.question.targets)
            assert share[place] >= np.sort(share)[-5]
            truth = {view.box(actor, place) for actor in example.question.targets} - {None}
            assert set(example.boxes) == truth
        else:
            assert example.keyframe is None
            assert example.boxes == ()


def test_answers_read_back_as_they_were_written(examples: list[tuple[View, TrainingExample]]) -> None:
    for view, example in examples:
        context = image_context(view, SIZE)
        answer = parse_answer(answer_text(example, context), context)
        assert answer.keyframe == example.keyframe
        assert answer.boxes == example.boxes
        assert answer.notes == ()


def test_all_kinds_of_questions_are_drawn(views: list[View]) -> None:
    found = [question for view in views for question in all_questions(view, np.random.default_rng(0))]
    assert {question.type for question in found} == {"referring", "reasoning", "absent"}
    assert len({question.topic for question in found}) >= 18
    assert any(len(question.targets) > 1 for question in found)


def test_a_colour_question_means_every_object_of_that_colour(views: list[View]) -> None:
    for view in views:
        scene = view.facts.scene
        for question in all_questions(view, np.random.default_rng(1)):
            match = re.fullmatch(rf"all ({'|'.join(COLOURS)}) (?:objects|things)", question.text)
            if match:
                wanted = {actor for actor in scene.objects if scene.actors[actor].appearance.colour == match[1]}
                assert set(question.targets) == wanted


def test_absent_questions_have_no_match(views: list[View]) -> None:
    for view in views:
        scene = view.facts.scene
        looks = {
            f"{scene.actors[actor].appearance.colour} {scene.actors[actor].appearance.shape}" for actor in scene.objects
        }
        for question in all_questions(view, np.random.default_rng(2)):
            if question.type == "absent" and question.topic == "missing":
                assert (
                    not any(question.text.endswith(look) for look in looks)
                    or "striped" in question.text
                    or "spotted" in question.text
                )


def test_first_to_enter_is_first_in_the_masks() -> None:
    checked = 0
    for seed in range(12):
        scene = make_scene(seed, num_frames=32, acts=("parade",))
        view = look_at(Facts(scene), SIZE)
        questions = all_questions(view, np.random.default_rng(seed))
        first = [q for q in questions if q.topic == "entry" and re.search(r"first|arrives before", q.text)]
        if first:
            renderer = Renderer(scene, SIZE)
            drawn = np.stack([renderer.draw(frame)[1] for frame in range(scene.num_frames)])
            starts = {a: int(np.argmax((drawn == a).any((1, 2)))) for a in scene.objects if not (drawn[0] == a).any()}
            assert first[0].targets == (min(starts, key=lambda actor: starts[actor]),)
            checked += 1
    assert checked > 3


def test_corrections_come_with_the_wrong_answer_before(examples: list[tuple[View, TrainingExample]]) -> None:
    corrected = [(view, example) for view, example in examples if example.turns]
    assert len(corrected) > 10
    for view, example in corrected:
        context = image_context(view, SIZE)
        wrong = parse_answer(example.turns[0].answer_text, context)
        assert (wrong.keyframe, wrong.boxes) != (example.keyframe, example.boxes)


def test_without_reasoning_the_thought_is_empty_and_the_answer_stays(views: list[View]) -> None:
    for view in views[:4]:
        plain, bare = (
            draw_examples(view, np.random.default_rng(5), 8, 0.5, style) for style in ("full", "no-reasoning")
        )
        assert [(one.keyframe, one.boxes) for one in plain] == [(one.keyframe, one.boxes) for one in bare]
        assert {one.thought for one in bare} == {""}
        assert all("<think></think>" in turn.answer_text for one in bare for turn in one.turns)


def test_grounding_only_takes_the_first_frame_with_the_target(views: list[View]) -> None:
    for view in views:
        for example in draw_examples(view, np.random.default_rng(6), 8, style="first-frame"):
            if example.question.targets:
                place = view.shown.index(example.keyframe)
                earlier = [view.is_there(actor, p) for actor in example.question.targets for p in range(place)]
                assert not any(earlier)
                assert len(example.boxes) == sum(view.is_there(actor, place) for actor in example.question.targets)


def test_relative_lessons_call_frames_by_their_place_and_are_read_back_as_absolute(views: list[View]) -> None:
    checked = 0
    for view in views[:6]:
        context = image_context(view, SIZE, "relative")
        for example in draw_examples(view, np.random.default_rng(7), 8, 0.5, style="relative"):
            text = answer_text(example, context)
            spoken = re.findall(r'(?:frame |"keyframe_timestamp": )(\d+)', text)
            assert all(int(number) < len(view.shown) for number in spoken)
            assert parse_answer(text, context).keyframe == example.keyframe
            checked += len(spoken)
    assert checked > 20
