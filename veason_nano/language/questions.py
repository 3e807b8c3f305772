"""Questions about a scene in many wordings, each with the set of objects that answers it, computed from the facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from veason.types import SampleType
from veason_nano.language.claims import DOERS, Claim, Words, matching
from veason_nano.language.query import Term, fitting, look_terms
from veason_nano.language.ranks import (
    MOSTLY,
    OUTERMOST,
    PASSAGE_WORDS,
    RANKED,
    find_order,
    find_outermost,
    find_superlatives,
    passage_claim,
    side_share,
)
from veason_nano.language.records import EVENT_WORDS
from veason_nano.language.wording import number, phrase, pick, plural, random_words, thing
from veason_nano.world.facts import Facts
from veason_nano.world.scene import COLOURS, PATTERNS
from veason_nano.world.shapes import SHAPES
from veason_nano.world.view import View

_MOST_TARGETS = 3
_TOPIC_WEIGHTS = {"attribute": 4.0, "several": 2.0}
"""How much likelier than another topic: most questions that people ask name what they mean by its looks."""


@dataclass(frozen=True, slots=True)
class WorldQuestion:
    """An instruction and what answers it: `targets` is () where nothing does; `why` holds the claims that decide.

    `wanted` is what it asks for in the words of the records: the targets are all that have it.
    """

    text: str
    type: SampleType
    targets: tuple[int, ...]
    why: tuple[Claim, ...] = ()
    topic: str = ""
    wanted: tuple[Term, ...] = ()


def all_questions(view: View, rng: np.random.Generator) -> list[WorldQuestion]:
    """Return every kind of question that can be asked about the view, each in one random wording.

    Questions are left out that the records cannot answer, because no shown frame shows the object or its hiding.
    """
    found = [question for ask in _ASKERS for question in ask(view, rng)]
    return [
        question
        for question in found
        if len(question.targets) <= _MOST_TARGETS and set(fitting(view, question.wanted)) == set(question.targets)
    ]


def draw_questions(view: View, rng: np.random.Generator, count: int, absent_share: float = 0.17) -> list[WorldQuestion]:
    """Return `count` questions, topics mixed (`_TOPIC_WEIGHTS`); a question may come twice in other words."""
    found = all_questions(view, rng)
    absent = [question for question in found if not question.targets]
    present = [question for question in found if question.targets]
    drawn = []
    for _ in range(count):
        pool = absent if absent and (not present or rng.random() < absent_share) else present
        topics = sorted({question.topic for question in pool})
        weights = np.array([_TOPIC_WEIGHTS.get(topic, 1.0) for topic in topics])
        topic = topics[int(rng.choice(len(topics), p=weights / weights.sum()))]
        options = [question for question in pool if question.topic == topic]
        drawn.append(options[int(rng.integers(len(options)))])
    return drawn


def _attributes(view: View, rng: np.random.Generator) -> Iterator[WorldQuestion]:
    """The red ball; all striped things."""
    for actor in view.facts.objects:
        for _ in range(2):
            words = random_words(view, actor, rng)
            targets = matching(view, words)
            if len(targets) == 1:
                forms = ("the {}", "the {}", "find the {}", "where is the {}", "show me the {}", "a {}")
                yield WorldQuestion(
                    pick(rng, forms).format(phrase(words, rng)),
                    "referring",
                    targets,
                    (),
                    "attribute",
                    look_terms(words),
                )
            else:
                forms = ("all {}", "the {}", "every one of the {}", f"the {number(len(targets))} {{}}")
                text = pick(rng, forms).format(phrase(words, rng, is_plural=True))
                yield WorldQuestion(text, "referring", targets, (), "several", look_terms(words))


def _missing(view: View, rng: np.random.Generator) -> Iterator[WorldQuestion]:
    """The green star, where there is none: mostly a shape and a colour that are there, but not together."""
    appearances = [view.facts.scene.actors[actor].appearance for actor in view.facts.scene.objects]
    for _ in range(3):
        is_near = rng.random() < 0.6
        colour = pick(rng, appearances).colour if is_near else pick(rng, tuple(COLOURS))
        shape = pick(rng, appearances).shape if rng.random() < 0.6 else pick(rng, SHAPES)
        pattern = pick(rng, PATTERNS[1:]) if rng.random() < 0.15 else ""
        words = Words(shape if rng.random() < 0.9 else "", colour, pattern)
        if not matching(view, words):
            text = pick(rng, ("the {}", "find the {}", "where is the {}", "show me the {}")).format(phrase(words, rng))
            claims = (Claim("no_such", word=words.text),)
            yield WorldQuestion(text, "absent", (), claims, "missing", look_terms(words))


_RELATIONS = {"left": "to the left of", "right": "to the right of", "above": "above", "below": "below"}


def _relations(view: View, rng: np.random.Generator) -> Iterator[WorldQuestion]:
    """The ball to the left of the blue star, where that holds through the whole clip."""
    objects = view.facts.objects
    for anchor in objects:
        name = view.facts.name(anchor)
        for side, relation in _RELATIONS.items():
            shares = {actor: side_share(view, actor, anchor, side) for actor in objects if actor != anchor}
            yes = [actor for actor, share in shares.items() if share is not None and share > MOSTLY]
            shape = (
                pick(rng, SHAPES) if rng.random() < 0.3 or not yes else view.facts.scene.actors[yes[0]].appearance.shape
            )
            named = {a: s for a, s in shares.items() if view.facts.scene.actors[a].appearance.shape == shape}
            for noun, group in ((shape, named), (thing(rng), shares)):
                values = list(group.values())
                hits = [actor for actor, share in group.items() if share is not None and share > MOSTLY]
                if len(hits) == 1 and all(v is not None and (v > MOSTLY or v < 1 - MOSTLY) for v in values):
                    text = f"the {noun} {relation} the {name}"
                    wanted = (*look_terms(Words(shape=noun if noun in SHAPES else "")), Term(side, anchor=anchor))
                    yield WorldQuestion(text, "referring", (hits[0],), (), "relation", wanted)


_OUTERMOST_FORMS = {
    "left": ("the leftmost {}", "the {} furthest to the left"),
    "right": ("the rightmost {}", "the {} furthest to the right"),
    "above": ("the {} at the very top", "the topmost {}"),
    "below": ("the {} at the very bottom", "the lowest {}"),
}


def _places(view: View, rng: np.random.Generator) -> Iterator[WorldQuestion]:
    """The leftmost object, where it is that in every shown frame."""
    for side, actor in find_outermost(view).items():
        text = pick(rng, _OUTERMOST_FORMS[side]).format(thing(rng))
        yield WorldQuestion(text, "referring", (actor,), (), "place", (Term(OUTERMOST[side]),))


def _motions(view: View, rng: np.random.Generator) -> Iterator[WorldQuestion]:
    """The object that moves to the right; the ones that do not move."""
    facts = view.facts
    groups: dict[str, list[int]] = {}
    for actor in facts.objects:
        if direction := facts.direction(actor):
            groups.setdefault(direction, []).append(actor)
    unclear = [a for a in facts.objects if facts.is_moving(a) and not facts.direction(a)]
    for word, actors in groups.items():
        if not unclear:
            way = f"to the {word}" if word in ("left", "right") else word
            text = pick(rng, ("{} moving {w}", "{} that goes {w}", "{} heading {w}"))
            yield _group_question(text.replace("{w}", way), actors, facts, rng, "motion", f"moves {word}")
    still = [a for a in facts.objects if facts.is_still(a)]
    middling = [a for a in facts.objects if not facts.is_still(a) and not facts.is_moving(a)]
    if still and not middling and len(still) < len(facts.objects):
        text = pick(
            rng, ("{} that does not move", "{} that never moves", "{} that stays in place", "{} standing still")
        )
        yield _group_question(text, still, facts, rng, "still", "still")
        movers = [a for a in facts.objects if facts.is_moving(a)]
        text = pick(rng, ("{} that moves", "{} in motion"))
        yield _group_question(text, movers, facts, rng, "motion", "moves")


def _group_question(
    form: str, actors: list[int], facts: Facts, rng: np.random.Generator, topic: str, wanted: str
) -> WorldQuestion:
    """Fill `form` with a noun for one or several actors; a shape word is used where all of them have that shape."""
    shapes = {facts.scene.actors[actor].appearance.shape for actor in actors}
    shape = next(iter(shapes))
    everyone = [a for a in facts.objects if facts.scene.actors[a].appearance.shape == shape]
    noun = shape if len(shapes) == 1 and rng.random() < 0.4 and len(everyone) >= len(actors) else thing(rng)
    text = form.format(f"the {noun}" if len(actors) == 1 else f"all {plural(noun)}")
    if len(actors) > 1:
        text = text.replace("does not", "do not").replace("never moves", "never move").replace("stays", "stay")
        text = text.replace("that goes", "that go").replace("that moves", "that move")
    terms = (*look_terms(Words(shape=noun if noun in SHAPES else "")), Term(wanted))
    return WorldQuestion(text, "referring", tuple(actors), (), topic, terms)


def _negations(view: View, rng: np.random.Generator) -> Iterator[WorldQuestion]:
    """Everything that is not red; the ball that is not blue."""
    facts = view.facts
    for actor in facts.objects:
        appearance = facts.scene.actors[actor].appearance
        others = [a for a in facts.objects if facts.scene.actors[a].appearance.colour != appearance.colour]
        if 0 < len(others) <= _MOST_TARGETS:
            form = pick(rng, ("everything that is not {}", "all objects except the {} one", "whatever is not {}"))
            count = len(facts.objects) - len(others)
            if count == 1 or "one" not in form:
                wanted = (Term(appearance.colour, is_not=True),)
                yield WorldQuestion(form.format(appearance.colour), "reasoning", tuple(others), (), "negation", wanted)
        same = [a for a in facts.objects if facts.scene.actors[a].appearance.shape == appearance.shape and a != actor]
        if len(same) == 1:
            text = pick(rng, ("the {s} that is not {c}", "the other {s}, not the {c} one"))
            wanted = (Term(appearance.shape), Term(appearance.colour, is_not=True))
            text = text.format(s=appearance.shape, c=appearance.colour)
            yield WorldQuestion(text, "reasoning", tuple(same), (), "negation", wanted)


def _orders(view: View, rng: np.random.Generator) -> Iterator[WorldQuestion]:
    """The one that comes in first; the last one to leave."""
    facts = view.facts
    entries = [actor for actor in facts.objects if facts.entry(actor)]
    exits = [actor for actor in facts.objects if facts.exit(actor)]
    wordings = (
        ("enters", "entry", {
            "first": ("the {n} that enters first", "the first {n} to come in", "which {n} arrives before all others"),
            "second": ("the second {n} to come in", "the {n} that enters second"),
            "last": ("the {n} that enters last", "the last {n} to come in", "the latecomer"),
        }),
        ("leaves", "exit", {
            "first": ("the {n} that leaves first", "the first {n} to go", "which {n} is gone before all others"),
            "second": ("the second {n} to leave", "the {n} that leaves second"),
            "last": ("the {n} that leaves last", "the last {n} to leave"),
        }),
    )  # fmt: skip
    for verb, topic, by_rank in wordings:
        order = find_order(view, verb)
        for rank, forms in by_rank.items():
            if order and (rank != "second" or len(order) > 2):
                told = order[-3:] if rank == "last" else order[:3]
                claims = tuple(passage_claim(view, verb, actor) for actor in told)
                text = pick(rng, forms).format(n=thing(rng))
                wanted = (Term(f"{rank} {PASSAGE_WORDS[verb]}"),)
                yield WorldQuestion(text, "reasoning", (order[RANKED[rank]],), claims, topic, wanted)
    if len(entries) == 1:
        actor = entries[0]
        text = pick(
            rng, ("the {n} that enters", "the newcomer", "the {n} that is not there at the start", "what comes in")
        )
        claim = (passage_claim(view, "enters", actor),)
        yield WorldQuestion(text.format(n=thing(rng)), "reasoning", (actor,), claim, "entry", (Term("enters"),))
    if len(exits) == 1:
        actor = exits[0]
        text = pick(rng, ("the {n} that leaves", "what goes out of the picture", "the {n} that is gone at the end"))
        claim = (passage_claim(view, "leaves", actor),)
        yield WorldQuestion(text.format(n=thing(rng)), "reasoning", (actor,), claim, "exit", (Term("leaves"),))


_DOING: dict[str, tuple[str, ...]] = {
    "returns": ("the {n} that leaves and comes back", "what returns after it was gone", "the {n} that comes back"),
    "hides": ("what is out of sight for some time", "the {n} that is hidden at some time"),
    "grows": ("the {n} that comes nearer", "what gets bigger", "the approaching {n}"),
    "shrinks": ("the {n} that goes away and shrinks", "what gets smaller"),
}

_PAIRS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "chases": (
        ("the {n} that chases another", "the pursuer", "who is hunting", "the {n} that follows another"),
        ("the {n} that is being chased", "the one that is followed", "what would be caught", "the {n} running away"),
    ),
    "carries": (
        ("the {n} that carries another", "what another {n} rides on", "the carrier"),
        ("the {n} that is carried", "what rides on another", "what would fall if its carrier left"),
    ),
    "collides": (
        ("the {n} that hits another", "what sets another {n} moving", "the cause of the push"),
        ("the {n} that is hit", "what is pushed away", "what would not have moved without the push"),
    ),
    "nearly_hits": (
        ("the {n} that stops just in time", "the {n} that nearly hits another"),
        ("what would have been hit", "the {n} that is nearly hit", "what was spared"),
    ),
    "covers": (
        ("the {n} that covers another", "what must be moved to see the hidden {n}", "what hides another {n}"),
        ("the {n} that gets covered", "what disappears under another", "what is hidden at the end"),
    ),
    "splits": (("the {n} that leaves the group", "the one that goes its own way", "what breaks away"), ()),
}


def _doings(view: View, rng: np.random.Generator) -> Iterator[WorldQuestion]:
    """Who hides, returns, grows; who does what to whom; and the same where nobody does it."""
    for verb, forms in _DOING.items():
        doers = DOERS[verb](view)
        word = "hidden" if verb == "hides" else verb
        yield from _doing(view, verb, pick(rng, forms).format(n=thing(rng)), doers, (), word)
    for verb, (active, passive) in _PAIRS.items():
        events = view.facts.events(verb)  # type: ignore[arg-type]
        claims = tuple(Claim(verb, event.subject, event.other) for event in events)
        sides = (active, [event.subject for event in events]), (passive, [event.other for event in events])
        for word, (ways, doers) in zip(EVENT_WORDS[verb], sides, strict=True):
            if ways:
                yield from _doing(view, verb, pick(rng, ways).format(n=thing(rng)), doers, claims, word)


def _doing(
    view: View, verb: str, text: str, doers: list[int], claims: tuple[Claim, ...], word: str
) -> Iterator[WorldQuestion]:
    wanted = (Term(word),)
    if len(doers) == 1 and doers[0] in view.facts.objects:
        yield WorldQuestion(text, "reasoning", tuple(doers), claims, verb, wanted)
    elif not doers and _may_ask_in_vain(view, verb):
        yield WorldQuestion(text, "absent", (), (Claim("nobody", word=verb),), "nobody", wanted)


def _may_ask_in_vain(view: View, verb: str) -> bool:
    """Tell whether the view may be asked for a `verb` that nobody does; "hides" only where nothing is ever covered."""
    if verb in ("hides", "covers"):
        return bool((view.facts.tracks.visible[list(view.facts.objects)].min(1) > 0.5).all())
    return verb not in ("nearly_hits", "grows", "shrinks") or not view.facts.scene.events


_SUPERLATIVE_FORMS = {
    "fastest": ("the fastest {n}", "what moves quickest"),
    "furthest": ("the {n} that travels furthest", "what has the longest way"),
    "biggest": ("the biggest {n}", "the largest {n}"),
    "smallest": ("the smallest {n}",),
}


def _superlatives(view: View, rng: np.random.Generator) -> Iterator[WorldQuestion]:
    """The fastest; the one with the longest way; the largest."""
    for topic, actor in find_superlatives(view).items():
        text = pick(rng, _SUPERLATIVE_FORMS[topic]).format(n=thing(rng))
        yield WorldQuestion(text, "reasoning", (actor,), (), topic, (Term(topic),))


def _changes(view: View, rng: np.random.Generator) -> Iterator[WorldQuestion]:
    """What stops; what suddenly becomes fast."""
    facts = view.facts
    rushing = [a for a in facts.objects if facts.speeds_up(a)]
    if len(rushing) == 1:
        text = pick(rng, ("the {n} that suddenly speeds up", "what becomes fast all at once"))
        yield WorldQuestion(
            text.format(n=thing(rng)), "reasoning", tuple(rushing), (), "speeds_up", (Term("suddenly"),)
        )
    stopping = [a for a in facts.objects if facts.stops(a)]
    movers = [a for a in facts.objects if facts.is_moving(a) and a not in stopping]
    if len(stopping) == 1 and movers:
        text = pick(rng, ("the {n} that stops moving", "what comes to rest"))
        yield WorldQuestion(text.format(n=thing(rng)), "reasoning", tuple(stopping), (), "stops", (Term("stops"),))


_ASKERS = (
    _attributes, _missing, _relations, _places, _motions, _negations, _orders, _doings, _superlatives, _changes,
)  # fmt: skip
