"""What a model server refuses, in words that say what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import openai

from veason.errors import EndpointError
from veason.policy.trust import untrusted

_UNKNOWN_MODEL = re.compile(
    r"\bmodel\b.{0,80}\b(?:not found|not exist|unknown|no such|not loaded|not available)", re.IGNORECASE
)
_TOO_LONG = (
    "context length", "context size", "context window", "too many tokens", "maximum context", "n_ctx",
    "longer than the maximum model length", "input length",
)  # fmt: skip
_TOO_MANY = ("at most", "limit", "too many", "maximum")
_SIGHT = ("image", "vision", "multimodal", "mmproj")


@dataclass(frozen=True, slots=True)
class AskedServer:
    """Whom a request went to: `name` for people, `address`, `model` there, and the key, which is shown nowhere."""

    name: str
    address: str
    model: str
    key: str = field(default="", repr=False)

    def error(self, error: Exception, *, has_begun: bool = False) -> EndpointError:
        """Return an EndpointError whose message says what to do about `error`.

        Args:
            error: what the client library raised.
            has_begun: text had arrived before.
        """
        if isinstance(error, EndpointError):
            return error
        if isinstance(error, openai.APIStatusError):
            return self._status_error(error)
        if isinstance(error, openai.APIConnectionError):
            return self._connection_error(error, has_begun)
        if isinstance(error, openai.APIError):
            return self.refusal(error.body if isinstance(error.body, str) else str(error))
        return EndpointError(
            f"{self.address} does not answer as an OpenAI-compatible server ({self.shown(error)[:120]}): check the "
            "address, which ends with /v1 on most servers"
        )

    def fields_of(self, chunk: Any) -> dict[str, Any]:
        """Return a chunk as a dictionary. Raises EndpointError if it is none, or says that something went wrong."""
        fields = chunk.model_dump(warnings=False) if hasattr(chunk, "model_dump") else chunk
        if not isinstance(fields, dict):
            raise EndpointError(f"{self.address} does not answer as an OpenAI-compatible server: {str(fields)[:120]!r}")
        if error := fields.get("error"):
            raise self.refusal(str(error.get("message", error) if isinstance(error, dict) else error))
        if fields.get("object") == "error":
            raise self.refusal(str(fields.get("message")))
        return fields

    def refusal(self, text: str, status: int | None = None) -> EndpointError:
        """Return an EndpointError for what the server said."""
        said, lowered = self.shown(text), text.lower()
        where = f"{self.name} refuses" + (f" ({status})" if status else "")
        if any(word in lowered for word in _TOO_LONG):
            return EndpointError(f"{where}: the prompt is too long for it ({said}): show fewer frames with --frames N")
        if "image" in lowered and any(word in lowered for word in _TOO_MANY):
            return EndpointError(f"{where}: too many pictures ({said}): show fewer frames with --frames N")
        if any(word in lowered for word in _SIGHT):
            return EndpointError(f"{where}: the model takes no pictures ({said}): choose one that sees")
        return EndpointError(f"{where}: {said}")

    def no_such_model(self, names: tuple[str, ...], error: openai.APIStatusError) -> EndpointError:
        """Return an EndpointError for a model or an address that is not there; `names` are the models that are."""
        if names and self.model not in names:
            return EndpointError(f"{self.name} has no model {self.model!r}, but {', '.join(names[:20])}")
        said = self.shown(message_of(error))
        return EndpointError(
            f"{self.address} has no such model or address ({error.status_code}): {said}; should it end with /v1?"
        )

    def shown(self, said: object) -> str:
        """Return a text of the server without the key, which some repeat, in one line."""
        text = " ".join(str(said).split())
        return text.replace(self.key, "(the key)") if self.key else text

    def _connection_error(self, error: openai.APIConnectionError, has_begun: bool) -> EndpointError:
        if has_begun:
            return broken_off(self.name)
        if isinstance(error, openai.APITimeoutError):
            return EndpointError(
                f"{self.name} did not answer in time: is it loading the model? Try again, or wait longer"
            )
        if (refused := untrusted(self.address, error)) is not None:
            return refused
        cause = self.shown(error.__cause__ or error)
        return EndpointError(f"cannot reach {self.address} ({cause}): is the server running, and the address right?")

    def _status_error(self, error: openai.APIStatusError) -> EndpointError:
        status, text = error.status_code, self.shown(message_of(error))
        if 300 <= status < 400:
            target = urlsplit(error.response.headers.get("location", ""))
            where = f"{target.scheme}://{target.hostname}" if target.hostname else target.path or "nowhere"
            return EndpointError(f"{self.address} sends us on to {where}: if you trust that, give it as the address")
        if status in (401, 403):
            return EndpointError(
                f"{self.name} refuses the key ({status}): name a file that holds it with --policy-key-file"
            )
        if status == 404:
            return self.no_such_model((), error)
        if status == 413:
            return EndpointError(f"{self.name} refuses (413): the pictures are too large: show fewer with --frames N")
        if status == 429:
            return EndpointError(f"{self.name} takes no more requests for now ({text}): wait, or ask for fewer samples")
        return self.refusal(text, status)


def broken_off(name: str) -> EndpointError:
    """Return an EndpointError for an answer that ended before its end."""
    return EndpointError(f"{name} broke off in the middle of the answer, or is no OpenAI-compatible server: ask again")


def is_unknown_model(error: openai.APIStatusError) -> bool:
    """Tell whether a server says that it has no such model, or no such address."""
    return error.status_code == 404 or (error.status_code == 400 and bool(_UNKNOWN_MODEL.search(message_of(error))))


def message_of(error: openai.APIStatusError) -> str:
    """Return the message of an error response, whatever its form, in one line of at most 300 characters."""
    body = error.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body.get("error") or body
    return " ".join(str(body or error.response.text).split())[:300]
