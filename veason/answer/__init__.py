"""Model text <-> Answer: the only place that knows the `<think>` and `<answer>` tags and the JSON between them.

`parse_answer` reads whole text, `AnswerParser` text that is still arriving (one machine, so they agree),
`render_answer` writes it, and `format_parts` measures how well it keeps to the format.
"""

from veason.answer.wording import FormatParts, format_parts

__all__ = ["FormatParts", "format_parts"]
