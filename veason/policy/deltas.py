"""Reader of the streamed deltas of OpenAI-compatible servers.

Servers agree on `choices[0].delta.content` and on little else: the reasoning may come in `reasoning_content` or
`reasoning` without its tags, deltas may be empty or null, and the last chunks may have no choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from veason.answer.wording import THINK_CLOSE, THINK_OPEN

_REASONING = ("reasoning_content", "reasoning")


@dataclass(slots=True)
class DeltaReader:
    """A reader that joins the deltas of one choice into the model's text and restores the think tags.

    Attributes:
        finish_reason: the server's reason for the end of the text, "" before the end.
    """

    finish_reason: str = ""
    _is_thinking: bool = field(default=False, init=False)
    _has_thought: bool = field(default=False, init=False)

    def read(self, choice: Mapping[str, Any]) -> str:
        """Return the text that one choice of a chunk adds, possibly ""."""
        self.finish_reason = str(choice.get("finish_reason") or self.finish_reason)
        delta = choice.get("delta") or choice.get("message") or {}
        thought = next((delta[name] for name in _REASONING if isinstance(delta.get(name), str) and delta[name]), "")
        content = _text(delta.get("content"))
        pieces = []
        if thought:
            if not self._has_thought and not thought.lstrip().startswith(THINK_OPEN):
                pieces.append(THINK_OPEN)
            self._is_thinking = self._has_thought = True
            pieces.append(thought)
        if content and self._is_thinking:
            self._is_thinking = False
            if not content.lstrip().startswith(THINK_CLOSE):
                pieces.append(THINK_CLOSE if content[0].isspace() else f"{THINK_CLOSE}\n")
        pieces.append(content)
        return "".join(pieces)

    def close(self) -> str:
        """Return the text to add at the end of the stream: the closing think tag if it is still open, else ""."""
        if not self._is_thinking:
            return ""
        self._is_thinking = False
        return THINK_CLOSE


def _text(content: object) -> str:
    """Return the text of a `content` field: a string, null, or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""
