"""What models of other families write: read where its meaning is sure, else an error; never elsewhere, never absent."""

from __future__ import annotations

import pytest

from veason.answer import AnswerContext, parse_answer
from veason.answer.boxlike import find_box
from veason.answer.orders import find_other_order
from veason.errors import AnswerError

CONTEXT = AnswerContext(shown=(0, 42, 85, 128, 170), num_frames=300, source_wh=(560, 560), fps=24.0)
BOX, SECOND = (10, 20, 30, 40), (50, 60, 70, 80)
NOTHING = '<think>It is gone.</think><answer>{"keyframe_timestamp": null, "bbox_2d_list": []}</answer>'


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        pytest.param(
            '```json\n[{"bbox_2d": [10, 20, 30, 40], "label": "dog", "frame": 128}]\n```', [BOX], id="Qwen2.5-VL"
        ),
        pytest.param("Frame 128: <ref>the dog</ref><box>[[10, 20, 30, 40]]</box>", [BOX], id="InternVL"),
        pytest.param(
            "Frame 128: <ref>dogs</ref><box>[[10, 20, 30, 40], [50, 60, 70, 80]]</box>", [BOX, SECOND],
            id="InternVL, two",
        ),
        pytest.param("frame 128 <|ref|>dog<|/ref|><|det|>[[10, 20, 30, 40]]<|/det|>", [BOX], id="DeepSeek-VL2"),
        pytest.param("frame 128: dog [[010,020,030,040]]", [BOX], id="CogVLM"),
        pytest.param("{'<OD>': {'bboxes': [[10, 20, 30, 40]], 'labels': ['a']}, 'frame': 128}", [BOX], id="Florence-2"),
        pytest.param("Frame 128: it spans from (10, 20) to (30, 40).", [BOX], id="from one point to another"),
        pytest.param(
            "In frame 128 the top-left corner is at (10, 20) and the bottom-right corner at (30, 40).", [BOX],
            id="corners in a sentence",
        ),
        pytest.param("Frame 128: bottom-left (10, 40), top-right (30, 20).", [BOX], id="the other two corners"),
        pytest.param("フレーム128で、左上(10, 20)、右下(30, 40)にあります。", [BOX], id="corners in Japanese"),
        pytest.param("在第128帧，目标从（10，20）到（30，40）。", [BOX], id="from one point to another in Chinese"),
        pytest.param("第128帧 左: 10, 上: 20, 右: 30, 下: 40", [BOX], id="sides in Chinese"),
        pytest.param('{"keyframe": ١٢٨, "bboxes": [[١٠، ٢٠، ٣٠، ٤٠]]}', [BOX], id="Arabic digits and commas"),
        pytest.param('{"keyframe": १२८, "bboxes": [[१०, २०, ३०, ४०]]}', [BOX], id="Devanagari digits"),
        pytest.param(r"In frame 128: $\boxed{[10, 20, 30, 40]}$", [BOX], id="LaTeX"),
        pytest.param("segmented = Box(x1=10, y1=20, x2=30, y2=40)  # frame 128", [BOX], id="a call"),
        pytest.param('{"frame": 128, "bbox": "x1=10, y1=20, x2=30, y2=40"}', [BOX], id="names in a string"),
        pytest.param('{"frame": 128, "bbox": "ymin=20 xmin=10 ymax=40 xmax=30"}', [BOX], id="names tell the order"),
        pytest.param('{"frame": 128, "bbox": "object 1: [10, 20, 30, 40]"}', [BOX], id="a label in a string"),
        pytest.param(
            '{"frame": 128, "box": {"center": [20, 30], "width": 20, "height": 20}}', [BOX], id="middle and size"
        ),
        pytest.param('{"frame": 128, "box": {"x": 10, "y": 20, "x2": 30, "y2": 40}}', [BOX], id="x, y and x2, y2"),
        pytest.param(
            '{"frame": 128, "bbox_1": [10, 20, 30, 40], "bbox_2": [50, 60, 70, 80]}', [BOX, SECOND], id="numbered keys"
        ),
        pytest.param(
            '{"keyframe": 128, "boxes": {"1": [10, 20, 30, 40], "2": [50, 60, 70, 80]}}', [BOX, SECOND], id="by object"
        ),
        pytest.param('{"keyframe": 128, "boxes": {"128s": [10, 20, 30, 40]}}', [BOX], id="by the keyframe"),
        pytest.param(
            '{"frame": 128, "bbox_2d": [{"bbox_2d": [10, 20, 30, 40], "color_rgba": [255, 0, 0, 255]}]}', [BOX],
            id="a colour is no place",
        ),
        pytest.param(
            "<think>As [x1, y1, x2, y2] (left, top, right, bottom).</think><answer>{'keyframe_timestamp': 128, "
            "'bbox_2d_list': [[10, 20, 30, 40]]}</answer>", [BOX], id="the usual order, said",
        ),
    ],
)  # fmt: skip
def test_what_has_one_meaning_is_read(text: str, boxes: list[tuple[int, ...]]) -> None:
    answer = parse_answer(text, CONTEXT)
    assert (answer.keyframe, [box.xyxy for box in answer.boxes]) == (128, boxes)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('[{"frame": 128, "box_2d": [20, 10, 40, 30], "label": "dog"}]', id="Gemini: rows first"),
        pytest.param(
            '<answer>{"keyframe": 128, "boxes": [{"box_2d": [20, 10, 40, 30]}]}</answer>', id="Gemini in answer tags"
        ),
        pytest.param('{"frame": 128, "bbox": [20, 10, 40, 30], "format": "yxyx"}', id="the order as a value"),
        pytest.param('{"frame": 128, "bbox": [10, 20, 20, 50], "format": "xywh"}', id="corner and size as a value"),
        pytest.param('{"frame": 128, "bbox_2d_list": [{"xywh": [10, 20, 20, 50]}]}', id="corner and size as a key"),
        pytest.param('{"frame": 128, "bbox_2d_list": [{"yxyx": [20, 10, 40, 30]}]}', id="rows first as a key"),
        pytest.param("In frame 128 [ymin, xmin, ymax, xmax] is [20, 10, 40, 30].", id="rows first in a sentence"),
        pytest.param("In frame 128 $(y_{min}, x_{min}, y_{max}, x_{max})$ = [20, 10, 40, 30].", id="in LaTeX"),
        pytest.param("In frame 128 at [x, y, w, h] = [10, 20, 20, 30].", id="corner and size in a sentence"),
        pytest.param("Frame 128, top-left (y, x): top left (20, 10), bottom right (40, 30)", id="row and column"),
        pytest.param(
            "<think>The format is (x, y, width, height).</think><answer>{'keyframe_timestamp': 128, "
            "'bbox_2d_list': [[10, 20, 20, 30]]}</answer>", id="the order in the reasoning",
        ),
        pytest.param('{"frame": 128, "bbox_2d": "<loc0020><loc0010><loc0040><loc0030>"}', id="PaliGemma in a key"),
        pytest.param("Frame 128: <loc0020><loc0010><loc0040><loc0030> dog", id="PaliGemma"),
        pytest.param('{"frame": 128, "bbox_2d": "dog<loc_10><loc_20><loc_30><loc_40>"}', id="Florence-2 in a key"),
        pytest.param("frame 128 <object><patch_index_0044><patch_index_0863></object>", id="Kosmos-2"),
        pytest.param('Frame 128: <points x1="10.5" y1="20.3" x2="40.1" y2="50">dogs</points>', id="Molmo: points"),
        pytest.param('{"frame": 128, "bbox": "10, 20, w 20, h 30"}', id="a size among numbers"),
        pytest.param('{"frame": 128, "bbox": "20x30 at 10,15"}', id="a size and a place"),
        pytest.param('{"frame": 128, "bbox": "dog 1: 10 20 30, dog 2: 50 60 70"}', id="numbers of names among them"),
        pytest.param('{"frame": 128, "bbox": "10,5; 20,5; 30,5; 40,5"}', id="commas for points"),
        pytest.param('{"frame": 128, "bbox": ["10/560", "20/560", "30/560", "40/560"]}', id="fractions"),
        pytest.param('{"frame": 128, "box": {"center": [20, 30], "size": [20, 20]}}', id="a size as a pair"),
        pytest.param('{"keyframe": 128, "boxes": {"42": [10, 20, 30, 40], "128": [50, 60, 70, 80]}}', id="by frame"),
        pytest.param(
            '{"bbox_2d_list": [{"frame": 42, "bbox": [10, 20, 30, 40]}], "keyframe_timestamp": 128}',
            id="a box of another frame",
        ),
        pytest.param('{"time": 5.3, "bbox_2d": [10, 20, 30, 40]}', id="parts of a second without a unit"),
        pytest.param('{"keyframe": "the 4th frame", "bboxes": [[10, 20, 30, 40]]}', id="a frame by its place"),
        pytest.param('{"keyframe": "5333ms", "bboxes": [[10, 20, 30, 40]]}', id="milliseconds"),
        pytest.param('{"keyframe": "42-128", "bboxes": [[10, 20, 30, 40]]}', id="a stretch of frames"),
    ],
)  # fmt: skip
def test_what_may_mean_another_place_is_an_error(text: str) -> None:
    with pytest.raises(AnswerError):
        parse_answer(text, CONTEXT)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param("<loc0020><loc0010><loc0040><loc0030> dog", id="PaliGemma"),
        pytest.param("<phrase>a dog</phrase><object><patch_index_0044><patch_index_0863></object>", id="Kosmos-2"),
        pytest.param('<points x1="10.5" y1="20.3" x2="40.1" y2="50">dogs</points>', id="Molmo"),
        pytest.param("x from 10 to 30 and y from 20 to 40", id="stretches"),
        pytest.param("x: 10-30, y: 20-40", id="stretches with dashes"),
        pytest.param("10 to 30 horizontally, 20 to 40 vertically", id="stretches in words"),
        pytest.param("[١٠، ٢٠، ٣٠، ٤٠]", id="Arabic"),
        pytest.param("[十, 二十, 三十, 四十]", id="Chinese numerals"),
        pytest.param("[¹⁰, ²⁰, ³⁰, ⁴⁰]", id="superscripts"),
        pytest.param("[10,\u200b20,\u200b30,\u200b40]", id="invisible characters"),
        pytest.param(r"$\left[10,\, 20,\, 30,\, 40\right]$", id="LaTeX"),
        pytest.param(r"$\begin{bmatrix}10 & 20 & 30 & 40\end{bmatrix}$", id="a LaTeX matrix"),
        pytest.param("$x_1=10, y_1=20, x_2=30, y_2=40$", id="subscripts"),
        pytest.param("x₁=10, y₁=20, x₂=30, y₂=40", id="Unicode subscripts"),
        pytest.param("<xmin>10</xmin><ymin>20</ymin><xmax>30</xmax><ymax>40</ymax>", id="XML"),
        pytest.param("<tr><td>128</td><td>10</td><td>20</td><td>30</td><td>40</td></tr>", id="HTML"),
        pytest.param('<path d="M10 20 L30 20 L30 40 L10 40 Z"/>', id="SVG"),
        pytest.param("- **Left:** 10\n- **Top:** 20\n- **Right:** 30\n- **Bottom:** 40", id="Markdown"),
        pytest.param("(top 20, left 10, bottom 40, right 30)", id="names without colons"),
        pytest.param("左: 10, 上: 20, 右: 30, 下: 40", id="Chinese names"),
        pytest.param("[10 - 20 - 30 - 40]", id="dashes"),
        pytest.param("(10/20/30/40)", id="slashes"),
        pytest.param("[10 pixels, 20 pixels, 30 pixels, 40 pixels]", id="units"),
        pytest.param("The dog is at (20, 30), 20 wide.", id="a point"),
    ],
)
def test_nothing_that_looks_like_a_box_is_taken_for_absent(after: str) -> None:
    with pytest.raises(AnswerError, match="looks like one"):
        parse_answer(f"{NOTHING}\n{after}", CONTEXT)


