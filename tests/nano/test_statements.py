"""Thoughts about a written world are measured against the scenes that its names tell."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from veason.cli import main
from veason.errors import DataError
from veason.formats.benchmarks.predictions import SavedAnswer, write_saved_answers
from veason.formats.datasets import open_dataset
from veason.types import Answer
from veason_nano.dataset import clip_seed, draw_scene
from veason_nano.language.corpus import draw_examples
from veason_nano.language.truth import check_thought
from veason_nano.statements import scene_of
from veason_nano.world.facts import Facts
from veason_nano.world.stories import make_scene
from veason_nano.world.view import look_at


def test_true_thoughts_are_true_and_a_changed_one_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nano", "world", str(tmp_path / "world"), "--clips", "2", "--longest", "20"]) == 0
    samples = list(open_dataset(tmp_path / "world", "revos"))
    saved, wanted = [], {}
    for number, sample in enumerate(samples):
        clip = int(sample.video[-5:])
        view = look_at(Facts(draw_scene("test", 7, clip, 20)), (112, 112))
        thought = draw_examples(view, np.random.default_rng(number), 1)[0].thought
        if number == 1:
            thought = thought.replace(" enters ", " leaves ").replace("largest", "smallest")
        stated = check_thought(thought, view)
        wanted[sample.key] = (len(stated), sum(not one.is_true for one in stated))
        saved.append(SavedAnswer(sample.key, "", Answer(thought, None, ()), text=thought, shown=view.shown))
    assert sum(false for _, false in wanted.values()) == wanted[samples[1].key][1] > 0
    unread = SavedAnswer(samples[-1].key, "", None, "no answer", "?", saved[-1].shown)
    write_saved_answers(tmp_path / "predictions", [*saved[:-1], unread])

    words = ["nano", "statements", *(str(tmp_path / name) for name in ("world", "predictions", "extras.jsonl"))]
    assert main(words) == 0
    rows = [json.loads(line) for line in (tmp_path / "extras.jsonl").read_text().splitlines()]
    assert {row["key"]: (row["statements"], row["false_statements"]) for row in rows} == {
        key: counts for key, counts in wanted.items() if key != samples[-1].key
    }
    assert f"{len(rows)} thoughts" in capsys.readouterr().out


def test_a_clip_that_is_not_of_the_world_is_told(tmp_path: Path) -> None:
    assert main(["nano", "world", str(tmp_path), "--clips", "1", "--longest", "20"]) == 0
    sample = open_dataset(tmp_path, "revos")[0]
    assert scene_of(sample.video, sample).seed == make_scene(clip_seed("test", 7, 0)).seed
    with pytest.raises(DataError, match="no clip of the world"):
        scene_of("bear", sample)
    other = dataclasses.replace(sample, size_wh=(64, 64))
    with pytest.raises(DataError, match="the video has"):
        scene_of(sample.video, other)
