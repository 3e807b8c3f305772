"""What a model server is asked: the fields of a chat request, and which of them a server may be spared."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import openai

from veason.policy import prompt
from veason.policy.pictures import data_url, resize_frame
from veason.policy.refusals import message_of
from veason.profile import Profile
from veason.types import Frame, Sampling, Turn

_SPARED = {
    "stream_options": r"stream_options(?:\.\w+)*",
    "seed": "seed",
    "logprobs": "(?:top_)?logprobs",
    "generation_config": "generation_config",
}
"""Fields that a server may refuse, and without which it answers as well, with what such a refusal names."""


def chat_messages(
    profile: Profile, frames: Sequence[Frame], instruction: str, turns: Sequence[Turn]
) -> list[dict[str, Any]]:
    """Return the messages with images. An empty system message is left out: servers would add text for it."""
    pictures = iter(data_url(resize_frame(frame, profile.size_wh)) for frame in frames)
    messages = prompt.build_messages(profile, [frame.index for frame in frames], instruction, turns)
    for message in messages:
        if isinstance(message["content"], list):
            message["content"] = [
                {"type": "image_url", "image_url": {"url": next(pictures)}} if part["type"] == "image" else part
                for part in message["content"]
            ]
    return [message for message in messages if message["role"] != "system" or message["content"]]


def text_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return all text of chat messages, pictures left out."""
    contents = [message["content"] for message in messages]
    return "".join(
        content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
        for content in contents
    )


def chat_fields(
    model: str, messages: list[dict[str, Any]], sampling: Sampling, most_tokens: int, samples: range
) -> dict[str, Any]:
    """Return the fields of a request for some samples of a question.

    Args:
        model: its name on the server.
        messages: as `chat_messages` returns them.
        sampling: temperature, top_p and the first sample's seed; every further sample's is one more.
        most_tokens: how long an answer may be.
        samples: the numbers of the samples. More than one are asked for with `n`, for which the server has to count
            seeds on as we do.
    """
    fields: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "max_tokens": most_tokens,
        "temperature": sampling.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
        "seed": sampling.seed + samples.start,
        "logprobs": True,
        "top_logprobs": 1,  # none at all is no log-probabilities for llama.cpp, and without it, it sends twenty
    }
    if sampling.temperature > 0:
        fields["top_p"] = sampling.top_p
    if len(samples) > 1:
        fields["n"] = len(samples)
    return fields


def drawing(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request with what `transformers serve` wants so that it draws; else it ignores them."""
    return {**fields, "extra_body": {"generation_config": json.dumps({"do_sample": True, "top_k": 0})}}


def draws_only_if_told(headers: Mapping[str, str], chunk: Mapping[str, Any]) -> bool:
    """Tell whether a reply is one of `transformers serve`, by what no other server does: its id is that of the request.

    Source: transformers 5.23, `cli/serving` (`request_id_middleware`, `_build_chunk_sse`).

    Args:
        headers: of the reply.
        chunk: one of it.
    """
    request_id = headers.get("x-request-id")
    return bool(request_id) and chunk.get("id") == request_id and chunk.get("system_fingerprint") == ""


def without(fields: Mapping[str, Any], unsupported: set[str]) -> dict[str, Any]:
    """Return the fields without those that a server does not support, or by the names that it knows."""
    left_out = set(unsupported)
    left_out |= {"top_logprobs"} if "logprobs" in unsupported else set()
    left_out |= {"extra_body"} if "generation_config" in unsupported else set()
    kept = {name: value for name, value in fields.items() if name not in left_out}
    if "max_tokens" in unsupported:
        kept["max_completion_tokens"] = fields["max_tokens"]
    return kept


def refused_field(error: openai.APIStatusError, asked: Mapping[str, Any], unsupported: set[str]) -> str | None:
    """Return the field that a server's error names and that can be left out or renamed, or None.

    The error's own `param` decides if it names a field that was sent; else the field has to be a word of the message,
    where `seed` in the name of a model such as `seed-oss` is none.

    Args:
        error: of the server.
        asked: the fields of the request.
        unsupported: those that were left out.
    """
    if error.status_code not in (400, 422):
        return None
    text = f"{error} {message_of(error)}"
    left = [name for name in _SPARED if name not in unsupported]
    if isinstance(error.param, str) and re.split(r"[.\[]", error.param)[0] in asked:
        found = [name for name in left if re.fullmatch(_SPARED[name], error.param)]
    else:
        said = text.replace(str(asked["model"]), " ")
        found = [name for name in left if re.search(rf"(?<![\w/-]){_SPARED[name]}(?![\w/-]|[.:]\w)", said)]
    if not found and "max_tokens" not in unsupported and "use 'max_completion_tokens'" in text.lower():
        found = ["max_tokens"]
    return next(iter(found), None)
