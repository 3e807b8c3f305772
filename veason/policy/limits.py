"""What a policy was not trained on: words, numbers of frames and pictures that it has never seen.

A small policy answers whatever it is asked, also where it cannot know. Its checkpoint says what it was trained on (its
profile, and a file about pictures beside the weights), and a question outside of that is told apart before it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from veason.policy.prompt import unknown_words, words_of
from veason.profile import Profile
from veason.types import Answered, Note, PolicyEvent

_MOST_NAMED = 6


def outside_training(profile: Profile, shown: Sequence[int], instruction: str) -> tuple[Note, ...]:
    """Return why an instruction or the frames to show lie outside of what the profile says the policy knows.

    Args:
        profile: of the policy; without a vocabulary and a largest label everything is known.
        shown: absolute indices of the frames.
        instruction: what to look for, in words.
    """
    reasons = []
    unknown = unknown_words(instruction, profile.vocabulary)
    if unknown:
        named = ", ".join(unknown[:_MOST_NAMED]) + (", ..." if len(unknown) > _MOST_NAMED else "")
        reasons.append(f"it has never seen these words: {named}")
    elif profile.vocabulary and not words_of(instruction):
        reasons.append("the instruction has no word that it knows")
    largest = max(shown, default=0) if profile.labels == "absolute" else len(shown) - 1
    if profile.largest_label is not None and largest > profile.largest_label:
        reasons.append(f"it was trained on frame numbers up to {profile.largest_label}, and this clip has {largest}")
    return tuple(Note("outside_training", reason) for reason in reasons)


def with_notes(event: PolicyEvent, notes: tuple[Note, ...]) -> PolicyEvent:
    """Return the event; if it is an answer, with the notes before its own."""
    if not isinstance(event, Answered) or not notes:
        return event
    return replace(event, answer=replace(event.answer, notes=(*notes, *event.answer.notes)))
