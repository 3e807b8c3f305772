"""What models really write, as a table: the text, what is read from it, and what is noted."""

import dataclasses

import pytest

from veason.answer import AnswerContext, AnswerParser, context_for, format_parts, parse_answer, render_answer
from veason.errors import AnswerError, PromptError
from veason.profile import GENERIC
from veason.types import Box, BoxClosed, FrameMention, KeyframeChosen, Note, ThoughtDelta

CONTEXT = AnswerContext(shown=(0, 42, 85, 128, 170), num_frames=300, source_wh=(1120, 560))
RELATIVE = dataclasses.replace(CONTEXT, labels="relative")
GOOD = '{"keyframe_timestamp": 128, "bbox_2d_list": [[10, 20, 30, 40]]}'
BOX = (20, 20, 60, 40)
"""The box of GOOD in source pixels, which are twice as wide as the model's."""


def tagged(body: str, thought: str = "Near in (128s).") -> str:
    return f"<think>{thought}</think>\n<answer>{body}</answer>"


def with_boxes(boxes: str) -> str:
    return tagged(f'{{"keyframe_timestamp": 128, "bbox_2d_list": {boxes}}}')


def with_keyframe(keyframe: str) -> str:
    return tagged(f'{{"keyframe_timestamp": {keyframe}, "bbox_2d_list": [[10, 20, 30, 40]]}}')


def kinds(notes: tuple[Note, ...]) -> str:
    return " ".join(sorted({note.kind for note in notes}))


