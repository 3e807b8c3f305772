"""The stage: opening a question, asking, editing, masks, and what the page looks up meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from veason.errors import ProjectError, SessionError, VeasonError
from veason.profile import sample_indices
from veason.project import ChangedElsewhere, Project
from veason.studio.server.edits import edit_labels
from veason.studio.server.examples import Example
from veason.studio.server.jobs import Asking, frame_count_of, profile_of, propagate
from veason.studio.server.messages import Item, Message, PictureReply, PulseReply, StopReply, UnknownReply
from veason.studio.server.messages.files import NoticeItem
from veason.studio.server.messages.labels import RefusedItem, TakenItem, UnsavedItem
from veason.studio.server.messages.masks import BusyItem, IdleItem
from veason.studio.server.messages.thinking import ShownItem
from veason.studio.server.model_choice import ModelChoice
from veason.studio.server.model_line import ModelLine
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.question.open_question import OpenQuestion
from veason.studio.server.question.open_questions import OpenQuestions
from veason.studio.server.question.opening_tabs import OpeningTabs
from veason.studio.server.recorded import enter_recorded
from veason.studio.server.requests.edits import Edits
from veason.studio.server.requests.look_ups import FrameLookUp, PulseLookUp, SnapshotLookUp, StopLookUp, UnknownLookUp
from veason.studio.server.requests.stage import OpenExampleRequest, OpenRequest, PropagateRequest, ThinkRequest
from veason.studio.server.uploads import uploaded
from veason.studio.server.views import jpeg, label_items, opened_item, pace_item

EDIT_OPENING_S = 2.0
"""For so long an edit opens the video of a question that is not open; looking at the question takes its time."""


class StageRoutes:
    """Events and look-ups about one question.

    Args:
        models: those in use.
        registry: the projects.
        questions: the ones that are open.
        line: for the models.
        examples: on the welcome page.
        room: a folder for uploads on their way.
    """

    def __init__(
        self,
        models: ModelChoice,
        registry: ProjectRegistry,
        questions: OpenQuestions,
        line: ModelLine,
        examples: Sequence[Example],
        room: Path,
    ) -> None:
        self._models, self._registry, self._questions, self._line = models, registry, questions, line
        self._examples, self._room = examples, room
        self._opening = OpeningTabs()

    # --- events

    def open(self, request: OpenRequest) -> Iterator[Message]:
        """Open an example or an upload as a question without words, or an example with its recorded answer."""
        key, project = self._registry.get_or_make(request.project)
        with self._opening.opening(request.tab or "") as is_cancelled:
            video_id = self._add_video(project, request, is_cancelled)
        recorded = self._examples[request.example].recorded if isinstance(request, OpenExampleRequest) else None
        if recorded is None:
            question_id = project.library.add_draft(video_id)
        else:
            question_id = enter_recorded(project, video_id, recorded)
        with self._questions.using(f"{key}.{question_id}") as question:
            yield self._shown(question)

    def think(self, request: ThinkRequest) -> Iterator[Message]:
        """Stream the reasoning about an instruction, and the answer."""
        work_id = self._question_about(request)
        with self._questions.using(work_id) as question:
            if work_id != request.work:
                request = replace(request, work=work_id, seen=None)
                yield self._shown(question)
                if question.labels.state().answer is not None:
                    told = "You asked this before: here is the answer. Think asks again."
                    yield Message(work=work_id, items=(NoticeItem(level="info", text=told),))
                    return
            who = self._registry.visitor(question.key, request.tab)
            yield from Asking(question, request, self._models.pipeline, self._line, who).messages()

    def edit(self, request: Edits) -> Iterator[Message]:
        """Apply one edit: a box, a deletion, a mark, a name, another keyframe, undo or redo.

        Edits wait for each other, so none of them waits long for a video.
        """
        with self._questions.using(request.work, EDIT_OPENING_S) as question:
            items: Sequence[Item]
            try:
                with question.edit_order.passing(request.stamp):
                    items = edit_labels(question, request, self._models.pipeline)
            except ChangedElsewhere as error:
                items = [NoticeItem(level="error", text=str(error)), *self._shown(question).items]
            except VeasonError as error:
                unsaved = [UnsavedItem()] if isinstance(error, ProjectError) else []
                items = [NoticeItem(level="error", text=str(error)), *unsaved, RefusedItem()]
            else:
                items = [TakenItem(number=request.number), *items]
            yield Message(work=question.id, items=items)

    def propagate(self, request: PropagateRequest) -> Iterator[Message]:
        """Stream masks."""
        with self._questions.using(request.work) as question:
            who = self._registry.visitor(question.key, request.tab)
            yield from propagate(question, request, self._models.pipeline, self._line, who)

    # --- look-ups

    def snapshot(self, request: SnapshotLookUp) -> Message:
        """Return everything the page needs to show a question again, after a refresh or a lost update."""
        with self._questions.using(request.work) as question:
            return self._shown(question)

    def frame(self, request: FrameLookUp) -> PictureReply:
        """Return one exact frame. Raises VideoError where it is not there."""
        with self._questions.using(request.work) as question:
            return PictureReply(jpeg=jpeg(question.video.frame(request.frame), request.longest))

    def stop(self, request: StopLookUp) -> StopReply:
        """Stop what runs for a question, or its opening; without a question, the video that the tab is opening."""
        if request.work is None:
            return StopReply(was_running=self._opening.cancel(request.tab or ""))
        was_opening = self._questions.cancel_opening(request.work)
        with self._questions.using_if_open(request.work) as question:
            was_running = was_opening or (question is not None and question.job.is_running)
            if question is not None:
                question.job.stop()
            return StopReply(was_running=was_running)

    def unknown(self, request: UnknownLookUp) -> UnknownReply:
        """Return the words of an instruction that the policy has never been trained on."""
        policy = self._models.pipeline.policy
        return UnknownReply(words=policy.unknown_words(request.instruction) if policy is not None else ())

    def pulse(self, request: PulseLookUp) -> PulseReply:
        """Tell whether labels were changed elsewhere since the tab last looked."""
        with self._questions.using(request.work) as question:
            return PulseReply(is_behind=bool(question.labels.unseen(request)))

    # --- opening

    def _add_video(self, project: Project, request: OpenRequest, is_cancelled: Callable[[], bool]) -> int:
        """Add an example or an upload to a project and return the video's id; uploads are copied in."""
        if isinstance(request, OpenExampleRequest):
            if request.example >= len(self._examples):
                raise SessionError(f"there is no example {request.example}: there are {len(self._examples)}")
            return project.library.add_video(self._examples[request.example].path, is_cancelled=is_cancelled)
        with uploaded(request.upload, self._room) as source:
            self._registry.check_space(project, source.stat().st_size)
            return project.library.add_video(source, copy=True, is_cancelled=is_cancelled)

    def _question_about(self, request: ThinkRequest) -> str:
        """Return the question on the instruction: the given one while it takes words, else the video's own for it."""
        instruction = request.instruction.strip()
        with self._questions.using(request.work) as question:
            question.edit_order.wait_for(request.after)  # arriving later it would stop the question
            labels, project = question.labels, question.project
            row = project.library.question(question.question_id)
            if not instruction or instruction in (row.instruction, labels.state().instruction):
                return question.id
            if labels.now().takes_words:
                labels.keep_words(instruction, request)
                return question.id
            same = [one for one in project.library.questions(video_id=row.video_id) if one.instruction == instruction]
            question.job.stop()
            found = same[0].id if same else project.library.add_question(row.video_id, instruction)
            return f"{question.key}.{found}"

    # --- what the page is told

    def _shown(self, question: OpenQuestion) -> Message:
        """Return everything there is to show of a question."""
        pipeline, now = self._models.pipeline, question.labels.now()
        state = now.state
        shown = state.shown or sample_indices(state.num_frames, frame_count_of(pipeline))
        return Message(
            work=question.id,
            items=(
                opened_item(question),
                pace_item(pipeline),
                ShownItem(frames=shown),
                *label_items(question, now, profile_of(pipeline)),
                BusyItem() if question.job.is_running else IdleItem(),
            ),
        )
