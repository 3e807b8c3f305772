"""What a teacher's thought must hold, and what it must not give away."""

from __future__ import annotations

import re

from veason.answer.boxlike import find_box
from veason.consistency import check
from veason.corpus.examples import CorpusExample
from veason.types import Answer

STEPS = ("What happens:", "Why this frame:", "Where:")
"""How the three steps begin. Source of the steps: the method; of the words: ours."""

TAGGED = re.compile(r"<steps>(.*)</steps>", re.DOTALL | re.IGNORECASE)
LEAST_CHARS, MOST_WORDS = 20, 400
"""Characters that a step has at least, and words of all three together, so that 1,024 tokens hold them."""

_LEAKS = re.compile(
    r"\bbounding[- ]?box\w*"
    r"|\b(?:red|drawn|marked|given|annotated|highlighted)\s+(?:box|rectangle|square|frame|outline)\w*"
    r"|\brectang(?:le|ular)\w*|\bannotat\w*|\bground[- ]?truth\b|\bhighlight\w*|\boutlined\b|\bhints?\b"
    r"|\b(?:as|was|is|were|been)\s+(?:marked|given|told|provided|indicated)\b|\bthe prompt\b",
    re.IGNORECASE,
)
_BOXES = re.compile(r"\bbox(?:es|ed)?\b", re.IGNORECASE)
_MARKUP = re.compile(r"</?(?:think|answer|steps)\b|<\|", re.IGNORECASE)


def thought_of(text: str) -> str | None:
    """Return the thought in what a teacher wrote: what stands in the last tags of the steps, None where there are none.

    >>> thought_of("<think>hm</think> <steps>What happens: ...</steps>")
    'What happens: ...'
    """
    start = text.lower().rfind("<steps>")
    found = TAGGED.search(text[start:]) if start >= 0 else None
    return found[1].strip() if found else None


def faults(thought: str | None, example: CorpusExample) -> list[str]:
    """Return what is wrong with a thought, in words that the teacher is told; nothing where all is well."""
    if thought is None:
        return ["the three steps do not stand between <steps> and </steps>"]
    steps = _steps(thought)
    if steps is None:
        return [f"the steps do not begin with {', '.join(STEPS)}, each once and in this order"]
    found = [
        f"the step {name!r} says too little" for name, step in zip(STEPS, steps, strict=True) if len(step) < LEAST_CHARS
    ]
    if len(thought.split()) > MOST_WORDS:
        found.append(f"it has {len(thought.split())} words, at most {MOST_WORDS} fit")
    if _MARKUP.search(thought):
        found.append("it holds tags of an answer")
    return found + _given_away(thought, example) + _disagreements(steps, example)


def _steps(thought: str) -> tuple[str, ...] | None:
    """Return the texts of the three steps, None where their beginnings are not there once each, in order."""
    places = [thought.find(name) for name in STEPS]
    if places[0] != 0 or places != sorted(places) or any(thought.count(name) != 1 for name in STEPS):
        return None
    ends = [*places[1:], len(thought)]
    return tuple(thought[place + len(name) : end].strip() for name, place, end in zip(STEPS, places, ends, strict=True))


def _given_away(thought: str, example: CorpusExample) -> list[str]:
    """Return what tells that the answer was shown; words of the instruction may be said."""
    instruction = example.sample.instruction.lower()
    leaked = next((match[0] for match in _LEAKS.finditer(thought) if match[0].lower() not in instruction), None)
    if leaked is None and not _BOXES.search(instruction) and (match := _BOXES.search(thought)):
        leaked = match[0]
    if leaked is not None:
        return [f"it mentions {leaked!r}: what is drawn on the frames may not be mentioned"]
    numbers = find_box(thought, example.shown)
    return [f"it holds coordinates ({numbers}): say where in words"] if numbers else []


def _disagreements(steps: tuple[str, ...], example: CorpusExample) -> list[str]:
    """Return where a thought and the answer part."""
    happens, why, where = steps
    found = []
    if example.keyframe is not None:
        label = example.context.label_of(example.keyframe)
        if not re.search(rf"(?<!\d){label}(?!\d)", why):
            found.append(f"the step {STEPS[1]!r} does not name the frame ({label}s)")
    for part in (" ".join(steps), f"{happens} {where}"):  # what another step chooses hides behind the second
        answer = Answer(part, example.keyframe, example.answer_boxes)
        found += [one.message for one in check(answer, example.shown, {}) if one.severity == "warning"]
    return list(dict.fromkeys(found))
