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
        pytest.param("128번째 프레임에서 경계 상자는 [10, 20, 30, 40]입니다.", [BOX], id="Korean"),
        pytest.param("في الإطار 128 المربع هو [10، 20، 30، 40].", [BOX], id="Arabic"),
        pytest.param("फ्रेम 128 में बाउंडिंग बॉक्स [10, 20, 30, 40] है।", [BOX], id="Hindi"),
        pytest.param("Trong khung hình 128, hộp là [10, 20, 30, 40].", [BOX], id="Vietnamese"),
        pytest.param("W klatce 128 obiekt jest w [10, 20, 30, 40].", [BOX], id="Polish"),
        pytest.param("128. karede [10, 20, 30, 40].", [BOX], id="Turkish"),
        pytest.param("Στο καρέ 128: [10, 20, 30, 40].", [BOX], id="Greek"),
        pytest.param("ในเฟรม 128 กล่องคือ [10, 20, 30, 40]", [BOX], id="Thai"),
        pytest.param("Na quadro 128, a caixa é [10, 20, 30, 40].", [BOX], id="Portuguese"),
        pytest.param("En el fotograma 128, la caja es [10, 20, 30, 40].", [BOX], id="Spanish"),
        pytest.param("Keyframe: 128\n1. [10, 20, 30, 40]\n2. [50, 60, 70, 80]", [BOX, SECOND], id="a numbered list"),
        pytest.param("**Keyframe:** 128s, **Box:** `[10, 20, 30, 40]`", [BOX], id="Markdown"),
        pytest.param('{"keyframe": "frame_128.jpg", "bbox_2d_list": [[10, 20, 30, 40]]}', [BOX], id="a file's name"),
        pytest.param('{"keyframe": [128], "bbox_2d_list": "[[10, 20, 30, 40]]"}', [BOX], id="lists and strings mixed"),
        pytest.param('{"keyframe": 128, "bbox": {"cx": 20, "cy": 30, "w": 20, "h": 20}}', [BOX], id="YOLO by name"),
        pytest.param('{"keyframe": 128, "bbox_2d_list": [[30, 40, 10, 20]]}', [BOX], id="corners swapped"),
        pytest.param(
            '{"keyframe": 128, "bbox_2d_list": [[10, 20, 30, 40], [50, 60, 70', [BOX], id="cut off in the second"
        ),
        pytest.param("<think>At [10, 20, 30, 40] in frame 128.</think><answer>See above.</answer>", [BOX], id="above"),
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
        pytest.param('{"keyframe": [42, 128], "bboxes": [[10, 20, 30, 40]]}', id="two frames"),
        pytest.param('[{"bbox_2d": [10, 20, 30, 40], "label": "dog"}]', id="no frame"),
        pytest.param('Frame 128: <point x="20.5" y="30.1" alt="dog">dog</point>', id="Molmo: a point"),
        pytest.param('{"frame": 128, "point_2d": [20, 30], "label": "dog"}', id="a point of Qwen"),
        pytest.param("frame 128: dog: {<10><20><30><40>}", id="MiniGPT-v2"),
        pytest.param('{"keyframe": 128, "bbox_2d_list": [[10, 20, 30, 40, 0.97]]}', id="a score behind"),
        pytest.param('{"keyframe": 128, "bbox_2d_list": [[1, 10, 20, 30, 40]]}', id="an id before"),
        pytest.param('{"keyframe": 128, "bbox_2d_list": [[10,000, 20,000, 30,000, 40,000]]}', id="thousands"),
        pytest.param('{"keyframe": 128, "bbox_2d_list": [["10%", "20%", "30%", "40%"]]}', id="percentages"),
        pytest.param('{"keyframe": 128, "polygon": [[10, 20], [30, 20], [35, 40], [5, 30]]}', id="an outline"),
        pytest.param(
            '{"frames": [{"frame": 42, "boxes": []}, {"frame": 128, "boxes": [[1, 2, 30, 40]]}]}', id="frame by frame"
        ),
        pytest.param('{"keyframe_timestamp": 128, "bbox_2d_list": [[10, 20,', id="cut off in the first"),
        pytest.param('{"keyframe_timestamp": 128, "bbox_2d_list": [', id="cut off before it"),
        pytest.param("<think>At [10, 20, 30, 40] in frame 128.</think>" + NOTHING, id="in the reasoning alone"),
        pytest.param('{"keyframe": 128, "bbox_2d_list": [[10, 20, 30, 40]], "bbox_2d_list": []}', id="said, then not"),
        pytest.param("I'm sorry, but I can't help with identifying people in this video.", id="a refusal"),
        pytest.param("抱歉，我无法识别视频中的人物。", id="a refusal in Chinese"),
        pytest.param("Es tut mir leid, dabei kann ich nicht helfen.", id="a refusal in German"),
        pytest.param("The object is not visible in any of the frames.", id="absent in words alone"),
        pytest.param("<think></think><answer>none</answer>", id="none"),
        pytest.param("[]", id="a list of nothing"),
        pytest.param("null", id="null"),
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
        pytest.param('{"x": 10, "y": 20}', id="a point by name"),
        pytest.param("[ten, twenty, thirty-five, one hundred and forty]", id="English numerals"),
        pytest.param("[壹拾, 贰拾, 叁拾, 肆拾]", id="Chinese formal numerals"),
        pytest.param("[১০, ২০, ৩০, ৪০]", id="Bengali"),
        pytest.param("[⑩, ⑳, ㉚, ㊵]", id="numbers in circles"),
        pytest.param("[0x0A, 0x14, 0x1E, 0x28]", id="hexadecimal"),
        pytest.param(r"\u005b10, 20, 30, 40\u005d", id="escaped brackets"),
        pytest.param("crop = img[20:40, 10:30]", id="a part of an array"),
        pytest.param("M10,20H30V40H10Z", id="an outline"),
        pytest.param('<rect x="10" y="20" width="20" height="20"/>', id="a rectangle of SVG"),
        pytest.param('style="left:10px;top:20px;width:20px;height:20px"', id="a style"),
        pytest.param("10≤x≤30, 20≤y≤40", id="bounds"),
        pytest.param("x∈[10,30], y∈[20,40]", id="intervals"),
        pytest.param("cols 10-30, rows 20-40", id="columns and rows"),
        pytest.param('<tracks coords="128 1 205 301">dog</tracks>', id="Molmo 2"),
        pytest.param("dog: {<10><20><30><40>}", id="Ferret, MiniGPT-v2"),
        pytest.param("bbox_2d:\n- 10\n- 20\n- 30\n- 40", id="YAML"),
        pytest.param("arriba: 20, izquierda: 10, derecha: 30, abajo: 40", id="Spanish names"),
        pytest.param("أعلى 20 يسار 10 يمين 30 أسفل 40", id="Arabic names"),
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
        pytest.param("It is away in [00:01, 00:04] and in [10:30, 20:40].", id="stretches of time"),
        pytest.param("One dog, two cats, three birds, four cows (one, two, three).", id="counts in words"),
        pytest.param("Seen at x times zoom; y is not asked.", id="letters"),
        pytest.param("I looked at 0, 42, 85, 128 and 170.", id="the frames shown"),
        pytest.param("I looked at 4 (42, 85, 128, 170).", id="the frames shown, counted"),
    ],
)
def test_numbers_of_other_things_leave_absent_what_is_absent(thought: str) -> None:
    text = NOTHING.replace("It is gone.", thought)
    assert parse_answer(text, CONTEXT).is_absent
    assert find_box(text, CONTEXT.shown) is None


@pytest.mark.parametrize("before", ["128.", "128. <", "42, 85, 128 ", "3 ", "170 - "])
def test_a_number_before_the_brackets_hides_no_box(before: str) -> None:
    text = NOTHING.replace("It is gone.", f"It is near in frame {before}[[10, 20, 30, 40]]")
    with pytest.raises(AnswerError, match="looks like one"):
        parse_answer(text, CONTEXT)


def test_a_box_that_is_left_out_is_told() -> None:
    answer = parse_answer('{"keyframe": 128, "bbox": [10, 20, 30, 40], [50, 60, 70, 80]}', CONTEXT)
    assert [box.xyxy for box in answer.boxes] == [BOX]
    assert any("[50, 60, 70, 80]" in note.message for note in answer.notes)


def test_four_names_in_a_row_tell_an_order_and_names_apart_do_not() -> None:
    assert find_other_order("[y1, x1, y2, x2]") == "y1, x1, y2, x2"
    assert find_other_order("(cx, cy, w, h)") == "cx, cy, w, h"
    assert find_other_order('{"top": 20, "left": 10, "bottom": 40, "right": 30}') is None
    assert find_other_order("It goes left, right, up.") is None
