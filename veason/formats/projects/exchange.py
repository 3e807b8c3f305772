"""From a project to labels, and from labels into a project.

The questions of one video share object ids in labels: an object keeps the id of its question where that is free, and
objects of two questions with the very same masks become one. A second annotator's version of a question names its
original, so that an export can leave it out. Labels that a project has already are not entered again (`again.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from veason.annotation import Asked, Edit, GotAnswer, MoveKeyframe, PutPrompt, Reasoned, Tracked
from veason.errors import ProjectError
from veason.formats.labels.footage import frame_names_of
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask, Track
from veason.formats.projects.earlier import NO_WORDS, Earlier, is_picture_of, remember
from veason.project import Project, Question, StoredMask, StoredVideo
from veason.types import Answer, VideoInfo
from veason.video import open_video


def from_project(project: Project, only: Collection[int] | None = None) -> Iterator[LabelledVideo]:
    """Yield the videos of a project that have questions, one at a time, in the order they were added.

    Args:
        project: where the labels are.
        only: ids of the questions to yield; all of them where it is None.
    """
    taken: set[str] = set()
    disputed = project.disputed()
    for video in project.videos():
        found = project.questions(video_id=video.id)
        questions = tuple(one for one in found if only is None or one.id in only)
        name = _free_name(video, taken)
        taken.add(name)
        if questions:
            yield _labelled_video(project, video, questions, name, disputed)


def _name_of(video: StoredVideo) -> str:
    """Return the name of a video's file or folder, without the mark that a copy inside the project carries."""
    name = video.path.name if video.path.is_dir() else video.path.stem
    return name.removeprefix(f"{video.sha256[:16]}-").replace("\\", "_") or "video"


def _free_name(video: StoredVideo, taken: set[str]) -> str:
    stem = _name_of(video)
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _labelled_video(
    project: Project,
    video: StoredVideo,
    questions: tuple[Question, ...],
    name: str,
    disputed: Mapping[int, tuple[str, ...]],
) -> LabelledVideo:
    info = VideoInfo(
        str(video.path) if video.path.exists() else "",
        video.num_frames,
        video.size_wh,
        video.fps,
        video.first_timestamp,
        video.last_timestamp,
        video.has_variable_rate,
        video.decoder,
    )
    names = _question_names(project, questions)
    tracks: dict[int, Track] = {}
    object_names: dict[int, str] = {}
    labelled = []
    for question in questions:
        own = _tracks(project, question)
        ids = {object_id: _shared_id(object_id, track, tracks) for object_id, track in own.items()}
        tracks |= {ids[object_id]: track for object_id, track in own.items()}
        for each in project.objects(question.id):
            if each.object_id in ids and each.name:
                object_names[ids[each.object_id]] = each.name
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
        frame_names=frame_names_of(info),
    )


def _question_names(project: Project, questions: tuple[Question, ...]) -> dict[int, str]:
    """Return the names of a video's questions: their places, and what imported ones were called, where that is free."""
    called = {question.id: project.note(_called(question.id)) for question in questions}
    names = {one.id: str(place) for place, one in enumerate(questions) if called[one.id] is None}
    taken = set(names.values())
    for question in questions:
        if question.id not in names:
            free = (str(number) for number in range(2 * len(questions)))
            name = called[question.id] or ""
            names[question.id] = name if name not in taken else next(each for each in free if each not in taken)
            taken.add(names[question.id])
    return names


def _called(question_id: int) -> str:
    return f"called {question_id}"


def _tracks(project: Project, question: Question) -> dict[int, Track]:
    """Return the masks of a question's objects; none where a person said that the target is absent."""
    if question.status == "absent":
        return {}
    tracks: dict[int, dict[int, LabelMask]] = {each.object_id: {} for each in project.objects(question.id)}
    for mask in project.masks(question.id):
        tracks[mask.object_id][mask.frame_index] = LabelMask(mask.rle, mask.score, mask.provenance, mask.is_occluded)
    return dict(tracks)


def _shared_id(object_id: int, track: Track, tracks: dict[int, Track]) -> int:
    """Return the id of an equal object that is there already, else a free one."""
    for other, known in tracks.items():
        if track and known == track:
            return other
    return object_id if object_id not in tracks else max(tracks) + 1


def _question(project: Project, question: Question, ids: dict[int, int]) -> LabelledQuestion:
    stored = project.answer(question.id)
    state = project.state(question.id)
    prompts = [each for each in project.prompts(question.id) if each.prompt.object_id in ids]
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
        policy=(stored.policy or "") if stored else "",
        segmenter=question.segmenter or "",
    )


