"""What people are told of an error: words, and no path of this machine where they are not its owner."""

from __future__ import annotations

import errno
import logging
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from veason.errors import VeasonError

_LOG = logging.getLogger(__name__)

_PATH = re.compile(r"(?:(?<=^)|(?<=[\s'\"(=:,]))(?!//)(?:[A-Za-z]:)?[/\\](?:[^\s'\":;,()]+[/\\])*([^\s'\":;,()/\\]*)")
_MARK = re.compile(r"(?:^|\b)(?:videos/[0-9a-f]{16}-|videos/|[0-9a-f]{16}-)")


class ErrorFormatter:
    """Turns errors into words.

    Args:
        hidden: folders whose place nobody is told; each of their folders belongs to one visitor.
        is_public: the one who reads it is not the owner of this machine.
    """

    def __init__(self, hidden: Sequence[Path], *, is_public: bool) -> None:
        self._is_public = is_public
        self._names = sorted({form for one in hidden for form in (str(one), str(one.resolve()))}, key=len, reverse=True)
        self._roots = [re.compile(re.escape(name) + r"(?:[/\\][^/\\\s:'\"]+)?[/\\]?") for name in self._names]

    def words(self, error: Exception) -> str:
        """Return what is told of an error; one that was not meant for people is logged, and told by its number."""
        if isinstance(error, VeasonError):
            return self._without_paths(str(error)) if self._is_public else str(error)
        number = secrets.token_hex(3)
        _LOG.error("error %s", number, exc_info=error)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return "the server's disk is full: everything saved before is safe; try again later"
        if isinstance(error, MemoryError):
            return "the server has not enough memory for this: everything saved before is safe; try a smaller clip"
        return (
            f"something went wrong on the server (error {number}): everything saved before is safe, and you can go on; "
            "if it happens again, tell whoever runs it this number"
        )

    def without_folders(self, value: Any) -> Any:
        """Return JSON in which no text names a hidden folder: errors that were kept earlier are told as well."""
        if not self._roots:
            return value
        if isinstance(value, str):
            return self._without_paths(value) if any(name in value for name in self._names) else value
        if isinstance(value, dict):
            return {key: self.without_folders(item) for key, item in value.items()}
        return [self.without_folders(item) for item in value] if isinstance(value, list | tuple) else value

    def _without_paths(self, text: str) -> str:
        for root in self._roots:
            text = root.sub("", text)
        return _MARK.sub("", _PATH.sub(lambda found: found[1] or "the server", text)).lstrip(": ")