@pytest.mark.parametrize(
    ("text", "keyframe", "boxes", "noted"),
    [
        pytest.param(tagged(GOOD), 128, [BOX], "", id="canonical"),
        pytest.param(f"\n {tagged(GOOD)}\n", 128, [BOX], "", id="white space around it"),
        pytest.param(with_boxes("[[10.0, 20.0, 30, 40]]"), 128, [BOX], "", id="floats"),
        pytest.param(
            with_boxes("[[10, 20, 30, 40], [0, 0, 560, 560]]"), 128, [BOX, (0, 0, 1120, 560)], "", id="two boxes"
        ),
        pytest.param(tagged(GOOD.replace('"', "'")), 128, [BOX], "json_repaired", id="single quotes"),
        pytest.param(
            tagged("{'label': 'the dog's bone', 'keyframe_timestamp': 128, 'bbox_2d_list': [[10, 20, 30, 40]]}"),
            128, [BOX], "json_repaired", id="apostrophe in single quotes",
        ),
        pytest.param(tagged(GOOD.replace('"', "“")), 128, [BOX], "json_repaired", id="typographic quotes"),
        pytest.param(with_boxes("[[10, 20, 30, 40,],]"), 128, [BOX], "json_repaired", id="trailing commas"),
        pytest.param(with_boxes("[[10 20 30 40]]"), 128, [BOX], "json_repaired", id="no commas"),
        pytest.param(tagged(f"```json\n{GOOD}\n```"), 128, [BOX], "json_repaired", id="code fence"),
        pytest.param(tagged(f"Here it is: {GOOD}. It's done."), 128, [BOX], "json_repaired", id="prose around JSON"),
        pytest.param(tagged(f"// best\n{GOOD} /* it's {{ */"), 128, [BOX], "json_repaired", id="comments outside"),
        pytest.param(
            with_boxes("[ // it's { one\n [10, 20, 30, 40] /* ]] **/ ] # so"), 128, [BOX], "json_repaired",
            id="comments inside",
        ),
        pytest.param(
            tagged('{keyframe_timestamp: 128, bbox_2d_list: [[10, 20, 30, 40]]}'), 128, [BOX], "json_repaired",
            id="keys without quotes",
        ),
        pytest.param(
            tagged('"keyframe_timestamp": 128, "bbox_2d_list": [[10, 20, 30, 40]]'), 128, [BOX], "json_repaired",
            id="no braces",
        ),
        pytest.param(
            tagged('{"keyframe_timestamp": 128}, "bbox_2d_list": [[10, 20, 30, 40]]}'), 128, [BOX], "json_repaired",
            id="brace closed too early",
        ),
        pytest.param(tagged(GOOD + "}]"), 128, [BOX], "json_repaired", id="brackets too many"),
        pytest.param(tagged(GOOD[:-2]), 128, [BOX], "json_repaired", id="brackets too few"),
        pytest.param(with_boxes("[[10, 20, 30, 40}"), 128, [BOX], "json_repaired", id="wrong bracket"),
        pytest.param(with_boxes("((10, 20, 30, 40),)"), 128, [BOX], "json_repaired", id="tuples"),
        pytest.param(
            tagged('{"bbox\\_2d\\_list": [[10, 20, 30, 40]], "keyframe\\_timestamp": 128}'), 128, [BOX],
            "json_repaired", id="underscores escaped as in Markdown",
        ),
        pytest.param(
            tagged('{"score": NaN, "x": None, "y": True, ' + GOOD[1:]), 128, [BOX], "json_repaired",
            id="Python literals",
        ),
        pytest.param(tagged(f'{{"answer": {GOOD}}}'), 128, [BOX], "json_repaired", id="nested object"),
        pytest.param(
            tagged('{"keyframe_timestamp": 1, "keyframe_timestamp": 128, "bbox_2d_list": [[10, 20, 30, 40]]}'),
            128, [BOX], "json_repaired", id="keyframe twice",
        ),
        pytest.param(
            tagged('{"bbox_2d_list": [[1, 2, 3, 4]], ' + GOOD[1:]), 128, [BOX], "json_repaired", id="boxes twice"
        ),
        pytest.param(tagged('{"frame": 3, ' + GOOD[1:]), 128, [BOX], "key_renamed", id="the exact key beats an alias"),
        pytest.param(tagged(GOOD[:-1] + ', "time": 3, "box": []}'), 128, [BOX], "", id="an alias after the exact key"),
        pytest.param(tagged(GOOD.replace("_2d_list", "_2d")), 128, [BOX], "key_renamed", id="bbox_2d"),
        pytest.param(tagged(GOOD.replace("bbox_2d_list", "boxes")), 128, [BOX], "key_renamed", id="boxes"),
        pytest.param(tagged(GOOD.replace("keyframe_timestamp", "Key-Frame")), 128, [BOX], "key_renamed", id="case"),
        pytest.param(tagged(GOOD.replace("keyframe_timestamp", "frame")), 128, [BOX], "key_renamed", id="frame"),
        pytest.param(with_boxes("[10, 20, 30, 40]"), 128, [BOX], "json_repaired", id="one flat box"),
        pytest.param(with_boxes('"[[10, 20, 30, 40]]"'), 128, [BOX], "json_repaired", id="boxes in a string"),
        pytest.param(with_boxes('[["10", "20px", "30", 40]]'), 128, [BOX], "json_repaired", id="numbers as strings"),
        pytest.param(
            with_boxes('[{"x1": 10, "y1": 20, "x2": 30, "y2": 40}]'), 128, [BOX], "json_repaired", id="named corners"
        ),
        pytest.param(
            with_boxes('[{"bbox_2d": [10, 20, 30, 40], "label": "dog"}]'), 128, [BOX], "json_repaired key_renamed",
            id="list of objects",
        ),
        pytest.param(
            tagged('[{"timestamp": 128, "bbox_2d": [10, 20, 30, 40]}, {"timestamp": 128, "bbox_2d": [1, 2, 3, 4]}]'),
            128, [BOX, (2, 2, 6, 4)], "json_repaired key_renamed", id="grounding style with timestamps",
        ),
        pytest.param(with_keyframe('"128"'), 128, [BOX], "json_repaired", id="keyframe as a string"),
        pytest.param(with_keyframe('"128s"'), 128, [BOX], "json_repaired", id="keyframe with its unit"),
        pytest.param(with_keyframe("128s"), 128, [BOX], "json_repaired", id="keyframe with its unit, bare"),
        pytest.param(with_keyframe("(128s)"), 128, [BOX], "json_repaired", id="keyframe in brackets"),
        pytest.param(with_keyframe("[128]"), 128, [BOX], "json_repaired", id="keyframe in a list"),
        pytest.param(with_keyframe('"frame 128"'), 128, [BOX], "json_repaired", id="keyframe in words"),
        pytest.param(with_keyframe("128.0"), 128, [BOX], "value_rounded", id="keyframe as a whole float"),
        pytest.param(with_keyframe("127.5"), 128, [BOX], "value_rounded", id="keyframe between frames"),
        pytest.param(with_keyframe("3"), 3, [BOX], "keyframe_not_shown", id="keyframe not shown"),
        pytest.param(with_boxes("[[30, 40, 10, 20]]"), 128, [BOX], "corners_swapped", id="swapped corners"),
        pytest.param(
            with_boxes("[[-5, 20, 30, 9e99]]"), 128, [(0, 20, 60, 560)], "box_clipped", id="partly outside"
        ),
        pytest.param(
            with_boxes("[[600, 0, 700, 9], [10, 20, 30, 40]]"), 128, [BOX], "box_dropped", id="one box outside"
        ),
        pytest.param(
            with_boxes("[[10, 20, 10, 40], [10, 20, 30, 40]]"), 128, [BOX], "box_dropped", id="one without area"
        ),
        pytest.param(with_boxes("[[1, 2, 3], [10, 20, 30, 40]]"), 128, [BOX], "box_dropped", id="three numbers"),
        pytest.param(with_boxes("[[1, 2, 3, 1e999], [10, 20, 30, 40]]"), 128, [BOX], "box_dropped", id="infinite"),
        pytest.param(with_boxes("[[1, 2, 3, NaN], [10, 20, 30, 40]]"), 128, [BOX], "box_dropped", id="NaN"),
        pytest.param(with_boxes("[[0, 0, 0, 0], [10, 20, 30, 40]]"), 128, [BOX], "box_dropped", id="one zero box"),
        pytest.param(with_boxes("[]"), 128, [], "", id="absent: empty list"),
        pytest.param(with_boxes("[[0, 0, 0, 0], [0, 0, 0, 0]]"), 128, [], "", id="absent: zero boxes"),
        pytest.param(with_boxes("[[]]"), 128, [], "json_repaired", id="absent: an empty box"),
        pytest.param(with_boxes("null"), 128, [], "json_repaired", id="absent: null"),
        pytest.param(with_boxes('"none"'), 128, [], "json_repaired", id="absent: none"),
        pytest.param(tagged('{"keyframe_timestamp": null, "bbox_2d_list": []}'), None, [], "", id="absent: no frame"),
        pytest.param(tagged('{"bbox_2d_list": []}'), None, [], "", id="absent: keyframe left out"),
        pytest.param(
            tagged('{"keyframe_timestamp": -1, "bbox_2d_list": []}'), None, [], "keyframe_dropped",
            id="absent: keyframe -1",
        ),
        pytest.param(f"<answer>{GOOD}</answer>", 128, [BOX], "tags_repaired", id="no think block"),
        pytest.param(f"so</think><answer>{GOOD}</answer>", 128, [BOX], "tags_repaired", id="think not opened"),
        pytest.param(f"<think>so<answer>{GOOD}</answer>", 128, [BOX], "tags_repaired", id="think not closed"),
        pytest.param(f"<think>so</think>{GOOD}", 128, [BOX], "tags_repaired", id="no answer tags"),
        pytest.param(tagged(GOOD)[:-9], 128, [BOX], "tags_repaired", id="answer not closed"),
        pytest.param(GOOD, 128, [BOX], "tags_repaired", id="JSON only"),
        pytest.param(f"```\n{GOOD}\n```\nbye", 128, [BOX], "json_repaired tags_repaired", id="fenced JSON only"),
        pytest.param(f"<think>so {GOOD}", 128, [BOX], "tags_repaired", id="JSON in an open think block"),
        pytest.param(f"< THINK >a</ think><Answer>{GOOD}</ANSWER>", 128, [BOX], "tags_repaired", id="odd tags"),
        pytest.param(f"{tagged(GOOD)} hope it helps", 128, [BOX], "tags_repaired", id="text after the answer"),
        pytest.param(
            tagged(GOOD.replace("128", "42")) + tagged(GOOD), 128, [BOX], "repeated_answer tags_repaired",
            id="two answers: the last",
        ),
        pytest.param(
            tagged(GOOD) + '<answer>{"keyframe_timestamp": 42, "bbox_', 128, [BOX], "repeated_answer tags_repaired",
            id="two answers: the last that is closed",
        ),
        pytest.param(
            tagged(GOOD)[:-11] + ", [50, 60, 7", 128, [BOX], "cut_off", id="cut off inside the second box"
        ),
        pytest.param(tagged(GOOD)[:-11], 128, [BOX], "cut_off", id="cut off after the first box"),
        pytest.param(
            "The dog is best seen in frame 128 at [10, 20, 30, 40].", 128, [BOX], "read_from_prose tags_repaired",
            id="prose",
        ),
        pytest.param(
            "At 128s <|box_start|>(10,20),(30,40)<|box_end|>", 128, [BOX], "read_from_prose tags_repaired",
            id="prose with the box tokens of Qwen2-VL",
        ),
    ],
)  # fmt: skip
def test_an_answer_is_read(text: str, keyframe: int | None, boxes: list[tuple[float, ...]], noted: str) -> None:
    answer = parse_answer(text, CONTEXT)
    assert (answer.keyframe, [box.xyxy for box in answer.boxes], kinds(answer.notes)) == (keyframe, boxes, noted)
    assert answer.text == text
    assert answer.is_absent == (not boxes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "holds no JSON", id="nothing"),
        pytest.param("I see a dog.", "holds no JSON", id="prose without numbers"),
        pytest.param("Frame 42 or frame 128, at [1, 2, 3, 4].", "names 2 frames", id="prose with two frames"),
        pytest.param("The dog is in frame 128.", "0 boxes", id="prose without a box"),
        pytest.param(tagged("{}"), "holds no JSON", id="empty object"),
        pytest.param(tagged('{"bbox_2d_list": [[1, 2, 3, 4]]}'), "no keyframe", id="no keyframe"),
        pytest.param(with_keyframe("null"), "no keyframe", id="keyframe null beside boxes"),
        pytest.param(with_keyframe("true"), "is true", id="keyframe true"),
        pytest.param(with_keyframe('"2:08"'), "is 2:08", id="keyframe as a clock time"),
        pytest.param(with_keyframe("[42, 128]"), "42 and 128", id="two keyframes"),
        pytest.param(with_keyframe("300"), "0 to 299", id="keyframe after the end"),
        pytest.param(with_keyframe("-1"), "0 to 299", id="negative keyframe"),
        pytest.param(with_keyframe("1e999"), "0 to 299", id="infinite keyframe"),
        pytest.param(with_keyframe("1" * 5000), "0 to 299", id="more digits than int takes"),
        pytest.param(with_keyframe("Infinity"), "is Infinity", id="Infinity"),
        pytest.param(tagged('{"keyframe_timestamp": 128}'), "no list of boxes", id="no boxes key"),
        pytest.param(with_boxes("[[600, 0, 700, 9]]"), "lies in the picture", id="all boxes outside"),
        pytest.param(with_boxes("[[0, 0, 0, 0], [600, 0, 700, 9]]"), "lies in the picture", id="zero and outside"),
        pytest.param(with_boxes("[[5, 5, 5, 5]]"), "lies in the picture", id="no area"),
        pytest.param(with_boxes("[[10, 20], [30, 40]]"), "lies in the picture", id="points"),
        pytest.param(with_boxes("7"), "lies in the picture", id="boxes are a number"),
        pytest.param('<answer>{"keyframe_timestamp": 12', "text ends", id="cut off in the keyframe"),
        pytest.param('<answer>{"keyframe_timestamp": 128, "bbox_2d_list": [', "text ends", id="cut off before a box"),
        pytest.param(with_boxes("[[1, 2, 3, 4")[:-10], "text ends", id="cut off in a box"),
        pytest.param(tagged('[{"time": 1, "box": [1, 2, 3, 4]}, {"time": 2}]'), "1 and 2", id="two frames"),
        pytest.param("[" * 100_000, "holds no JSON", id="deep nesting"),
        pytest.param("<answer>" + '{"a":[' * 50_000, "holds no JSON", id="deep nesting in an answer"),
    ],
)  # fmt: skip
def test_a_useless_answer_is_an_error_that_keeps_the_text(text: str, reason: str) -> None:
    with pytest.raises(AnswerError, match=reason) as caught:
        parse_answer(text, CONTEXT)
    assert caught.value.text == text


