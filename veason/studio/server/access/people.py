"""The people of a team: names, roles, and passwords as a file keeps them.

A line is `name:role:password`, in which the password is what `hash_password` made of it, or "-" for who is signed in by
a proxy. Lines that begin with "#" are left alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from veason.errors import OptionError

Role: TypeAlias = Literal["annotator", "reviewer", "operator"]
"""What a person may do; who is named later may do what those before may do too."""

ROLES: tuple[Role, ...] = get_args(Role)
BY_PROXY = "-"
_MOST_LETTERS = 80

_SCHEME, _COST, _BLOCK, _PARALLEL = "scrypt", 15, 8, 1
_MEMORY = 64 << 20
_NOBODY = f"{_SCHEME}:{_COST}:{'A' * 22}==:{'A' * 43}="
"""The password of names that are not in the file: to refuse them takes as long as to refuse a wrong password."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    name: str
    role: Role = "annotator"

    def may(self, role: Role) -> bool:
        """Tell whether what is kept for a role is open to this person."""
        return ROLES.index(self.role) >= ROLES.index(role)


def hash_password(password: str) -> str:
    """Return what is kept of a password: a salt, and what scrypt makes of both.

    Raises:
        OptionError: it has fewer than 8 characters.
    """
    if len(password) < 8:
        raise OptionError(f"a password has 8 characters or more, got {len(password)}")
    salt = secrets.token_bytes(16)
    made = _scrypt(password, salt, _COST)
    return ":".join((_SCHEME, str(_COST), *(base64.b64encode(part).decode() for part in (salt, made))))


def is_password(password: str, kept: str) -> bool:
    """Tell whether `kept` was made of this password; takes some 100 ms either way."""
    _, cost, salt, made = kept.split(":")
    return hmac.compare_digest(_scrypt(password, base64.b64decode(salt), int(cost)), base64.b64decode(made))


def line_for(name: str, role: str, kept: str) -> str:
    """Return the line of a person.

    Raises:
        OptionError: the name is empty, too long or holds what a line cannot, or there is no such role.
    """
    if not name or name != " ".join(name.split()) or ":" in name or name.startswith("#") or not name.isprintable():
        raise OptionError(f"a name has letters, without colons and without spaces at its ends, got {name!r}")
    if len(name) > _MOST_LETTERS:
        raise OptionError(f"a name has at most {_MOST_LETTERS} letters, got {len(name)}")
    if role not in ROLES:
        raise OptionError(f"a role is one of {', '.join(ROLES)}, got {role!r}")
    return f"{name}:{role}:{kept}"


class People:
    """The people in a file, which may be changed while the server runs: who is taken out is out at once.

    Args:
        path: the file.

    Raises:
        OptionError: it cannot be read, or a line is not of its form; the message names the line.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._found: dict[str, tuple[Person, str]] = {}
        if not self._read():
            raise OptionError(f"{path} names nobody: add a line with `veason user NAME`")

    @property
    def stamp(self) -> object:
        """Something that changes with the file."""
        self._read()
        return self._stamp

    def person(self, name: str) -> Person | None:
        """Return the person of that name, None where there is none."""
        self._read()
        found = self._found.get(name)
        return None if found is None else found[0]

    def check(self, name: str, password: str) -> Person | None:
        """Return the person whose name and password these are, None where they are nobody's."""
        self._read()
        person, kept = self._found.get(name, (None, BY_PROXY))
        is_right = is_password(password, _NOBODY if kept == BY_PROXY else kept)
        return person if is_right and kept != BY_PROXY else None

    def _read(self) -> Mapping[str, object]:
        """Read the file where it changed."""
        with self._lock:
            try:
                found = self._path.stat()
                stamp = found.st_mtime_ns, found.st_size
                if stamp != self._stamp:
                    self._found = _parse(self._path.read_text(encoding="utf-8"), self._path)
                    self._stamp = stamp
            except (OSError, UnicodeDecodeError) as error:
                raise OptionError(f"cannot read who may sign in from {self._path}: {error}") from error
            return self._found


def _parse(text: str, path: Path) -> dict[str, tuple[Person, str]]:
    found: dict[str, tuple[Person, str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, role, kept = (*line.strip().split(":", 2), "", "")[:3]
        try:
            line_for(name, role, kept)
            _check_kept(kept)
            if name in found:
                raise OptionError(f"{name} is named twice")
        except OptionError as error:
            raise OptionError(f"{path}, line {number}: {error}; make lines with `veason user NAME`") from error
        found[name] = Person(name, next(one for one in ROLES if one == role)), kept
    return found


def _check_kept(kept: str) -> None:
    """Raise OptionError where this was not made of a password; what it holds is not told."""
    if kept == BY_PROXY:
        return
    parts = kept.split(":")
    try:
        if len(parts) == 4 and parts[0] == _SCHEME and 10 <= int(parts[1]) <= 15:
            salt, made = (base64.b64decode(part, validate=True) for part in parts[2:])
            if len(salt) >= 16 and len(made) == 32:
                return
    except (ValueError, binascii.Error):
        pass
    raise OptionError("the third part of the line is no hash of a password")


def _scrypt(password: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**cost, r=_BLOCK, p=_PARALLEL, maxmem=_MEMORY, dklen=32)
