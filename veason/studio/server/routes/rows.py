"""What a person does with rows of the queue: reword, copy, delete and restore, decide and hand out several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from veason.annotation import Reworded
from veason.errors import PromptError, VeasonError
from veason.project import Project
from veason.project.classes import ClassAttribute, ObjectClass
from veason.studio.server.messages.queue import (
    AttributePart,
    ClassPart,
    CopiedReply,
    ManyReply,
    RulesReply,
    StatusReply,
)
from veason.studio.server.question.open_questions import OpenQuestions
from veason.studio.server.requests.actions import (
    AssignManyAction,
    DeleteAction,
    DuplicateAction,
    RenameAction,
    RulesAction,
)

MOST_TOLD = 5
"""Reasons that are told of several questions; the rest are counted."""


def rename(request: RenameAction, project: Project, questions: OpenQuestions) -> StatusReply:
    """Give a question other words: one that was asked by an edit, which undo takes back."""
    words, question_id = request.text.strip(), request.question
    if not words:
        raise PromptError("the instruction is empty: describe what to segment, in words")
    with questions.using_if_open(f"{request.project}.{question_id}") as question:
        if question is not None:
            question.labels.flush(request)
        if project.labels.state(question_id).instruction:
            project.labels.record(question_id, Reworded(words), annotator=request.by)
        else:
            project.queue.reword(question_id, words, annotator=request.by)
    return StatusReply(status=project.library.question(question_id).status)


def copy(request: DuplicateAction, project: Project, questions: OpenQuestions) -> CopiedReply:
    """Add a copy of a question, with the masks that have streamed in by now."""
    with questions.using_if_open(f"{request.project}.{request.question}") as question:
        if question is not None:
            question.labels.flush(request)
        return CopiedReply(question=project.library.duplicate_question(request.question, annotator=request.by))


def delete(request: DeleteAction, project: Project, questions: OpenQuestions) -> ManyReply:
    """Delete questions after what runs for them was stopped and kept, or restore them: all of them or none."""
    if request.do == "restore":
        project.queue.restore(request.questions, annotator=request.by)
        return ManyReply(done=request.questions, refused=())
    for question_id in request.questions:
        with questions.using_if_open(f"{request.project}.{question_id}") as question:
            if question is not None:
                question.job.stop()
                question.labels.flush(request)
    project.queue.delete(request.questions, annotator=request.by)
    return ManyReply(done=request.questions, refused=())


def assign_many(request: AssignManyAction, project: Project) -> ManyReply:
    """Give several questions to a person."""
    name = " ".join(request.name.split()) or None
    with project.atomic():
        for question_id in request.questions:
            project.queue.assign(question_id, name, annotator=request.by)
    return ManyReply(done=request.questions, refused=())


def each(question_ids: Sequence[int], act: Callable[[int], object]) -> ManyReply:
    """Do something for each question, and tell of those where it cannot be done; the others are done."""
    done: list[int] = []
    refused: dict[str, int] = {}
    for question_id in dict.fromkeys(question_ids):
        try:
            act(question_id)
        except VeasonError as error:
            told = str(error).removeprefix(f"question {question_id} ")
            refused[told] = refused.get(told, 0) + 1
        else:
            done.append(question_id)
    lines = [told if count == 1 else f"{count} questions: {told}" for told, count in refused.items()]
    more = sum(refused.values()) - sum(list(refused.values())[:MOST_TOLD])
    return ManyReply(done=done, refused=[*lines[:MOST_TOLD], *([f"and {more} more"] if more else [])])


# --- the rules of the project


def keep_rules(request: RulesAction, project: Project) -> RulesReply:
    """Keep the project's classes, what it demands before labels are accepted, and whether its objects may overlap."""
    classes = [
        ObjectClass(
            " ".join(one.name.split()),
            one.colour.lower(),
            one.key.lower(),
            tuple(ClassAttribute(" ".join(part.name.split()), part.values) for part in one.attributes),
        )
        for one in request.classes
    ]
    with project.atomic():
        project.classes.keep(classes, annotator=request.by)
        project.gate.demand(request.demanded, annotator=request.by)
        project.overlap_rule.keep(request.never_overlap, annotator=request.by)
    return RulesReply(
        classes=class_parts(project),
        demanded=project.gate.demanded(),
        never_overlap=project.overlap_rule.is_never(),
    )


def class_parts(project: Project) -> list[ClassPart]:
    """Return the project's classes for the page."""
    return [
        ClassPart(
            name=one.name,
            colour=one.colour,
            key=one.key,
            attributes=[AttributePart(name=part.name, values=part.values) for part in one.attributes],
        )
        for one in project.classes.all()
    ]
