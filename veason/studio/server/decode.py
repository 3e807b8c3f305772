"""JSON from a browser -> frozen dataclasses: every value is checked against the type its field declares.

Fields are declared with ordinary types, bounds beside them, as `Annotated[int, Between(0, 9)]`. A field with a default
may be missing; one without must be there; a name that no field has is refused.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from veason.errors import PromptError

Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class Between:
    """A bound on numbers: both ends are allowed."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AtMost:
    """A bound on the characters of a text, or the entries of a list."""

    count: int


def json_name(field_name: str) -> str:
    """Return what a field is called in JSON.

    >>> json_name("undo_steps")
    'undoSteps'
    """
    first, *rest = field_name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@functools.cache
def field_types(kind: Any) -> dict[str, Any]:
    """Return the declared type of each field of a dataclass, bounds included, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    return {one.name: hints[one.name] for one in dataclasses.fields(kind)}


def decode(kind: type[Parsed], sent: object) -> Parsed:
    """Return the dataclass `kind` with the values of a JSON object.

    Raises:
        PromptError: it is no object, a value is missing or not of its field's type, or a name is unknown.
    """
    return _record(kind, kind.__name__, sent)


def described(value: object) -> str:
    """Return what came, in a few words: short whatever it is.

    >>> described(True), described([1, 2]), described("x" * 99), described(10**400)
    ('true', 'a list of 2', 'text of 99 characters', 'a number beyond all bounds')
    """
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 64 else "a number beyond all bounds"
    if isinstance(value, float):
        return str(value)
    if isinstance(value, str):
        is_short = len(value) <= 40 and value.isprintable()
        return repr(value) if is_short else f"text of {len(value)} characters"
    return f"a list of {len(value)}" if isinstance(value, Sequence) else "an object"


def _record(kind: type[Parsed], name: str, sent: object) -> Parsed:
    if not isinstance(sent, Mapping):
        raise PromptError(f"{name} should be an object, got {described(sent)}")
    shape: Any = kind
    declared = {json_name(field): (field, wanted) for field, wanted in field_types(shape).items()}
    unknown = next((key for key in sent if key not in declared), None)
    if unknown is not None:
        raise PromptError(f"{name} has no field {described(unknown)}: it has {', '.join(declared)}")
    required = {one.name for one in dataclasses.fields(shape) if not has_default(one)}
    missing = next((key for key, (field, _) in declared.items() if field in required and key not in sent), None)
    if missing is not None:
        raise PromptError(f"{name} should name {missing}, got an object without it")
    given = {declared[key][0]: _value(declared[key][1], str(key), value) for key, value in sent.items()}
    return kind(**given)


def has_default(field: dataclasses.Field[Any]) -> bool:
    """Tell whether a field may be left out."""
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _value(wanted: Any, name: str, sent: object, bounds: tuple[Any, ...] = ()) -> Any:
    """Return a value of a declared type."""
    origin = get_origin(wanted)
    if origin is Annotated:
        inner, *more = get_args(wanted)
        return _value(inner, name, sent, tuple(more))
    if origin in (Union, types.UnionType):
        (inner,) = [one for one in get_args(wanted) if one is not types.NoneType]
        return None if sent is None else _value(inner, name, sent, bounds)
    if origin is Literal:
        return _one_of(get_args(wanted), name, sent)
    if origin is tuple:
        return _entries(get_args(wanted), name, sent, bounds)
    if dataclasses.is_dataclass(wanted):
        return _record(wanted, name, sent)  # type: ignore[arg-type]
    if wanted is str:
        return _text(name, sent, bounds)
    if wanted is bool:
        if not isinstance(sent, bool):
            raise PromptError(f"{name} should be true or false, got {described(sent)}")
        return sent
    return _number(wanted, name, sent, bounds)


def _one_of(allowed: tuple[object, ...], name: str, sent: object) -> object:
    found = next((one for one in allowed if type(one) is type(sent) and one == sent), allowed)
    if found is allowed:
        raise PromptError(f"{name} should be one of {', '.join(map(str, allowed))}, got {described(sent)}")
    return found


def _number(wanted: type, name: str, sent: object, bounds: tuple[Any, ...]) -> float:
    is_whole = wanted is int
    kind = "a whole number" if is_whole else "a number"
    if isinstance(sent, bool) or not isinstance(sent, int if is_whole else (int, float)):
        raise PromptError(f"{name} should be {kind}, got {described(sent)}")
    between = next(one for one in bounds if isinstance(one, Between))
    if not between.low <= sent <= between.high:  # NaN is neither
        raise PromptError(f"{name} should be {kind} from {between.low} to {between.high}, got {described(sent)}")
    return sent if is_whole else float(sent)


def _text(name: str, sent: object, bounds: tuple[Any, ...]) -> str:
    most = next(one for one in bounds if isinstance(one, AtMost)).count
    if not isinstance(sent, str) or len(sent) > most:
        raise PromptError(f"{name} should be text of at most {most} characters, got {described(sent)}")
    if "\0" in sent or any("\ud800" <= letter <= "\udfff" for letter in sent):
        raise PromptError(f"{name} should be text that can be written to a file, got half a character or a zero byte")
    return sent


def _entries(wanted: tuple[Any, ...], name: str, sent: object, bounds: tuple[Any, ...]) -> tuple[Any, ...]:
    is_open = len(wanted) == 2 and wanted[1] is Ellipsis
    if not isinstance(sent, list | tuple):
        raise PromptError(f"{name} should be a list, got {described(sent)}")
    if is_open:
        most = next(one for one in bounds if isinstance(one, AtMost)).count
        if len(sent) > most:
            raise PromptError(f"{name} should be a list of at most {most}, got {described(sent)}")
        return tuple(_value(wanted[0], f"{name}[{place}]", one) for place, one in enumerate(sent))
    if len(sent) != len(wanted):
        raise PromptError(f"{name} should be a list of {len(wanted)}, got {described(sent)}")
    return tuple(
        _value(kind, f"{name}[{place}]", one) for place, (kind, one) in enumerate(zip(wanted, sent, strict=True))
    )
