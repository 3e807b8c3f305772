"""A teacher for tests: it sees what it is asked and writes three steps, or what a test wants instead."""

from __future__ import annotations

import json
import re
from typing import Any


def good(asked: dict[str, Any]) -> str:
    """Return three steps that hold all that is wanted, about whatever is asked."""
    text = asked_text(asked)
    label = re.search(r"the frame \((\d+)s\) was chosen", text)
    if label is None:
        return steps("Two blocks move down.", "No frame that is shown holds it.", "The target is not in the video.")
    return steps(
        "Some blocks move down from the top of the picture.",
        f"In frame ({label[1]}s) it can be seen whole and at its largest.",
        "It lies there in the middle, with a colour of its own.",
    )


def steps(happens: str, why: str, where: str) -> str:
    return f"<steps>What happens: {happens}\nWhy this frame: {why}\nWhere: {where}</steps>"


def asked_text(asked: dict[str, Any]) -> str:
    """Return all text of a request, pictures left out."""
    contents = [message["content"] for message in asked["messages"]]
    return "\n".join(
        content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
        for content in contents
    )


def lines(text: str) -> list[str]:
    """Return the lines of a stream that says a text, with what the server counted."""
    events = [
        {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 100}},
    ]
    return [*(f"data: {json.dumps(event)}" for event in events), "data: [DONE]"]
