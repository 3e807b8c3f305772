"""One reply of a model server, read for every sample that it was asked for.

Whose a text is, only the server can say. A reply for several samples in which one choice does not say it, or says what
cannot be, has nothing in it that is sure to be any sample's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from veason.errors import EndpointError
from veason.policy.deltas import DeltaReader
from veason.policy.heard import Heard
from veason.policy.pieces import Piece
from veason.policy.refusals import broken_off

MAX_CHARS_A_TOKEN = 64
"""A server that writes more than this for each token that it may write does not keep to what it was asked."""

_FAILURE_REASONS = {"content_filter": "its content filter", "error": "an error", "abort": "an abort on its side"}


@dataclass(slots=True)
class _Written:
    """What a reply says of one sample."""

    reader: DeltaReader = field(default_factory=DeltaReader)
    heard: Heard = field(default_factory=Heard)
    pieces: list[Piece] = field(default_factory=list)
    num_chars: int = 0
    has_begun: bool = False


class Reply:
    """What a server wrote for some samples, chunk by chunk; the times of its pieces count from when it was made.

    Args:
        name: of the server, for people.
        samples: the numbers of those that were asked for.
        most_tokens: how many each text may have.
    """

    def __init__(self, name: str, samples: range, most_tokens: int) -> None:
        self.samples = samples
        self._name, self._most_tokens = name, most_tokens
        self._asked_at = time.perf_counter()
        self._written = {sample: _Written() for sample in samples}
        self._is_trusted = True

    @property
    def has_begun(self) -> bool:
        """True once it said anything of a sample, or of nobody knows which."""
        return not self._is_trusted or any(one.has_begun for one in self._written.values())

    def read(self, chunk: Mapping[str, Any]) -> list[Piece]:
        """Return the pieces of text that a chunk adds, of all samples.

        Raises:
            EndpointError: a text has no end, or the chunk does not say whose its texts are: the reply is worth nothing.
        """
        for one in self._written.values():
            one.heard.hear(chunk)
        added = []
        for sample, choice in list(self._choices(chunk)):
            one = self._written[sample]
            one.has_begun = True
            one.heard.hear_tokens(choice, self._most_tokens)
            if text := one.reader.read(choice):
                one.num_chars += len(text)
                if one.num_chars > MAX_CHARS_A_TOKEN * self._most_tokens:
                    raise EndpointError(f"{self._name} writes on and on, past the tokens that it may write: stopped")
                one.pieces.append(Piece(time.perf_counter() - self._asked_at, text))
                added.append(one.pieces[-1])
        return added

    def end(self, sample: int) -> tuple[Heard, list[Piece]]:
        """Return what was said of a sample and all of its text. Raises EndpointError where that did not come whole."""
        one = self._written[sample]
        reason = one.reader.finish_reason
        if not reason or not self._is_trusted:
            raise broken_off(self._name)
        if reason in _FAILURE_REASONS:
            raise EndpointError(f"{self._name} ended the answer because of {_FAILURE_REASONS[reason]}")
        one.heard.end(reason, is_alone=len(self.samples) == 1)
        if text := one.reader.close():
            one.pieces.append(Piece(time.perf_counter() - self._asked_at, text))
        return one.heard, one.pieces

    def check_all_begun(self) -> None:
        """Raise EndpointError where a reply that came to its end left a sample out: it is not what was asked for."""
        if not all(one.has_begun for one in self._written.values()):
            raise self._mistrusted()

    def _choices(self, chunk: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield the choices of a chunk with their samples; of one sample alone, those of others are none of ours."""
        is_alone = len(self.samples) == 1
        found: set[int] = set()
        for choice in chunk.get("choices") or ():
            sample = self._sample_of(choice)
            if sample is None and is_alone:
                continue
            if sample is None or sample in found or (not is_alone and self._written[sample].reader.finish_reason):
                raise self._mistrusted()
            found.add(sample)
            yield sample, choice

    def _sample_of(self, choice: object) -> int | None:
        """Return the sample that a choice says it is of; the only sample needs no index."""
        if not isinstance(choice, dict):
            return None
        place = choice.get("index")
        if place is None and len(self.samples) == 1:
            place = 0
        if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < len(self.samples):
            return None
        return self.samples[place]

    def _mistrusted(self) -> EndpointError:
        self._is_trusted = False
        return EndpointError(f"{self._name} does not say which answer a text belongs to: ask again")
