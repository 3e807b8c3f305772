"""A policy behind an OpenAI-compatible server: Ollama, llama.cpp, LM Studio, vLLM, SGLang, `transformers serve`.

Requests have the same prompt as the in-process policy: the same text and labels, and lossless images of the profile's
size. A server with the same weights writes the same greedy text.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import openai

from veason.answer import context_for
from veason.errors import EndpointError, OptionError, PromptError
from veason.policy import prompt
from veason.policy.deltas import DeltaReader
from veason.policy.limits import outside_training
from veason.policy.pictures import data_url, resize_frame
from veason.policy.pieces import Piece, read_pieces
from veason.profile import Profile
from veason.types import EndpointOptions, Frame, Note, PolicyEvent, Sampling, Turn

FIRST_RETRY_WAIT_S = 0.5
"""Seconds to wait before the second try; doubled before each further try."""

MAX_RETRY_WAIT_S = 20.0
"""Longest wait in seconds between tries, also if a server asks for more with `Retry-After`."""

MAX_PARALLEL_REQUESTS = 4
"""Most requests of one question at a time, with that of the first sample."""

_UNKNOWN_MODEL = re.compile(
    r"\bmodel\b.{0,80}\b(?:not found|not exist|unknown|no such|not loaded|not available)", re.IGNORECASE
)
_RETRY_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_FAILURE_REASONS = {"content_filter": "its content filter", "error": "an error"}


@dataclass(frozen=True, slots=True)
class EndpointUsage:
    """Token counts that the server reported for the last answer, 0 if it reported none."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