@pytest.mark.parametrize(
    "thought",
    [
        pytest.param("In (2024) it was filmed at 1280x720, 24 fps, 8 frames.", id="numbers one by one"),
        pytest.param("2 dogs, 3 cats, 1 bird and 4 cows, no horse.", id="counts"),
        pytest.param("From 00:01 to 00:04, and at (42s), (85s), (128s), nothing.", id="times"),
        pytest.param("I looked at 0, 42, 85, 128 and 170.", id="the frames shown"),
    ],
)
def test_numbers_of_other_things_leave_absent_what_is_absent(thought: str) -> None:
    text = NOTHING.replace("It is gone.", thought)
    assert parse_answer(text, CONTEXT).is_absent
    assert find_box(text, CONTEXT.shown) is None


def test_a_box_that_is_left_out_is_told() -> None:
    answer = parse_answer('{"keyframe": 128, "bbox": [10, 20, 30, 40], [50, 60, 70, 80]}', CONTEXT)
    assert [box.xyxy for box in answer.boxes] == [BOX]
    assert any("[50, 60, 70, 80]" in note.message for note in answer.notes)


def test_four_names_in_a_row_tell_an_order_and_names_apart_do_not() -> None:
    assert find_other_order("[y1, x1, y2, x2]") == "y1, x1, y2, x2"
    assert find_other_order("(cx, cy, w, h)") == "cx, cy, w, h"
    assert find_other_order('{"top": 20, "left": 10, "bottom": 40, "right": 30}') is None
    assert find_other_order("It goes left, right, up.") is None
