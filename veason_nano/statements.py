"""What thoughts about a rendered world state, measured against its scenes: more about cases, for `veason lab import`.

for row in measure_statements(open_dataset("world", "revos"), read_saved_answers(predictions)): ...
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from veason.errors import DataError
from veason.formats.benchmarks.predictions import SavedAnswer
from veason.types import Sample
from veason_nano.dataset import FIRST_SEEDS, clip_seed, clip_size
from veason_nano.language.truth import check_thought
from veason_nano.world.facts import Facts
from veason_nano.world.scene import Scene
from veason_nano.world.stories import make_scene
from veason_nano.world.view import View, look_at

_CLIP = re.compile(rf"(?P<split>{'|'.join(FIRST_SEEDS)})_(?P<seed>\d{{3}})_(?P<number>\d{{5}})")
_SIZE_WH = (112, 112)
"""The pictures that nano's thoughts give points of."""


def measure_statements(samples: Iterable[Sample], answers: Mapping[str, SavedAnswer]) -> Iterator[dict[str, Any]]:
    """Yield a line for every answer with a thought: its key, how many statements it makes, and how many are false.

    A thought that is not written as nano writes is one false statement: measure policies that were trained on it.

    Args:
        samples: of a dataset that `veason nano world` wrote, whose names tell the scenes.
        answers: by key.

    Raises:
        DataError: a video is none of the world, or has another size or length than its scene.
    """
    for name, group in groupby(samples, key=lambda sample: sample.video):
        members = [(sample, answers[sample.key]) for sample in group if sample.key in answers]
        if not members:
            continue
        facts = Facts(scene_of(name, members[0][0]))
        views: dict[tuple[int, ...], View] = {}
        for sample, saved in members:
            if saved.answer is None or not saved.answer.thought or not saved.shown:
                continue
            if saved.shown not in views:
                views[saved.shown] = look_at(facts, _SIZE_WH, saved.shown)
            stated = check_thought(saved.answer.thought, views[saved.shown])
            false = sum(not one.is_true for one in stated)
            yield {"key": sample.key, "statements": len(stated), "false_statements": false}


def scene_of(name: str, sample: Sample) -> Scene:
    """Return the scene that a video of the world was drawn from.

    Raises:
        DataError: its name, size or number of frames tells that it is none of those.
    """
    found = _CLIP.fullmatch(name)
    if found is None:
        raise DataError(f"{name!r} is no clip of the world, which are called such as 'test_007_00012'")
    seed, count = clip_seed(found["split"], int(found["seed"]), int(found["number"])), len(sample.frame_names)
    scene = make_scene(seed)
    if scene.num_frames != count:
        scene = make_scene(seed, num_frames=count)
    if sample.size_wh is not None and sample.size_wh != clip_size(scene):
        raise DataError(f"{name}: its scene gives pictures of {clip_size(scene)}, the video has {sample.size_wh}")
    return scene
