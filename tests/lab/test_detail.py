"""One case in detail: the rewards with what they come from, and the answers that were drawn to its question."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.lab.conftest import Made
from tests.lab.planted import BLUE, FRAMES, HEIGHT, RED, WIDTH, block, box_of
from veason.errors import DataError, OptionError
from veason.lab.groups import GROUPS_FILE, ask_group, explain_group, group_agreement, read_group
from veason.lab.open_lab import OpenLab
from veason.lab.rewarding import explain_rewards
from veason.lab.server import lab_app
from veason.lab.store import Lab
from veason.locks import locked
from veason.masks import encode_mask
from veason.profile import GENERIC
from veason.types import (
    Answer,
    Answered,
    FrameMasks,
    ObjectMask,
    PolicyEvent,
    Prompt,
    Sampling,
    Unanswered,
    VideoSource,
)

SHOWN = tuple(range(FRAMES))


@dataclass
class Drawer:
    """A policy whose answers are given: one after the other, over all calls."""

    answers: Sequence[Answer | None]
    name, frame_count, is_recorded = "drawer", FRAMES, False
    asked: int = 0

    def stream(self, frames: Any, instruction: str, *, sampling: Sampling, **_: Any) -> Iterator[PolicyEvent]:
        for _sample in range(sampling.num_samples):
            answer = self.answers[self.asked % len(self.answers)]
            self.asked += 1
            yield Unanswered("no answer", "?") if answer is None else Answered(answer)


class BlockSegmenter:
    """Knows the blocks: a box that is one of them gets its masks, every other box gets none."""

    name = "blocks"

    def __init__(self) -> None:
        self.prompts = 0

    def track(self, video: VideoSource, prompts: Sequence[Prompt], **_: Any) -> Iterator[FrameMasks]:
        self.prompts += len(prompts)
        for frame in SHOWN:
            masks = {}
            for prompt in prompts:
                known = [one for one in (RED, BLUE) if box_of(one, prompt.frame_index) == prompt.box]
                mask = block(known[0], frame) if known else np.zeros((HEIGHT, WIDTH), bool)
                masks[prompt.object_id] = ObjectMask(encode_mask(mask), 1.0)
            yield FrameMasks(frame, masks)


@dataclass
class Models:
    policy: Drawer
    segmenter: BlockSegmenter


RIGHT, OTHER = Answer("a", 2, (box_of(RED, 2),), text="a"), Answer("b", 2, (box_of(BLUE, 2),), text="b")
ABSENT = Answer("c", None, (), text="c")


@pytest.fixture
def lab(made: Made, tmp_path: Path) -> Lab:
    shutil.copytree(made.lab.folder / "runs", tmp_path / "lab" / "runs")
    return Lab(tmp_path / "lab")


def test_the_table_holds_the_rewards(made: Made) -> None:
    table = made.lab.run("honest").table
    assert table["reward_keyframe"].to_list() == table["reward_boxes"].to_list() == [1.0] * len(table)
    assert table["reward_tracks"].to_list() == [1.0] * len(table)
    assert table["reward_format"].null_count() == len(table)  # nobody knows what this policy was asked to write
    lied = made.lab.run("liar").table.filter(made.lab.run("liar").table["key"].is_in(list(made.told)))
    assert 0 < lied["reward_boxes"].sum() < len(lied)


def test_rewards_come_with_what_they_come_from(made: Made) -> None:
    sample = made.dataset[2]  # both blocks
    answer = Answer("", 2, (box_of(BLUE, 2), box_of(RED, 1)))
    masks = {frame: encode_mask(block(BLUE, frame)) for frame in (0, 1, 2)}
    found = explain_rewards(sample, answer, "no tags", SHOWN, profile=GENERIC, masks=masks)
    assert found is not None
    assert found.areas == dict.fromkeys(SHOWN, 128)
    (pair, other) = found.terms["boxes"].pairs
    assert found.true_boxes[pair.true if pair.predicted == 0 else other.true] == box_of(BLUE, 2)
    assert found.terms["boxes"].value == pytest.approx((1 + 40 / 88) / 2)
    assert found.terms["tracks"].frame_iou == {0: 0.5, 1: 0.5, 2: 0.5, 3: 0.0}
    assert found.terms["format"].reasons
    assert found.total == pytest.approx(sum(found.columns.values()))
    lost = explain_rewards(sample, None, "?", SHOWN, masks=masks)
    assert lost is not None
    assert lost.total == 0
    assert explain_rewards(sample, answer, "", (0, 99)) is None


def test_a_group_is_drawn_once_clustered_and_weighed(made: Made, lab: Lab) -> None:
    run, sample = lab.run("liar"), made.dataset[0]
    models: Any = Models(Drawer([RIGHT, OTHER, RIGHT, None, ABSENT, RIGHT]), BlockSegmenter())
    assert ask_group(run, models, [sample], count=6) == 1
    assert ask_group(run, models, [sample], count=6) == 0
    assert (models.policy.asked, models.segmenter.prompts) == (6, 2)  # equal boxes are tracked once
    drawn = read_group(run, sample.key)
    members = explain_group(drawn, sample)
    assert [member.cluster for member in members] == [0, 1, 0, 2, 3, 0]
    totals = [member.rewards.total for member in members]
    assert totals == [3, 1, 3, 0, 0, 3]  # the keyframe is good for red and blue alike
    wanted = (np.array(totals) - np.mean(totals)) / np.std(totals, ddof=1)
    assert [member.advantage for member in members] == pytest.approx(list(wanted), abs=1e-5)
    assert group_agreement(drawn) == 2 / 5

    lab.fill("liar", "agreement", {sample.key: 0.4})
    assert Lab(lab.folder).run("liar").case(sample.key)["agreement"] == 0.4
    assert lab.run("liar").table["agreement"].null_count() == len(made.dataset) - 1


def test_a_group_that_was_cut_off_goes_on_and_a_spoilt_one_is_told(made: Made, lab: Lab) -> None:
    run, models = lab.run("liar"), Models(Drawer([RIGHT, ABSENT]), BlockSegmenter())
    pipeline: Any = models
    ask_group(run, pipeline, [made.dataset[0]], count=2)
    file = run.folder / GROUPS_FILE
    file.write_bytes(file.read_bytes() + b'{"key": "v001/0", "answ')
    assert ask_group(run, pipeline, list(made.dataset[:2]), count=2) == 1
    assert [len(read_group(run, sample.key)) for sample in made.dataset[:3]] == [2, 2, 0]
    file.write_bytes(file.read_bytes() + b'{"key": 3, "answers": []}\n')
    with pytest.raises(DataError, match="line 3 holds no answers"):
        read_group(run, "v001/1")


def test_answers_are_drawn_by_one_process_at_a_time(made: Made, lab: Lab) -> None:
    run, models = lab.run("liar"), Models(Drawer([RIGHT, ABSENT]), BlockSegmenter())
    pipeline: Any = models
    with locked(run.folder / GROUPS_FILE), pytest.raises(OptionError, match="are being drawn"):
        ask_group(run, pipeline, [made.dataset[0]], count=2)
    assert (models.policy.asked, read_group(run, made.dataset[0].key)) == (0, [])
    assert ask_group(run, pipeline, [made.dataset[0]], count=2) == 1


def test_the_page_is_told_and_draws_the_boxes(made: Made, lab: Lab) -> None:
    sample = made.dataset[0]
    models: Any = Models(Drawer([RIGHT, OTHER]), BlockSegmenter())
    ask_group(lab.run("honest"), models, [sample], count=2)
    with TestClient(lab_app(OpenLab(lab)), base_url="http://localhost") as client:
        told = client.get("/api/case", params={"run": "honest", "key": sample.key}).json()
        assert [term["value"] for term in told["rewards"]["terms"]] == [None, 1.0, 1.0, 1.0]
        assert [round(one["advantage"], 2) for one in told["group"]] == [0.71, -0.71]
        assert told["group"][1]["boxes"] == [list(box_of(BLUE, 2).xyxy)]
        asked = {"run": "honest", "key": sample.key, "frame": "2"}
        pictures = {
            boxes + layer: client.get("/api/picture", params={**asked, "boxes": boxes, "layer": layer}).content
            for boxes in ("", "matched", "0", "1")
            for layer in ("both", "truth", "difference")
        }
        assert len({pictures["both"], pictures["matchedboth"], pictures["1both"]}) == 3
        assert len({pictures[layer] for layer in ("both", "truth", "difference")}) == 3
        for wrong in ({"boxes": "2"}, {"boxes": "x"}, {"layer": "all"}):
            answer = client.get("/api/picture", params={**asked, **wrong})
            assert answer.status_code == 400, wrong
