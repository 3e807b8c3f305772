"""The canonical text of an answer: writing it, splitting it strictly, and measuring how well a text follows it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from veason.answer.context import AnswerContext
from veason.answer.tags import TagSplitter
from veason.errors import PromptError
from veason.types import Box

THINK_OPEN, THINK_CLOSE, ANSWER_OPEN, ANSWER_CLOSE = _TAGS = ("<think>", "</think>", "<answer>", "</answer>")
"""The four tags, in the order in which they are written."""

LARGEST_NUMBER = 1e9
"""Largest valid coordinate; it also avoids converting huge integers to float."""

BETWEEN_BLOCKS = re.compile(f"{THINK_CLOSE}\\s*{ANSWER_OPEN}")
"""The text between the two blocks."""


@dataclass(frozen=True, slots=True)
class FormatParts:
    """The properties of a text that the format reward measures.

    Attributes:
        has_tags: the text is exactly a think block, white space and an answer block, with each tag once.
        is_object: the answer block is a valid JSON object.
        has_keyframe: its keyframe is an integer. JSON `true` counts, as it does upstream (a Python bool is an int).
        keyframe_is_bool: the keyframe is `true` or `false`, for callers who do not count it.
        num_boxes: length of the list of boxes, 0 if there is no list.
        num_good_boxes: how many of them are lists of four finite numbers.
    """

    has_tags: bool
    is_object: bool
    has_keyframe: bool
    keyframe_is_bool: bool
    num_boxes: int
    num_good_boxes: int


def format_parts(
    text: str, *, keyframe_key: str = "keyframe_timestamp", boxes_key: str = "bbox_2d_list"
) -> FormatParts:
    """Measure how well any text follows the answer format. Never raises.

    The JSON is read from the last answer block, even if the tags around it are not exact.

    >>> format_parts('<think>a</think><answer>{"keyframe_timestamp": 3, "bbox_2d_list": [[1, 2, 3]]}</answer>')
    ... # doctest: +NORMALIZE_WHITESPACE
    FormatParts(has_tags=True, is_object=True, has_keyframe=True, keyframe_is_bool=False, num_boxes=1,
                num_good_boxes=0)

    Source: the format reward of Veason-R1, verl/utils/reward_score/video_match_keyframe_sam_sft_mod.py. It
    differs for repeated tags, where no block is complete.
    """
    body = load_json(_last_answer_block(text))
    fields = body if isinstance(body, dict) else {}
    keyframe, boxes = fields.get(keyframe_key), fields.get(boxes_key)
    boxes = boxes if isinstance(boxes, list) else []
    return FormatParts(
        has_tags=split_blocks(text) is not None,
        is_object=isinstance(body, dict),
        has_keyframe=isinstance(keyframe, int),
        keyframe_is_bool=isinstance(keyframe, bool),
        num_boxes=len(boxes),
        num_good_boxes=sum(is_box(box) for box in boxes),
    )


def render_answer(thought: str, keyframe: int | None, boxes: Sequence[Box], context: AnswerContext) -> str:
    """Return the canonical text of an answer, the inverse of `parse_answer`.

    Boxes become integers in the model's space, at least one wide and high. No boxes mean an absent target; the keyframe
    may then be None and is written as null. Tags inside `thought` are removed.

    >>> context = AnswerContext(shown=(0, 128), num_frames=300, source_wh=(1120, 560))
    >>> print(render_answer("It is near in (128s).", 128, [Box(20, 20, 60, 40)], context))
    <think>It is near in (128s).</think>
    <answer>{"keyframe_timestamp": 128, "bbox_2d_list": [[10, 20, 30, 40]]}</answer>

    Raises:
        PromptError: the keyframe was not shown or is missing beside boxes, or a box lies outside the picture.
    """
    if keyframe is None and boxes:
        raise PromptError(f"{len(boxes)} boxes need the keyframe they lie on: name one of {context.shown}")
    fields = {
        context.keyframe_key: None if keyframe is None else context.label_of(keyframe),
        context.boxes_key: [context.to_model(box) for box in boxes],
    }
    return f"{THINK_OPEN}{without_tags(thought)}{THINK_CLOSE}\n{ANSWER_OPEN}{json.dumps(fields)}{ANSWER_CLOSE}"


def without_tags(thought: str) -> str:
    """Return `thought` without surrounding white space and without anything that would be read as a tag."""
    while True:
        # The full stop makes the splitter return a possible start of a tag at the end.
        parts = TagSplitter().feed(f"{thought}.")
        kept = "".join(part for part in parts if isinstance(part, str))[:-1].strip()
        if kept == thought:
            return kept
        thought = kept


def split_blocks(text: str) -> tuple[str, str] | None:
    """Return the content of the think block and of the answer block, or None if `text` is not exactly these two."""
    if any(text.count(tag) != 1 for tag in _TAGS):
        return None
    between = BETWEEN_BLOCKS.search(text)
    if between is None or not text.startswith(THINK_OPEN) or not text.endswith(ANSWER_CLOSE):
        return None
    return text[len(THINK_OPEN) : between.start()], text[between.end() : -len(ANSWER_CLOSE)]


def load_json(text: str) -> Any:
    """Return the JSON value of `text`, or None if it is not JSON, nested too deeply or has too long numbers."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_box(value: object) -> bool:
    """Tell whether a JSON value is a list of four finite numbers."""
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(
            isinstance(number, int | float) and not isinstance(number, bool) and abs(number) <= LARGEST_NUMBER
            for number in value
        )
    )


def _last_answer_block(text: str) -> str:
    end = text.rfind(ANSWER_CLOSE)
    start = text.rfind(ANSWER_OPEN, 0, max(end, 0))
    return text[start + len(ANSWER_OPEN) : end] if start >= 0 else ""
