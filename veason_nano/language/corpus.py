"""The corpus: questions with true three-step reasoning, a good keyframe and boxes, some of them after a correction.

Every sentence is made from a claim that is measured on the view before it is written, so the reasoning is true.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from veason.answer import AnswerContext, render_answer
from veason.types import Box, Turn
from veason_nano.language.claims import Claim, Words, holds, matching, place_word, prominence, say, shown_places
from veason_nano.language.query import judge_objects, look_terms
from veason_nano.language.questions import WorldQuestion, draw_questions
from veason_nano.language.records import describe_objects, find_tags, find_worths, number_of, told_objects
from veason_nano.world.view import View

STEP_MARKS = ("What happens:", "Why this frame:", "Where:")
"""The words that open the three steps."""

Style = Literal["full", "first-frame", "no-reasoning", "relative"]
"""How examples are written. All but "full" are ablations of the paper: the keyframe is the first frame with the target,
the thought is empty, or frames are called by their place among those shown."""

_BEST_FRAMES = 5
ABSENT_WHY = ("no frame shows it", "it is in none of the frames", "none of the frames shows it")
NOTHING = "nothing fits"
"""The verdict where the target is absent."""

ABSENT_WHERE = ("nowhere", "there is nothing to box")
"""What the second and third step say then."""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One worked answer. `keyframe` is None and `boxes` () where the target is absent; boxes are in image pixels."""

    question: WorldQuestion
    thought: str
    keyframe: int | None
    boxes: tuple[Box, ...]
    claims: tuple[Claim, ...]
    turns: tuple[Turn, ...] = ()


def draw_examples(
    view: View, rng: np.random.Generator, count: int, correction_share: float = 0.0, style: Style = "full"
) -> list[TrainingExample]:
    """Return `count` examples about one view."""
    return [
        make_example(view, question, rng, is_correction=rng.random() < correction_share, style=style)
        for question in draw_questions(view, rng, count)
    ]


def make_example(
    view: View,
    question: WorldQuestion,
    rng: np.random.Generator,
    *,
    is_correction: bool = False,
    is_best: bool = False,
    style: Style = "full",
) -> TrainingExample:
    """Answer a question with three steps.

    With `is_correction` an earlier, wrong answer and what was said to it come before. With `is_best` the keyframe is
    the one with the largest target, without it one of the five best.
    """
    example = _make_example(view, question, rng, is_best=is_best, is_first=style == "first-frame")
    if is_correction and question.targets:
        example = _after_correction(view, example, rng)
    if style == "no-reasoning":
        return replace(example, thought="", turns=tuple(map(_without_thought, example.turns)))
    return _relabel(example, view.shown) if style == "relative" else example


def _make_example(
    view: View, question: WorldQuestion, rng: np.random.Generator, *, is_best: bool, is_first: bool
) -> TrainingExample:
    if not question.targets:
        return _make_absent_example(view, question, rng)
    if is_first:
        places = range(len(view.shown))
        place = next(place for place in places if any(view.is_there(actor, place) for actor in question.targets))
    elif is_best:
        place = int(prominence(view, question.targets).argmax())
    else:
        place = draw_keyframe(view, question.targets, rng)
    there = tuple(actor for actor in question.targets if view.is_there(actor, place))
    happens, happens_claims = _what_happens(view, question, rng)
    why, why_claims = _why_this_frame(view, there, place, rng)
    where, where_claims = _where(view, there, place)
    boxes = sorted((view.box(actor, place) for actor in there), key=lambda box: box.x1 if box else 0)
    return TrainingExample(
        question=question,
        thought=_steps(f"{describe_objects(view)} {happens}", why, where),
        keyframe=view.shown[place],
        boxes=tuple(box for box in boxes if box),
        claims=(*_tag_claims(view), *happens_claims, *why_claims, *where_claims),
    )


def _without_thought(turn: Turn) -> Turn:
    return replace(turn, answer_text=re.sub(r"<think>.*?</think>", "<think></think>", turn.answer_text, flags=re.S))


def _relabel(example: TrainingExample, shown: tuple[int, ...]) -> TrainingExample:
    """Call frames by their place among those shown; `keyframe` stays an absolute index."""

    def relabel(text: str) -> str:
        return re.sub(r'(frame |"keyframe_timestamp": )(\d+)', lambda m: m[1] + str(shown.index(int(m[2]))), text)

    turns = tuple(
        replace(t, answer_text=relabel(t.answer_text), correction=relabel(t.correction)) for t in example.turns
    )
    return replace(example, thought=relabel(example.thought), turns=turns)


