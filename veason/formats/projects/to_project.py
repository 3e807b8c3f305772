"""From labels into a project: each question whole or not at all, and none that is there already (`earlier.py`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from veason.annotation import Asked, Classed, Edit, GotAnswer, MoveKeyframe, PutPrompt, Reasoned, Tracked
from veason.draw import color_of
from veason.errors import ProjectError
from veason.formats.labels.footage import frame_names_of
from veason.formats.labels.values import LabelledQuestion, LabelledVideo
from veason.formats.projects.earlier import Earlier, is_picture_of, remember
from veason.formats.projects.names import IMPORTED, export_names, marked_name, name_note, videos_called
from veason.project import Project, StoredMask, StoredVideo
from veason.project.classes import MOST_NAME_LETTERS, ObjectClass
from veason.project.unanswered import guess_note, policy_note
from veason.types import Answer, Note
from veason.video import open_video


@dataclass(frozen=True, slots=True)
class Imported:
    """How much came into a project.

    Attributes:
        num_videos: with labels that are new.
        num_questions: that were added.
        num_masks: with a pixel, that were added; one that several questions are about counts once.
        num_known: questions that were there already, with the same labels; nothing was done about them.
        num_changed: of those added, second versions of questions that have other labels.
        num_boxes: boxes of objects without masks on their frame, that were added; counted alike.
        left_out: what did not come in, a line a kind and reason.
    """

    num_videos: int = 0
    num_questions: int = 0
    num_masks: int = 0
    num_known: int = 0
    num_changed: int = 0
    num_boxes: int = 0
    left_out: tuple[str, ...] = ()

    def __add__(self, other: Imported) -> Imported:
        return Imported(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def summary(self) -> str:
        """Return a sentence about it.

        >>> Imported(1, 2, 40, num_known=1).summary()
        'imported 40 masks of 2 questions about 1 video: they wait for review; 1 question was already there'
        >>> Imported(num_known=3).summary()
        'nothing new: 3 questions were already there'
        >>> Imported(1, 1, 3, left_out=("2 polygons with 2 points",)).summary()
        'imported 3 masks of 1 question about 1 video: they wait for review; left out: 2 polygons with 2 points'
        """
        parts = []
        if self.num_questions or not self.num_known:
            shapes = [_count(self.num_masks, "mask")] if self.num_masks or not self.num_boxes else []
            shapes += [f"{self.num_boxes} box{'es' * (self.num_boxes != 1)}"] if self.num_boxes else []
            about = f"{_count(self.num_questions, 'question')} about {_count(self.num_videos, 'video')}"
            parts = [f"imported {' and '.join(shapes)} of {about}: they wait for review"]
        if self.num_changed:
            parts.append(f"{self.num_changed} differ from what is here and stand beside it as second versions")
        if self.num_known:
            known = f"{_count(self.num_known, 'question')} {'was' if self.num_known == 1 else 'were'} already there"
            parts.append(known if parts else f"nothing new: {known}")
        if self.left_out:
            parts.append(f"left out: {', '.join(self.left_out)}")
        return "; ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def to_project(project: Project, video: LabelledVideo, *, copy: bool = False) -> Imported:
    """Add a labelled video to a project: its questions with answers, prompts and masks.

    A video that the project has already is not added again, nor are labels that it has. Other labels of a question
    that it has become a second version of it. Labels of other programs are to be reviewed; those of a bundle keep
    their status and reasoning ("regenerated" comes back as "confirmed").

    Each question comes in whole or not at all: after an end in the middle, importing again brings the rest.

    Raises:
        ProjectError: the video of the labels is not known, or is not the one that was labelled.
        VideoError: it cannot be opened.
    """
    video = _as_folder(project, video)
    check_fits(project, video)
    video_id = project.library.add_video(video.info.path, copy=copy) if video.info.path else _known(project, video).id
    _check_same_frames(project.library.video(video_id), video)
    earlier = Earlier(project, video_id)
    ids: dict[str, int] = {}
    num_new = num_changed = 0
    new_masks: set[tuple[int, int]] = set()
    new_boxes: set[tuple[int, int]] = set()
    for question in video.questions:
        known = earlier.same(video, question)
        if known is not None:
            ids[question.name] = known
            continue
        first = earlier.first_version(question)
        masks = _stored_masks(video, question)
        with project.atomic():  # killed here, it leaves nothing of the question, and importing again goes on
            original = ids.get(question.original, first)
            if question.instruction.strip():
                question_id = project.library.add_question(video_id, question.instruction, original_id=original)
            else:
                question_id = project.library.add_unworded(video_id, original_id=original)
            ids[question.name] = question_id
            _enter_answer(project, question_id, question)
            project.labels.put_masks(question_id, masks, source=question.segmenter or IMPORTED)
            _enter_review(project, question_id, video, question)
            remember(project, question_id, video, question)
            project.library.keep_note(name_note(question_id), question.name)
        num_new += 1
        num_changed += first is not None
        new_masks |= {
            (object_id, frame_index)
            for object_id in question.object_ids
            for frame_index, mask in video.tracks[object_id].items()
            if not mask.is_empty
        }
        new_boxes |= {(each.object_id, each.frame_index) for each in question.prompts if each.box}
    num_known = len(video.questions) - num_new
    num_boxes = len(new_boxes - new_masks)
    return Imported(int(num_new > 0), num_new, len(new_masks), num_known, num_changed, num_boxes)


def check_fits(project: Project, video: LabelledVideo) -> None:
    """Raise ProjectError unless the labels' video is known and every mask lies inside it."""
    video = _as_folder(project, video)
    num_frames, size_wh = video.info.num_frames, video.info.size_wh
    if not video.info.path:
        known = _known(project, video)
        num_frames, size_wh = known.num_frames, known.size_wh
    for object_id, track in video.tracks.items():
        for frame_index, mask in track.items():
            if frame_index >= num_frames or mask.rle.size_hw != (size_wh[1], size_wh[0]):
                raise ProjectError(
                    f"the labels {video.name!r} have a mask of (H, W) {mask.rle.size_hw} on frame {frame_index} for "
                    f"object {object_id}, their video has {num_frames} frames of {size_wh}: name the one that was "
                    "labelled with --videos"
                )