class EndpointPolicy:
    """A model on a server as a Policy. Several sessions may share one; the server schedules them.

    Args:
        address: the base URL, including `/v1`.
        options: the model's name, the API key and timeouts.
        profile: the model's frame size, labels and answer keys.

    Raises:
        OptionError: the address is not an http URL, or contains a password.
        EndpointError: no model is named and the server does not have exactly one.
    """

    is_recorded = False
    can_sample = True

    def __init__(self, address: str, options: EndpointOptions, profile: Profile) -> None:
        self.address = check_address(address)
        self.profile = profile
        self._options = options
        self._client = openai.OpenAI(
            base_url=self.address,
            api_key=options.key or "none",
            timeout=openai.Timeout(options.read_s, connect=options.connect_s),
            max_retries=0,
        )
        self.model = options.model or self._find_single_model()
        self.name = f"{self.model} at {urlsplit(self.address).netloc}"
        self._usage = EndpointUsage()
        self._unsupported: set[str] = set()

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
        try:
            return self._listed()
        except (openai.OpenAIError, AttributeError, TypeError, ValueError) as error:
            raise self._to_endpoint_error(error) from error

    def _listed(self) -> tuple[str, ...]:
        return tuple(sorted(str(model.id) for model in self._client.models.list()))

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

        Raises:
            PromptError: there are no frames.
            EndpointError: the server is unreachable, rejects the request, or ends the answer early.
        """
        if not frames:
            raise PromptError("the policy was given no frames: show it at least one")
        height, width = frames[0].image.shape[:2]
        shown = [frame.index for frame in frames]
        context = context_for(self.profile, shown, num_frames=num_frames, source_wh=(width, height), fps=fps)
        messages = self._messages(frames, instruction, turns)
        with closing(_Samples(self, messages, sampling)) as samples:
            for sample in range(sampling.num_samples):
                with closing(read_pieces(samples.pieces(sample), context, sample)) as events:
                    yield from events

    def write(self, messages: list[dict[str, Any]], sampling: Sampling, sample: int) -> Generator[Piece, None, None]:
        """Yield the raw text of one sample as the server sends it.

        Raises:
            EndpointError: as for `stream`. A request is not repeated after its first text has arrived.
        """
        start = time.perf_counter()
        reader = DeltaReader()
        try:
            with self._request_stream(messages, sampling, sample) as chunks:
                for chunk in chunks:
                    text = "".join(reader.read(choice) for choice in self._choices(chunk))
                    if text:
                        yield Piece(time.perf_counter() - start, text)
        except (openai.OpenAIError, ConnectionError, TimeoutError, ValueError, AttributeError, TypeError) as error:
            raise self._to_endpoint_error(error) from error
        if not reader.finish_reason:
            raise EndpointError(
                f"{self.name} broke off in the middle of the answer, or is no OpenAI-compatible server: ask again"
            )
        if reader.finish_reason in _FAILURE_REASONS:
            raise EndpointError(f"{self.name} ended the answer because of {_FAILURE_REASONS[reader.finish_reason]}")
        if text := reader.close():
            yield Piece(time.perf_counter() - start, text)

    def _choices(self, chunk: Any) -> list[Mapping[str, Any]]:
        """Return the choices of a chunk, and store the token counts in it."""
        chunk_fields = chunk.model_dump() if hasattr(chunk, "model_dump") else chunk
        if not isinstance(chunk_fields, dict):
            raise EndpointError(
                f"{self.address} does not answer as an OpenAI-compatible server: {str(chunk_fields)[:120]!r}"
            )
        if error := chunk_fields.get("error"):
            raise self._rejection(str(error.get("message", error) if isinstance(error, dict) else error))
        usage = chunk_fields.get("usage")
        if isinstance(usage, dict):
            details = usage.get("prompt_tokens_details") or {}
            self._usage = EndpointUsage(
                int(usage.get("prompt_tokens") or 0),
                int(details.get("cached_tokens") or 0) if isinstance(details, dict) else 0,
                int(usage.get("completion_tokens") or 0),
            )
        return [choice for choice in chunk_fields.get("choices") or () if isinstance(choice, dict)]

    def _request_stream(self, messages: list[dict[str, Any]], sampling: Sampling, sample: int) -> Any:
        """Start a request. Retry if the server may be busy, and leave out optional parameters that it rejects."""
        wait_s = FIRST_RETRY_WAIT_S
        for tries_left in reversed(range(self._options.num_tries)):
            try:
                return self._client.chat.completions.create(**self._request(messages, sampling, sample))
            except openai.APIStatusError as error:
                if (extra := self._unknown_extra(error)) is not None:
                    self._unsupported.add(extra)
                    return self._request_stream(messages, sampling, sample)
                if error.status_code not in _RETRY_STATUSES or not tries_left:
                    raise
                wait_s = max(wait_s, _retry_after(error))
            except openai.APIConnectionError:
                if not tries_left:
                    raise
            time.sleep(min(wait_s, MAX_RETRY_WAIT_S))
            wait_s *= 2
        raise AssertionError("the last try returns or raises")

    def _request(self, messages: list[dict[str, Any]], sampling: Sampling, sample: int) -> dict[str, Any]:
        extras: dict[str, Any] = {"stream_options": {"include_usage": True}, "seed": sampling.seed + sample}
        if sampling.temperature > 0:
            extras["top_p"] = sampling.top_p
        return {
            "model": self.model,
            "messages": messages,
            "max_tokens": min(sampling.max_new_tokens, self.profile.max_new_tokens),
            "temperature": sampling.temperature,
            "stream": True,
            **{name: value for name, value in extras.items() if name not in self._unsupported},
        }

    def _unknown_extra(self, error: openai.APIStatusError) -> str | None:
        """Return the optional parameter that the server's error names, or None."""
        if error.status_code not in (400, 422):
            return None
        text = f"{error} {_message_of(error)}"
        return next((one for one in ("stream_options", "seed") if one in text and one not in self._unsupported), None)

    def _messages(self, frames: Sequence[Frame], instruction: str, turns: Sequence[Turn]) -> list[dict[str, Any]]:
        """Return the messages with images. An empty system message is left out: servers would add text for it."""
        pictures = iter(data_url(resize_frame(frame, self.profile.size_wh)) for frame in frames)
        messages = prompt.build_messages(self.profile, [frame.index for frame in frames], instruction, turns)
        for message in messages:
            if isinstance(message["content"], list):
                message["content"] = [
                    {"type": "image_url", "image_url": {"url": next(pictures)}} if part["type"] == "image" else part
                    for part in message["content"]
                ]
        return [message for message in messages if message["role"] != "system" or message["content"]]

    def _find_single_model(self) -> str:
        self.name = urlsplit(self.address).netloc
        self.model = ""
        names = self.models()
        if len(names) != 1:
            listed = ", ".join(names[:20]) or "none"
            raise EndpointError(f"{self.name} has the models {listed}: choose one with --policy-model NAME")
        return names[0]

    def _to_endpoint_error(self, error: Exception) -> EndpointError:
        """Return an EndpointError whose message says what to do about `error`."""
        if isinstance(error, EndpointError):
            return error
        if isinstance(error, openai.APITimeoutError):
            return EndpointError(
                f"{self.name} did not answer in time: is it loading the model? Try again, or wait longer"
            )
        if isinstance(error, openai.APIConnectionError):
            cause = str(error.__cause__ or error)
            if "certificate" in cause.lower() or "ssl" in cause.lower():
                return EndpointError(f"the certificate of {self.address} is not trusted: {cause}")
            return EndpointError(
                f"cannot reach {self.address} ({cause}): is the server running, and the address right?"
            )
        if isinstance(error, openai.APIStatusError):
            return self._status_error(error)
        if isinstance(error, openai.APIError):
            return self._rejection(str(error))
        return EndpointError(
            f"{self.address} does not answer as an OpenAI-compatible server ({str(error)[:120]}): check the address, "
            "which ends with /v1 on most servers"
        )

    def _status_error(self, error: openai.APIStatusError) -> EndpointError:
        status, text = error.status_code, _message_of(error)
        if status in (401, 403):
            return EndpointError(
                f"{self.name} refuses the key ({status}): name a file that holds it with --policy-key-file"
            )
        if status == 429:
            return EndpointError(f"{self.name} takes no more requests for now ({text}): wait, or ask for fewer samples")
        if status == 404 or (status == 400 and _UNKNOWN_MODEL.search(text)):
            with suppress(openai.OpenAIError, AttributeError, TypeError, ValueError):
                if (names := self._listed()) and self.model not in names:
                    return EndpointError(f"{self.name} has no model {self.model!r}, but {', '.join(names[:20])}")
            return EndpointError(
                f"{self.address} has no such model or address ({status}): {text}; should it end with /v1?"
            )
        return self._rejection(text, status)

    def _rejection(self, text: str, status: int | None = None) -> EndpointError:
        lowered = text.lower()
        where = f"{self.name} refuses" + (f" ({status})" if status else "")
        if any(
            word in lowered
            for word in ("context length", "context size", "too many tokens", "maximum context", "n_ctx")
        ):
            return EndpointError(f"{where}: the prompt is too long for it ({text}): show fewer frames with --frames N")
        if "image" in lowered and any(word in lowered for word in ("at most", "limit", "too many", "maximum")):
            return EndpointError(f"{where}: too many pictures ({text}): show fewer frames with --frames N")
        if any(word in lowered for word in ("image", "vision", "multimodal", "mmproj")):
            return EndpointError(f"{where}: the model takes no pictures ({text}): choose one that sees")
        return EndpointError(f"{where}: {text}")


