"""Forms in which models answer, each with what is right beside it: the model's space is 560 x 560.

Every form is a text with `KEY` for the frame's number and x1 to y2 in braces; `is_body` forms stand in answer tags too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

Corners = tuple[int, int, int, int]

PLACES: tuple[tuple[int, Corners], ...] = ((128, (10, 20, 30, 40)), (42, (100, 7, 555, 300)))
"""Frames that were shown, and a box on each."""


@dataclass(frozen=True)
class Form:
    """One way to write an answer: `text` with %(frame)s, %(x1)s, ... in it; `is_body` tells that it fits in tags."""

    name: str
    text: str
    is_body: bool = True


def _row(inside: str) -> str:
    return '{"keyframe_timestamp": %(frame)s, "bbox_2d_list": [' + inside + "]}"


FORMS: tuple[Form, ...] = (
    # corners with names
    Form("x1 y1 x2 y2", _row('{"x1": %(x1)s, "y1": %(y1)s, "x2": %(x2)s, "y2": %(y2)s}')),
    Form("x0 y0 x1 y1", _row('{"x0": %(x1)s, "y0": %(y1)s, "x1": %(x2)s, "y1": %(y2)s}')),
    Form("x_min", _row('{"x_min": %(x1)s, "y_min": %(y1)s, "x_max": %(x2)s, "y_max": %(y2)s, "label": "dog"}')),
    Form("xmin", _row('{"xmin": %(x1)s, "xmax": %(x2)s, "ymin": %(y1)s, "ymax": %(y2)s}')),
    Form("Xmin as text", _row('{"Xmin": "%(x1)s", "Ymin": "%(y1)s", "Xmax": "%(x2)s", "Ymax": "%(y2)s"}')),
    Form("left top", _row('{"left": %(x1)s, "top": %(y1)s, "right": %(x2)s, "bottom": %(y2)s}')),
    Form("nested corners", _row('{"bbox": {"x_min": %(x1)s, "y_min": %(y1)s, "x_max": %(x2)s, "y_max": %(y2)s}}')),
    Form("flat corners", '{"frame": %(frame)s, "x1": %(x1)s, "y1": %(y1)s, "x2": %(x2)s, "y2": %(y2)s}'),
    Form(
        "under another key",
        '{"frame": %(frame)s, "objects": [{"name": "a dog", "xmin": %(x1)s, "ymin": %(y1)s, "xmax": %(x2)s, '
        '"ymax": %(y2)s}]}',
    ),
    # corner and size
    Form("x y width height", _row('{"x": %(x1)s, "y": %(y1)s, "width": %(w)s, "height": %(h)s}')),
    Form("x y w h", _row('{"x": %(x1)s, "y": %(y1)s, "w": %(w)s, "h": %(h)s}')),
    Form("left top width height", _row('{"left": %(x1)s, "top": %(y1)s, "width": %(w)s, "height": %(h)s}')),
    # points
    Form("Position", _row('{"Position": [%(x1)s, %(y1)s, %(x2)s, %(y2)s], "Object": "dog"}')),
    Form("coordinates", '{"keyframe": %(frame)s, "target": {"coordinates": [%(x1)s, %(y1)s, %(x2)s, %(y2)s]}}'),
    Form("corners", _row('{"corners": [[%(x1)s, %(y1)s], [%(x2)s, %(y2)s]]}')),
    Form(
        "four corners",
        _row('{"corners": [[%(x1)s, %(y1)s], [%(x2)s, %(y1)s], [%(x2)s, %(y2)s], [%(x1)s, %(y2)s]]}'),
    ),
    Form("top_left", _row('{"top_left": [%(x1)s, %(y1)s], "bottom_right": [%(x2)s, %(y2)s]}')),
    Form(
        "top_left of points",
        _row('{"top_left": {"x": %(x1)s, "y": %(y1)s}, "bottom_right": {"x": %(x2)s, "y": %(y2)s}}'),
    ),
    Form("pairs", _row("[[%(x1)s, %(y1)s], [%(x2)s, %(y2)s]]")),
    Form("by name of the object", '{"frame": %(frame)s, "boxes": {"dog": [%(x1)s, %(y1)s, %(x2)s, %(y2)s]}}'),
    # lists and strings
    Form("canonical", _row("[%(x1)s, %(y1)s, %(x2)s, %(y2)s]")),
    Form("text with commas", '{"frame": %(frame)s, "bbox": "%(x1)s, %(y1)s, %(x2)s, %(y2)s"}'),
    Form("text with spaces", '{"frame": %(frame)s, "bbox": "%(x1)s %(y1)s %(x2)s %(y2)s"}'),
    Form("box and point", _row('{"bbox_2d": [%(x1)s, %(y1)s, %(x2)s, %(y2)s], "point_2d": [15, 25]}')),
    # the same box over and over
    Form("repetition", _row(", ".join(["[%(x1)s, %(y1)s, %(x2)s, %(y2)s]"] * 40))),
    Form("repetition without end", _row(", ".join(["[%(x1)s, %(y1)s, %(x2)s, %(y2)s]"] * 40))[:-3]),
    # several JSON values
    Form(
        "an object a box",
        '{"frame": %(frame)s, "bbox_2d": [%(x1)s, %(y1)s, %(x2)s, %(y2)s]}\n{"frame": %(frame)s, "label": "dog", '
        '"bbox_2d": [%(x1)s, %(y1)s, %(x2)s, %(y2)s]}',
    ),
    Form("list of objects", '[{"time": %(frame)s, "bbox_2d": [%(x1)s, %(y1)s, %(x2)s, %(y2)s], "label": "dog"}]'),
    Form("deep", '{"answer": {"result": [{"frame_index": %(frame)s, "box": [%(x1)s, %(y1)s, %(x2)s, %(y2)s]}]}}'),
    # other characters and languages
    Form(
        "fullwidth", "｛＂keyframe_timestamp＂：%(frame)s，＂bbox_2d_list＂：［［%(x1)s，%(y1)s，%(x2)s，%(y2)s］］｝"
    ),
    Form("Chinese keys", '{"关键帧": %(frame)s, "边界框": [%(x1)s, %(y1)s, %(x2)s, %(y2)s]}'),
    Form("Japanese keys", "{'フレーム': %(frame)s, 'バウンディングボックス': [[%(x1)s、%(y1)s、%(x2)s、%(y2)s]]}"),
    Form("Russian keys", '{"кадр": %(frame)s, "рамка": [%(x1)s, %(y1)s, %(x2)s, %(y2)s]}'),
    Form("French keys", '{"image_clé": %(frame)s, "boîte": [%(x1)s, %(y1)s, %(x2)s, %(y2)s]}'),
    Form("Chinese sentence", "目标在第%(frame)s帧，位置为［%(x1)s，%(y1)s，%(x2)s，%(y2)s］。", is_body=False),
    Form("German sentence", "Das Ziel ist in Bild %(frame)s bei (%(x1)s, %(y1)s) bis (%(x2)s, %(y2)s).", is_body=False),
    Form("Russian sentence", "Объект виден на кадре %(frame)s: [%(x1)s, %(y1)s, %(x2)s, %(y2)s].", is_body=False),
    Form("named in a sentence", "Frame %(frame)s: x1=%(x1)s, y1=%(y1)s, x2=%(x2)s, y2=%(y2)s.", is_body=False),
    # tokens of Qwen2-VL
    Form("box tokens", "Frame %(frame)s: <|box_start|>(%(x1)s,%(y1)s),(%(x2)s,%(y2)s)<|box_end|>", is_body=False),
    Form(
        "object and box tokens",
        "In frame %(frame)s <|object_ref_start|>the dog<|object_ref_end|><|box_start|>(%(x1)s, %(y1)s), "
        "(%(x2)s, %(y2)s)<|box_end|>.",
        is_body=False,
    ),
    # tool calls
    Form(
        "tool call",
        '<tool_call>\n{"name": "segment", "arguments": ' + _row("[%(x1)s, %(y1)s, %(x2)s, %(y2)s]") + "}\n</tool_call>",
    ),
    Form(
        "tool call with text",
        '{"name": "segment", "arguments": "{\\"frame\\": %(frame)s,\\n \\"bbox\\": [%(x1)s, %(y1)s, %(x2)s, %(y2)s]}"}',
    ),
    # tables
    Form(
        "table of numbers",
        "| frame | x1 | y1 | x2 | y2 |\n|---|---|---|---|---|\n| %(frame)s | %(x1)s | %(y1)s | %(x2)s | %(y2)s |",
    ),
    Form(
        "table with a box",
        "Here:\n\n| Object | Keyframe | Bounding Box |\n|:--|:-:|--:|\n"
        "| dog | %(frame)s | [%(x1)s, %(y1)s, %(x2)s, %(y2)s] |\n",
    ),
    Form(
        "table of keys",
        "| key | value |\n|---|---|\n| keyframe | %(frame)s |\n| bbox | [%(x1)s, %(y1)s, %(x2)s, %(y2)s] |",
    ),
    # code and comments
    Form("fenced", "```json\n" + _row("[%(x1)s, %(y1)s, %(x2)s, %(y2)s]") + "\n```"),
    Form("Python", "{'keyframe': %(frame)s, 'boxes': [(%(x1)s, %(y1)s, %(x2)s, %(y2)s)]}  # found"),
    Form("shares", _row("[%(fx1)s, %(fy1)s, %(fx2)s, %(fy2)s]")),
)
"""All forms; "shares" gives the numbers as parts of the picture."""


def written() -> Iterator[tuple[str, str, int, Corners]]:
    """Yield a name, a text, and the frame and box that it means."""
    for form, (frame, corners) in product(FORMS, PLACES):
        x1, y1, x2, y2 = corners
        values = {"frame": frame, "x1": x1, "y1": y1, "x2": x2, "y2": y2, "w": x2 - x1, "h": y2 - y1}
        values |= {f"f{name}": f"{values[name] / 560:.17g}" for name in ("x1", "y1", "x2", "y2")}
        body = form.text % values
        yield f"{form.name}, {frame}", body, frame, corners
        yield f"{form.name}, {frame}, thought", f"<think>The dog comes near.</think>\n{body}", frame, corners
        if form.is_body:
            tagged = f"<think>The dog comes near.</think>\n<answer>{body}</answer>"
            yield f"{form.name}, {frame}, tagged", tagged, frame, corners
