"""The law of conservation: every shape of a file comes in, or is told as left out by its kind and the reason.

    tally.find("polygon")                       # when the file is read, before anything is decided
    tally.take("polygon")                       # when it has become a mask or a prompt
    tally.leave("polygon", "with 2 points")     # or else

A reader counts what it meets on its own, not what it keeps: an import whose sums differ ends in an error.
"""

from __future__ import annotations

from collections import Counter

from veason.errors import DataError
from veason.formats.labels.values import LabelledVideo

DAMAGED = "that cannot be read"
"""Why a shape is left out whose numbers are none or do not fit each other."""


class ImportTally:
    """Counts while an import runs. A kind is a noun in the singular ("mask", "box"), a reason follows it in a sentence.

    Attributes:
        found: what the file holds, by kind.
        taken: what came in, by kind.
        left_out: what did not, by kind and reason.
        damage: what is wrong with the first shape of each kind that cannot be read.
    """

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.left_out: Counter[tuple[str, str]] = Counter()
        self.damage: dict[str, str] = {}

    def find(self, kind: str, number: int = 1) -> None:
        """Count what is in the file."""
        self.found[kind] += number

    def take(self, kind: str, number: int = 1) -> None:
        """Count what comes in."""
        self.taken[kind] += number

    def leave(self, kind: str, reason: str, number: int = 1) -> None:
        """Count what does not come in, and why."""
        self.left_out[kind, reason] += number

    def leave_damaged(self, kind: str, error: DataError) -> None:
        """Count a shape whose numbers cannot be read; of the first of a kind it is told where it is and why."""
        self.damage.setdefault(kind, str(error))
        self.leave(kind, DAMAGED)

    def leave_taken(self, kind: str, reason: str, number: int = 1) -> None:
        """Count what was taken as left out after all."""
        self.take(kind, -number)
        self.leave(kind, reason, number)

    def take_whole(self, video: LabelledVideo) -> None:
        """Count the masks with a pixel and the prompts of a video as found and taken, where a reader drops nothing."""
        masks = sum(not mask.is_empty for track in video.tracks.values() for mask in track.values())
        boxes = sum(prompt.box is not None for question in video.questions for prompt in question.prompts)
        for kind, number in (("mask", masks), ("box", boxes)):
            self.find(kind, number)
            self.take(kind, number)

    def check(self, source: object) -> None:
        """Raise DataError unless everything found is taken or left out, kind by kind."""
        left = Counter[str]()
        for (kind, _), number in self.left_out.items():
            left[kind] += number
        for kind in sorted({*self.found, *self.taken, *left}):
            if self.found[kind] != self.taken[kind] + left[kind]:
                raise DataError(
                    f"{source}: holds {counted(self.found[kind], kind)}, of which {self.taken[kind]} came in and "
                    f"{left[kind]} were left out: the reader has lost count. Nothing was imported; please report this "
                    "file"
                )

    def found_text(self) -> str:
        """Return what the file holds, such as "3 masks and 1 box", or "nothing"."""
        parts = [counted(number, kind) for kind, number in sorted(self.found.items()) if number]
        return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else "nothing"

    def lines(self) -> tuple[str, ...]:
        """Return what was left out, a line a kind and reason: ("2 polygons with 2 points",)."""
        return tuple(
            f"{counted(number, kind)} {reason}" + (f" ({self.damage[kind]})" if reason == DAMAGED else "")
            for (kind, reason), number in self.left_out.items()
            if number
        )


def counted(number: int, kind: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "box"), counted(3, "box"), counted(2, "part of a polygon")
    ('1 box', '3 boxes', '2 parts of a polygon')
    """
    noun, *rest = kind.split(" of ")
    ending = "" if number == 1 else "es" if noun.endswith(("x", "s")) else "s"
    return f"{number} {' of '.join([noun + ending, *rest])}"
