"""Training material: clips drawn once, with the token ids of everything that is asked about them."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from veason.answer import AnswerContext, render_answer
from veason.errors import DataError
from veason.policy.prompt import build_messages
from veason.profile import Profile
from veason.types import Turn
from veason_nano.language.claims import WORTHS
from veason_nano.language.corpus import STEP_MARKS, Style, answer_text, box_text, draw_examples, image_context
from veason_nano.language.records import describe_objects
from veason_nano.policy.model import END, IMAGE, Labels, Size, build_processor, training_profile
from veason_nano.policy.pointers import cell_of, find_spoken_cells
from veason_nano.world.facts import Facts
from veason_nano.world.photos import load_photos, with_photo
from veason_nano.world.scene import COLOURS, PATTERNS, Appearance
from veason_nano.world.shapes import SHAPES
from veason_nano.world.stories import make_scene
from veason_nano.world.view import View, look_at

_VISION_END = "<|vision_end|>"
SHARD = 128
"""Clips in one file of the pool."""

_EXAMPLES = 16


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """What follows the pictures: `ids` from the line break after the last picture to the end mark.

    `start` is the place of the first token to learn; `is_number` marks coordinates and the like, whose neighbours are
    nearly right; `cell` is the visual token that a token speaks of, -1 for none.
    """

    ids: np.ndarray
    start: int
    is_number: np.ndarray
    cell: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class TrainingClip:
    """One view ready for training: pictures, the ids of the prompt up to its last picture, and the branches.

    `objects` is `(N, 3)` colour, shape and pattern, `boxes` is `(N, S, 4)` with NaN where an object is not there.
    `answers` come without a thought; `records` is the beginning of every thought, which tells what every object does;
    `corrections` are examples after a wrong answer.
    """

    seed: int
    images: np.ndarray
    shown: tuple[int, ...]
    prefix: np.ndarray
    objects: np.ndarray
    boxes: np.ndarray
    answers: tuple[Branch, ...]
    tracks: tuple[Branch, ...]
    records: tuple[Branch, ...]
    examples: tuple[Branch, ...]
    corrections: tuple[Branch, ...]


class ClipMaker:
    """Turns seeds into training clips, and questions into token ids, for a policy with this profile.

    Half of the clips have one of `photos` behind them, where there are any.
    """

    def __init__(
        self, profile: Profile, size: Size = Size(), style: Style = "full", photos: Sequence[np.ndarray] = ()
    ) -> None:
        self._size, self._style, self._photos = size, style, photos
        self._profile = profile
        self._processor = build_processor(size)
        self._tokenizer = self._processor.tokenizer

    def make(self, seed: int) -> TrainingClip:
        """Draw one clip and everything asked about it."""
        rng = np.random.default_rng([seed, 977])
        side = self._size.picture
        view = look_at(Facts(with_photo(make_scene(seed), self._photos)), (side, side), count=self._profile.frame_count)
        objects = view.facts.scene.objects
        appearances = [view.facts.scene.actors[actor].appearance for actor in objects]
        examples = draw_examples(view, rng, _EXAMPLES, 0.15, self._style)
        context = self.context(view)
        answers = [
            self._branch(view, example.question.text, render_answer("", example.keyframe, example.boxes, context) + END)
            for example in examples
            if not example.turns
        ]
        begin = f"<think>{STEP_MARKS[0]} {describe_objects(view)}"
        taught = {
            is_corrected: tuple(
                self._branch(view, example.question.text, answer_text(example, context) + END, example.turns)
                for example in examples
                if bool(example.turns) == is_corrected
            )
            for is_corrected in (False, True)
        }
        return TrainingClip(
            seed=seed,
            images=view.images,
            shown=view.shown,
            prefix=self.prefix(view.shown),
            objects=np.array([_appearance_numbers(one) for one in appearances]).reshape(-1, 3),
            boxes=view.boxes[list(objects)],
            answers=tuple(answers),
            tracks=tuple(self._track(view, actor) for actor in objects),
            records=(self._branch(view, examples[0].question.text, begin),),
            examples=taught[False],
            corrections=taught[True],
        )

    def context(self, view: View) -> AnswerContext:
        """Return what an answer about a view is read against; boxes become pixels of its images."""
        return image_context(view, self._profile.space_wh, self._profile.labels)

    def prefix(self, shown: Sequence[int]) -> np.ndarray:
        """Return the ids of a prompt up to the end of its last picture."""
        text = self._chat(shown, "x", ())
        text = text[: text.rindex(_VISION_END) + len(_VISION_END)]
        text = text.replace(IMAGE, IMAGE * self._size.cells**2)
        return np.array(self._tokenizer(text)["input_ids"], np.int32)

    def question_ids(self, shown: Sequence[int], instruction: str, turns: Sequence[Turn] = ()) -> np.ndarray:
        """Return the ids of what follows the pictures in a prompt, up to where the answer starts."""
        text = self._chat(shown, instruction, turns)
        text = text[text.rindex(_VISION_END) + len(_VISION_END) :]
        return np.array(self._tokenizer(text)["input_ids"], np.int32)

    def _chat(self, shown: Sequence[int], instruction: str, turns: Sequence[Turn]) -> str:
        messages = build_messages(self._profile, shown, instruction, turns)
        return self._processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    def _branch(self, view: View, instruction: str, answer: str, turns: Sequence[Turn] = ()) -> Branch:
        """Return a question and its answer."""
        asked = self.question_ids(view.shown, instruction, turns)
        told = self._tokenizer(answer, return_offsets_mapping=True)
        ids = np.concatenate([asked, np.array(told["input_ids"], np.int32)])
        cells = np.full(len(ids), -1, np.int16)
        side = self._size.cells
        labels = view.shown if self._profile.labels == "absolute" else range(len(view.shown))
        for spoken in find_spoken_cells(view, answer, labels):
            cell = cell_of(view.boxes[spoken.actor, spoken.place], self._size.picture, side)
            number = spoken.place * side**2 + cell
            for token, (start, stop) in enumerate(told["offset_mapping"], start=len(asked)):
                if start >= spoken.start - 1 and stop <= spoken.stop and re.search(r"\w", answer[start:stop]):
                    cells[token] = number
        is_number = coordinates(self._tokenizer.convert_ids_to_tokens(ids.tolist()))
        return Branch(ids, len(asked), is_number, cells)

    def _track(self, view: View, actor: int) -> Branch:
        """One object on every frame."""
        context = self.context(view)
        parts = [
            f"frame {context.label_of(frame)} {box_text(view, actor, place) if view.is_there(actor, place) else 'none'}"
            for place, frame in enumerate(view.shown)
        ]
        return self._branch(view, f"track the {view.facts.name(actor)}", f"<think>{', '.join(parts)}</think>{END}")


def _appearance_numbers(appearance: Appearance) -> tuple[int, int, int]:
    return list(COLOURS).index(appearance.colour), SHAPES.index(appearance.shape), PATTERNS.index(appearance.pattern)


def coordinates(tokens: list[str]) -> np.ndarray:
    """Mark the numbers inside square brackets, the columns and rows of paths, and sizes, ways and paces."""
    depth, marks = 0, []
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        is_place = token[0] == "/" or after[:1] == "/" or depth > 0 or before.strip("\u0120") in WORTHS
        marks.append(is_place and re.fullmatch(r"[/\u0120]?\d{1,3}", token) is not None)
        depth = max(0, depth + token.count("[") - token.count("]"))
    return np.array(marks)


def style_labels(style: Style) -> Labels:
    """Return how a style of examples calls frames."""
    return "relative" if style == "relative" else "absolute"


def shard_file(folder: Path, first_seed: int, number: int, style: Style = "full") -> Path:
    """Return the file of a shard."""
    return folder / f"clips_{first_seed}_{number}{'' if style == 'full' else f'_{style}'}.pickle"


def count_shards(folder: Path, first_seed: int, style: Style = "full", skip: int = 0) -> int:
    """Return how many shards from `skip` on have been drawn, counted up to the first that is missing."""
    return next(number for number in count() if not shard_file(folder, first_seed, skip + number, style).is_file())


def draw_pool(
    folder: Path,
    first_seed: int,
    shards: int,
    processes: int,
    style: Style = "full",
    skip: int = 0,
    photos: Path | None = None,
) -> None:
    """Draw the missing ones of `shards` files from `skip` on with several processes, the first ones first.

    `photos` is read by `load_photos`. Files are not drawn again with other photographs: use another folder.
    """
    _read_photos(photos)  # complains here, not in another process
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_one_thread) as drawers:
        for drawn in [
            drawers.submit(_draw, folder, first_seed, number, style, photos) for number in range(skip, skip + shards)
        ]:
            drawn.result()


_read_photos = cache(load_photos)
"""Read once by a process, which draws many shards with them."""


def _one_thread() -> None:
    torch.set_num_threads(1)


def _draw(folder: Path, first_seed: int, number: int, style: Style, photos: Path | None = None) -> None:
    if not shard_file(folder, first_seed, number, style).is_file():
        make_shard(folder, first_seed, number, style, photos)


class _ShardUnpickler(pickle.Unpickler):
    """Reads clips and arrays, nothing else; where a clip's class stood when it was written is no matter."""

    def find_class(self, module: str, name: str) -> Any:
        for known in (TrainingClip, Branch):
            if name == known.__name__:
                return known
        if module.split(".")[0] == "numpy" or (module, name) == ("_codecs", "encode"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"a shard holds no {module}.{name}")


def read_shard(file: Path) -> list[TrainingClip]:
    """Return the clips of a file of the pool.

    Raises:
        DataError: the file is cut off, or not one of the pool.
    """
    try:
        with file.open("rb") as stream:
            return _ShardUnpickler(stream).load()
    except (pickle.UnpicklingError, EOFError, TypeError) as error:
        raise DataError(f"{file} holds no training clips ({error}): delete it, and it is drawn anew") from error


def make_shard(
    folder: Path, first_seed: int, number: int, style: Style = "full", photos: Path | None = None
) -> list[TrainingClip]:
    """Return the clips of a shard; they are read from `folder` where they have been made before."""
    file = shard_file(folder, first_seed, number, style)
    if file.is_file():
        return read_shard(file)
    maker = ClipMaker(training_profile(folder, labels=style_labels(style)), style=style, photos=_read_photos(photos))
    clips = [maker.make(first_seed + number * SHARD + place) for place in range(SHARD)]
    beside = file.with_suffix(f".{os.getpid()}")
    beside.write_bytes(pickle.dumps(clips))
    beside.replace(file)
    return clips
