"""The one place that tells whether an answer agrees with itself and its masks, and how doubtful each frame is.

`check` speaks up only where the words leave one meaning: a false alarm costs more trust than a missed one. It reads
English; other reasoning passes the checks of words unseen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit

from veason.masks import decode_mask, mask_area, mask_iou
from veason.types import Answer, Box, MaskTrack, ObjectMask, Rle

FindingKind = Literal[
    "keyframe_not_shown", "other_frame_named", "absent_but_boxes", "present_but_no_boxes", "count_differs",
    "box_outside", "mask_misses_box", "mask_empty",
]  # fmt: skip

MOST_OUTSIDE = 0.3
"""A mask with a larger share of its pixels outside of its prompt box did not follow the prompt. Source: ours."""

LEAST_COVERED = 0.5
"""So did one whose part inside reaches over less than this share of the box. Source: ours."""

SPECKS = 0.01
"""This share of a mask's pixels on each side decides nothing: a few stray ones far away are no part of its reach."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement. `severity` is "warning" where the answer contradicts itself, "note" where it was mended."""

    kind: FindingKind
    message: str
    severity: Literal["warning", "note"] = "warning"


def check(answer: Answer, shown: Sequence[int], masks: Mapping[int, ObjectMask]) -> tuple[Finding, ...]:
    """Return everything that does not fit together, nothing where all does.

    `shown` are the absolute indices of the frames the policy saw; `masks` the masks on the keyframe by object id, where
    object `n` is the `n`-th box of the answer, counted from 1 (objects not tracked yet are left out).
    """
    return (*_check_keyframe(answer, shown), *_check_words(answer, shown), *_check_boxes(answer, masks))


def doubt(track: MaskTrack) -> dict[int, float]:
    """Return the doubt in [0, 1] about every frame done.

    It is max(1 - sigmoid(object score), 1 - IoU with the previous mask), where the previous mask is the nearest earlier
    one of the track that is not empty, however far away. Before there is one (the first frame, or a track that starts
    empty) only the score counts. A frame without the object, after one with it, has a doubt of 1: the number doubts
    that the object is there as it was, so a sure disappearance is as worth a look as an unsure mask. Frames that a
    person drew, locked or marked absent need no doubt: leaving them out of what is shown is up to the caller.

    >>> from veason.masks import encode_mask
    >>> import numpy as np
    >>> left, both = encode_mask(np.array([[1, 0]])), encode_mask(np.array([[1, 1]]))
    >>> doubt(MaskTrack(1, {4: ObjectMask(left, 9.0), 5: ObjectMask(both, 9.0), 6: ObjectMask(both, 0.0)}))
    {4: 0.00012339457598623172, 5: 0.5, 6: 0.5}

    Source: issue 3 of this project.
    """
    doubts: dict[int, float] = {}
    previous: Rle | None = None
    for index in sorted(track.frames):
        mask = track.frames[index]
        change = 0.0 if previous is None else 1 - mask_iou(mask.rle, previous)
        doubts[index] = max(float(expit(-mask.score)), change)
        if mask_area(mask.rle):
            previous = mask.rle
    return doubts


# --- keyframe and boxes


def _check_keyframe(answer: Answer, shown: Sequence[int]) -> list[Finding]:
    if answer.keyframe is None or answer.keyframe in shown:
        return []
    frames = ", ".join(str(index) for index in shown)
    return [Finding("keyframe_not_shown", f"Frame {answer.keyframe} was chosen, but only frames {frames} were seen.")]


def _check_boxes(answer: Answer, masks: Mapping[int, ObjectMask]) -> list[Finding]:
    findings = [
        Finding("box_outside", f"A box reached outside the picture: {note.message}.", "note")
        for note in answer.notes
        if note.kind == "box_clipped" or (note.kind == "box_dropped" and "outside" in note.message)
    ]
    for number, box in enumerate(answer.boxes, start=1):
        mask = masks.get(number)
        if mask is None:
            continue
        if not mask_area(mask.rle):
            findings.append(Finding("mask_empty", f"Box {number} on frame {answer.keyframe} gave no mask."))
            continue
        outside, covered = mask_against_box(mask.rle, box)
        if outside > MOST_OUTSIDE:
            told = f"{outside:.0%} of the mask of object {number} lies outside of its box."
            findings.append(Finding("mask_misses_box", told))
        elif covered < LEAST_COVERED:
            told = f"The mask of object {number} reaches over only {covered:.0%} of its box."
            findings.append(Finding("mask_misses_box", told))
    return findings


