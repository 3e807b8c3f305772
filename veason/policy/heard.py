"""What a server says beside the text of an answer, and what of it people have to know."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from veason.policy.confidence import WrittenToken
from veason.profile import Profile
from veason.types import Note

_READS_PATCHES = re.compile(r"qwen[-_. ]?(2[-_.]?5|3)[-_. ]?vl|veason|vision-?reasoner|seg-?zero", re.IGNORECASE)
"""Names of models whose pictures take as many tokens as they have squares of so many pixels."""

_SQUARE_PX = 28
_LARGER_SQUARE_PX = 32
_ROUNDED = 1e-3
"""A log-probability may lie above 0 by this much: servers compute them in half precision."""

_MORE_TOKENS = 64
"""Tokens that a server may tell of beyond those that it may write: those of marks, and of the end."""

_MOST_COUNTED = 1 << 40
"""A count of tokens beyond this is none."""

_MARK_TOKENS = 24
"""Tokens that a server's template may put around each text and each picture, at most."""


@dataclass(frozen=True, slots=True)
class EndpointUsage:
    """Token counts that the server reported for the last answer, 0 if it reported none."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(slots=True)
class Heard:
    """What a reply said of one sample beside its text; `model` is "" until the server names one.

    Attributes:
        usage: token counts.
        model: who answers.
        finish_reason: why the text ended.
        tokens: those of the text with their log-probabilities; none where the server does not tell, or tells nonsense.
        is_again: a reply for several samples had not told this one for sure, and it was asked for alone.
    """

    usage: EndpointUsage = EndpointUsage()
    model: str = ""
    finish_reason: str = ""
    tokens: list[WrittenToken] = field(default_factory=list)
    is_again: bool = False
    _is_nonsense: bool = False

    def hear(self, chunk: Mapping[str, Any]) -> None:
        """Note what a chunk says."""
        if isinstance(model := chunk.get("model"), str) and model:
            self.model = model
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            details = usage.get("prompt_tokens_details")
            self.usage = EndpointUsage(
                _count(usage, "prompt_tokens"),
                _count(details, "cached_tokens") if isinstance(details, dict) else 0,
                _count(usage, "completion_tokens"),
            )

    def hear_tokens(self, choice: Mapping[str, Any], most_tokens: int) -> None:
        """Note the log-probabilities of a choice; after anything that cannot be one, none are kept.

        Args:
            choice: of a chunk.
            most_tokens: how many the text may have.
        """
        logprobs = choice.get("logprobs")
        rows = logprobs.get("content") if isinstance(logprobs, dict) else None
        if not isinstance(rows, list) or self._is_nonsense:
            return
        read = [written_token(row) for row in rows]
        self.tokens += [token for token in read if token is not None]
        if None in read or len(self.tokens) > most_tokens + _MORE_TOKENS:
            self._is_nonsense = True
            self.tokens.clear()

    def end(self, finish_reason: str, *, is_alone: bool) -> None:
        """Note why the text ended; the count of what was written is forgotten unless it is of this sample alone."""
        self.finish_reason = finish_reason
        if not is_alone:
            self.usage = replace(self.usage, completion_tokens=0)

    def notes(self, asked: str, profile: Profile, num_frames: int, text: str) -> tuple[Note, ...]:
        """Return what people have to know of the reply.

        Args:
            asked: the model that was asked for.
            profile: the frame size.
            num_frames: how many pictures were sent.
            text: all text of the prompt.
        """
        notes = []
        if self.model and not is_same_model(asked, self.model):
            notes.append(Note("other_model", f"the server says that {self.model!r} answered, not {asked!r}"))
        if self.is_again:
            notes.append(
                Note(
                    "asked_again",
                    "asked for alone: the server did not tell several answers apart, or did not end this one, when it "
                    "was asked for all of them at once",
                )
            )
        least, most = prompt_tokens(profile, num_frames, text)
        counted = self.usage.prompt_tokens
        if counted and _READS_PATCHES.search(asked) and counted < least:
            notes.append(
                Note(
                    "prompt_cut",
                    f"the server read {counted} tokens, but the pictures alone are {least}: it cut the prompt or made "
                    "them smaller, so that the answer may be about less than was shown; give it a longer context "
                    "(Ollama: OLLAMA_CONTEXT_LENGTH=16384 ollama serve), or show fewer frames",
                )
            )
        elif counted > most and _READS_PATCHES.search(asked) and profile.coordinates == "pixels":
            notes.append(
                Note(
                    "pictures_enlarged",
                    f"the server read {counted} tokens, but what was sent is {most} at most: it made the pictures "
                    "larger, so that boxes may lie beside the target; set its smallest number of pixels lower",
                )
            )
        return tuple(notes)

    def why_unanswered(self, reason: str, most_tokens: int) -> str:
        """Return why a reply has no answer, with what its end says; `most_tokens` were allowed."""
        if self.finish_reason != "length":
            return reason
        written = self.usage.completion_tokens
        if 0 < written < most_tokens:
            return (
                f"{reason}; the server's context was full after {written} tokens: give it a longer one (Ollama: "
                "OLLAMA_CONTEXT_LENGTH=16384 ollama serve), or show fewer frames"
            )
        return f"{reason}; it came to the most tokens that it may write"


def is_same_model(asked: str, said: str) -> bool:
    """Tell whether two names may be those of one model: servers add revisions, tags, dates and folders.

    >>> is_same_model("qwen2.5vl", "qwen2.5vl:latest"), is_same_model("nano", "/models/nano.gguf")
    (True, True)
    >>> is_same_model("qwen2.5vl:7b", "llama3:8b")
    False
    """
    names = asked.lower(), said.lower()
    short, long = sorted((name.rstrip("/").rsplit("/", 1)[-1] for name in names), key=len)
    return names[0] == names[1] or long.startswith(short)


def prompt_tokens(profile: Profile, num_frames: int, text: str) -> tuple[int, int]:
    """Return the fewest and the most tokens of a prompt for a model that reads pictures in squares.

    Args:
        profile: the frame size.
        num_frames: how many pictures there are.
        text: all text of the prompt; a token has a byte or more.
    """
    width, height = profile.size_wh
    least = num_frames * (width // _LARGER_SQUARE_PX) * (height // _LARGER_SQUARE_PX)
    most = num_frames * math.ceil(width / _SQUARE_PX) * math.ceil(height / _SQUARE_PX)
    return least, most + len(text.encode()) + _MARK_TOKENS * (2 * num_frames + 4)


def written_token(row: object) -> WrittenToken | None:
    """Return a token as OpenAI-compatible servers write it, with its log-probability; None where it is none.

    >>> written_token({"token": "4", "logprob": -0.25, "bytes": [52]})
    WrittenToken(text=b'4', logprob=-0.25)
    >>> written_token({"token": "4", "logprob": 3.5})
    """
    if not isinstance(row, dict):
        return None
    text, logprob, codes = row.get("token"), row.get("logprob"), row.get("bytes")
    if not isinstance(text, str) or isinstance(logprob, bool) or not isinstance(logprob, int | float):
        return None
    try:
        known = float(logprob)
        written = bytes(codes) if isinstance(codes, list) else text.encode("utf-8", "replace")
    except (OverflowError, TypeError, ValueError):
        return None
    if not known <= _ROUNDED or math.isinf(known):  # also where it is no number
        return None
    return WrittenToken(written, min(known, 0.0))


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _MOST_COUNTED:
        return 0
    return value
