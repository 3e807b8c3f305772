"""Conversion between model text and Answer: the `<think>` and `<answer>` tags and the JSON between them.

`parse_answer` parses a complete text, `AnswerParser` a streamed one (with the same code, so they agree),
`render_answer` writes the canonical text, and `format_parts` measures how well a text follows the format.
`read_upstream_answer` and `measure_upstream_format` reproduce the released reward code.

    context    the frames shown and the coordinate spaces; model numbers <-> boxes in source pixels
    tags       splits streamed text at the tags          thought   the reasoning and the frames it names
    tokens     splits possibly damaged JSON into tokens  reader    finds keyframe and boxes in the tokens
    draft      collects and validates keyframe and boxes parser    combines all of these
    wording    the canonical text: writing, measuring    instructions   the format described for prompts
    names      names of the objects in an answer
    upstream   the released code's reading of a text
"""

from veason.answer.context import AnswerContext, context_for
from veason.answer.names import object_names
from veason.answer.parser import AnswerParser, parse_answer
from veason.answer.thought import find_mentions
from veason.answer.upstream import UpstreamAnswer, UpstreamFormat, measure_upstream_format, read_upstream_answer
from veason.answer.wording import FormatParts, format_parts, render_answer

__all__ = [
    "AnswerContext", "AnswerParser", "FormatParts", "UpstreamAnswer", "UpstreamFormat", "context_for", "find_mentions",
    "format_parts",
    "measure_upstream_format", "object_names", "parse_answer", "read_upstream_answer", "render_answer",
]  # fmt: skip
