"""A policy behind an OpenAI-compatible server: Ollama, llama.cpp, LM Studio, vLLM, SGLang, `transformers serve`.

Requests have the same prompt as the in-process policy: the same text and labels, and lossless images of the profile's
size. A server with the same weights writes the same greedy text.

Each sample of a question has a seed of its own, so that it can be drawn again alone. vLLM counts the seeds of `n`
samples on just so, and is asked once. All others are asked several times: llama.cpp takes `n` only up to its
slots, nothing says that SGLang gives each sample another seed, and Ollama, LM Studio and `transformers serve` do not
know it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing, suppress
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from veason.answer import context_for
from veason.errors import EndpointError, PromptError
from veason.policy import prompt
from veason.policy.chat_request import chat_fields, chat_messages, refused_field, text_of, without
from veason.policy.confidence import confidence_in
from veason.policy.connection import check_address, open_client
from veason.policy.deltas import DeltaReader
from veason.policy.exchange import Exchange, run_apart
from veason.policy.heard import EndpointUsage, Heard
from veason.policy.limits import outside_training, with_notes
from veason.policy.pieces import read_pieces
from veason.policy.refusals import AskedServer, broken_off, is_unknown_model
from veason.policy.trust import trusted_certificates
from veason.profile import Profile, profile_of_model
from veason.types import Answered, EndpointOptions, Frame, Note, PolicyEvent, Sampling, Turn, Unanswered

FIRST_RETRY_WAIT_S = 0.5
"""Seconds to wait before the second try; doubled before each further try."""

MAX_RETRY_WAIT_S = 20.0
"""Longest wait in seconds between tries, also if a server asks for more with `Retry-After`."""

LIST_S = 30.0
"""Seconds that a list of models may take in all."""

MAX_CHARS_A_TOKEN = 64
"""A server that writes more than this for each token that it may write does not keep to what it was asked."""

MAX_N = 16
"""Most samples that one request asks for with `n`."""

_RETRY_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_FAILURE_REASONS = {"content_filter": "its content filter", "error": "an error", "abort": "an abort on its side"}
_UNREADABLE = (openai.OpenAIError, httpx2.HTTPError, OSError, ValueError, AttributeError, TypeError, RecursionError)
"""What reading a reply ends with that is none of an OpenAI-compatible server, or none at all."""


class EndpointPolicy:
    """A model on a server as a Policy. Several sessions may share one; the server schedules them.

    Args:
        address: the base URL, including `/v1`.
        options: the model's name, the API key and timeouts.
        profile: the model's frame size, labels and answer keys; by default those that go with the model's name.

    Raises:
        OptionError: the address is not an http URL, or contains a password.
        EndpointError: no model is named and the server does not have exactly one, or `SSL_CERT_FILE` is none.
    """

    is_recorded = False
    can_sample = True

    def __init__(self, address: str, options: EndpointOptions, profile: Profile | None = None) -> None:
        self.address = check_address(address)
        self._options = options
        self._trusted = trusted_certificates()
        self._server = AskedServer(urlsplit(self.address).netloc, self.address, "", options.key)
        self.model = options.model or self._find_single_model()
        self.name = f"{self.model} at {urlsplit(self.address).netloc}"
        self._server = AskedServer(self.name, self.address, self.model, options.key)
        self.profile = profile or profile_of_model(self.model)
        self._usage = EndpointUsage()
        self._unsupported: set[str] = set()
        self._has_n: bool | None = None

    @property
    def frame_count(self) -> int:
        """The number of frames to show, from the profile."""
        return self.profile.frame_count

    @property
    def usage(self) -> EndpointUsage:
        """Token counts that the server reported for the last answer."""
        return self._usage

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return the words of the instruction outside the profile's vocabulary, () if it has none."""
        return prompt.unknown_words(instruction, self.profile.vocabulary)

    def outside_training(self, frames: Sequence[Frame], instruction: str) -> tuple[Note, ...]:
        """Return why the question lies outside of what the profile says the model was trained on, pictures left out."""
        return outside_training(self.profile, [frame.index for frame in frames], instruction)

    def models(self) -> tuple[str, ...]:
        """Return the names of the server's models, sorted. Raises EndpointError if it cannot list them."""
        return run_apart(self._list_models)

    def check_reachable(self) -> None:
        """Raise EndpointError if nobody answers at the address; a server that lists no models answers too."""
        try:
            run_apart(self._answered)
        except openai.APIStatusError as error:
            if 300 <= error.status_code < 400 or error.status_code in (401, 403):
                raise self._server.error(error) from error
        except openai.APIConnectionError as error:
            raise self._server.error(error) from error

    async def _answered(self) -> None:
        with suppress(ValueError, AttributeError, TypeError):
            async with self._open_client() as client:
                await self._listed(client)

    async def _list_models(self) -> tuple[str, ...]:
        try:
            async with self._open_client() as client:
                return await self._listed(client)
        except _UNREADABLE as error:
            raise self._server.error(error) from error

    async def _listed(self, client: openai.AsyncOpenAI) -> tuple[str, ...]:
        async with asyncio.timeout(LIST_S):
            return tuple(sorted({str(model.id) async for model in client.models.list()}))

    def _open_client(self) -> openai.AsyncOpenAI:
        return open_client(self.address, self._options, self._trusted)

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        fps: float | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        """Yield events while the server writes, one sample after another. Closing the generator ends the connection.

        While the server has not written anything, a ThoughtDelta without text comes several times a second, so that the
        generator can be closed then as well.

        Raises:
            PromptError: there are no frames.
            EndpointError: the server is unreachable, rejects the request, or ends the answer early.
        """
        if not frames:
            raise PromptError("the policy was given no frames: show it at least one")
        height, width = frames[0].image.shape[:2]
        shown = [frame.index for frame in frames]
        context = context_for(self.profile, shown, num_frames=num_frames, source_wh=(width, height), fps=fps)
        messages = chat_messages(self.profile, frames, instruction, turns)
        text, most_tokens = text_of(messages), self._most_tokens(sampling)
        heard = [Heard() for _ in range(sampling.num_samples)]
        write = partial(self._write, messages, sampling, heard)
        split = partial(self._split, sampling)
        with closing(Exchange(self._open_client, split, write, sampling.num_samples)) as exchange:
            for sample, said in enumerate(heard):
                with closing(read_pieces(exchange.pieces(sample), context, sample)) as events:
                    for event in events:
                        if isinstance(event, Unanswered):
                            event = replace(event, reason=said.why_unanswered(event.reason, most_tokens))
                        elif isinstance(event, Answered):
                            event = replace(event, confidence=confidence_in(said.tokens, event.answer, context))
                            event = with_notes(event, said.notes(self.model, self.profile, len(frames), text))
                        yield event

    async def _split(self, sampling: Sampling, client: openai.AsyncOpenAI) -> Sequence[range]:
        """Return the samples of each request: one each, or several where the server counts seeds on as we do."""
        count = sampling.num_samples
        at_once = MAX_N if count > 1 and sampling.temperature > 0 and await self._takes_n(client) else 1
        return [range(first, min(first + at_once, count)) for first in range(0, count, at_once)]

    async def _takes_n(self, client: openai.AsyncOpenAI) -> bool:
        """Tell whether the server is one that takes `n` and gives each sample the seed that it would have alone."""
        if self._has_n is None:
            owners: set[object] = set()
            with suppress(*_UNREADABLE):
                async with asyncio.timeout(LIST_S):
                    owners = {getattr(model, "owned_by", None) async for model in client.models.list()}
            self._has_n = owners == {"vllm"}
        return self._has_n

    async def _write(
        self,
        messages: list[dict[str, Any]],
        sampling: Sampling,
        heard: Sequence[Heard],
        client: openai.AsyncOpenAI,
        samples: range,
    ) -> AsyncGenerator[tuple[int, str], None]:
        """Yield the raw text of some samples as the server sends it, each piece with the number of its sample.

        A request is not repeated after its first text. Samples of which a server with `n` sends nothing, or which it
        refuses, are asked for one by one.

        Raises:
            EndpointError: as for `stream`.
        """
        readers = {sample: DeltaReader() for sample in samples}
        num_chars, most_tokens = dict.fromkeys(samples, 0), self._most_tokens(sampling)
        request = chat_fields(self.model, messages, sampling, most_tokens, samples)
        try:
            async with aclosing(self._chunks(client, request)) as chunks:
                async for chunk in chunks:
                    for said in (heard[sample] for sample in samples):
                        said.hear(chunk)
                    for sample, choice in _choices(chunk, samples):
                        heard[sample].hear_tokens(choice, most_tokens)
                        if text := readers[sample].read(choice):
                            num_chars[sample] += len(text)
                            if num_chars[sample] > MAX_CHARS_A_TOKEN * most_tokens:
                                raise EndpointError(
                                    f"{self.name} writes on and on, past the tokens that it may write: stopped"
                                )
                            yield sample, text
        except _UNREADABLE as error:
            is_refused = isinstance(error, openai.APIStatusError) and error.status_code in (400, 422)
            if not is_refused or len(samples) == 1:
                raise await self._explained(client, error, has_begun=any(num_chars.values())) from error
        self._usage = heard[samples.start].usage
        left = [sample for sample in samples if not readers[sample].finish_reason and not num_chars[sample]]
        if left and len(samples) > 1:
            self._has_n = False
        for sample in samples:
            heard[sample].end(readers[sample].finish_reason, is_alone=len(samples) == 1)
            if sample in left and len(samples) > 1:
                async for one in self._write(messages, sampling, heard, client, range(sample, sample + 1)):
                    yield one
            elif text := self._ended(readers[sample]):
                yield sample, text

    def _ended(self, reader: DeltaReader) -> str:
        """Return what is left of a text at its end. Raises EndpointError where it ended before that."""
        if not reader.finish_reason:
            raise broken_off(self.name)
        if reader.finish_reason in _FAILURE_REASONS:
            raise EndpointError(f"{self.name} ended the answer because of {_FAILURE_REASONS[reader.finish_reason]}")
        return reader.close()

    async def _chunks(
        self, client: openai.AsyncOpenAI, request: dict[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the chunks of a reply; one that comes in one piece is one chunk."""
        async with await self._start(client, request) as stream:
            if stream.response.headers.get("content-type", "").startswith("application/json"):
                yield self._checked(json.loads(await stream.response.aread()))
                return
            async for chunk in stream:
                yield self._checked(chunk)

    def _checked(self, chunk: Any) -> dict[str, Any]:
        """Return a chunk as a dictionary. Raises EndpointError if it is none, or says that something went wrong."""
        fields = chunk.model_dump() if hasattr(chunk, "model_dump") else chunk
        if not isinstance(fields, dict):
            raise EndpointError(f"{self.address} does not answer as an OpenAI-compatible server: {str(fields)[:120]!r}")
        if error := fields.get("error"):
            raise self._server.refusal(str(error.get("message", error) if isinstance(error, dict) else error))
        if fields.get("object") == "error":
            raise self._server.refusal(str(fields.get("message")))
        return fields

    async def _start(self, client: openai.AsyncOpenAI, request: dict[str, Any]) -> Any:
        """Start a request. Retry if the server may be busy, and leave out optional parameters that it rejects."""
        wait_s, tries_left = FIRST_RETRY_WAIT_S, self._options.num_tries
        while True:
            tries_left -= 1
            try:
                return await client.chat.completions.create(**without(request, self._unsupported))
            except openai.APIStatusError as error:
                if (extra := refused_field(error, self._unsupported)) is not None:
                    self._unsupported.add(extra)
                    tries_left += 1
                    continue
                if error.status_code not in _RETRY_STATUSES or tries_left <= 0:
                    raise
                wait_s = max(wait_s, _retry_after(error))
            except openai.APIConnectionError as error:
                has_waited = isinstance(error, openai.APITimeoutError) and not _is_connecting(error)
                if has_waited or tries_left <= 0:  # a server that is still at work is not given the same work again
                    raise
            await asyncio.sleep(min(wait_s, MAX_RETRY_WAIT_S))
            wait_s *= 2

    def _most_tokens(self, sampling: Sampling) -> int:
        return min(sampling.max_new_tokens, self.profile.max_new_tokens)

    def _find_single_model(self) -> str:
        names = self.models()
        if len(names) != 1:
            listed = ", ".join(names[:20]) or "none"
            raise EndpointError(f"{self._server.name} has the models {listed}: choose one with --policy-model NAME")
        return names[0]

    async def _explained(self, client: openai.AsyncOpenAI, error: Exception, *, has_begun: bool) -> EndpointError:
        """Return an EndpointError whose message says what to do about `error`."""
        if isinstance(error, openai.APIStatusError) and is_unknown_model(error):
            names: tuple[str, ...] = ()
            with suppress(*_UNREADABLE, EndpointError):
                names = await self._listed(client)
            return self._server.no_such_model(names, error)
        return self._server.error(error, has_begun=has_begun)


def _choices(chunk: Mapping[str, Any], samples: range) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the choices of a chunk with the numbers of their samples; those of others are none of ours."""
    for choice in chunk.get("choices") or ():
        place = (choice.get("index") or 0) if isinstance(choice, dict) else None
        if isinstance(place, int) and 0 <= place < len(samples):
            yield samples[place], choice


def _is_connecting(error: Exception) -> bool:
    return isinstance(error.__cause__, httpx2.ConnectTimeout)


def _retry_after(error: openai.APIStatusError) -> float:
    value = error.response.headers.get("retry-after", "")
    return float(value) if value.replace(".", "", 1).isdecimal() else 0.0
