"""Model text <-> Answer: the only place that knows the `<think>` and `<answer>` tags and the JSON between them.

`parse_answer` reads whole text, `AnswerParser` text that is still arriving (one machine, so they agree),
`render_answer` writes it, and `format_parts` measures how well it keeps to the format. `read_upstream_answer` and
`measure_upstream_format` do as the released reward code does.

    context    what a text is read against; numbers of the model <-> boxes in source pixels
    tags       cuts arriving text at the tags            thought   the reasoning and the frames it names
    tokens     cuts damaged JSON into tokens             reader    finds keyframe and boxes among them
    draft      what makes keyframe and boxes an answer   parser    puts these together
    wording    the canonical text, written and measured        instructions   the format in words, for prompts
    names      what an answer calls its objects
    upstream   what the released code finds in a text
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
