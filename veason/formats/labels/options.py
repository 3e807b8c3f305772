"""How labels are to be written."""

from __future__ import annotations

from dataclasses import dataclass

from veason.profile import GENERIC, Profile


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How to export.

    Attributes:
        is_everything: take questions that nobody has accepted as well.
        has_disputed: take accepted questions that a reviewer disagrees with as well.
        is_forced: replace an earlier export in the same folder.
        has_overlaps: leave overlapping masks as they are; without it no two objects of a question share a pixel: a
            person's mask keeps it, else the one with the higher object score, else the one of the lower id.
        has_pictures: write the frames with the labels where the format leaves the choice.
        profile: how the policy to be trained wants its frames (sft and grpo).
    """

    is_everything: bool = False
    has_disputed: bool = False
    is_forced: bool = False
    has_overlaps: bool = True
    has_pictures: bool = True
    profile: Profile = GENERIC