def mask_against_box(rle: Rle, box: Box) -> tuple[float, float]:
    """Return how a mask that is not empty fits the box it was asked for, as two shares in [0, 1].

    The first is the share of its pixels outside of the box, a pixel beside its edges allowed. The second is the share
    of the box that the part inside reaches over: the rectangle that holds it without the outermost `SPECKS` of its
    pixels on every side.
    """
    mask = decode_mask(rle)
    height, width = mask.shape
    x1, y1 = max(int(np.floor(box.x1)) - 1, 0), max(int(np.floor(box.y1)) - 1, 0)
    x2, y2 = min(int(np.ceil(box.x2)) + 1, width), min(int(np.ceil(box.y2)) + 1, height)
    inside = mask[y1:y2, x1:x2]
    count = int(inside.sum())
    outside = 1 - count / int(mask.sum())
    if not count:
        return outside, 0.0
    left, right = _reach(inside.sum(0))
    top, bottom = _reach(inside.sum(1))
    reached = np.clip([x1 + left, y1 + top, x1 + right, y1 + bottom], [box.x1, box.y1] * 2, [box.x2, box.y2] * 2)
    covered = float((reached[2] - reached[0]) * (reached[3] - reached[1]))
    covered /= (box.x2 - box.x1) * (box.y2 - box.y1)
    return outside, covered


def _reach(counts: np.ndarray) -> tuple[int, int]:
    """Return the half-open range of the places of `(N,)` counts without the outermost share of `SPECKS` a side."""
    cumulative = np.cumsum(counts)
    least = SPECKS * cumulative[-1]
    start = int(np.searchsorted(cumulative, least, side="right"))
    stop = int(np.searchsorted(cumulative, cumulative[-1] - least, side="left")) + 1
    return start, max(stop, start + 1)


# --- words

