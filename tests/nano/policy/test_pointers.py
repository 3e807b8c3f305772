"""Where a text looks: at the object it names, on the frame it speaks of; and attention is pulled there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from veason_nano.language.claims import WORTHS, worth_of
from veason_nano.language.records import describe_objects
from veason_nano.policy.forward import (
    AttentionProbe,
    BranchCache,
    continue_branches,
    continue_prompts,
    encode_prompts,
    see,
)
from veason_nano.policy.loss import (
    CellWords,
    bind_loss,
    cell_loss,
    label_loss,
    match_loss,
    order_loss,
    return_loss,
)
from veason_nano.policy.model import build_policy, build_tokenizer, training_profile
from veason_nano.policy.padding import Padded, pad, prompt_labels
from veason_nano.policy.pointers import TokenSources, cell_of, find_judging, find_reading, find_spoken_cells
from veason_nano.policy.pool import ClipMaker, coordinates
from veason_nano.world.facts import Facts
from veason_nano.world.stories import make_scene
from veason_nano.world.view import View, look_at

WORTH_MARKS = build_tokenizer().convert_tokens_to_ids([f"\u0120{word}\u0120" for word in WORTHS])


@pytest.fixture(scope="module")
def view() -> View:
    return look_at(Facts(make_scene(11)), (112, 112))


def test_a_path_looks_at_its_object_on_every_frame(view: View) -> None:
    text = describe_objects(view)
    for spoken_cell in find_spoken_cells(view, text):
        spoken = text[spoken_cell.start : spoken_cell.stop]
        if "/" in spoken:
            box = view.boxes[spoken_cell.actor, spoken_cell.place].astype(int)
            assert spoken == f"{(box[0] + box[2]) // 2}/{(box[1] + box[3]) // 2}"
        elif " " in spoken:
            assert spoken == view.facts.name(spoken_cell.actor)
        else:
            seen = view.facts.scene.actors[spoken_cell.actor].appearance
            assert spoken in (seen.pattern, seen.size, str(worth_of(view.facts, spoken_cell.actor, "size")))
    seen = {(spoken_cell.actor, spoken_cell.place) for spoken_cell in find_spoken_cells(view, text)}
    there = {(a, p) for a in view.facts.scene.objects for p in range(len(view.shown)) if view.is_there(a, p)}
    assert seen <= there
    assert len(seen) > 0.8 * len(there)


def test_an_answer_looks_at_its_boxes_on_the_keyframe(view: View) -> None:
    actor = view.facts.scene.objects[0]
    place = next(place for place in range(len(view.shown)) if view.is_there(actor, place))
    box = [int(value) for value in view.boxes[actor, place]]
    text = f'<answer>{{"keyframe_timestamp": {view.shown[place]}, "bbox_2d_list": [{box}]}}</answer>'
    (spoken_cell,) = find_spoken_cells(view, text)
    assert (spoken_cell.actor, spoken_cell.place) == (actor, place)
    assert text[spoken_cell.start : spoken_cell.stop] == str(box)[1:-1]


def test_cells_are_counted_row_by_row() -> None:
    assert cell_of(np.array([0.0, 0.0, 10.0, 10.0]), 112, 4) == 0
    assert cell_of(np.array([30.0, 0.0, 50.0, 10.0]), 112, 4) == 1
    assert cell_of(np.array([100.0, 100.0, 112.0, 112.0]), 112, 4) == 15


def test_every_coordinate_of_the_training_clips_is_looked_for(tmp_path: Path) -> None:
    clip = ClipMaker(training_profile(tmp_path)).make(3)
    for branch in (*clip.records, *clip.tracks):
        is_worth = np.isin(np.roll(branch.ids, 1), WORTH_MARKS)
        assert (branch.cell[branch.is_number & ~is_worth] >= 0).all()
        assert branch.cell.max() < 8 * 49


def test_the_loss_is_small_where_attention_rests_on_the_object() -> None:
    padded = Padded(
        torch.zeros(1, 3, dtype=torch.long),
        torch.tensor([[True, False]]),
        torch.zeros(1, 2, dtype=torch.bool),
        torch.ones(1, 2),
        torch.tensor([[1, -1]]),
        *torch.full((5, 1, 2), -1),
        torch.zeros(1, dtype=torch.long),
    )
    places = torch.tensor([0, 2])
    right, wrong = (torch.tensor([0.05, 0.05, 0.9]), torch.tensor([0.9, 0.05, 0.05]))
    losses = [cell_loss(row.log().expand(1, 2, 3, 3), places, padded) for row in (right, wrong)]
    assert losses[0][0] < losses[1][0]
    assert losses[0][1] == pytest.approx(0.9)


def test_watching_changes_nothing_and_sums_to_one(tmp_path: Path) -> None:
    model = build_policy(build_tokenizer()).eval()
    clip = ClipMaker(training_profile(tmp_path)).make(3)
    padded = pad([clip.tracks[0]], 0, CellWords.of(build_tokenizer()).marks)
    with torch.no_grad():
        seen = see(model.model.visual, torch.from_numpy(clip.images))
        prompt = encode_prompts(model, torch.from_numpy(clip.prefix)[None].long(), seen, 2)
        probe = AttentionProbe(2, 2)
        owner = torch.zeros(1, dtype=torch.long)
        watched = continue_prompts(model, prompt, padded.ids, owner, [probe])
        assert torch.equal(watched, continue_prompts(model, prompt, padded.ids, owner))
    assert probe.log_attention is not None
    assert probe.log_attention.shape[1] == 2
    assert torch.allclose(probe.log_attention.exp().sum(-1), torch.ones(1), atol=1e-5)


TOLD = (
    "<think>What happens: one red ball frame 0 1/2 frame 12 3/4 plain chases size 20 way 30 pace 40, two blue moon "
    "frame 0 5/6 frame 12 - plain still size 9, then leftmost one fastest one so find moon not red, one moon no, two "
    "moon yes not red yes: it is two blue moon; the red ball follows the blue moon. Why this frame: frame 12 shows "
    'it. Where: the blue moon in frame 12 [1, 2, 3, 4] at the left.</think>\n<answer>{"keyframe_timestamp": 12, '
    '"bbox_2d_list": [[1, 2, 3, 4]]}</answer>'
)


def read_told(question: str, told: str = TOLD) -> tuple[list[str], TokenSources]:
    tokenizer = build_tokenizer()
    asked = tokenizer(question)["input_ids"]
    ids = np.array([*asked, *tokenizer(told)["input_ids"]])
    is_number = coordinates(tokenizer.convert_ids_to_tokens(ids.tolist()))
    words = [tokenizer.decode([token]).strip() for token in ids]
    return words, find_reading(ids, is_number, len(asked), CellWords.of(tokenizer).marks)


def test_what_is_said_again_is_read_from_where_it_was_said() -> None:
    words, reading = read_told("moons that are not red\n")
    again = [(words[at], words[back]) for at, back in enumerate(reading.back) if back >= 0]
    assert all(back < at for at, back in enumerate(reading.back))
    assert [pair for pair in again if pair[0] != pair[1]] == [
        ("one", "40"),  # the fastest is the one with the highest pace
        ("moon", "moons"),
        ("two", "yes"),  # which object it is follows from how it was judged
    ]
    said = " ".join(word for word, _ in again)
    assert said == (
        "0 12 one moon red moon moon not red two blue moon red ball blue moon 12 blue moon 12 12 1 2 3 4"
    ), "the first record's frames, the places and the judgements are told for the first time"


def test_thousands_are_read_with_the_word_before_them() -> None:
    tokenizer, marks = build_tokenizer(), CellWords.of(build_tokenizer()).marks
    labels = {(0, 0): -30, (12, marks.led_by_zero + 3): -20}
    told = TOLD.replace("frame 12", "frame 12003").replace('"keyframe_timestamp": 12', '"keyframe_timestamp": 12003')
    ids = np.array([*tokenizer("x\n")["input_ids"], *tokenizer(told)["input_ids"]])
    reading = find_reading(ids, np.zeros(len(ids), bool), 2, marks, labels)
    rest = np.flatnonzero(ids == marks.led_by_zero + 3)
    assert len(rest) == told.count("12003")
    assert (reading.back[rest - 1] == reading.back[rest] - 1).all(), "the word with its thousands from where it stood"
    assert reading.back[rest[0]] == -20
    assert (ids[reading.back[rest[1:]]] == ids[rest[0]]).all(), "each from where it was said before"
    plain = np.flatnonzero(ids == 0)
    assert (reading.back[plain[plain > 2] - 1] == -1).all(), "a word without thousands is read from nowhere"


def test_a_frame_that_was_not_told_before_is_read_from_the_prompt() -> None:
    tokenizer, labels = build_tokenizer(), {(0, 0): -30, (0, 12): -20}
    ids = np.array([*tokenizer("x\n")["input_ids"], *tokenizer(TOLD)["input_ids"]])
    words = [tokenizer.decode([token]).strip() for token in ids]
    reading = find_reading(ids, np.zeros(len(ids), bool), 2, CellWords.of(tokenizer).marks, labels)
    frames = [
        (words[at], int(reading.back[at]))
        for at in range(3, len(ids))
        if words[at - 1] == "frame" and words[at].isdigit()
    ]
    assert frames[:2] == [("0", -30), ("12", -20)]
    assert all(back >= 0 for _, back in frames[2:])


def test_a_prompt_is_known_by_the_numbers_of_its_frames(tmp_path: Path) -> None:
    clip = ClipMaker(training_profile(tmp_path)).make(3)
    tokenizer = build_tokenizer()
    labels = prompt_labels(clip.prefix, tokenizer.convert_tokens_to_ids("<|image_pad|>"), CellWords.of(tokenizer).marks)
    assert tuple(labels) == tuple((0, frame) for frame in clip.shown)
    assert [int(clip.prefix[place]) for place in labels.values()] == list(clip.shown)


def test_what_is_said_of_an_object_is_bound_to_its_number_and_its_shape() -> None:
    words, reading = read_told("x\n")
    told = ("20", "9", "still", "yes", "no")

    def said_of(bound: np.ndarray) -> list[tuple[str, str]]:
        return [(words[at], words[place]) for at, place in enumerate(bound) if place >= 0 and words[at] in told]

    judged = [("no", "one"), ("yes", "two"), ("yes", "two")]
    assert said_of(reading.bind) == [("20", "one"), ("still", "two"), ("9", "two"), *judged]
    assert said_of(reading.noun) == [("20", "ball"), ("still", "moon"), ("9", "moon"), *judged]


def test_what_an_object_is_asked_for_is_looked_up_in_its_record() -> None:
    words, reading = read_told("x\n")
    looked = [(words[at], words[place], place) for at, place in enumerate(reading.match) if place >= 0]
    assert [pair[:2] for pair in looked] == [("moon", "one"), ("moon", "moon"), ("red", "two")]
    assert looked[0][2] < looked[2][2] < looked[1][2], "the object's number stands for what its record does not have"
    assert [words[at] for at, item in enumerate(reading.item) if item >= 0] == ["no", "yes", "yes"]


def test_a_rank_that_is_asked_for_is_looked_up_where_it_was_told() -> None:
    told = TOLD.replace(
        "moon not red, one moon no, two moon yes not red yes", "fastest, one fastest yes, two fastest no"
    )
    words, reading = read_told("x\n", told)
    looked = [(words[at], words[place], words[place - 1]) for at, place in enumerate(reading.match) if place >= 0]
    assert looked == [("fastest", "one", "fastest")] * 2


def test_a_thought_without_records_is_read_from_nowhere() -> None:
    tokenizer = build_tokenizer()
    ids = np.array(tokenizer("the red ball<think></think>the red ball")["input_ids"])
    reading = find_reading(ids, np.zeros(len(ids), bool), 0, CellWords.of(tokenizer).marks)
    assert (reading.back == -1).all()
    assert (reading.bind == -1).all()


def test_looking_back_at_the_right_word_costs_little() -> None:
    nothing = torch.zeros(1, 3, dtype=torch.bool)
    none = nothing.long() - 1
    padded = Padded(
        torch.zeros(1, 4, dtype=torch.long),
        nothing,
        nothing,
        nothing + 1.0,
        none,
        torch.tensor([[-1, -1, 1]]),
        none,
        none,
        none,
        none,
        none[0, :1],
    )
    attention = torch.full((1, 2, 4, 6), 0.05).log()  # two places of the prompt, four of the branch
    wrong, _ = return_loss(attention, padded, 2)
    attention[0, :, 2, 2 + 1] = float(np.log(0.75))
    right, share = return_loss(attention, padded, 2)
    assert right < wrong
    assert share == pytest.approx(0.75)


def test_looking_back_into_the_prompt_costs_little() -> None:
    padded = padded_with(back=torch.tensor([[-1, -2, -1]]))
    attention = torch.full((1, 2, 4, 6), 0.05).log()  # two places of the prompt, four of the branch
    attention[0, :, 1, 0] = float(np.log(0.75))
    assert return_loss(attention, padded, 2)[1] == pytest.approx(0.75)


def padded_with(**places: torch.Tensor) -> Padded:
    """Four tokens of which nothing is known but `places`."""
    none = torch.full((1, 3), -1)
    known = {name: places.get(name, none) for name in ("cell", "back", "bind", "noun", "match", "item")}
    nothing = torch.zeros(1, 3, dtype=torch.bool)
    ids, asked = torch.zeros(1, 4, dtype=torch.long), torch.zeros(1, dtype=torch.long)
    return Padded(ids, nothing, nothing, torch.ones(1, 3), asked=asked, **known)


def test_attention_that_keeps_the_order_and_the_number_costs_little() -> None:
    places = torch.tensor([[-1, 0, 0]])
    padded = padded_with(bind=places, noun=places)
    attention = torch.full((1, 2, 4, 6), 0.05).log()  # two places of the prompt, four of the branch
    attention[0, :, 1, 2 + 0] = attention[0, :, 2, 2 + 1] = float(np.log(0.75))
    assert order_loss(attention, padded)[1] == pytest.approx(0.75)
    assert bind_loss(attention, padded, 2)[1] == pytest.approx((0.75 + 0.05) / 2)


def test_attention_to_where_the_record_tells_it_costs_little() -> None:
    padded = padded_with(match=torch.tensor([[-1, 0, -1]]))
    attention = torch.full((1, 1, 4, 6), 0.05).log()
    attention[0, 0, 1, 2 + 0] = float(np.log(0.75))
    assert match_loss(attention, padded, 2)[1] == pytest.approx(0.75)


def test_visual_tokens_are_bound_to_the_number_of_their_frame() -> None:
    is_picture = torch.tensor([False, False, True, True, False, False, False, True, True])
    attention = torch.full((1, 1, 9, 9), 0.05).log()
    for token, number in ((2, 0), (3, 0), (7, 5), (8, 5)):
        attention[0, 0, token, number] = float(np.log(0.75))
    loss, share = label_loss(attention, is_picture)
    assert share == pytest.approx(0.75)
    assert loss == pytest.approx(-np.log(0.75))


def test_going_on_from_told_records_is_the_same_as_telling_them(tmp_path: Path) -> None:
    model, marks = build_policy(build_tokenizer()).eval(), CellWords.of(build_tokenizer()).marks
    clips = [ClipMaker(training_profile(tmp_path)).make(seed) for seed in (3, 4)]
    branches = [clip.examples[0] for clip in clips]
    whole, said, both = pad(branches, 0, marks), [], torch.arange(2)
    with torch.no_grad():
        seen = see(model.model.visual, torch.from_numpy(np.concatenate([clip.images for clip in clips])))
        prompt = encode_prompts(model, torch.from_numpy(np.stack([clip.prefix for clip in clips])).long(), seen, 2)
        probe = AttentionProbe(4, 2)
        expected = continue_prompts(model, prompt, whole.ids, both, [probe], said)
        verdicts = torch.tensor([find_judging(branch.ids, branch.start, marks) for branch in branches])
        told = BranchCache.cut(said, whole.asked, verdicts - whole.asked)
        rest, again = pad(branches, 0, marks, told.past[0][0].shape[2]), AttentionProbe(4, 2)
        got = continue_branches(model, prompt, told, rest.ids, rest.asked, both, [again])
    for row, branch in enumerate(branches):
        after = int(verdicts[row])
        count = len(branch.ids) - after
        here = got[row, branch.start : branch.start + count]
        assert torch.allclose(here, expected[row, after : after + count], atol=1e-4)
    assert probe.log_attention is not None
    assert again.log_attention is not None
    assert again.log_attention.shape[2] < probe.log_attention.shape[2]
    assert rest.is_word.sum() < whole.is_word.sum()
