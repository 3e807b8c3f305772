"""Where a text looks: at the object it names, on the frame it speaks of; and attention is pulled there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from veason.nano.corpus import describe_paths
from veason.nano.facts import Facts
from veason.nano.forward import Watch, continue_prompts, read_prompts, see
from veason.nano.pointers import cell_of, find_looks, find_returns
from veason.nano.policy_loss import CellWords, Padded, look_loss, pad, return_loss
from veason.nano.policy_model import build_model, build_tokenizer, training_profile
from veason.nano.pool import ClipMaker
from veason.nano.stories import make_scene
from veason.nano.view import View, look_at


@pytest.fixture(scope="module")
def view() -> View:
    return look_at(Facts(make_scene(11)), (112, 112))


def test_a_path_looks_at_its_object_on_every_frame(view: View) -> None:
    text = describe_paths(view)
    for look in find_looks(view, text):
        spoken = text[look.start : look.stop]
        if "/" in spoken:
            box = view.boxes[look.actor, look.place].astype(int)
            assert spoken == f"{(box[0] + box[2]) // 2}/{(box[1] + box[3]) // 2}"
        else:
            assert spoken == view.facts.name(look.actor)
    seen = {(look.actor, look.place) for look in find_looks(view, text)}
    there = {(a, p) for a in view.facts.scene.objects for p in range(len(view.shown)) if view.is_there(a, p)}
    assert seen <= there
    assert len(seen) > 0.8 * len(there)


def test_an_answer_looks_at_its_boxes_on_the_keyframe(view: View) -> None:
    actor = view.facts.scene.objects[0]
    place = next(place for place in range(len(view.shown)) if view.is_there(actor, place))
    box = [int(value) for value in view.boxes[actor, place]]
    text = f'<answer>{{"keyframe_timestamp": {view.shown[place]}, "bbox_2d_list": [{box}]}}</answer>'
    (look,) = find_looks(view, text)
    assert (look.actor, look.place) == (actor, place)
    assert text[look.start : look.stop] == str(box)[1:-1]


def test_cells_are_counted_row_by_row() -> None:
    assert cell_of(np.array([0.0, 0.0, 10.0, 10.0]), 112, 4) == 0
    assert cell_of(np.array([30.0, 0.0, 50.0, 10.0]), 112, 4) == 1
    assert cell_of(np.array([100.0, 100.0, 112.0, 112.0]), 112, 4) == 15


def test_every_coordinate_of_the_training_clips_is_looked_for(tmp_path: Path) -> None:
    clip = ClipMaker(training_profile(tmp_path)).make(3)
    for branch in (*clip.paths, *clip.tracks, *(one for place in clip.lists for one in place)):
        assert (branch.look[branch.is_number] >= 0).all()
        assert branch.look.max() < 8 * 49


def test_the_loss_is_small_where_attention_rests_on_the_object() -> None:
    padded = Padded(
        torch.zeros(1, 3, dtype=torch.long),
        torch.tensor([[True, False]]),
        torch.zeros(1, 2, dtype=torch.bool),
        torch.tensor([[1, -1]]),
        torch.full((1, 2), -1),
    )
    places = torch.tensor([0, 2])
    right, wrong = (torch.tensor([0.05, 0.05, 0.9]), torch.tensor([0.9, 0.05, 0.05]))
    losses = [look_loss(row.log().expand(1, 2, 3, 3), places, padded) for row in (right, wrong)]
    assert losses[0][0] < losses[1][0]
    assert losses[0][1] == pytest.approx(0.9)


def test_watching_changes_nothing_and_sums_to_one(tmp_path: Path) -> None:
    model = build_model(build_tokenizer()).eval()
    clip = ClipMaker(training_profile(tmp_path)).make(3)
    padded = pad([clip.tracks[0]], 0, CellWords.of(build_tokenizer()))
    with torch.no_grad():
        seen = see(model.model.visual, torch.from_numpy(clip.images))
        prompt = read_prompts(model, torch.from_numpy(clip.prefix)[None].long(), seen, 2)
        watch = Watch(2, 2)
        owner = torch.zeros(1, dtype=torch.long)
        watched = continue_prompts(model, prompt, padded.ids, owner, [watch])
        assert torch.equal(watched, continue_prompts(model, prompt, padded.ids, owner))
    assert watch.looks is not None
    assert watch.looks.shape[1] == 2
    assert torch.allclose(watch.looks.exp().sum(-1), torch.ones(1), atol=1e-5)


def test_names_and_the_keyframe_say_again_what_was_said_before() -> None:
    tokenizer = build_tokenizer()
    words = CellWords.of(tokenizer)
    told = (
        "<think>What happens: the red ball 1/2 3/4, the blue moon 5/6 7/8; the blue moon hits the red ball, so it is "
        "the blue moon, there is no red moon. Why this frame: frame 12 shows the blue moon.</think>\n"
        '<answer>{"keyframe_timestamp": 12, "bbox_2d_list": [[1, 2, 3, 4]]}</answer>'
    )
    asked = tokenizer("the red ball of frame 12\n")["input_ids"]
    ids = np.array([*asked, *tokenizer(told)["input_ids"]])
    back = find_returns(ids, len(asked), words.colours, words.shapes, words.marks)
    again = [at for at in range(len(ids)) if back[at] >= 0]
    assert all(ids[at] == ids[back[at]] and len(asked) <= back[at] < at for at in again)
    said = tokenizer.decode(ids[again]).split()
    assert said == ["blue", "moon", "red", "ball", "blue", "moon", "blue", "moon12"]
    listed = [at for at in again[:-1] if back[at] > list(ids).index(words.marks[0])]
    assert not listed, "names look at the list, not at the sentence before"


def test_looking_back_at_the_right_word_costs_little() -> None:
    nothing = torch.zeros(1, 3, dtype=torch.bool)
    padded = Padded(
        torch.zeros(1, 4, dtype=torch.long), nothing, nothing, nothing.long() - 1, torch.tensor([[-1, -1, 1]])
    )
    looks = torch.full((1, 2, 4, 6), 0.05).log()  # two places of the prompt, four of the branch
    wrong, _ = return_loss(looks, padded)
    looks[0, :, 2, 2 + 1] = float(np.log(0.75))
    right, share = return_loss(looks, padded)
    assert right < wrong
    assert share == pytest.approx(0.75)