_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_FRAME = re.compile(
    r"\b(?:frame|keyframe|key frame|timestamp|time|moment)\s*(?:number|index|is|at|of|=|:|#)?\s*[(\[<]?(\d+)(?!\.?\d)"
    r"|[(\[<](\d+)\s*s[)\]>]"
    r"|\b(?:at|is|timestamp|time)\s+(\d+)\s*(?:s|seconds?)\b",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    r"\b(?:choos(?:e|es|ing)|chose|pick(?:s|ed|ing)?|select(?:s|ed|ing)?)\s+(?:the\s+)?"
    r"(?:frame|key\s?frame|timestamp|time|moment|[(\[<]\d)"
    r"|\b(?:is|was|be)\s+(?:chosen|selected|picked)\b(?!\s+up)"
    r"|\b(?:best|clearest|optimal|ideal|most suitable|most representative|right)\s+"
    r"(?:frame|key\s?frame|timestamp|time|moment|choice|view|represent\w+)\b"
    r"|\bkey\s?frame\b",
    re.IGNORECASE,
)
_WHY = re.compile(r"\s*why (?:this|that) (?:frame|timestamp|moment)\b", re.IGNORECASE)
_HEDGE = re.compile(
    r"\b(?:not|no|never|isn't|aren't|doesn't|cannot|can't|rather|instead|than|but|although|however|unlike|if|unless|or"
    r"|would|could|might|may|except|second best|next best|almost|nearly)\b|n't\b",
    re.IGNORECASE,
)
_TARGET = (
    r"(?:targets?|target objects?|referred objects?|described objects?|such (?:an? )?(?:objects?|things?|targets?))"
)
_EVERYWHERE = (
    r"(?:in (?:the|this) (?:whole |entire )?(?:video|clip)|in any (?:of the |of these |shown )?frames?"
    r"|in (?:all|these|the) frames|anywhere|at all|throughout)"
)
_ABSENT = re.compile(
    rf"\b(?:the {_TARGET} (?:is|are) (?:absent|missing|nowhere)\b"
    rf"|(?:the )?{_TARGET} (?:is|are|does|do|can|could)(?: ?not|n't)\b[^.,;]*\b{_EVERYWHERE}"
    rf"|there (?:is|are) no {_TARGET}\b"
    rf"|no {_TARGET} (?:is|are|can be|appears?|exists?)\b[^.,;]*"
    rf"|(?:nothing|no object|none of the objects)(?: {_EVERYWHERE})? (?:matches|fits|match|fit)\b"
    rf"|{_WHY.pattern}:? (?:no frame shows it|none of the frames shows? it|it is in none of the frames)\b"
    r"|there is nothing to (?:box|draw|mark)\b)",
    re.IGNORECASE,
)
_PARTLY = re.compile(
    r"\b(?:if|unless|until|before|after|first|initially|later|early|earlier|at the start|at the end|then|when|while"
    r"|only|no longer|anymore|again|except|but|however|although|though)\b",
    re.IGNORECASE,
)
_COUNTS = {"one": 1, "single": 1, "two": 2, "both": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_COUNT = re.compile(
    rf"\b(?:(?:there (?:is|are)|only|exactly|just|all|the|these|a)\s+(?P<number>{'|'.join(_COUNTS)})|(?P<both>both))\s+"
    r"(?:matching\s+|separate\s+|different\s+|distinct\s+)?(?:targets?|target objects?|matching objects?)\b",
    re.IGNORECASE,
)


def _check_words(answer: Answer, shown: Sequence[int]) -> list[Finding]:
    findings = []
    named = _chosen_frame(answer.thought, shown)
    says_absent = any(_ABSENT.search(part) and not _is_partial(part) for part in _sentences(answer.thought))
    if named is not None and answer.boxes and answer.keyframe is not None and named != answer.keyframe:
        findings.append(
            Finding("other_frame_named", f"The reasoning chooses frame {named}, the answer frame {answer.keyframe}.")
        )
    if says_absent and answer.boxes:
        findings.append(
            Finding("absent_but_boxes", f"The reasoning says the target is absent, the answer boxes {_boxes(answer)}.")
        )
    if named is not None and answer.is_absent and not says_absent:
        findings.append(
            Finding(
                "present_but_no_boxes", f"The reasoning chooses frame {named}, the answer says the target is absent."
            )
        )
    count = _count(answer.thought)
    if count is not None and answer.boxes and count != len(answer.boxes):
        findings.append(
            Finding(
                "count_differs",
                f"The reasoning counts {count} target{'s' if count > 1 else ''}, the answer boxes {_boxes(answer)}.",
            )
        )
    return findings


def _boxes(answer: Answer) -> str:
    return f"{len(answer.boxes)} object{'s' if len(answer.boxes) > 1 else ''}"


def _sentences(thought: str) -> list[str]:
    return [part for part in _SENTENCE.split(thought) if part.strip()]


def _is_partial(sentence: str) -> bool:
    return bool(_PARTLY.search(sentence) or _FRAME.search(sentence))


def _chosen_frame(thought: str, shown: Sequence[int]) -> int | None:
    """Return the one shown frame that the reasoning calls its choice, None where there is none or more than one."""
    chosen = set()
    for sentence in _sentences(thought):
        frames = {int(next(filter(None, match.groups()))) for match in _FRAME.finditer(sentence)}
        is_choice = _WHY.match(sentence) or (_CHOICE.search(sentence) and not _HEDGE.search(sentence))
        if len(frames) == 1 and is_choice:
            chosen |= frames
    return chosen.pop() if len(chosen) == 1 and chosen <= set(shown) else None


def _count(thought: str) -> int | None:
    """Return the number of targets that the reasoning states, None where it states none or more than one number."""
    counts = set()
    for sentence in _sentences(thought):
        if not _HEDGE.search(sentence):
            counts |= {_COUNTS[(match["number"] or match["both"]).lower()] for match in _COUNT.finditer(sentence)}
    return counts.pop() if len(counts) == 1 else None
