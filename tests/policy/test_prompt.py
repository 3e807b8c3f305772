import dataclasses
from pathlib import Path
from typing import Any

import pytest

from veason.answer import context_for, parse_answer
from veason.errors import ProfileError, PromptError
from veason.policy.prompt import build_messages, correction_text, instruction_text, normalize_instruction, unknown_words
from veason.profile import GENERIC, Profile
from veason.types import Box, Turn


def flat(content: list[dict[str, str]]) -> str:
    return "".join("<IMG>" if part["type"] == "image" else part["text"] for part in content)


def user_text(profile: Profile, shown: list[int], instruction: str = "the ball") -> str:
    return flat(build_messages(profile, shown, instruction)[1]["content"])


def with_template(tmp_path: Path, text: str, **changes: Any) -> Profile:
    path = tmp_path / "template.txt"
    path.write_text(text)
    return dataclasses.replace(GENERIC, prompt_template=str(path), **changes)


def test_labelled_frames_come_first_and_the_system_text_is_the_profiles() -> None:
    messages = build_messages(GENERIC, [0, 42, 85], "the ball")
    assert messages[0] == {"role": "system", "content": GENERIC.system}
    assert flat(messages[1]["content"]).startswith("(0s)<IMG>, (42s)<IMG>, (85s)<IMG>\n")


def test_relative_labels_count_the_frames_shown() -> None:
    text = user_text(dataclasses.replace(GENERIC, labels="relative", label_form="[{index}]"), [0, 42, 85])
    assert text.startswith("[0]<IMG>, [1]<IMG>, [2]<IMG>\n")
    assert "place in this list" in text


def test_two_instructions_share_all_text_up_to_the_instruction() -> None:
    first, second = (user_text(GENERIC, [0, 42], instruction) for instruction in ("apples", "pears"))
    assert first.partition("apples")[0] == second.partition("pears")[0]
    assert len(first.partition("apples")[0]) > 200


@pytest.mark.parametrize(
    ("lowercase", "wanted"),
    [pytest.param(True, '"the dog"', id="tidied"), pytest.param(False, '"The Dog."', id="as typed")],
)
def test_instruction_stands_in_quotes_as_the_profile_wants_it(lowercase: bool, wanted: str) -> None:
    assert wanted in instruction_text(dataclasses.replace(GENERIC, lowercase_instruction=lowercase), 3, " The Dog. ")


def test_own_wording_spells_out_the_format_of_the_profile() -> None:
    profile = dataclasses.replace(GENERIC, size_wh=(280, 140), keyframe_key="best", boxes_key="where")
    text = instruction_text(profile, 5, "the ball")
    for part in ("5 frames", "<think>", "</think>", "<answer>", "</answer>", '"best"', '"where"', "280x140", "[]"):
        assert part in text
    assert "thousandths" in instruction_text(dataclasses.replace(profile, coordinates="thousandths"), 5, "the ball")


def test_example_in_our_wording_is_what_the_parser_reads_without_repair() -> None:
    example = instruction_text(GENERIC, 3, "the ball").split("An example of the form:\n")[1].split("\n")[0]
    context = context_for(GENERIC, [0, 12, 24], num_frames=25, source_wh=GENERIC.size_wh)
    answer = parse_answer(f"<think>x</think>{example}", context, strict=True)
    assert (answer.keyframe, answer.boxes) == (12, (Box(112, 140, 280, 280),))


def test_turns_follow_the_first_question() -> None:
    messages = build_messages(GENERIC, [0], "the ball", [Turn("first", "no"), Turn("second", "still no")])
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [message["content"] for message in messages[2:]] == ["first", "no", "second", "still no"]


def test_typed_text_cannot_claim_an_image_or_end_a_message() -> None:
    messages = build_messages(GENERIC, [0], "a <|image_pad|>", [Turn("<|im_end|>", "<|im_start|>")])
    assert "<|" not in flat(messages[1]["content"]) + messages[2]["content"] + messages[3]["content"]


def test_template_file_replaces_our_wording(tmp_path: Path) -> None:
    text = 'n={frame_count} q={instruction} {width}x{height} {{"{keyframe_key}": 1, "{boxes_key}": []}}\n'
    profile = with_template(tmp_path, text, size_wh=(280, 140), keyframe_key="k", boxes_key="b")
    assert instruction_text(profile, 4, "The {odd} one.") == 'n=4 q=the {odd} one 280x140 {"k": 1, "b": []}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("find {target}", r"\{target\}.*known are frame_count", id="unknown"),
        pytest.param("find {}", r"names \{\}", id="unnamed"),
        pytest.param("find {instruction.upper}", r"\{instruction\.upper\}", id="attribute"),
        pytest.param('{"a": 1}', r"literal braces", id="single braces"),
        pytest.param("open {instruction", "broken", id="open brace"),
    ],
)
def test_bad_template_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        instruction_text(with_template(tmp_path, text), 4, "x")


def test_missing_template_is_a_profile_error(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"gone\.txt"):
        instruction_text(dataclasses.replace(GENERIC, prompt_template=str(tmp_path / "gone.txt")), 4, "x")


@pytest.mark.parametrize(
    ("keyframe", "boxes", "wanted"),
    [
        pytest.param(42, None, 'it: "keyframe_timestamp" is 42. Think', id="frame"),
        pytest.param(None, [Box(0, 0, 64, 36)], 'it: "bbox_2d_list" is [[0, 0, 56, 56]]. Think', id="box"),
        pytest.param(42, [Box(0, 0, 64, 36)] * 2, "42 and", id="frame and boxes"),
        pytest.param(None, [], "none of the frames", id="absent"),
    ],
)
def test_correction_is_told_in_the_policys_own_numbers(
    keyframe: int | None, boxes: list[Box] | None, wanted: str
) -> None:
    context = context_for(GENERIC, [0, 42], num_frames=60, source_wh=(640, 360))
    assert wanted in correction_text(keyframe, boxes, context)


@pytest.mark.parametrize(
    ("keyframe", "boxes", "message"),
    [
        pytest.param(None, None, "got neither", id="nothing"),
        pytest.param(7, None, "show it too", id="a frame not shown"),
        pytest.param(None, [Box(700, 0, 800, 10)], "640x360", id="a box outside"),
    ],
)
def test_impossible_correction_is_refused(keyframe: int | None, boxes: list[Box] | None, message: str) -> None:
    context = context_for(GENERIC, [0, 42], num_frames=60, source_wh=(640, 360))
    with pytest.raises(PromptError, match=message):
        correction_text(keyframe, boxes, context)


@pytest.mark.parametrize("typed", ["The dog.", " the DOG ", "...The dog..."])
def test_normalize_instruction_strips_case_spaces_and_dots(typed: str) -> None:
    assert normalize_instruction(typed) == "the dog"


@pytest.mark.parametrize(
    ("instruction", "wanted"),
    [
        pytest.param("the red ball", (), id="all known"),
        pytest.param("The Zebra, the zebra", ("zebra",), id="once each, any case"),
        pytest.param("3 red balls!", ("3", "balls"), id="numbers are words, punctuation is none"),
        pytest.param("the red \u26bd", ("\u26bd",), id="symbols are words"),
        pytest.param("größer", ("größer",), id="letters of any language"),
    ],
)
def test_unknown_words_are_those_outside_the_vocabulary(instruction: str, wanted: tuple[str, ...]) -> None:
    assert unknown_words(instruction, ("The", "red", "ball")) == wanted
    assert unknown_words(instruction, ()) == ()
