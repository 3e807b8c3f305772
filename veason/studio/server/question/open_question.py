"""One question with its video, shared by all tabs that show it.

Everything done lies in the project before it is told to the page; what is here can be made again at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from veason.errors import ProjectError
from veason.pipeline import starting_range
from veason.project import Project, Question
from veason.studio.server.proposals import Proposal
from veason.studio.server.question.chosen_range import ChosenRange
from veason.studio.server.question.edit_order import EditOrder
from veason.studio.server.question.job import Job
from veason.studio.server.question.labels import Labels
from veason.studio.server.question.video_lease import VideoLease
from veason.video import Video


class OpenQuestion:
    """The parts of an open question.

    Attributes:
        id: what pages call it: the project's key, a dot, the question's id.
        key: of the project.
        project: it belongs to.
        question_id: in the project.
        title: of the clip.
        labels: what is labelled.
        job: what runs.
        edit_order: which edit came last.
        range: the frames to propagate.
        proposals: all answers, where several were asked for.
        asked: how many were.
    """

    def __init__(
        self, key: str, project: Project, question: Question, is_cancelled: Callable[[], bool] | None = None
    ) -> None:
        stored = project.library.video(question.video_id)
        self.id = f"{key}.{question.id}"
        self.key, self.project, self.question_id, self.title = key, project, question.id, stored.title
        self.lease = VideoLease(project.library.open_video(stored.id, is_cancelled))
        self.labels = Labels(project, question.id)
        self.job = Job()
        self.edit_order = EditOrder()
        info = self.video.info
        home = starting_range(info, project.labels.state(question.id).keyframe or 0)
        self.range = ChosenRange(project, question.id, info.num_frames, home)
        self.proposals: tuple[Proposal, ...] = ()
        self.asked = 1

    @property
    def video(self) -> Video:
        """The video; hold the lease while it is read."""
        return self.lease.video

    @property
    def is_idle(self) -> bool:
        """True where nobody uses it and nothing runs."""
        return not self.lease.is_held and not self.job.is_running

    def end(self) -> None:
        """Wait for the job that was stopped, put on the disk what it left, and give the video up."""
        with self.job.ended(), suppress(ProjectError):  # nobody is left to be told
            self.labels.flush()
        self.lease.give_up()
