"""The text of one answer in the pieces that model servers send, whichever of them it is.

Servers agree on `choices[0].delta.content` and on little else: the reasoning may come in `reasoning_content` or
`reasoning` with its tags taken out, deltas may be empty or null, and the last chunks may have no choice at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from veason.answer.wording import THINK_CLOSE, THINK_OPEN

_REASONING = ("reasoning_content", "reasoning")


@dataclass(slots=True)
class DeltaReader:
    """Joins the deltas of one choice into the text that the model wrote, with the think tags where they belong.

    Attributes:
        finish_reason: why the server says the text ended, "" while it has not.
    """

    finish_reason: str = ""
    _is_thinking: bool = field(default=False, init=False)
    _has_thought: bool = field(default=False, init=False)

    def read(self, choice: Mapping[str, Any]) -> str:
        """Return the text that one choice of a chunk adds, "" where it adds none."""
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
        """Return what the end of the stream adds: the closing tag of a thought that nothing followed."""
        if not self._is_thinking:
            return ""
        self._is_thinking = False
        return THINK_CLOSE


def _text(content: object) -> str:
    """Return a content, which may be text, null, or a list of parts of which some are text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""
