"""A project about an example clip: 3 objects, one out of sight for a while, corrections, and every kind of question."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tests.project.made import put_mark
from veason.annotation import Asked, GotAnswer, MoveKeyframe, Occluded, PutPrompt, Reasoned, Tracked
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.from_project import from_project
from veason.masks import encode_mask, mask_box
from veason.project import Project, StoredMask
from veason.types import Answer, Click, Prompt, Rle

EXAMPLES = Path(__file__).parents[2] / "veason" / "assets" / "examples"
CLIP = EXAMPLES / "hide.mp4"
SIZE_WH, NUM_FRAMES = (640, 360), 96
FIRST, LAST = 20, 61
"""Only these frames are labelled (half-open), so that absolute numbers are put to the test."""

AWAY = (34, 44)
"""Where object 2 is out of sight (half-open)."""

NEARLY_AWAY = (31, 34)
"""Where object 2 is partly hidden (half-open)."""

KEYFRAME = 41
SHOWN = (0, 13, 27, 41, 54, 67, 81, 95)


def shape(object_id: int, frame_index: int) -> np.ndarray:
    """Return the mask of an object: 1 is a disc, 2 a disc that overlaps it, 3 a ring in two parts with a hole."""
    width, height = SIZE_WH
    y, x = np.mgrid[:height, :width]
    if object_id == 1:
        return (x - 200 - 2 * frame_index) ** 2 + (y - 150) ** 2 < 55**2
    if object_id == 2:
        return (x - 330) ** 2 / 4 + (y - 100 - 2 * frame_index) ** 2 < 40**2
    distance = (x - 520) ** 2 + (y - 60 - 3 * frame_index) ** 2
    satellite = (abs(x - 600) < 15) & (abs(y - 40 - 3 * frame_index) < 20)
    return ((distance < 50**2) & (distance > 20**2)) | satellite


def stored_masks(object_ids: Iterable[int]) -> list[StoredMask]:
    masks = []
    for object_id in object_ids:
        for frame_index in range(FIRST, LAST):
            rle = encode_mask(shape(object_id, frame_index))
            masks.append(StoredMask(frame_index, object_id, rle, 6.0 + object_id, "propagated"))
    return masks


def box_of(object_id: int, frame_index: int) -> Prompt:
    return Prompt(object_id, frame_index, mask_box(encode_mask(shape(object_id, frame_index))))


def answer_with(project: Project, question: int, thought: str, object_ids: tuple[int, ...]) -> None:
    """Let the policy answer and the segmenter follow."""
    prompts = tuple(box_of(object_id, KEYFRAME) for object_id in object_ids)
    boxes = tuple(prompt.box for prompt in prompts if prompt.box)
    text = f"<think>{thought}</think>\n<answer>...</answer>"
    answer = Answer(thought, KEYFRAME if boxes else None, boxes, (), text)
    instruction = project.library.question(question).instruction
    project.labels.follow(question, [Asked(instruction, SHOWN), GotAnswer(answer, prompts)], source="nano")
    if object_ids:
        project.labels.put_masks(question, stored_masks(object_ids), source="nano segmenter")
        project.labels.follow(question, [Tracked(frozenset(object_ids))], source="nano segmenter")


def make_project(folder: Path, clip: Path = CLIP) -> Project:
    """Return a project with six questions; four are accepted, of which one has outdated reasoning."""
    project = Project.create(folder / "project")
    video = project.library.add_video(clip)
    texts = ("everything that moves", "the round thing", "the sleeping otter", "the ring", "what hides", "the <image>")
    things, disc, otter, ring, hides, mark = (project.library.add_question(video, text) for text in texts)

    answer_with(project, things, "At (41s) three things move.", (1, 2, 3))
    put_mark(project, things, 2, AWAY, "absent", annotator="ann")
    project.labels.record(things, Occluded(2, *NEARLY_AWAY), annotator="ann")
    project.labels.record(
        things, PutPrompt(Prompt(1, 50, clicks=(Click(300, 150), Click(380, 150, False)))), annotator="ann"
    )
    corrected = encode_mask(shape(1, 50) & (np.arange(SIZE_WH[0]) < 330))
    project.labels.put_masks(things, [StoredMask(50, 1, corrected, 9.0, "corrected")], source="nano segmenter")
    project.labels.follow(things, [Tracked(frozenset({1}))], source="nano segmenter")
    project.labels.name_object(things, 3, "ring & more")
    project.labels.record(things, Reasoned("At (41s) all three are seen, one is back."), annotator="ann")
    project.queue.accept(things, annotator="ann")

    answer_with(project, disc, "The disc is at (41s).", (1,))
    project.labels.record(disc, PutPrompt(box_of(1, 45)), annotator="ann")
    project.queue.accept(disc, annotator="ann")  # corrected, and nobody looked at the reasoning since

    answer_with(project, otter, "There is no otter.", ())
    project.labels.record(otter, Reasoned(), annotator="ann")
    project.queue.accept(otter, annotator="ann")

    answer_with(project, ring, "A ring, seen best in (41s).", (3,))
    project.queue.set_status(ring, "in review")

    answer_with(project, hides, "It hides.", (2,))
    project.queue.set_status(hides, "rejected", annotator="ann")

    answer_with(project, mark, "<image> at (41s) is the ring.", (3,))
    project.labels.record(mark, MoveKeyframe(30), annotator="ann")
    project.labels.record(mark, Reasoned(), annotator="ann")
    project.queue.accept(mark, annotator="ann")
    return project


def labelled(folder: Path, clip: Path = CLIP) -> list[LabelledVideo]:
    with make_project(folder, clip) as project:
        return list(from_project(project))


def fingerprint(folder: Path) -> dict[str, str]:
    """Return the content of every file as a hash."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def visible(video: LabelledVideo, *, is_everything: bool = False) -> dict[tuple[int, int], Rle]:
    """Return the masks with a pixel by (object id, frame index), of accepted questions or of all."""
    ids = {key for question in video.questions if is_everything or question.is_accepted for key in question.object_ids}
    return {
        (object_id, frame_index): mask.rle
        for object_id in sorted(ids)
        for frame_index, mask in video.tracks[object_id].items()
        if not mask.is_empty
    }