@pytest.mark.parametrize(
    ("text", "thought"),
    [
        pytest.param("<think>\n a b \n</think>\n<answer>", "a b", id="white space is trimmed"),
        pytest.param("a<think>b</think>c<answer>", "a\nb\nc", id="pieces stand on lines of their own"),
        pytest.param("<think>a <b> 1 < 2</think>", "a <b> 1 < 2", id="other angle brackets stay"),
        pytest.param("<think>a</thi", "a", id="a begun tag is left out"),
        pytest.param("<think>the set {1}, [2]</think>", "the set {1}, [2]", id="brackets stay"),
        pytest.param("a {b} ```c``` [d", "a {b} ```c``` [d", id="brackets stay without tags"),
        pytest.param(f"so: {GOOD} bye", "so:", id="JSON is no thought"),
    ],
)
def test_the_thought_has_no_tags(text: str, thought: str) -> None:
    parser = AnswerParser(CONTEXT)
    parser.feed(text)
    assert parser.thought == thought


@pytest.mark.parametrize(
    ("thought", "mentioned"),
    [
        pytest.param("in (128s) and frame 42", [128, 42], id="seconds and frame"),
        pytest.param("<128> ⟨42⟩ <85s>", [128, 42, 85], id="angle brackets"),
        pytest.param("128s, 42 s, 85 seconds, 170 sec", [128, 42, 85, 170], id="units"),
        pytest.param("timestamp 128; **Keyframe: 42**; frame #85; frame index 3", [128, 42, 85, 3], id="words"),
        pytest.param("frame 300, 999s, 128 dogs, 12.5s, x42s, [10, 20, 30, 40]", [], id="no frame of the video"),
        pytest.param("frame 12.", [12], id="full stop"),
        pytest.param("frame " + "1" * 5000, [], id="too many digits"),
    ],
)
def test_frames_named_in_the_reasoning_are_mentioned(thought: str, mentioned: list[int]) -> None:
    events = AnswerParser(CONTEXT).feed(f"<think>{thought}</think>")
    mentions = [event for event in events if isinstance(event, FrameMention)]
    assert [mention.frame_index for mention in mentions] == mentioned
    assert [int(thought[mention.start : mention.end]) for mention in mentions] == mentioned