@dataclass(frozen=True, slots=True)
class Imported:
    """How much came into a project.

    Attributes:
        num_videos: with labels that are new.
        num_questions: that were added.
        num_masks: that were added.
        num_known: questions that were there already, with the same labels; nothing was done about them.
        num_changed: of those added, second versions of questions that have other labels.
    """

    num_videos: int = 0
    num_questions: int = 0
    num_masks: int = 0
    num_known: int = 0
    num_changed: int = 0

    def __add__(self, other: Imported) -> Imported:
        return Imported(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def told(self) -> str:
        """Return a sentence about it.

        >>> Imported(1, 2, 40, num_known=1).told()
        'imported 40 masks of 2 questions about 1 video: they wait for review; 1 question was already there'
        >>> Imported(num_known=3).told()
        'nothing new: 3 questions were already there'
        """
        parts = []
        if self.num_questions or not self.num_known:
            masks, questions = _count(self.num_masks, "mask"), _count(self.num_questions, "question")
            parts = [f"imported {masks} of {questions} about {_count(self.num_videos, 'video')}: they wait for review"]
        if self.num_changed:
            parts.append(f"{self.num_changed} differ from what is here and stand beside it as second versions")
        if self.num_known:
            known = f"{_count(self.num_known, 'question')} {'was' if self.num_known == 1 else 'were'} already there"
            parts.append(known if parts else f"nothing new: {known}")
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
    video_id = project.add_video(video.info.path, copy=copy) if video.info.path else _known(project, video).id
    earlier = Earlier(project, video_id)
    ids: dict[str, int] = {}
    num_masks = num_new = num_changed = 0
    for question in video.questions:
        known = earlier.same(video, question)
        if known is not None:
            ids[question.name] = known
            continue
        first = earlier.first_version(question)
        masks = _stored_masks(video, question)
        with project.together():  # killed here, it leaves nothing of the question, and importing again goes on
            ids[question.name] = question_id = project.add_question(
                video_id, question.instruction.strip() or NO_WORDS, original_id=ids.get(question.original, first)
            )
            _enter_answer(project, question_id, question)
            project.put_masks(question_id, masks, source=question.segmenter or "import")
            _enter_review(project, question_id, video, question)
            remember(project, question_id, video, question)
            project.keep_note(_called(question_id), question.name)
        num_new += 1
        num_changed += first is not None
        num_masks += len(masks)
    num_known = len(video.questions) - num_new
    return Imported(int(num_new > 0), num_new, num_masks, num_known, num_changed)


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


def _as_folder(project: Project, video: LabelledVideo) -> LabelledVideo:
    """Return labels whose video neither they nor the project know as those of a video made of their pictures alone.

    Pictures that show a video of the project give way to it.
    """
    own = _of_name(project, video)
    if video.info.path and len(own) == 1 and is_picture_of(project, video.info, own[0]):
        return replace(video, info=replace(video.info, path=""), frame_names=())
    if video.info.path or not video.frame_files or len(own) == 1:
        return video
    folder = next(iter(video.frame_files.values())).parent
    with open_video(folder) as source:
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


def _of_name(project: Project, video: LabelledVideo) -> list[StoredVideo]:
    return [each for each in project.videos() if _name_of(each) == Path(video.name).name]


def _known(project: Project, video: LabelledVideo) -> StoredVideo:
    """Return the project's own video of that name."""
    known = _of_name(project, video)
    if len(known) != 1:
        raise ProjectError(f"the labels {video.name!r} come without a video: add it first, or name it with --videos")
    return known[0]


def _enter_answer(project: Project, question_id: int, question: LabelledQuestion) -> None:
    model_prompts = tuple(p for p in question.prompts if (p.object_id, p.frame_index) not in question.by_hand)
    if question.thought or question.answer_text or question.policy:
        boxes = tuple(each.box for each in model_prompts if each.box and each.frame_index == question.keyframe)
        answer = Answer(question.thought, question.keyframe, boxes, (), question.answer_text)
        edits: list[Edit] = [Asked(question.instruction, question.shown), GotAnswer(answer, model_prompts)]
        project.follow(question_id, edits, source=question.policy or "import")
    else:
        project.follow(question_id, [PutPrompt(prompt) for prompt in model_prompts], source="import")
    for prompt in question.prompts:
        if (prompt.object_id, prompt.frame_index) in question.by_hand:
            project.record(question_id, PutPrompt(prompt))
    if question.keyframe is not None and project.state(question_id).keyframe is None:
        project.follow(question_id, [MoveKeyframe(question.keyframe)], source="import")


def _stored_masks(video: LabelledVideo, question: LabelledQuestion) -> list[StoredMask]:
    return [
        StoredMask(frame_index, object_id, mask.rle, mask.score, mask.provenance, mask.is_occluded)
        for object_id in question.object_ids
        for frame_index, mask in sorted(video.tracks[object_id].items())
    ]


def _enter_review(project: Project, question_id: int, video: LabelledVideo, question: LabelledQuestion) -> None:
    with_masks = frozenset(object_id for object_id in question.object_ids if video.tracks[object_id])
    project.follow(question_id, [Tracked(with_masks)], source=question.segmenter or "import")
    if question.reasoning == "edited":
        project.record(question_id, Reasoned(question.thought))
    elif question.reasoning in ("confirmed", "regenerated"):
        project.record(question_id, Reasoned())
    known = {each.object_id for each in project.objects(question_id)}
    for object_id in question.object_ids:
        if object_id in known and video.object_names.get(object_id):
            project.name_object(question_id, object_id, video.object_names[object_id])
    project.set_status(question_id, "new" if question.status == "thinking" else question.status)
    for name in question.disputed_by:
        project.judge(question_id, "disagree", annotator=name or None)
