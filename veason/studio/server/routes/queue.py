"""The queue screen: what it shows of a project, and what a person decides there or beside the stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from veason.annotation.left_open import LeftOpen, left_open
from veason.atomic import atomic_file
from veason.errors import ProjectError
from veason.project import ChangedElsewhere, Project, Question, StoredVideo
from veason.project.records import Status, Verdict
from veason.project.statistics import Effort, Statistics, object_efforts, rank, statistics
from veason.studio.server.client import Client
from veason.studio.server.messages import PictureReply
from veason.studio.server.messages.queue import (
    AssignedReply,
    CopiedReply,
    DecidedReply,
    EffortPart,
    EffortsReply,
    ManyReply,
    ObjectEffortPart,
    PrelabelReply,
    QueueNewsReply,
    QueueReply,
    QueueRow,
    RemarkPart,
    RemarksReply,
    RulesReply,
    StatusReply,
    VerdictPart,
)
from veason.studio.server.prelabelling import Prelabelling
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.question.open_questions import OpenQuestions
from veason.studio.server.requests.actions import (
    Actions,
    AssignAction,
    AssignManyAction,
    DecideAction,
    DecideManyAction,
    DeleteAction,
    DuplicateAction,
    FramesAction,
    JudgeAction,
    PrelabelAction,
    RemarkAction,
    RenameAction,
    ResolveAction,
    RulesAction,
)
from veason.studio.server.requests.look_ups import EffortsLookUp, QueueLookUp, RemarksLookUp, ThumbLookUp
from veason.studio.server.routes.rows import assign_many, class_parts, copy, delete, each, keep_rules, rename
from veason.studio.server.versions import Versions
from veason.studio.server.views import jpeg

THUMB_SIDE = 240
"""The longer side of a picture in the queue, in pixels."""

ActionReply = PrelabelReply | DecidedReply | StatusReply | AssignedReply | CopiedReply | ManyReply | RulesReply


class QueueRoutes:
    """Look-ups and decisions of the queue.

    Args:
        registry: the projects.
        questions: the ones that are open.
        prelabelling: what works through the queue meanwhile.
        doubt_threshold: a frame above it is doubtful.
    """

    def __init__(
        self,
        registry: ProjectRegistry,
        questions: OpenQuestions,
        prelabelling: Prelabelling,
        *,
        doubt_threshold: float,
    ) -> None:
        self._registry, self._questions, self._prelabelling = registry, questions, prelabelling
        self._doubt_threshold = doubt_threshold
        self._versions = Versions()

    # --- look-ups

    def queue(self, request: QueueLookUp) -> QueueReply | QueueNewsReply:
        """Return everything the screen shows; only how pre-labelling goes where nothing changed since a revision."""
        key, project = request.project, self._registry.get(request.project)
        running = self._prelabelling.progress(key)
        revision = project.library.revision
        if request.revision == revision:
            return QueueNewsReply(revision=revision, prelabel=running)
        numbers, questions = statistics(project), project.library.questions()
        ious, are_all = self._versions.ious(key, project, questions)
        deleted = project.library.questions(is_deleted=True)
        return QueueReply(
            revision=revision if are_all else -1,  # the page asks again for what is missing
            prelabel=running,
            rows=list(self._rows(key, project, (*questions, *deleted), numbers, dict(ious))),
            people=sorted({one.assignee for one in questions if one.assignee}),
            videos=numbers.num_videos,
            masks=numbers.num_masks,
            effort=_effort(numbers.total),
            annotators={name: _effort(effort) for name, effort in numbers.annotators.items()},
            kinds=dict(numbers.total.edits),
            classes=class_parts(project),
            demanded=project.gate.demanded(),
            never_overlap=project.overlap_rule.is_never(),
        )

    def _rows(
        self, key: str, project: Project, questions: Iterable[Question], numbers: Statistics, ious: dict[int, float]
    ) -> Iterator[QueueRow]:
        videos = {video.id: video for video in project.library.videos()}
        remarks, verdicts, disputed, proposed, guesses, counts = (
            project.queue.open_comments(),
            project.queue.standing_verdicts(),
            project.queue.disputed(),
            project.queue.proposed_verdicts(),
            project.queue.guesses(),
            project.queue.object_counts(),
        )
        for one in questions:
            video, effort = videos[one.video_id], _effort(numbers.questions.get(one.id, Effort()))
            is_running = self._questions.is_running(f"{key}.{one.id}")
            yield QueueRow(
                id=one.id,
                video=video.id,
                clip=video.title,
                frames=video.num_frames,
                is_gone=not video.path.exists(),
                instruction=one.instruction,
                status="thinking" if is_running else one.status,
                assignee=one.assignee,
                proposed=proposed.get(one.id),
                objects=counts.get(one.id, 0),
                doubt=one.doubt,
                failure=one.failure,
                is_guess=one.id in guesses,
                is_second=one.original_id is not None,
                seen=one.revision,
                seconds=effort.seconds,
                edits=effort.edits,
                remarks=remarks.get(one.id, 0),
                iou=ious.get(one.id),
                verdicts=_verdicts(verdicts.get(one.id, ())),
                is_disputed=one.id in disputed,
                is_deleted=one.is_deleted,
            )

    def thumb(self, request: ThumbLookUp) -> PictureReply:
        """Return a small picture from the middle of a video; it is kept among the proxies."""
        project = self._registry.get(request.project)
        stored = project.library.video(request.video)
        path = project.proxies / f"{stored.sha256[:16]}.txt"
        if path.is_file():
            return PictureReply(jpeg=path.read_text(encoding="ascii"))
        picture = _middle(project, stored)
        if not project.is_read_only:
            _keep(path, picture)
        return PictureReply(jpeg=picture)

    def remarks(self, request: RemarksLookUp) -> RemarksReply:
        """Return the comments on a question, and what reviewers say of it."""
        project, question_id = self._registry.get(request.project), request.question
        return RemarksReply(
            verdicts=_verdicts(project.queue.standing_verdicts(question_id).get(question_id, ())),
            remarks=[
                RemarkPart(
                    id=one.id,
                    frame=one.frame_index,
                    by=one.annotator or "",
                    text=one.text,
                    time=one.time,
                    is_done=one.is_resolved,
                )
                for one in project.queue.comments(question_id)
            ],
        )

    def efforts(self, request: EffortsLookUp) -> EffortsReply:
        """Return what people have put into each object of a question."""
        found = object_efforts(self._registry.get(request.project), request.question)
        parts = {
            one: ObjectEffortPart(
                seconds=round(effort.seconds, 1),
                clicks=effort.clicks,
                boxes=effort.boxes,
                corrections=effort.corrections,
            )
            for one, effort in found.items()
        }
        return EffortsReply(objects=parts)

    # --- actions

    def act(self, request: Actions) -> ActionReply:
        """Decide, assign or remark on a question, or start and stop pre-labelling."""
        project = self._registry.get(request.project)
        match request:
            case PrelabelAction():
                return self._prelabel(request, project)
            case DecideAction():
                return self._decide(request, project)
            case JudgeAction():
                return self._judge(request, project)
            case FramesAction():
                return self._choose(request, project)
            case AssignAction():
                return _assign(request, project)
            case RemarkAction(question=question_id, text=text, frame=frame_index):
                project.queue.comment(question_id, text.strip(), frame_index, annotator=request.by)
                return _status(project, question_id)
            case ResolveAction(remark=comment_id, on=is_resolved):
                project.queue.resolve(comment_id, annotator=request.by, is_resolved=is_resolved)
                return _status(project, request.question)
            case RenameAction():
                return rename(request, project, self._questions)
            case DuplicateAction():
                return copy(request, project, self._questions)
            case DeleteAction():
                return delete(request, project, self._questions)
            case DecideManyAction():
                return self._decide_many(request, project)
            case AssignManyAction():
                return assign_many(request, project)
            case RulesAction():
                return keep_rules(request, project)

    def _prelabel(self, request: PrelabelAction, project: Project) -> PrelabelReply:
        if request.do == "prelabel":
            self._prelabelling.start(request.project, project)
        else:
            self._prelabelling.stop(request.project)
        return PrelabelReply(prelabel=self._prelabelling.progress(request.project))

    def _choose(self, request: FramesAction, project: Project) -> StatusReply:
        with self._questions.using(f"{request.project}.{request.question}") as question:
            question.range.choose(question.range.checked(request.start, request.stop))
        return _status(project, request.question)

    def _decide_many(self, request: DecideManyAction, project: Project) -> ManyReply:
        def decide(question_id: int) -> None:
            one = DecideAction(do=request.decision, question=question_id, project=request.project, by=request.by)
            self._decide(one, project)

        return each(request.questions, decide)

    def _decide(self, request: DecideAction, project: Project) -> DecidedReply:
        question_id, name = request.question, request.by
        with self._seen(f"{request.project}.{question_id}", request):
            status: Status
            if request.do in ("accept", "absent"):
                if project.gate.demanded():
                    project.gate.check(question_id, self._left_open(project, question_id))
                status = project.queue.accept(question_id, is_absent=request.do == "absent", annotator=name)
            else:
                status = "rejected" if request.do == "reject" else "in review"
                project.queue.set_status(question_id, status, annotator=name)
        rank(project, question_id)
        return DecidedReply(status=status, seen=project.library.question(question_id).revision)

    def _left_open(self, project: Project, question_id: int) -> LeftOpen:
        return left_open(project.labels.state(question_id), self._doubt_threshold, project.doubt.curve())

    def _judge(self, request: JudgeAction, project: Project) -> StatusReply:
        if project.library.question(request.question).status not in ("accepted", "absent"):
            raise ProjectError("a review is about labels that were accepted: accept or reject these first")
        with self._seen(f"{request.project}.{request.question}", request):
            project.queue.judge(request.question, request.do, annotator=request.by)
        return _status(project, request.question)

    @contextmanager
    def _seen(self, work_id: str, client: Client) -> Iterator[None]:
        """Stop the job on a question for a decision about it. Raises ChangedElsewhere if its labels are unseen."""
        with self._questions.using_if_open(work_id) as question:
            if question is None:
                yield
                return
            question.job.stop()
            question.labels.flush(client)
            if question.labels.unseen(client):
                raise ChangedElsewhere("the labels were changed in another tab meanwhile: look at them, then decide")
            yield


def _assign(request: AssignAction, project: Project) -> AssignedReply:
    name, question_id, second = " ".join(request.name.split()), request.question, None
    if request.is_second:
        first = project.library.question(question_id)
        if first.original_id is not None:
            raise ProjectError("this is a second version already: give the first one to another person")
        second = project.library.add_question(first.video_id, first.instruction, name or None, original_id=question_id)
    else:
        project.queue.assign(question_id, name or None, annotator=request.by)
    return AssignedReply(status=project.library.question(question_id).status, second=second)


def _status(project: Project, question_id: int) -> StatusReply:
    return StatusReply(status=project.library.question(question_id).status)


def _verdicts(found: Iterable[Verdict]) -> list[VerdictPart]:
    return [VerdictPart(verdict=one.verdict, by=one.annotator or "") for one in found]


def _effort(effort: Effort) -> EffortPart:
    return EffortPart(seconds=round(effort.seconds, 1), edits=effort.num_edits)


def _middle(project: Project, stored: StoredVideo) -> str:
    with project.library.open_video(stored.id) as video:
        return jpeg(video.frame(stored.num_frames // 2), longest=THUMB_SIDE)


def _keep(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_file(path) as file:
            file.write(text.encode("ascii"))
    except OSError:  # a proxy that cannot be kept is made again
        return