def test_events_arrive_as_soon_as_their_text_is_complete() -> None:
    parser = AnswerParser(CONTEXT, sample=3)
    pieces = ["<thi", "nk> So in (12", "8s) it is near.</th", "ink>\n<ans", 'wer>{"keyframe_timestamp": 12', "8", ","]
    seen = [parser.feed(piece) for piece in pieces]
    assert seen[0] == []
    assert seen[1] == [ThoughtDelta("So in (12", 3)]
    assert seen[2] == [ThoughtDelta("8s) it is near.", 3), FrameMention(128, 7, 10, 3)]
    assert seen[3:6] == [[], [], []]
    assert seen[6] == [KeyframeChosen(128, True, 3)]
    assert parser.feed(' "bbox_2d_list": [[10, 20, 30, 40') == []
    assert parser.feed("]") == [BoxClosed(Box(*BOX), 0, 3)]
    assert kinds(parser.finish().notes) == "cut_off"


def test_a_later_answer_starts_the_boxes_again() -> None:
    events = AnswerParser(CONTEXT).feed(f"<answer>{GOOD}</answer><answer>{GOOD}</answer>")
    assert [event.number for event in events if isinstance(event, BoxClosed)] == [0, 0]


def test_a_keyframe_outside_the_video_is_never_announced() -> None:
    assert AnswerParser(CONTEXT).feed('<answer>{"keyframe_timestamp": 300, ') == []


