"""Probes: a question changed in one way, and whether the answer changes as it should.

    table = run_probes(policy, samples, ("mirror", "absent_target"))

A probe is one function from a question to a variation (None where it does not apply), and what is expected of the
answer: the same target, another answer, or that the target is absent. To write a new one, add a function to `PROBES`.

Two probes make a policy go on from a reasoning that is cut off, or of another question: an answer that stays the same
does not follow from the reasoning that stands before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.ndimage import binary_dilation

from veason.boxes import box_iou, boxes_array
from veason.errors import OptionError
from veason.evaluate.live import open_sample
from veason.masks import mask_box
from veason.profile import sample_indices
from veason.types import Answer, Answered, Box, ContinuingPolicy, Frame, Policy, Sample, Unanswered

Expected = Literal["same", "changed", "absent"]
Outcome = Literal["target", "other", "absent", "unreadable"]

HIT = 0.5
"""Boxes whose mean IoU with the target's on the keyframe is this or more are on the target. Source: ours."""


@dataclass(frozen=True)
class ProbeQuestion:
    """What a policy is shown and asked.

    Attributes:
        frames: the frames shown, with their absolute indices.
        instruction: the words.
        num_frames: length of the video.
        target: `(H, W)` bool mask of the target on the shown frames that have ground truth, by frame index.
        boxes: the target's boxes on them, one an object.
        written: everything that the policy wrote to the question, "" where that is not known.
        elsewhere: what it wrote to another question, "" where there is none.
        begun: the text that the policy is made to go on from.
    """

    frames: tuple[Frame, ...]
    instruction: str
    num_frames: int
    target: Mapping[int, np.ndarray]
    boxes: Mapping[int, tuple[Box, ...]]
    written: str = ""
    elsewhere: str = ""
    begun: str = ""


@dataclass(frozen=True)
class Probe:
    """One way to change a question.

    Attributes:
        meaning: a sentence for people.
        expected: what should come of the answer.
        change: the changed question, None where the probe does not apply to it.
    """

    meaning: str
    expected: Expected
    change: Callable[[ProbeQuestion, np.random.Generator], ProbeQuestion | None]


