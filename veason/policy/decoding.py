"""Token sampling, streaming and stopping for transformers' `generate`."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)
from transformers.generation.streamers import BaseStreamer

from veason.types import Sampling


class TokenQueue(BaseStreamer):
    """A streamer that puts new token ids into a queue.

    TextIteratorStreamer would delay text until the next space and decode the whole line each time.
    """

    def __init__(self, tokens: SimpleQueue[list[int] | None]) -> None:
        self._tokens = tokens
        self._is_prompt = True

    def put(self, value: torch.Tensor) -> None:
        """Put the token ids of a call into the queue, except those of the first call: the prompt."""
        if self._is_prompt:
            self._is_prompt = False
        else:
            self._tokens.put(value.flatten().tolist())

    def end(self) -> None:
        """Do nothing: the end of the thread ends the stream, also after an error."""


class StopWhenSet(StoppingCriteria):
    """A criterion that ends the answer after the current token once an event is set."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        """Return `(1,)` bool, True once the event is set."""
        return torch.full((input_ids.shape[0],), self._stop.is_set(), dtype=torch.bool, device=input_ids.device)


class GumbelSampler(LogitsProcessor):
    """A logits processor that adds Gumbel noise from its own generator, so that the argmax is a sample.

    `generate` samples from the global generator, which other threads use too, so a seed would not be reproducible.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._generator = torch.Generator(device).manual_seed(seed)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return `(1, V)` scores whose argmax is the sampled token."""
        noise = torch.empty_like(scores).exponential_(generator=self._generator)
        return scores - noise.clamp_min_(torch.finfo(scores.dtype).tiny).log_()


class ChosenProbabilities(LogitsProcessor):
    """A logits processor that notes the log-probability of every token that is chosen; it has to be the last one.

    The probabilities are those before temperature and top_p, with the checkpoint's own penalties.

    Args:
        processors: what turns the scores into those whose argmax is chosen.
    """

    def __init__(self, processors: LogitsProcessorList) -> None:
        self._processors = processors
        self._noted: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return `(1, V)` scores as the processors make them of `(1, V)` scores."""
        logprobs = torch.log_softmax(scores.float(), -1)
        processed: torch.Tensor = self._processors(input_ids, scores)
        self._noted.append(logprobs.gather(-1, processed.argmax(-1, keepdim=True)))
        return processed

    def logprob(self, place: int) -> float | None:
        """Return the natural log-probability of the `place`-th token (0-based), None where there is none."""
        return float(self._noted[place]) if place < len(self._noted) else None


def sampling_processors(sampling: Sampling, sample: int, device: torch.device) -> LogitsProcessorList:
    """Return processors that turn greedy decoding into sampling with these settings; empty at temperature 0."""
    if sampling.temperature == 0:
        return LogitsProcessorList()
    chain: list[Any] = [TemperatureLogitsWarper(sampling.temperature)]
    if sampling.top_p < 1:
        chain.append(TopPLogitsWarper(sampling.top_p))
    chain.append(GumbelSampler(sampling.seed * 1_000_003 + sample, device))
    return LogitsProcessorList(chain)
