"""The frames to propagate: proposed by the app until a person chooses others."""

from __future__ import annotations

import json
from contextlib import suppress

from veason.errors import ProjectError
from veason.project import Project
from veason.types import FrameRange


class ChosenRange:
    """The range of a question: `frames` is the one that counts, `home` the one that was proposed last.

    Args:
        project: keeps the range for a restart.
        question_id: of the question.
        num_frames: of its video.
        home: the range to begin with, where none was kept.
    """

    def __init__(self, project: Project, question_id: int, num_frames: int, home: FrameRange) -> None:
        self._project, self._key = project, f"range {question_id}"
        self.home = home
        self.frames = _kept(project.library.note(self._key), num_frames) or home

    def choose(self, frames: FrameRange) -> None:
        """Take a range, and keep it for a restart."""
        if frames == self.frames:
            return
        self.frames = frames
        if not self._project.is_read_only:
            with suppress(ProjectError):  # without it only the proposed range comes back
                self._project.library.keep_note(self._key, json.dumps(frames))

    def propose(self, frames: FrameRange) -> None:
        """Propose a range, which is taken unless a person has chosen another one."""
        has_chosen, self.home = self.frames != self.home, frames
        if not has_chosen:
            self.choose(frames)

    def insist(self, frames: FrameRange) -> None:
        """Propose a range and take it, whatever was chosen."""
        self.home = frames
        self.choose(frames)


def _kept(note: str | None, num_frames: int) -> FrameRange | None:
    """Return the range that a note tells of, None where there is none that fits the video."""
    kept = json.loads(note or "null")
    if kept is not None and 0 <= kept[0] < kept[1] <= num_frames:
        return (kept[0], kept[1])
    return None
