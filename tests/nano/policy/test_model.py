"""Nano-policy: its tokenizer, its training pass against the stock model, and its folder through the ordinary loader."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from veason.policy.loading import load_qwen
from veason.profile import load_profile
from veason.types import Answered, Frame, Sampling, Unanswered
from veason_nano.language.corpus import answer_text, draw_examples, image_context
from veason_nano.policy.forward import continue_prompts, encode_prompts, see
from veason_nano.policy.generate import generate_answers
from veason_nano.policy.model import (
    LABELLED,
    LARGEST_LABEL,
    LED_BY_ZERO,
    build_policy,
    build_processor,
    build_tokenizer,
    labelled_forms,
    number_families,
    save_policy,
    take_eye,
    training_profile,
    with_tokens,
)
from veason_nano.policy.pool import ClipMaker
from veason_nano.policy.score import ScoredAnswer, answer_questions, answer_views, measure_answers, read_views
from veason_nano.world.facts import Facts
from veason_nano.world.stories import make_scene
from veason_nano.world.view import look_at

TOKENIZER = build_tokenizer()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    save_policy(build_policy(TOKENIZER), folder)
    return folder


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_back(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER(text)["input_ids"]) == text


def test_every_number_column_and_row_is_one_token_and_their_ids_follow_their_values() -> None:
    numbers, columns, rows = (first for first, _ in number_families(TOKENIZER))
    assert numbers == 0
    for number in (0, 7, 42, 111, 999):
        assert TOKENIZER(f"[{number}, 1]")["input_ids"][1] == number
    for place in (0, 7, 42, 112, 127):
        assert TOKENIZER(f"the ball {place}/{place}")["input_ids"][2:] == [columns + place, rows + place]


@pytest.mark.parametrize("number", [7, 999, 1000, 1005, 9090, 17999, 90009, LARGEST_LABEL])
@pytest.mark.parametrize("word", LABELLED)
def test_the_number_of_a_frame_takes_one_token_after_the_word_before(word: str, number: int) -> None:
    text = word.replace("\u0120", " ")
    ids = TOKENIZER(f"{text}{number} 3/4")["input_ids"]
    assert len(ids) == 2 + 2
    tokens = TOKENIZER.convert_ids_to_tokens(ids[:2])
    assert "".join(tokens) == f"{word}{number}"
    assert tokens[0] == labelled_forms(word)[number // 1000]


def test_a_network_that_gets_more_words_says_what_it_said(folder: Path) -> None:
    """Those of large numbers are left out of its own tokenizer, so that the marks of pictures have other ids there."""
    words = json.loads((folder / "tokenizer.json").read_text())
    new = {*LED_BY_ZERO, *(form for word in LABELLED for form in labelled_forms(word)[1:])}
    few = {token: place for token, place in words["model"]["vocab"].items() if token not in new}
    words["model"]["vocab"] = few
    words["added_tokens"] = [{**token, "id": len(few) + n} for n, token in enumerate(words["added_tokens"])]
    fewer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(words)))
    before = build_policy(TOKENIZER).eval()
    ids = [TOKENIZER.convert_tokens_to_ids(fewer.convert_ids_to_tokens(place)) for place in range(len(fewer))]
    before.resize_token_embeddings(len(fewer))
    after = with_tokens(before, fewer, TOKENIZER).eval()
    text = "<|im_start|>user\nthe red ball in frame 12<|im_end|>"
    asked, same = (torch.tensor([one(text)["input_ids"]]) for one in (fewer, TOKENIZER))
    assert not torch.equal(asked, same)
    with torch.no_grad():
        said = after(input_ids=same).logits
    assert torch.allclose(before(input_ids=asked).logits, said[..., ids], atol=1e-5)
    table = after.get_input_embeddings().weight.detach()
    assert table[TOKENIZER.convert_tokens_to_ids(sorted(new))].norm(dim=1).min() > 0.2 * table[:1000].norm(dim=1).mean()
    assert with_tokens(after, TOKENIZER, build_tokenizer()) is after


def test_the_corpus_needs_no_bytes() -> None:
    letters = set("bcdefghjklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    for seed in range(15):
        view = look_at(Facts(make_scene(seed)), (112, 112))
        for example in draw_examples(view, np.random.default_rng(seed), 10, 0.3):
            text = example.question.text + "\n" + answer_text(example, image_context(view, (112, 112)))
            text += "".join(turn.correction for turn in example.turns)
            assert not letters & set(TOKENIZER.convert_ids_to_tokens(TOKENIZER(text)["input_ids"])), text


def test_the_network_is_small() -> None:
    assert sum(weight.numel() for weight in build_policy(TOKENIZER).parameters()) < 12_000_000


def test_the_training_pass_equals_the_stock_model(tmp_path: Path) -> None:
    model, processor = build_policy(TOKENIZER).eval(), build_processor()
    clip = ClipMaker(training_profile(tmp_path)).make(3)
    branch = clip.examples[0]
    ids = torch.tensor(np.concatenate([clip.prefix, branch.ids]))[None].long()
    pixels = processor.image_processor(
        [Image.fromarray(image) for image in clip.images], do_resize=False, return_tensors="pt"
    )
    with torch.no_grad():
        stock = model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=pixels["pixel_values"],
            image_grid_thw=pixels["image_grid_thw"],
            mm_token_type_ids=(ids == model.config.image_token_id).int(),
        ).logits[:, len(clip.prefix) :]
        seen = see(model.model.visual, torch.from_numpy(clip.images))
        prompt = encode_prompts(model, ids[:, : len(clip.prefix)], seen, 2)
        hidden = continue_prompts(model, prompt, ids[:, len(clip.prefix) :], torch.zeros(1, dtype=torch.long))
        ours = model.lm_head(hidden)
    assert torch.allclose(ours, stock, atol=1e-4)


def test_the_training_prompt_is_the_prompt_of_inference(tmp_path: Path, folder: Path) -> None:
    clip = ClipMaker(training_profile(tmp_path)).make(4)
    policy = load_qwen(folder, load_profile(str(folder)))
    frames = [Frame(index, image) for index, image in zip(clip.shown, clip.images, strict=True)]
    inputs = policy._inputs(frames, "the ball", ())
    ours = np.concatenate([clip.prefix, ClipMaker(training_profile(tmp_path)).question_ids(clip.shown, "the ball")])
    assert inputs["input_ids"][0].tolist() == ours.tolist()


def test_the_saved_folder_speaks_through_the_ordinary_loader(folder: Path) -> None:
    policy = load_qwen(folder, load_profile(str(folder)))
    view = look_at(Facts(make_scene(5)), (160, 120))
    frames = [Frame(index, image) for index, image in zip(view.shown, view.images, strict=True)]
    sampling = Sampling(max_new_tokens=5)
    events = list(policy.stream(frames, "the red ball", num_frames=view.facts.scene.num_frames, sampling=sampling))
    assert isinstance(events[-1], Answered | Unanswered)
    assert policy.profile.trained_on == "rendered scenes only"
    assert policy.unknown_words("the red zeppelin") == ("zeppelin",)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 25e6


def test_right_answers_score_full_marks_and_gibberish_none() -> None:
    view = look_at(Facts(make_scene(6)), (112, 112))
    examples = draw_examples(view, np.random.default_rng(0), 12)
    context = image_context(view, (112, 112))
    right = measure_answers([ScoredAnswer(view, one.question, answer_text(one, context), context) for one in examples])
    wrong = measure_answers([ScoredAnswer(view, one.question, "the the", context) for one in examples])
    assert right["box_iou"] == pytest.approx(1)
    assert (right["t_acc"], right["readable"], right["keyframe_shown"]) == (1, 1, 1)
    assert (wrong["t_acc"], wrong["readable"], wrong["box_iou"]) == (0, 0, 0)


def test_batched_writing_does_not_depend_on_the_other_questions(tmp_path: Path) -> None:
    model = build_policy(TOKENIZER).eval()
    view = look_at(Facts(make_scene(8)), (112, 112))
    maker = ClipMaker(training_profile(tmp_path))
    texts = answer_questions(model, maker, view, ["the ball", "the star", "all red things"], most=6)
    assert texts[1] == answer_questions(model, maker, view, ["the star"], most=6)[0]


def test_clips_side_by_side_are_answered_as_each_by_itself(tmp_path: Path) -> None:
    model, maker = build_policy(TOKENIZER).eval(), ClipMaker(training_profile(tmp_path))
    views = [look_at(Facts(make_scene(seed)), (112, 112)) for seed in (8, 9)]
    asked = [["the ball"], ["the star", "all red things"]]
    together = answer_views(model, maker, views, asked, most=6)
    assert together == [
        answer_questions(model, maker, view, texts, most=6) for view, texts in zip(views, asked, strict=True)
    ]
    assert [len(texts) for texts in together] == [1, 2]


def test_writing_with_caches_equals_reading_everything_anew(tmp_path: Path) -> None:
    model = build_policy(TOKENIZER).eval()
    view = look_at(Facts(make_scene(9)), (112, 112))
    maker = ClipMaker(training_profile(tmp_path))
    prompt = read_views(model, maker, [view])
    questions = [maker.question_ids(view.shown, text).tolist() for text in ("the ball", "what comes in first of all")]
    written = generate_answers(model, prompt, questions, end=-1, most=7)
    for question, answer in zip(questions, written, strict=True):
        ids = list(question)
        with torch.no_grad():
            for _ in range(7):
                hidden = continue_prompts(model, prompt, torch.tensor([ids]), torch.zeros(1, dtype=torch.long))
                ids.append(int(model.lm_head(hidden[:, -1]).argmax()))
        assert answer == ids[len(question) :]


def test_lots_follow_the_generator(tmp_path: Path) -> None:
    model = build_policy(TOKENIZER).eval()
    view = look_at(Facts(make_scene(9)), (112, 112))
    maker = ClipMaker(training_profile(tmp_path))
    prompt = read_views(model, maker, [view])
    questions = [maker.question_ids(view.shown, "the ball").tolist()] * 3

    def draw(seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        return generate_answers(model, prompt, questions, end=-1, most=5, temperature=30.0, generator=generator)

    assert draw(1) == draw(1) != draw(2)
    assert len({tuple(answer) for answer in draw(1)}) > 1


def test_a_taken_eye_sees_the_same_and_is_as_loud_as_the_words() -> None:
    eye, model = build_policy(TOKENIZER, seed=1), build_policy(TOKENIZER, seed=2)
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (2, 112, 112, 3), np.uint8))
    with torch.no_grad():
        before = see(eye.model.visual, pictures)
        take_eye(model, eye.model.visual, float(before.norm(dim=-1).mean()))
        after = see(model.model.visual, pictures)
        words = model.get_input_embeddings().weight.norm(dim=-1).mean()
    assert torch.nn.functional.cosine_similarity(before, after, -1).min() > 0.999
    assert after.norm(dim=-1).mean() == pytest.approx(float(words), rel=0.2)


def test_a_new_network_still_hears_the_word_itself_at_its_end() -> None:
    model = build_policy(TOKENIZER)
    ids = torch.tensor([TOKENIZER("the red ball moves left and the blue star stays")["input_ids"]])
    with torch.no_grad():
        words = model.get_input_embeddings()(ids)
        last = model.model.language_model(inputs_embeds=words).last_hidden_state
    assert torch.nn.functional.cosine_similarity(words, last, -1).mean() > 0.5
