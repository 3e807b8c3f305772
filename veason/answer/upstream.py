"""What the released reward code finds in a text: other than our own reader, bug for bug, but in one pass.

Source: Veason-R1 verl/utils/reward_score/video_match_keyframe_sam_sft_mod.py @28b0000. Its regular expressions go on to
the end of the text from every answer tag, which is quadratic; here both ends of a block are looked for once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from veason.answer.context import AnswerContext
from veason.answer.wording import ANSWER_CLOSE, ANSWER_OPEN, BETWEEN_BLOCKS, LARGEST_NUMBER, THINK_OPEN, load_json
from veason.boxes import scale_box
from veason.errors import AnswerError
from veason.types import Box

_OBJECT_OPEN = re.compile(rf"{ANSWER_OPEN}\s*\{{")
_OBJECT_CLOSE = re.compile(rf"\}}\s*{ANSWER_CLOSE}")


@dataclass(frozen=True, slots=True)
class UpstreamFormat:
    """How well a text follows the format, by the released code.

    Attributes:
        has_tags: it begins with a think block and ends with an answer block, whatever else stands inside them.
        box_share: the share of boxes that are four numbers, 0 where the keyframe is no integer (`true` is one).
    """

    has_tags: bool
    box_share: float


@dataclass(frozen=True, slots=True, eq=False)
class UpstreamAnswer:
    """The keyframe, one of those shown, and the boxes: in source pixels, and `(N, 4)` float64 as they were written.

    Both are empty where there is no list of boxes, an empty one, or one of them is not four numbers.
    """

    keyframe: int
    boxes: tuple[Box, ...]
    numbers: np.ndarray


def measure_upstream_format(text: str, context: AnswerContext) -> UpstreamFormat:
    """Measure the format as the released reward code does. Never raises.

    The fields are those of the first answer block that holds one pair of braces and nothing else.

    >>> context = AnswerContext(shown=(0, 128), num_frames=300, source_wh=(1120, 560))
    >>> text = '<answer>{"keyframe_timestamp": true, "bbox_2d_list": [[1, 2, 3], [1, 2, 3, 4]]}</answer>'
    >>> measure_upstream_format(text, context)
    UpstreamFormat(has_tags=False, box_share=0.5)
    """
    fields = load_json(_first_object(text))
    keyframe = fields.get(context.keyframe_key) if isinstance(fields, dict) else None
    boxes = fields.get(context.boxes_key) if isinstance(fields, dict) else None
    share = 0.0
    if isinstance(keyframe, int) and isinstance(boxes, list) and boxes:
        share = sum(_is_four_numbers(box) for box in boxes) / len(boxes)
    return UpstreamFormat(_has_tags(text), share)


def read_upstream_answer(text: str, context: AnswerContext, *, max_boxes: int) -> UpstreamAnswer:
    """Return what the released code reads: the first answer block, any keyframe that `int` takes, boxes as they come.

    Boxes after the first `max_boxes` are not looked at.

    Raises:
        AnswerError: there is no answer block, no keyframe in it, or it is not among the frames shown.
    """
    block = _first_block(text)
    if block is None:
        raise AnswerError("there is no answer block", text)
    fields = load_json(block)
    if not isinstance(fields, dict):
        raise AnswerError("the answer block holds no JSON object", text)
    try:
        label = int(fields.get(context.keyframe_key, -1))
    except (ValueError, TypeError, OverflowError) as error:
        raise AnswerError(f"{context.keyframe_key!r} is no integer: {error}", text) from error
    keyframe = context.frame_of(label)
    if keyframe is None or keyframe not in context.shown:
        raise AnswerError(f"keyframe {label} is not among the frames shown {context.shown}", text)
    numbers = _boxes_array(fields.get(context.boxes_key), max_boxes)
    return UpstreamAnswer(keyframe, _drawn(numbers, context), numbers)


def _has_tags(text: str) -> bool:
    r"""Match all of `<think>.*?</think>\s*<answer>.*?</answer>`: if any place can part the blocks, the first can."""
    inner = len(THINK_OPEN), len(text) - len(ANSWER_CLOSE)
    is_enclosed = text.startswith(THINK_OPEN) and text.endswith(ANSWER_CLOSE)
    return is_enclosed and BETWEEN_BLOCKS.search(text, *inner) is not None


def _first_block(text: str) -> str | None:
    r"""Search `<answer>\s*(.*?)\s*</answer>`: without a closing tag behind the first block there is none later."""
    _, opening, rest = text.partition(ANSWER_OPEN)
    block, closing, _ = rest.partition(ANSWER_CLOSE)
    return block.strip() if opening and closing else None


def _first_object(text: str) -> str:
    r"""Search `<answer>\s*(\{.*?\})\s*</answer>`, with "" for none; it may run over several blocks."""
    start = _OBJECT_OPEN.search(text)
    stop = _OBJECT_CLOSE.search(text, start.end()) if start else None
    return text[start.end() - 1 : stop.start() + 1] if start and stop else ""


def _boxes_array(boxes: Any, max_boxes: int) -> np.ndarray:
    rows = boxes[:max_boxes] if isinstance(boxes, list) else []
    numbers = np.array(rows if all(_is_four_numbers(row) for row in rows) else [])
    # Where all are true or false, or one has more than 64 bits, they are no numbers to numpy.
    return numbers.astype(np.float64) if numbers.size and numbers.dtype.kind in "iuf" else np.zeros((0, 4))


def _drawn(numbers: np.ndarray, context: AnswerContext) -> tuple[Box, ...]:
    """Return finite boxes for the segmenter, with their corners in order."""
    numbers = np.nan_to_num(numbers).clip(-LARGEST_NUMBER, LARGEST_NUMBER)
    ordered = np.concatenate(
        [np.minimum(numbers[:, :2], numbers[:, 2:]), np.maximum(numbers[:, :2], numbers[:, 2:])], 1
    )
    return tuple(scale_box(Box(*row), context.space_wh, context.source_wh) for row in ordered.tolist())


def _is_four_numbers(value: object) -> bool:
    """Tell whether a JSON value is a list of four numbers; infinite ones, `true` and `false` count too."""
    return isinstance(value, list) and len(value) == 4 and all(isinstance(number, int | float) for number in value)