def draw_keyframe(view: View, targets: tuple[int, ...], rng: np.random.Generator) -> int:
    """Return a place among the five shown frames with the largest visible target; the larger, the likelier."""
    share = prominence(view, targets)
    best = np.argsort(-share, kind="stable")[:_BEST_FRAMES]
    weight = np.maximum(share[best], 0) ** 6 * (share[best] > 0)
    return int(rng.choice(best, p=weight / weight.sum()))


def answer_text(example: TrainingExample, context: AnswerContext) -> str:
    """Return the whole answer as the model should write it; boxes go from image pixels to the model's space.

    The context says how frames are called; an example in the style "relative" wants one whose labels are relative.
    """
    return render_answer(example.thought, example.keyframe, example.boxes, context)


def image_context(
    view: View, space_wh: tuple[int, int], labels: Literal["absolute", "relative"] = "absolute"
) -> AnswerContext:
    """Return the context in which a view's images count as the source video."""
    return AnswerContext(view.shown, view.facts.scene.num_frames, view.size_wh, space_wh, labels=labels)


def _steps(happens: str, why: str, where: str) -> str:
    return " ".join(f"{mark} {text}." for mark, text in zip(STEP_MARKS, (happens, why, where), strict=True))


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _names(view: View, actors: tuple[int, ...]) -> str:
    return _and([f"the {view.facts.name(actor)}" for actor in actors])


def _what_happens(view: View, question: WorldQuestion, rng: np.random.Generator) -> tuple[str, list[Claim]]:
    """Judge every object, name the targets, and tell the facts that decide, or the target's own story."""
    claims = [claim for claim in question.why if holds(claim, view)]
    if not claims:
        claims = [claim for actor in question.targets[:2] for claim in _story(view, actor, rng)]
    parts = [say(claim, view, rng) for claim in claims]
    return f"{_verdict(view, question)}; {', '.join(parts)}", claims


def _verdict(view: View, question: WorldQuestion) -> str:
    """Return "so find ball, one ball no, two ball yes: it is two white ball", in the order of the records."""
    judged = judge_objects(view, question.wanted)
    found = [
        f"{number_of(view, actor)} {view.facts.name(actor)}"
        for actor in told_objects(view)
        if actor in question.targets
    ]
    if not found:
        return f"so {judged}: {NOTHING}"
    return f"so {judged}: {'it is' if len(found) == 1 else 'they are'} {_and(found)}"


def _story(view: View, actor: int, rng: np.random.Generator) -> list[Claim]:
    """Return one or two true claims about what an object does by itself, the most telling first."""
    facts, shown, places = view.facts, view.shown, shown_places(view, actor)
    found: list[Claim] = []
    if away := facts.absence(actor):
        found += [Claim("returns", actor, frame=shown[p]) for p in places if shown[p] >= away[1]][:1]
    if hiding := facts.hiding(actor):
        hidden = [frame for frame in shown if hiding.start <= frame < hiding.stop]
        found += [Claim("hides", actor, hiding.by, frame) for frame in hidden[:1]]
        found += [Claim("comes_out", actor, frame=shown[p]) for p in places if hidden and shown[p] >= hiding.stop][:1]
    if entry := facts.entry(actor):
        found.append(Claim("enters", actor, frame=shown[places[0]], word=entry.side))
    if exit_ := facts.exit(actor):
        found.append(Claim("leaves", actor, frame=shown[places[-1]], word=exit_.side))
    found += [Claim(kind, actor) for kind in ("grows", "shrinks", "speeds_up", "stops")]
    found += [Claim("moves", actor, word=facts.direction(actor) or ""), Claim("still", actor), Claim("wanders", actor)]
    true = [claim for claim in found if holds(claim, view)] or [Claim("first_seen", actor, frame=shown[places[0]])]
    is_pair = len(true) > 1 and (true[1].kind == "comes_out" or rng.random() < 0.2) and true[1].kind != "wanders"
    return true[: 2 if is_pair else 1]


