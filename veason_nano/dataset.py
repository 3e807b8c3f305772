"""The world as a benchmark: clips with exact masks and checked questions, in the form that `veason.formats` writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from veason.formats.datasets import WriteExpression, WriteVideo
from veason_nano.language.questions import WorldQuestion, draw_questions
from veason_nano.world.facts import Facts
from veason_nano.world.footage import DrawnVideo
from veason_nano.world.photos import PHOTO_SHARE, with_photo
from veason_nano.world.scene import Scene
from veason_nano.world.stories import make_scene
from veason_nano.world.view import look_at

FIRST_SEEDS = {"train": 10_000_000, "valid": 50_000_000, "test": 90_000_000}
"""Where the seeds of each split start, so that no clip is in two of them."""

_HEIGHT = 288
"""Height of the clips in pixels."""

_SEEDS_APART = 100_000


def clip_seed(split: str, seed: int, number: int) -> int:
    """Return the scene seed of clip `number` in a split drawn with `seed`."""
    return FIRST_SEEDS[split] + seed * _SEEDS_APART + number


def draw_videos(
    split: str,
    seed: int,
    clips: int,
    *,
    longest: int = 300,
    questions: int = 4,
    photos: Sequence[np.ndarray] = (),
) -> Iterator[WriteVideo]:
    """Yield clips of a split, one at a time, each with up to `questions` different questions."""
    for number in range(clips):
        scene = draw_scene(split, seed, number, longest, photos)
        yield draw_video(scene, f"{split}_{seed:03d}_{number:05d}", questions)


def draw_scene(
    split: str,
    seed: int,
    number: int,
    longest: int,
    photos: Sequence[np.ndarray] = (),
    photo_share: float = PHOTO_SHARE,
) -> Scene:
    """Return the scene of clip `number`, with at most `longest` frames (16 or more).

    With `photos` it is the same scene, and in `photo_share` of the clips one of them lies behind it.
    """
    scene_seed = clip_seed(split, seed, number)
    scene = make_scene(scene_seed)
    if scene.num_frames > longest:
        scene = make_scene(scene_seed, num_frames=16 + scene_seed % (longest - 15))
    return with_photo(scene, photos, photo_share)


def clip_size(scene: Scene) -> tuple[int, int]:
    """Return the width and height, both even, of the clip of a scene."""
    return (round(_HEIGHT * scene.aspect / 2) * 2, _HEIGHT)


def draw_video(scene: Scene, name: str, questions: int) -> WriteVideo:
    """Render a whole scene with the masks of its objects and questions about it."""
    video = DrawnVideo(scene, clip_size(scene))
    places = range(scene.num_frames)
    frames = [video.frame(place) for place in places]
    seen = [video.masks(scene.objects, place) for place in places]
    objects = {actor: [masks.get(actor) for masks in seen] for actor in scene.objects}
    asked = choose_questions(scene, questions)
    expressions = [WriteExpression(question.text, question.targets, question.type) for question in asked]
    return WriteVideo(name, frames, objects, expressions)


def choose_questions(scene: Scene, count: int) -> list[WorldQuestion]:
    """Return up to `count` questions with different texts."""
    rng = np.random.default_rng([scene.seed, 31])
    drawn = draw_questions(look_at(Facts(scene), (112, 112)), rng, count * 4)
    return list({question.text: question for question in drawn}.values())[:count]
