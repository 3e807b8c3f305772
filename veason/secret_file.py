"""Secrets that lie in files: keys of model servers, tokens of services."""

from __future__ import annotations

from pathlib import Path

from veason.errors import OptionError


def read_secret(file: str, what: str = "key", *, encoding: str = "utf-8") -> str:
    """Return the one word that a file holds.

    Args:
        file: its path.
        what: what it is called in errors.
        encoding: of the file; "ascii" for what is sent as it is.

    Raises:
        OptionError: the file cannot be read, or holds anything else.
    """
    try:
        word = Path(file).read_text(encoding=encoding).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"cannot read the {what} in {file}: {error}") from error
    if not word or len(word.split()) != 1:
        raise OptionError(f"{file} should hold a {what}, one word, and nothing else")
    return word


def read_token(file: str | None) -> str:
    """Return the token that a file holds, "" where none is named. Raises OptionError as `read_secret` does."""
    return read_secret(file, "token", encoding="ascii") if file else ""
