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
        has_pictures: write the frames with the labels where the format leaves the choice.
        profile: how the policy to be trained wants its frames (sft and grpo).
    """

    is_everything: bool = False
    has_disputed: bool = False
    is_forced: bool = False
    has_pictures: bool = True
    profile: Profile = GENERIC
