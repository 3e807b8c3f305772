"""The world as a corpus: questions about clips with true reasoning, in the form that `veason train sft` reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from veason.formats.labels.pictures import save_jpeg
from veason.formats.labels.training import ask_in_text
from veason.formats.sft.writer import sharegpt_row, write_rows
from veason.profile import Profile
from veason_nano.dataset import choose_questions, clip_size, draw_scene
from veason_nano.language.corpus import answer_text, image_context, make_example
from veason_nano.world.facts import Facts
from veason_nano.world.footage import DrawnVideo
from veason_nano.world.view import look_at

_STREAM = 53


def write_corpus(
    out: Path,
    profile: Profile,
    split: str,
    seed: int,
    clips: int,
    *,
    longest: int = 64,
    questions: int = 4,
    photos: Sequence[np.ndarray] = (),
) -> int:
    """Write the clips that `veason_nano.dataset.draw_videos` draws of the same numbers as a corpus.

    Args:
        out: folder of the corpus; what is there of the same names is replaced.
        profile: of the policy that will be trained: how many frames it is shown, their size and their labels.
        split: "train", "valid" or "test".
        seed: which clips of the split.
        clips: how many.
        longest: most frames in a clip, 16 or more.
        questions: most questions about a clip.
        photos: `(H, W, 3)` uint8 pictures to put behind half of the clips.

    Returns:
        How many rows were written: one a question.
    """
    rows = (
        row for number in range(clips) for row in _rows(out, profile, split, seed, number, longest, questions, photos)
    )
    out.mkdir(parents=True, exist_ok=True)
    return write_rows(out, rows)


def _rows(
    out: Path,
    profile: Profile,
    split: str,
    seed: int,
    number: int,
    longest: int,
    questions: int,
    photos: Sequence[np.ndarray],
) -> Iterator[dict[str, Any]]:
    scene = draw_scene(split, seed, number, longest, photos)
    view = look_at(Facts(scene), profile.size_wh, count=profile.frame_count)
    folder = Path("images") / f"{split}_{seed:03d}_{number:05d}"
    (out / folder).mkdir(parents=True, exist_ok=True)
    video = DrawnVideo(scene, clip_size(scene))
    files = [folder / f"{index:05d}.jpg" for index in view.shown]
    for index, file in zip(view.shown, files, strict=True):
        save_jpeg(video.frame(index), out / file, profile.size_wh)
    rng = np.random.default_rng([scene.seed, _STREAM])
    context = image_context(view, profile.space_wh, profile.labels)
    for question in choose_questions(scene, questions):
        answer = answer_text(make_example(view, question, rng), context)
        system, user = ask_in_text(profile, view.shown, question.text)
        yield sharegpt_row(system, user, answer, [file.as_posix() for file in files])