def test_relative_labels_are_places_among_the_frames_shown() -> None:
    parser = AnswerParser(RELATIVE)
    events = parser.feed(tagged(GOOD.replace("128", "3"), thought="see frame 1 and frame 5"))
    assert [event.frame_index for event in events if isinstance(event, FrameMention)] == [42]
    assert parser.finish().keyframe == 128
    with pytest.raises(AnswerError, match="5 frames were shown"):
        parse_answer(tagged(GOOD.replace("128", "5")), RELATIVE)
    assert parse_answer(render_answer("", 170, [Box(*BOX)], RELATIVE), RELATIVE, strict=True).keyframe == 170
    assert parse_answer("place: frame 3 at [10, 20, 30, 40]", RELATIVE).keyframe == 128


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param(f"{tagged(GOOD)}\n", "each tag once", id="white space after"),
        pytest.param(f"<answer>{GOOD}</answer>", "each tag once", id="no think block"),
        pytest.param(f"<think>a</think>so<answer>{GOOD}</answer>", "each tag once", id="words between"),
        pytest.param(tagged(GOOD) * 2, "each tag once", id="twice"),
        pytest.param(tagged(GOOD.replace('"', "'")), "plain JSON", id="single quotes"),
        pytest.param(tagged("[[1, 2, 3, 4]]"), "plain JSON object", id="a list"),
        pytest.param(tagged("[" * 100_000), "plain JSON", id="deep nesting"),
        pytest.param(with_keyframe("1" * 5000), "plain JSON", id="more digits than int takes"),
        pytest.param(with_keyframe("1" * 4000), "0 to 299", id="a huge keyframe"),
        pytest.param(with_keyframe("128.0"), "an integer, got 128.0", id="float keyframe"),
        pytest.param(with_keyframe("true"), "an integer, got True", id="bool keyframe"),
        pytest.param(with_keyframe("null"), "an integer, got None", id="null keyframe beside boxes"),
        pytest.param(tagged('{"bbox_2d_list": []}'), "an integer", id="no keyframe"),
        pytest.param(with_keyframe("300"), "0 to 299", id="keyframe outside"),
        pytest.param(with_boxes("[10, 20, 30, 40]"), "lists of four", id="flat box"),
        pytest.param(with_boxes("[[1, 2, 3]]"), "lists of four", id="three numbers"),
        pytest.param(with_boxes("[[1, 2, 3, NaN]]"), "lists of four", id="NaN"),
        pytest.param(with_boxes("[[1, 2, 3, true]]"), "lists of four", id="a bool for a number"),
        pytest.param(with_boxes(f"[[1, 2, 3, {'9' * 400}]]"), "lists of four", id="a number beyond float"),
        pytest.param(with_boxes("[[600, 0, 700, 9]]"), "lies in the picture", id="all boxes outside"),
    ],
)
def test_strict_reading_makes_no_repair(text: str, rule: str) -> None:
    with pytest.raises(AnswerError, match=rule):
        parse_answer(text, CONTEXT, strict=True)