class _Samples:
    """The samples of one question: the first is streamed, the others are requested in parallel and buffered."""

    def __init__(self, policy: EndpointPolicy, messages: list[dict[str, Any]], sampling: Sampling) -> None:
        self._policy, self._messages, self._sampling = policy, messages, sampling
        self._is_closed = threading.Event()
        self._slots = threading.Semaphore(MAX_PARALLEL_REQUESTS - 1)
        self._queues = [SimpleQueue[Piece | Exception | None]() for _ in range(1, sampling.num_samples)]
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name="veason-endpoint", daemon=True)
            for number in range(1, sampling.num_samples)
        ]
        for thread in self._threads:
            thread.start()

    def pieces(self, sample: int) -> Generator[Piece, None, None]:
        """Yield the pieces of a sample. Raises EndpointError, and any other exception of its thread."""
        if sample == 0:
            yield from self._policy.write(self._messages, self._sampling, 0)
            return
        while (piece := self._queues[sample - 1].get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        """Stop running requests and do not start further ones."""
        self._is_closed.set()

    def _run(self, sample: int) -> None:
        queue = self._queues[sample - 1]
        with self._slots:
            if self._is_closed.is_set():
                return
            try:
                with closing(self._policy.write(self._messages, self._sampling, sample)) as pieces:
                    for piece in pieces:
                        if self._is_closed.is_set():
                            return
                        queue.put(piece)
                queue.put(None)
            except Exception as error:  # noqa: BLE001  # raised in `pieces`: otherwise its caller would wait forever
                queue.put(error)


def check_address(address: str) -> str:
    """Return a server's URL without its last slash. Raises OptionError if it is invalid or contains a password."""
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OptionError(f"a server is named by its address, such as http://127.0.0.1:8000/v1, got {address!r}")
    if parts.username is not None or parts.query or parts.fragment:
        raise OptionError("an address holds no password, query or fragment: give the key with --policy-key-file")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _retry_after(error: openai.APIStatusError) -> float:
    value = error.response.headers.get("retry-after", "")
    return float(value) if value.replace(".", "", 1).isdecimal() else 0.0


def _message_of(error: openai.APIStatusError) -> str:
    """Return the message of an error response, whatever its form, in one line of at most 300 characters."""
    body = error.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body.get("error") or body
    return " ".join(str(body or error.response.text).split())[:300]
