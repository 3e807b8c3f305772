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

from veason.answer import AnswerContext, context_for
from veason.errors import EndpointError, PromptError
from veason.policy import prompt, retries
from veason.policy.chat_request import (
    chat_fields,
    chat_messages,
    drawing,
    draws_only_if_told,
    refused_field,
    text_of,
    without,
)
from veason.policy.confidence import confidence_in
from veason.policy.connection import check_address, open_client
from veason.policy.exchange import Exchange, run_apart
from veason.policy.heard import EndpointUsage, Heard
from veason.policy.limits import outside_training, with_notes
from veason.policy.pieces import Piece, read_pieces
from veason.policy.refusals import AskedServer, is_unknown_model
from veason.policy.reply import Reply
from veason.policy.trust import trusted_certificates
from veason.profile import Profile, profile_of_model
from veason.types import Answered, EndpointOptions, Frame, Note, PolicyEvent, Sampling, Turn, Unanswered

LIST_S = 30.0
"""Seconds that a list of models may take in all."""

MAX_N = 16
"""Most samples that one request asks for with `n`."""

_UNREADABLE = (openai.OpenAIError, httpx2.HTTPError, OSError, ValueError, AttributeError, TypeError, RecursionError)
"""What reading a reply ends with that is none of an OpenAI-compatible server, or none at all."""