@dataclass(frozen=True, slots=True)
class Probed:
    """How one probe came out on one question; `holds` is None where there is nothing to judge by."""

    key: str
    probe: str
    before: Outcome
    after: Outcome
    holds: bool | None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How often a probe holds, with the Wilson interval of 95 % in percent (None where no case counts)."""

    probe: str
    cases: int
    held: int
    low: float | None
    high: float | None


def run_probes(
    policy: Policy, samples: Sequence[Sample], names: Sequence[str] = (), *, seed: int = 0
) -> Iterator[list[Probed]]:
    """Yield what came of the probes, a list a sample.

    Args:
        policy: anything that answers.
        samples: expressions with ground truth.
        names: of the probes, all by default.
        seed: of what is drawn at random.

    Raises:
        OptionError: a name is none of a probe's.
    """
    unknown = [name for name in names if name not in PROBES]
    if unknown:
        raise OptionError(f"there is no probe {unknown[0]!r}: choose from {', '.join(PROBES)}")
    chosen = {name: PROBES[name] for name in (names or PROBES)}
    elsewhere = ""
    for number, sample in enumerate(samples):
        question = make_question(sample, policy.frame_count)
        answer = ask(policy, question)
        before = judge(answer, question)
        question = replace(question, written=answer.text if answer else "", elsewhere=elsewhere)
        elsewhere = question.written or elsewhere
        rows = []
        for name, probe in chosen.items():
            changed = probe.change(question, np.random.default_rng([seed, number]))
            if changed is not None and (not changed.begun or isinstance(policy, ContinuingPolicy)):
                after = judge(ask(policy, changed), changed)
                rows.append(Probed(sample.key, name, before, after, is_as_expected(probe.expected, before, after)))
        yield rows


def make_question(sample: Sample, frame_count: int) -> ProbeQuestion:
    """Return what a policy is shown of a sample: frames spread evenly, as `veason eval` takes them."""
    video = open_sample(sample)
    shown = sample_indices(video.info.num_frames, frame_count)
    known = set(sample.truth_indices()) & set(shown)
    boxes = {
        index: tuple(box for rle in sample.object_truth(index).values() if rle and (box := mask_box(rle)))
        for index in known
    }
    target = {index: sample.truth(index) for index in known}
    return ProbeQuestion(tuple(video.frames(shown)), sample.instruction, video.info.num_frames, target, boxes)


def ask(policy: Policy, question: ProbeQuestion) -> Answer | None:
    """Return the answer of a policy, None where it cannot be read."""
    if question.begun:
        assert isinstance(policy, ContinuingPolicy)
        events = policy.go_on(question.frames, question.instruction, question.begun, num_frames=question.num_frames)
    else:
        events = policy.stream(question.frames, question.instruction, num_frames=question.num_frames)
    for event in events:
        if isinstance(event, Answered):
            return event.answer
        if isinstance(event, Unanswered):
            return None
    return None


def judge(answer: Answer | None, question: ProbeQuestion) -> Outcome:
    """Return what an answer is about: the target, something else, nothing."""
    if answer is None:
        return "unreadable"
    if answer.is_absent:
        return "absent"
    true = question.boxes.get(answer.keyframe if answer.keyframe is not None else -1, ())
    if not true:
        return "other"
    overlaps = box_iou(boxes_array(true), boxes_array(answer.boxes))
    return "target" if float(overlaps.max(axis=1).mean()) >= HIT else "other"


def is_as_expected(expected: Expected, before: Outcome, after: Outcome) -> bool | None:
    """Tell whether an answer changed as it should; None where the first answer was not readable, or not of the target.

    What should stay the same is looked at where the first answer was on the target, or rightly or wrongly "absent": it
    is the change that is judged, not the first answer. What should change, or vanish, only where it was on the target.
    """
    if before == "unreadable":
        return None
    if expected == "same":
        return None if before == "other" else after == before
    if before != "target":
        return None
    return after == "absent" if expected == "absent" else after not in ("target", "unreadable")


def summarise(rows: Sequence[Probed]) -> list[ProbeResult]:
    """Return how often each probe holds, in the order of `PROBES`, and "all" of them at the end."""
    results = []
    for name in [*PROBES, "all"]:
        judged = [row.holds for row in rows if (name == "all" or row.probe == name) and row.holds is not None]
        if name == "all" or any(row.probe == name for row in rows):
            low, high = wilson(sum(judged), len(judged))
            results.append(ProbeResult(name, len(judged), sum(judged), low, high))
    return results


def wilson(held: int, cases: int) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a share in percent. Source: Wilson, JASA 22, 1927."""
    if not cases:
        return None, None
    z, share = 1.959964, held / cases
    middle = (share + z * z / (2 * cases)) / (1 + z * z / cases)
    half = z * np.sqrt(share * (1 - share) / cases + z * z / (4 * cases * cases)) / (1 + z * z / cases)
    return float(100 * (middle - half)), float(100 * (middle + half))


# --- the probes

_SIDES = {"left": "right", "right": "left", "leftmost": "rightmost", "rightmost": "leftmost"}
_SWAPS = {
    "red": "blue", "blue": "red", "green": "yellow", "yellow": "green", "white": "black", "black": "white",
    "largest": "smallest", "smallest": "largest", "biggest": "smallest", "big": "small", "small": "big",
    "first": "last", "last": "first", "man": "woman", "woman": "man", "fastest": "slowest", "slowest": "fastest",
    "left": "right", "right": "left", "leftmost": "rightmost", "rightmost": "leftmost",
}  # fmt: skip
_OFFSET = 1000
_REASONED = re.compile(
    r"(?P<opened>.*?<think>)(?P<thought>.*?)(?P<closed>\s*</think>\s*<answer>)(?P<answered>.*)", re.DOTALL
)
"""What a policy writes, cut where its reasoning begins and where its answer does."""


