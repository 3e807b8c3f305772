"""How far two annotators' versions of a question agree, worked out a little at a time while the queue is looked at."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from veason.project import Project, Question
from veason.project.statistics import agreement

_MOST_S = 0.5
"""For how long one look at the queue compares masks; the next look goes on. Source: ours."""


class Versions:
    """The IoU of pairs of versions, kept for as long as neither of the two changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], tuple[tuple[int, int], float]] = {}

    def ious(self, key: str, project: Project, questions: Sequence[Question]) -> tuple[Mapping[int, float], bool]:
        """Return the IoU of each question with its other version, and whether all of them are there already.

        An original with several second versions has that of the one it agrees with least. Versions that nobody has
        worked on are not compared. `key` tells the project from others.
        """
        by_id = {one.id: one for one in questions}
        found: dict[int, float] = {}
        began = time.monotonic()
        for second in questions:
            first = by_id.get(second.original_id or 0)
            if first is None or "new" in (first.status, second.status) or "thinking" in (first.status, second.status):
                continue
            place, revisions = (key, first.id, second.id), (first.revision, second.revision)
            if self._known.get(place, (None, 0.0))[0] != revisions:
                if time.monotonic() - began > _MOST_S:
                    return found, False
                self._known[place] = revisions, agreement(project, first.id, second.id).mean_iou
            iou = self._known[place][1]
            found[second.id] = iou
            found[first.id] = min(iou, found.get(first.id, 1.0))
        return found, True