def _why_this_frame(
    view: View, there: tuple[int, ...], place: int, rng: np.random.Generator
) -> tuple[str, list[Claim]]:
    frame = view.shown[place]
    if len(there) > 1:
        claims = [Claim("visible", actor, frame=frame) for actor in there]
        return f"frame {frame} shows {_names(view, there)}", claims
    options = [Claim(kind, there[0], frame=frame) for kind in ("largest", "nearly_largest", "visible")]
    claims = [next(claim for claim in options if holds(claim, view))]
    extras = [Claim(kind, there[0], frame=frame) for kind in ("uncovered", "whole")]
    extras = [claim for claim in extras if holds(claim, view)]
    if extras and rng.random() < 0.6:
        claims.append(extras[int(rng.integers(len(extras)))])
    return " and ".join(say(claim, view, rng) for claim in claims), claims


def _where(view: View, there: tuple[int, ...], place: int) -> tuple[str, list[Claim]]:
    frame = view.shown[place]
    order = sorted(there, key=lambda actor: view.boxes[actor, place, 0])
    claims = [Claim("at", actor, frame=frame, word=place_word(view, actor, frame)) for actor in order]
    parts = [
        f"the {view.facts.name(claim.actor)} in frame {frame} {box_text(view, claim.actor, place)} at the {claim.word}"
        for claim in claims
    ]
    return _and(parts), claims


def box_text(view: View, actor: int, place: int) -> str:
    """Return the box of an object on the shown frame at `place`, in whole pixels: "[9, 55, 23, 77]"."""
    return json.dumps([int(value) for value in view.boxes[actor, place]])


def _make_absent_example(view: View, question: WorldQuestion, rng: np.random.Generator) -> TrainingExample:
    claims = list(question.why)
    wanted = Words.read(claims[0].word) if claims and claims[0].kind == "no_such" else Words()
    if wanted.shape and wanted.colour:
        others = [Words(shape=wanted.shape), Words(colour=wanted.colour)]
        near = [actor for words in others for actor in matching(view, words) if actor in view.facts.objects]
        if near:
            claims.append(Claim("visible_somewhere", near[int(rng.integers(len(near)))]))
    happens = ", only ".join(say(claim, view, rng) for claim in claims)
    why, where = (words[int(rng.integers(len(words)))] for words in (ABSENT_WHY, ABSENT_WHERE))
    thought = _steps(f"{describe_objects(view)} {_verdict(view, question)}; {happens}", why, where)
    return TrainingExample(question, thought, None, (), (*_tag_claims(view), *claims))


def _tag_claims(view: View) -> list[Claim]:
    return [claim for actor in told_objects(view) for _, claim in (*find_tags(view, actor), *find_worths(view, actor))]


def _after_correction(view: View, example: TrainingExample, rng: np.random.Generator) -> TrainingExample:
    """Put a wrong answer and a correction before the example: another object, no object, or another frame."""
    wrong, correction = _wrong_answer(view, example, rng)
    if wrong is None:
        return example
    return replace(example, turns=(Turn(answer_text(wrong, image_context(view, view.size_wh)), correction),))


def _wrong_answer(view: View, example: TrainingExample, rng: np.random.Generator) -> tuple[TrainingExample | None, str]:
    target = example.question.targets[0]
    others = [
        actor for actor in view.facts.objects if actor not in example.question.targets and shown_places(view, actor)
    ]
    choice = rng.random()
    if choice < 0.25:
        absent = TrainingExample(example.question, _steps(NOTHING, "no frame shows it", "nowhere"), None, (), ())
        return absent, f"it is there: the {view.facts.name(target)}"
    if choice < 0.6 and others:
        other = others[int(rng.integers(len(others)))]
        wanted = look_terms(Words.read(view.facts.name(other)))
        wrong = make_example(view, WorldQuestion(example.question.text, "referring", (other,), wanted=wanted), rng)
        ways = ("no, not the {o}", "wrong object, i mean the {t}", "not the {o}: the {t}")
        way = ways[int(rng.integers(len(ways)))]
        return wrong, way.format(o=view.facts.name(other), t=view.facts.name(target))
    places = [place for place in shown_places(view, target) if view.shown[place] != example.keyframe]
    if not places or len(example.question.targets) > 1:
        return None, ""
    place = places[int(rng.integers(len(places)))]
    wrong_box = view.box(target, place)
    thought = _steps(f"so it is the {view.facts.name(target)}", f"frame {view.shown[place]} shows it", "it is there")
    wrong = TrainingExample(example.question, thought, view.shown[place], (wrong_box,) if wrong_box else (), ())
    return wrong, f"use frame {example.keyframe}" if rng.random() < 0.5 else f"look at frame {example.keyframe} instead"
