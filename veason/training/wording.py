"""How a row asks, held against how the policy is asked with its profile."""

from __future__ import annotations

from veason.corpus.rows import labels_in
from veason.formats.labels.training import ask_in_text
from veason.profile import Profile

_STAND_IN = "zzinstructionzz"


def instruction_in(asked: str, profile: Profile) -> str | None:
    """Return the instruction that a row asks about, None where it asks in other words than the profile's."""
    before, _, after = ask_in_text(profile, tuple(labels_in(asked, profile)), _STAND_IN)[1].partition(_STAND_IN)
    if not asked.startswith(before) or not asked.endswith(after):
        return None
    return asked[len(before) : len(asked) - len(after)].strip() or None


def as_asked(asked: str, profile: Profile) -> str:
    """Return what a row asks as the policy will be asked it, such as in lower case.

    The row is one of which `instruction_in` tells the instruction.
    """
    return ask_in_text(profile, tuple(labels_in(asked, profile)), instruction_in(asked, profile) or "")[1]