def test_strict_reading_still_clips_and_flags() -> None:
    answer = parse_answer(with_boxes("[[-5, 20, 30, 40]]"), CONTEXT, strict=True)
    assert (answer.boxes, kinds(answer.notes)) == ((Box(0, 20, 60, 40),), "box_clipped")


@pytest.mark.parametrize(
    ("text", "has_tags", "is_object", "has_keyframe", "num_boxes", "num_good_boxes"),
    [
        pytest.param(tagged(GOOD), True, True, True, 1, 1, id="canonical"),
        pytest.param(f"x{tagged(GOOD)}", False, True, True, 1, 1, id="words before"),
        pytest.param(tagged(GOOD) * 2, False, True, True, 1, 1, id="twice"),
        pytest.param(f"<think></think>\n \n<answer>{GOOD}</answer>", True, True, True, 1, 1, id="empty thought"),
        pytest.param(tagged(GOOD.replace('"', "'")), True, False, False, 0, 0, id="single quotes"),
        pytest.param(tagged("[1]"), True, False, False, 0, 0, id="a list"),
        pytest.param(with_keyframe("128.0"), True, True, False, 1, 1, id="float keyframe"),
        pytest.param(with_keyframe("true"), True, True, True, 1, 1, id="bool keyframe"),
        pytest.param(with_boxes('[[1, 2, 3, 4], [1], "a", [1, 2, 3, "4"]]'), True, True, True, 4, 1, id="bad boxes"),
        pytest.param(with_boxes("[]"), True, True, True, 0, 0, id="empty list"),
        pytest.param(with_boxes('{"a": 1}'), True, True, True, 0, 0, id="no list"),
        pytest.param("<answer>" + "[" * 100_000 + "</answer>", False, False, False, 0, 0, id="deep nesting"),
        pytest.param("</answer><answer>", False, False, False, 0, 0, id="tags in the wrong order"),
        pytest.param("", False, False, False, 0, 0, id="nothing"),
    ],
)  # fmt: skip
def test_the_parts_of_the_format_are_measured(
    text: str, has_tags: bool, is_object: bool, has_keyframe: bool, num_boxes: int, num_good_boxes: int
) -> None:
    parts = format_parts(text)
    assert (parts.has_tags, parts.is_object, parts.has_keyframe) == (has_tags, is_object, has_keyframe)
    assert (parts.num_boxes, parts.num_good_boxes) == (num_boxes, num_good_boxes)
    assert parts.keyframe_is_bool == ("true" in text)