def _paraphrase(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion:
    words = question.instruction.rstrip(".?! ")
    forms = (f"Please find {words}.", f"Could you show me {words}?", f"I am looking for {words}")
    return replace(question, instruction=str(rng.choice(forms)))


def _swap_attribute(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion | None:
    changed = replace_words(question.instruction, _SWAPS, most=1)
    return None if changed == question.instruction else replace(question, instruction=changed)


def _negate(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion:
    return replace(question, instruction=f"something that is not {question.instruction.rstrip('.?! ')}")


def _ask_for_absent(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion:
    things = ("the zebra made of glass", "the violin that is on fire", "the submarine with wings")
    return replace(question, instruction=str(rng.choice(things)))


def _mirror(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion:
    width = question.frames[0].image.shape[1]
    return replace(
        question,
        frames=tuple(replace(frame, image=frame.image[:, ::-1].copy()) for frame in question.frames),
        instruction=replace_words(question.instruction, _SIDES),
        target={index: mask[:, ::-1] for index, mask in question.target.items()},
        boxes={
            index: tuple(Box(width - box.x2, box.y1, width - box.x1, box.y2) for box in boxes)
            for index, boxes in question.boxes.items()
        },
    )


def _relabel(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion:
    return replace(
        question,
        frames=tuple(replace(frame, index=frame.index + _OFFSET) for frame in question.frames),
        num_frames=question.num_frames + _OFFSET,
        target={index + _OFFSET: mask for index, mask in question.target.items()},
        boxes={index + _OFFSET: boxes for index, boxes in question.boxes.items()},
    )


def _shuffle(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion | None:
    if len(question.frames) < 3:
        return None
    return replace(question, frames=tuple(question.frames[place] for place in rng.permutation(len(question.frames))))


def _fewer_frames(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion | None:
    kept = [frame for frame in question.frames[::2]]
    return replace(question, frames=tuple(kept)) if len(kept) > 1 else None


def _blank(question: ProbeQuestion, is_blank: Callable[[np.ndarray], np.ndarray]) -> ProbeQuestion | None:
    """Paint over a part of every frame, which must all have ground truth, in the frame's mean colour."""
    if not all(frame.index in question.target for frame in question.frames):
        return None
    if not any(question.target[frame.index].any() for frame in question.frames):
        return None
    frames = []
    for frame in question.frames:
        image = frame.image.copy()
        image[is_blank(question.target[frame.index])] = frame.image.reshape(-1, 3).mean(0)
        frames.append(replace(frame, image=image))
    return replace(question, frames=tuple(frames))


def _blank_target(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion | None:
    return _blank(question, _grown)


def _blank_the_rest(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion | None:
    return _blank(question, lambda mask: ~_grown(mask))


def _truncate_reasoning(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion | None:
    """Let the policy answer after the first quarter of its reasoning, in words."""
    parts = _REASONED.fullmatch(question.written)
    words = re.findall(r"\S+\s*", parts["thought"]) if parts else []
    if parts is None or len(words) < 8:
        return None
    kept = "".join(words[: len(words) // 4]).rstrip()
    return replace(question, begun=parts["opened"] + kept + parts["closed"])


def _replace_reasoning(question: ProbeQuestion, rng: np.random.Generator) -> ProbeQuestion | None:
    """Let the policy answer after the reasoning that it wrote to another question."""
    parts, other = _REASONED.fullmatch(question.written), _REASONED.fullmatch(question.elsewhere)
    if parts is None or other is None or parts["thought"] == other["thought"]:
        return None
    return replace(question, begun=parts["opened"] + other["thought"] + parts["closed"])


def _grown(mask: np.ndarray) -> np.ndarray:
    """Return a mask with a margin of three pixels, so that no outline is left of it."""
    grown: np.ndarray = binary_dilation(mask, iterations=3)
    return grown


def replace_words(text: str, words: Mapping[str, str], *, most: int | None = None) -> str:
    """Return a text with whole words replaced, all at once, the first `most` of them where that is given."""
    found = re.compile(rf"\b({'|'.join(words)})\b", re.IGNORECASE)
    return found.sub(lambda match: words[match[0].lower()], text, count=most or 0)


PROBES: dict[str, Probe] = {
    "paraphrase": Probe("the same in other words", "same", _paraphrase),
    "mirror": Probe("everything mirrored, left and right in the words swapped", "same", _mirror),
    "relabel": Probe("frame numbers a thousand higher", "same", _relabel),
    "shuffle": Probe("the frames in another order, with their numbers", "same", _shuffle),
    "fewer_frames": Probe("every second frame shown", "same", _fewer_frames),
    "blank_rest": Probe("everything but the target painted over", "same", _blank_the_rest),
    "blank_target": Probe("the target painted over on every frame", "absent", _blank_target),
    "absent_target": Probe("something asked for that is not there", "absent", _ask_for_absent),
    "swap_attribute": Probe("a word of the target swapped for its opposite", "changed", _swap_attribute),
    "negate": Probe("what is not the target asked for", "changed", _negate),
    "truncate_reasoning": Probe(
        "made to answer after the first quarter of its reasoning", "changed", _truncate_reasoning
    ),
    "replace_reasoning": Probe(
        "made to answer after what it reasoned about another question", "changed", _replace_reasoning
    ),
}
"""The probes by name: what should leave the answer as it is, and what should not."""
