"""From a project to labels.

The questions of one video share object ids in labels: an object keeps the id of its question where that is free, and
objects of two questions with the very same masks become one. A second annotator's version of a question names its
original, so that an export can leave it out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from veason.formats.labels.footage import frame_names_of
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask, Track
from veason.formats.projects.names import IMPORTED, NO_WORDS, export_names, name_note
from veason.project import Project, Question, StoredVideo
from veason.project.unanswered import guess_note, policy_note
from veason.types import VideoInfo


def from_project(project: Project, only: Collection[int] | None = None) -> Iterator[LabelledVideo]:
    """Yield the videos of a project that have questions, one at a time, in the order they were added.

    Args:
        project: where the labels are.
        only: ids of the questions to yield; all of them where it is None.
    """
    disputed = project.queue.disputed()
    for name, video in names_of(project).items():
        found = project.library.questions(video_id=video.id)
        questions = tuple(one for one in found if only is None or one.id in only)
        if questions:
            yield _labelled_video(project, video, questions, name, disputed)


def names_of(project: Project) -> dict[str, StoredVideo]:
    """Return the videos of a project by the names that labels have for them, in the order they were added."""
    videos = project.library.videos()
    names = export_names(videos)
    return {names[video.id]: video for video in videos}


def info_of(video: StoredVideo) -> VideoInfo:
    """Return what a project knows of a video; its path only where it is there."""
    return VideoInfo(
        str(video.path) if video.path.exists() else "",
        video.num_frames,
        video.size_wh,
        video.fps,
        video.first_timestamp,
        video.last_timestamp,
        video.has_variable_rate,
        video.decoder,
    )


def _labelled_video(
    project: Project,
    video: StoredVideo,
    questions: tuple[Question, ...],
    name: str,
    disputed: Mapping[int, tuple[str, ...]],
) -> LabelledVideo:
    info = info_of(video)
    names = _question_names(project, questions)
    tracks: dict[int, Track] = {}
    object_names: dict[int, str] = {}
    object_classes: dict[int, str] = {}
    object_attributes: dict[int, Mapping[str, str]] = {}
    labelled = []
    for question in questions:
        own = _tracks(project, question)
        ids = {object_id: _shared_id(object_id, track, tracks) for object_id, track in own.items()}
        tracks |= {ids[object_id]: track for object_id, track in own.items()}
        for each in project.labels.objects(question.id):
            if each.object_id in ids and each.name:
                object_names[ids[each.object_id]] = each.name
        state = project.labels.state(question.id)
        object_classes |= {ids[one]: given for one, given in state.classes.items() if one in ids}
        object_attributes |= {ids[one]: given for one, given in state.attributes.items() if one in ids}
        original = names.get(question.original_id or 0, "")
        labelled.append(
            replace(
                _question(project, question, ids),
                name=names[question.id],
                original=original,
                disputed_by=disputed.get(question.id, ()),
            )
        )
    return LabelledVideo(
        name=name,
        info=info,
        questions=tuple(labelled),
        tracks=tracks,
        object_names=object_names,
        object_classes=object_classes,
        object_attributes=object_attributes,
        frame_names=frame_names_of(info),
        limits=project.library.limits,
    )


def _question_names(project: Project, questions: tuple[Question, ...]) -> dict[int, str]:
    """Return the names of a video's questions: their places, and what imported ones were called, where that is free."""
    called = {question.id: project.library.note(name_note(question.id)) for question in questions}
    names = {one.id: str(place) for place, one in enumerate(questions) if called[one.id] is None}
    taken = set(names.values())
    for question in questions:
        if question.id not in names:
            free = (str(number) for number in range(2 * len(questions)))
            name = called[question.id] or ""
            names[question.id] = name if name not in taken else next(each for each in free if each not in taken)
            taken.add(names[question.id])
    return names


def _tracks(project: Project, question: Question) -> dict[int, Track]:
    """Return the masks of a question's objects; none where a person said that the target is absent."""
    if question.status == "absent":
        return {}
    tracks: dict[int, dict[int, LabelMask]] = {each.object_id: {} for each in project.labels.objects(question.id)}
    for mask in project.labels.masks(question.id):
        tracks[mask.object_id][mask.frame_index] = LabelMask(mask.rle, mask.score, mask.provenance, mask.is_occluded)
    return dict(tracks)


def _shared_id(object_id: int, track: Track, tracks: dict[int, Track]) -> int:
    """Return the id of an equal object that is there already, else a free one."""
    for other, known in tracks.items():
        if track and known == track:
            return other
    return object_id if object_id not in tracks else max(tracks) + 1


def _question(project: Project, question: Question, ids: dict[int, int]) -> LabelledQuestion:
    stored = project.labels.answer(question.id)
    state = project.labels.state(question.id)
    prompts = [each for each in project.labels.prompts(question.id) if each.prompt.object_id in ids]
    return LabelledQuestion(
        name="",
        instruction="" if question.instruction == NO_WORDS else question.instruction,
        object_ids=tuple(ids.values()),
        status=question.status,
        reasoning=question.reasoning,
        thought=stored.thought if stored else "",
        answer_text=stored.answer.text if stored else "",
        shown=stored.shown if stored else state.shown,
        keyframe=state.keyframe,
        prompts=tuple(replace(each.prompt, object_id=ids[each.prompt.object_id]) for each in prompts),
        by_hand=frozenset((ids[each.prompt.object_id], each.prompt.frame_index) for each in prompts if each.is_by_hand),
        policy=_model(stored.policy if stored else project.library.note(policy_note(question.id))),
        segmenter=_model(question.segmenter),
        guess="; ".join(note.message for note in stored.answer.notes if note.kind == "outside_training")
        if stored
        else project.library.note(guess_note(question.id)) or "",
    )


def _model(name: str | None) -> str:
    """Return the name of a model, "" where labels came from elsewhere and nobody said what made them."""
    return "" if name is None or name == IMPORTED else name