def test_other_keys_are_measured_read_and_written() -> None:
    profile = dataclasses.replace(GENERIC, keyframe_key="best", boxes_key="where", coordinates="thousandths")
    context = context_for(profile, (0, 9), num_frames=10, source_wh=(2000, 1000))
    text = render_answer("", 9, [Box(2, 1, 20, 10)], context)
    assert text.endswith('<answer>{"best": 9, "where": [[1, 1, 10, 10]]}</answer>')
    assert format_parts(text, keyframe_key="best", boxes_key="where").num_good_boxes == 1
    assert parse_answer(text, context).boxes == (Box(2, 1, 20, 10),)
    assert not parse_answer(text, context).notes


def test_an_absent_target_is_written_as_an_empty_list() -> None:
    text = render_answer("No otter.", None, [], CONTEXT)
    assert text.endswith('{"keyframe_timestamp": null, "bbox_2d_list": []}</answer>')
    answer = parse_answer(text, CONTEXT, strict=True)
    assert answer.is_absent
    assert answer.keyframe is None


def test_a_tiny_box_is_written_at_least_one_wide() -> None:
    answer = parse_answer(render_answer("", 0, [Box(1119.9, 0, 1120, 0.1)], CONTEXT), CONTEXT, strict=True)
    assert answer.boxes == (Box(1118, 0, 1120, 1),)


def test_tags_in_a_thought_are_left_out_when_it_is_written() -> None:
    text = render_answer(" a<thi<think>nk></answer> <", 0, [], CONTEXT)
    assert parse_answer(text, CONTEXT, strict=True).thought == "a <"


@pytest.mark.parametrize(
    ("keyframe", "boxes", "reason"),
    [
        pytest.param(3, [], "one of the frames shown", id="keyframe not shown"),
        pytest.param(None, [Box(0, 0, 1, 1)], "need the keyframe", id="boxes without keyframe"),
        pytest.param(0, [Box(2000, 0, 2001, 1)], "inside the 1120x560 picture", id="box outside"),
    ],
)
def test_what_cannot_be_written_is_refused(keyframe: int | None, boxes: list[Box], reason: str) -> None:
    with pytest.raises(PromptError, match=reason):
        render_answer("", keyframe, boxes, CONTEXT)


@pytest.mark.parametrize(
    "changes", [{"shown": ()}, {"shown": (300,)}, {"shown": (-1,)}, {"source_wh": (0, 5)}, {"space_wh": (5, 0)}]
)
def test_a_context_that_makes_no_sense_is_refused(changes: dict) -> None:
    with pytest.raises(PromptError):
        dataclasses.replace(CONTEXT, **changes)