def _check_same_frames(stored: StoredVideo, video: LabelledVideo) -> None:
    """Raise ProjectError where the file of a video changed since it was labelled."""
    info = video.info
    if info.path and (stored.num_frames, stored.size_wh) != (info.num_frames, info.size_wh):
        raise ProjectError(
            f"{info.path} has {stored.num_frames} frames of {stored.size_wh}, the labels {video.name!r} are about "
            f"{info.num_frames} of {info.size_wh}: name the video that was labelled with --videos"
        )


def _as_folder(project: Project, video: LabelledVideo) -> LabelledVideo:
    """Return labels whose video neither they nor the project know as those of a video made of their pictures alone.

    Pictures that show a video of the project give way to it.
    """
    own = videos_called(project.library.videos(), video.name)
    shown = [one for one in own if video.info.path and is_picture_of(project, video.info, one)]
    if len(shown) == 1:
        return replace(video, name=marked_name(shown[0]), info=replace(video.info, path=""), frame_names=())
    if video.info.path or not video.frame_files or len(own) == 1:
        return video
    folder = next(iter(video.frame_files.values())).parent
    with open_video(folder, limits=project.library.limits) as source:
        info = source.info
    place = {frame_index: number for number, frame_index in enumerate(sorted(video.frame_files))}
    try:
        return replace(
            video,
            info=info,
            frame_names=frame_names_of(info),
            frame_files={},
            tracks={key: {place[index]: mask for index, mask in track.items()} for key, track in video.tracks.items()},
            questions=tuple(_moved(question, place) for question in video.questions),
        )
    except KeyError as error:
        raise ProjectError(f"{folder} has no picture of frame {error}, which is labelled: name the video") from error


def _moved(question: LabelledQuestion, place: dict[int, int]) -> LabelledQuestion:
    return replace(
        question,
        shown=tuple(place[index] for index in question.shown if index in place),
        keyframe=place.get(question.keyframe) if question.keyframe is not None else None,
        prompts=tuple(replace(prompt, frame_index=place[prompt.frame_index]) for prompt in question.prompts),
        by_hand=frozenset((object_id, place[index]) for object_id, index in question.by_hand),
    )