_NOT_DRAWN = Note("temperature_ignored", "the server ignores the temperature: each answer is its likeliest one")
_WITHOUT_SEED = Note("seed_refused", "the server takes no seed: asked again, it may answer otherwise")


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
        self._draws_only_if_told: bool | None = None

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
        text = text_of(messages)
        heard: dict[int, Heard] = {}
        write = partial(self._write, messages, sampling, heard, asyncio.Lock())
        split = partial(self._split, sampling)
        failures: list[EndpointError] = []
        with closing(Exchange(self._open_client, split, write, sampling.num_samples)) as exchange:
            for sample in range(sampling.num_samples):
                try:
                    with closing(read_pieces(exchange.pieces(sample), context, sample)) as events:
                        for event in events:
                            yield self._with_heard(event, heard, context, sampling, text)
                except EndpointError as error:  # of this sample: the others are told before
                    failures.append(error)
        if failures:
            raise failures[0]

    def _with_heard(
        self, event: PolicyEvent, heard: Mapping[int, Heard], context: AnswerContext, sampling: Sampling, text: str
    ) -> PolicyEvent:
        """Return an event of a sample; if it ends the sample, with what the server said beside its text."""
        if isinstance(event, Unanswered):
            reason = heard[event.sample].why_unanswered(event.reason, self._most_tokens(sampling))
            return replace(event, reason=reason)
        if not isinstance(event, Answered):
            return event
        said = heard[event.sample]
        notes = said.notes(self.model, self.profile, len(context.shown), text)
        if sampling.temperature > 0 and self._draws_only_if_told and "generation_config" in self._unsupported:
            notes = (*notes, _NOT_DRAWN)
        elif sampling.temperature > 0 and "seed" in self._unsupported:
            notes = (*notes, _WITHOUT_SEED)
        return with_notes(replace(event, confidence=confidence_in(said.tokens, event.answer, context)), notes)

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
        heard: dict[int, Heard],
        turn: asyncio.Lock,
        client: openai.AsyncOpenAI,
        samples: range,
    ) -> AsyncGenerator[tuple[int, Piece | Exception | None], None]:
        """Yield what the server writes for some samples, as `Exchange` takes it, and note what it says beside.

        Raises:
            EndpointError: nothing came, so that nothing is to be had for another sample either.
        """
        request = chat_fields(self.model, messages, sampling, self._most_tokens(sampling), samples)
        reply = Reply(self.name, samples, self._most_tokens(sampling))
        write = self._write_alone if len(samples) == 1 else self._write_together
        async with aclosing(write(client, self._chunks(client, request, turn), reply, heard)) as texts:
            async for said in texts:
                yield said

    async def _write_alone(
        self,
        client: openai.AsyncOpenAI,
        sent: AsyncGenerator[dict[str, Any], None],
        reply: Reply,
        heard: dict[int, Heard],
    ) -> AsyncGenerator[tuple[int, Piece | Exception | None], None]:
        """Yield the text of one sample as it comes; it is not asked for again after the first word."""
        (sample,), num_yielded = reply.samples, 0
        try:
            async with aclosing(sent) as chunks:
                async for chunk in chunks:
                    for piece in reply.read(chunk):
                        num_yielded += 1
                        yield sample, piece
            is_again = sample in heard
            heard[sample], pieces = reply.end(sample)
            heard[sample].is_again = is_again
        except (*_UNREADABLE, EndpointError) as error:
            explained = await self._explained(client, error, has_begun=reply.has_begun)
            if not reply.has_begun:
                raise explained from error
            yield sample, explained
            return
        self._usage = heard[sample].usage
        for piece in pieces[num_yielded:]:
            yield sample, piece

    async def _write_together(
        self,
        client: openai.AsyncOpenAI,
        sent: AsyncGenerator[dict[str, Any], None],
        reply: Reply,
        heard: dict[int, Heard],
    ) -> AsyncGenerator[tuple[int, Piece | Exception | None], None]:
        """Yield the texts of the samples that a reply has whole, once it has ended: before that, none is sure."""
        failure: EndpointError | None = None
        try:
            async with aclosing(sent) as chunks:
                async for chunk in chunks:
                    reply.read(chunk)
            reply.check_all_begun()
        except (*_UNREADABLE, EndpointError) as error:
            if retries.is_for_any_request(error, has_begun=reply.has_begun):
                failure = await self._explained(client, error, has_begun=reply.has_begun)
        for sample in reply.samples:
            try:
                heard[sample], pieces = reply.end(sample)
            except EndpointError:
                self._has_n = False
                if reply.has_begun:
                    heard[sample] = Heard()
                continue
            self._usage = heard[sample].usage
            for piece in pieces:
                yield sample, piece
            yield sample, None
        if failure is not None:
            raise failure

    async def _chunks(
        self, client: openai.AsyncOpenAI, request: dict[str, Any], turn: asyncio.Lock
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the chunks of a reply.

        A server that ignores the temperature is left at its first chunk, and asked in the way that it heeds: in turn,
        since it has one seed for all that it does. Until a first chunk has told of the server, the others wait.
        """
        is_drawn = request["temperature"] > 0
        has_turn = is_drawn and self._draws_only_if_told is None
        if has_turn:
            await turn.acquire()
        try:
            if not (is_drawn and self._draws_only_if_told):
                async with aclosing(self._sent(client, request)) as chunks:
                    async for headers, chunk in chunks:
                        if is_drawn and self._draws_only_if_told is None:
                            self._draws_only_if_told = draws_only_if_told(headers, chunk)
                        if is_drawn and self._draws_only_if_told:
                            break
                        if has_turn:
                            turn.release()
                            has_turn = False
                        yield chunk
                    else:
                        return
        finally:
            if has_turn:
                turn.release()
        async with turn, aclosing(self._sent(client, drawing(request))) as chunks:
            async for _, chunk in chunks:
                yield chunk

    async def _sent(
        self, client: openai.AsyncOpenAI, request: dict[str, Any]
    ) -> AsyncGenerator[tuple[Mapping[str, str], dict[str, Any]], None]:
        """Yield the headers of a reply with each of its chunks; one that comes in one piece is one chunk."""
        async with await self._start(client, request) as stream:
            headers = stream.response.headers
            if headers.get("content-type", "").startswith("application/json"):
                yield headers, self._server.fields_of(json.loads(await stream.response.aread()))
                return
            async for chunk in stream:
                yield headers, self._server.fields_of(chunk)

    async def _start(self, client: openai.AsyncOpenAI, request: dict[str, Any]) -> Any:
        """Start a request. Retry if the server may be busy, and leave out optional parameters that it rejects.

        A connection that was cut before anything came is no try: it may have been kept for longer than the server does.
        """
        wait_s, tries_left = retries.FIRST_RETRY_WAIT_S, self._options.num_tries
        may_be_stale = True
        while True:
            tries_left -= 1
            try:
                return await client.chat.completions.create(**without(request, self._unsupported))
            except openai.APIStatusError as error:
                if (extra := refused_field(error, request, self._unsupported)) is not None:
                    self._unsupported.add(extra)
                    tries_left += 1
                    continue
                if tries_left <= 0 or not retries.may_pass(error, request):
                    raise
                wait_s = max(wait_s, retries.retry_after_s(error))
            except openai.APIConnectionError as error:
                if may_be_stale and retries.is_cut(error):
                    may_be_stale = False
                    tries_left += 1
                    continue
                has_waited = isinstance(error, openai.APITimeoutError) and not retries.is_connecting(error)
                if has_waited or tries_left <= 0:  # a server that is still at work is not given the same work again
                    raise
            await asyncio.sleep(min(wait_s, retries.MAX_RETRY_WAIT_S))
            wait_s *= 2

    def _most_tokens(self, sampling: Sampling) -> int:
        return min(sampling.max_new_tokens, self.profile.max_new_tokens)

    def _find_single_model(self) -> str:
        try:
            names = self.models()
        except EndpointError as error:
            if isinstance(error.__cause__, openai.APIStatusError) and error.__cause__.status_code >= 500:
                raise EndpointError(
                    f"{self._server.name} cannot tell which models it has ({error.__cause__.status_code}): name one "
                    "with --policy-model NAME"
                ) from error
            raise
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
