"""The kinds of hallucination that can be found without a person, each a rule with a name.

A rule looks at what is known of a case and says True, False, or None where it cannot tell: a case that nobody can judge
is not one without fault. What a rule needs is in `CaseFacts`; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

GOOD_JF = 50.0
"""From this J&F in percent on, the masks of a case count as right for `right_for_wrong_reason`. Source: ours."""

LOW_IOU, HIGH_IOU = 0.1, 0.5
"""Boxes below LOW_IOU with the target and above HIGH_IOU with another object are on the wrong object. Source: ours."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What is known of one case.

    Attributes:
        is_read: a usable answer was read; None where no answer was saved beside the masks.
        is_absent: the target is not in the video, by the ground truth; None without one.
        says_absent: the answer says so; None without an answer.
        is_empty: the masks are empty on every scored frame.
        contradictions: kinds of the findings of `veason.consistency.check` and of `veason.lab.claims`.
        jf: J&F in percent, None without ground truth.
        target_iou: IoU of the answer's boxes with the target on the keyframe, None where not known.
        other_iou: the largest such IoU with anything else that is annotated there, None where not known.
        target_on_keyframe: the target is visible on the keyframe, None where not known.
        false_statements: statements of the reasoning that are false of the clip, None where none was measured.
    """

    is_read: bool | None
    is_absent: bool | None
    says_absent: bool | None
    is_empty: bool
    contradictions: frozenset[str] = frozenset()
    jf: float | None = None
    target_iou: float | None = None
    other_iou: float | None = None
    target_on_keyframe: bool | None = None
    false_statements: int | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """One kind of hallucination: the column's name, what it means, and the rule."""

    name: str
    meaning: str
    rule: Callable[[CaseFacts], bool | None]


def _absent_answered(facts: CaseFacts) -> bool | None:
    if facts.is_absent is None or facts.is_read is False:
        return None
    claimed = not facts.is_empty if facts.says_absent is None else not facts.says_absent
    return facts.is_absent and claimed


def _present_denied(facts: CaseFacts) -> bool | None:
    if facts.is_absent is None or facts.is_read is False:
        return None
    denied = facts.is_empty if facts.says_absent is None else facts.says_absent
    return not facts.is_absent and denied


def _contradiction(*kinds: str) -> Callable[[CaseFacts], bool | None]:
    def rule(facts: CaseFacts) -> bool | None:
        return bool(facts.contradictions & set(kinds)) if facts.is_read else None

    return rule


def _wrong_instance(facts: CaseFacts) -> bool | None:
    if facts.is_read is False:
        return None
    if facts.is_absent:
        return False
    if facts.target_iou is None or facts.other_iou is None:
        return None
    return facts.target_iou < LOW_IOU and facts.other_iou >= HIGH_IOU


def _wrong_frame(facts: CaseFacts) -> bool | None:
    if facts.is_absent or facts.says_absent or facts.target_on_keyframe is None:
        return None
    return not facts.target_on_keyframe


def _false_reason(facts: CaseFacts) -> bool | None:
    return None if facts.false_statements is None else facts.false_statements > 0


def _right_for_wrong_reason(facts: CaseFacts) -> bool | None:
    if facts.jf is None or facts.is_read is not True:
        return None
    return facts.jf >= GOOD_JF and bool(facts.contradictions & REASON_KINDS or facts.false_statements)


REASON_KINDS = {"other_frame_named", "absent_but_boxes", "present_but_no_boxes", "count_differs"} | {
    "side_differs", "colour_differs"
}  # fmt: skip
"""Findings that set the reasoning against the answer."""

FLAGS: tuple[Flag, ...] = (
    Flag("unreadable", "what the policy wrote holds no usable answer", lambda facts: _not(facts.is_read)),
    Flag("absent_answered", "the target is not in the video, and it was answered as if it were", _absent_answered),
    Flag("present_denied", "the target is in the video, and the answer says it is not", _present_denied),
    Flag("wrong_instance", "the boxes lie on another annotated object than the target", _wrong_instance),
    Flag("wrong_frame", "the target is not visible on the chosen keyframe", _wrong_frame),
    Flag("frame_differs", "the reasoning chooses another frame than the answer", _contradiction("other_frame_named")),
    Flag("count_differs", "the reasoning counts another number of targets", _contradiction("count_differs")),
    Flag(
        "absence_differs", "reasoning and answer disagree on whether the target is there",
        _contradiction("absent_but_boxes", "present_but_no_boxes"),
    ),
    Flag("side_differs", "the reasoning puts the target on another side", _contradiction("side_differs")),
    Flag(
        "colour_differs", "the reasoning gives the target a colour that the boxed picture does not have",
        _contradiction("colour_differs"),
    ),
    Flag("keyframe_not_shown", "the keyframe is one that the policy never saw", _contradiction("keyframe_not_shown")),
    Flag("box_outside", "a box of the answer reaches out of the picture", _contradiction("box_outside")),
    Flag("false_reason", "the reasoning states something that is false of the clip", _false_reason),
    Flag("right_for_wrong_reason", "good masks, but the reasoning contradicts answer or clip", _right_for_wrong_reason),
)  # fmt: skip


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def raised(facts: CaseFacts) -> dict[str, bool | None]:
    """Return every flag of a case by name: True, False, or None where it cannot be told."""
    return {flag.name: flag.rule(facts) for flag in FLAGS}