def _known(project: Project, video: LabelledVideo) -> StoredVideo:
    """Return the project's own video of that name."""
    videos = project.library.videos()
    known = videos_called(videos, video.name)
    if len(known) > 1:
        names = export_names(videos)
        raise ProjectError(
            f"the project has {len(known)} videos that the labels {video.name!r} may be about; exports call them "
            f"{', '.join(names[one.id] for one in known)}: use such a name in the labels, or name the one that was "
            "labelled with --videos"
        )
    if not known:
        raise ProjectError(f"the labels {video.name!r} come without a video: add it first, or name it with --videos")
    return known[0]


def _enter_answer(project: Project, question_id: int, question: LabelledQuestion) -> None:
    model_prompts = tuple(p for p in question.prompts if (p.object_id, p.frame_index) not in question.by_hand)
    if question.thought or question.answer_text or (question.policy and question.keyframe is not None):
        boxes = tuple(each.box for each in model_prompts if each.box and each.frame_index == question.keyframe)
        notes = (Note("outside_training", question.guess),) if question.guess else ()
        answer = Answer(question.thought, question.keyframe, boxes, notes, question.answer_text)
        edits: list[Edit] = [Asked(question.instruction, question.shown), GotAnswer(answer, model_prompts)]
        project.labels.follow(question_id, edits, source=question.policy or IMPORTED)
    else:  # labels of a policy whose answer did not come along: no answer is made up for them
        project.labels.follow(question_id, [PutPrompt(prompt) for prompt in model_prompts], source=IMPORTED)
        if question.policy:
            project.library.keep_note(policy_note(question_id), question.policy)
        if question.guess:
            project.library.keep_note(guess_note(question_id), question.guess)
    for prompt in question.prompts:
        if (prompt.object_id, prompt.frame_index) in question.by_hand:
            project.labels.record(question_id, PutPrompt(prompt))
    if question.keyframe is not None and project.labels.state(question_id).keyframe is None:
        project.labels.follow(question_id, [MoveKeyframe(question.keyframe)], source=IMPORTED)


def _stored_masks(video: LabelledVideo, question: LabelledQuestion) -> list[StoredMask]:
    return [
        StoredMask(frame_index, object_id, mask.rle, mask.score, mask.provenance, mask.is_occluded)
        for object_id in question.object_ids
        for frame_index, mask in sorted(video.tracks[object_id].items())
    ]


def _enter_review(project: Project, question_id: int, video: LabelledVideo, question: LabelledQuestion) -> None:
    with_masks = frozenset(object_id for object_id in question.object_ids if video.tracks[object_id])
    project.labels.follow(question_id, [Tracked(with_masks)], source=question.segmenter or IMPORTED)
    if question.reasoning == "edited":
        project.labels.record(question_id, Reasoned(question.thought))
    elif question.reasoning in ("confirmed", "regenerated"):
        project.labels.record(question_id, Reasoned())
    known = {each.object_id for each in project.labels.objects(question_id)}
    for object_id in question.object_ids:
        if object_id in known and video.object_names.get(object_id):
            project.labels.name_object(question_id, object_id, video.object_names[object_id])
    _enter_classes(project, question_id, video, question)
    project.queue.set_status(question_id, "new" if question.status == "thinking" else question.status)
    for name in question.disputed_by:
        project.queue.judge(question_id, "disagree", annotator=name or None)


def _enter_classes(project: Project, question_id: int, video: LabelledVideo, question: LabelledQuestion) -> None:
    """Give objects their classes; those that the project does not have yet come into its list."""
    known = {each.object_id for each in project.labels.objects(question_id)}
    named = {one: video.object_classes[one] for one in question.object_ids if video.object_classes.get(one)}
    names = {one: " ".join(name.split())[:MOST_NAME_LETTERS].strip() for one, name in named.items() if one in known}
    for object_id, name in names.items():
        if name.isprintable() and name:
            given = dict(video.object_attributes.get(object_id, {}))
            project.labels.follow(question_id, [Classed(object_id, name, given)], source=IMPORTED)
    first = len(project.classes.all())
    new = [name for name in dict.fromkeys(names.values()) if name.isprintable() and name]
    project.classes.add_missing(
        [ObjectClass(name, color_of(first + place).lower()) for place, name in enumerate(new, start=1)]
    )
