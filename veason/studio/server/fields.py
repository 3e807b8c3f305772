"""How the records of the page's contract declare their fields: names in JSON, types, and bounds.

Fields are declared with ordinary types, bounds beside them, as `Annotated[int, Between(0, 9)]`. A field with a default
may be left out.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints


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


def has_default(field: dataclasses.Field[Any]) -> bool:
    """Tell whether a field may be left out."""
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


# --- bounds that several requests share

FrameIndex = Annotated[int, Between(0, 100_000_000)]
Stop = Annotated[int, Between(1, 100_000_000)]
ObjectId = Annotated[int, Between(1, 1_000_000)]
ObjectOrNew = Annotated[int, Between(0, 1_000_000)]
"""An object's id; 0 is a new object."""

RowId = Annotated[int, Between(0, 2**53)]
"""The id of a row in the project's database, or a revision or stamp: what a browser can count to."""

Pixel = Annotated[float, Between(-1e6, 1e6)]
WorkId = Annotated[str, AtMost(200)]
"""An open question: the project's key, a dot, the question's id."""

ProjectKey = Annotated[str, AtMost(200)]
PersonName = Annotated[str, AtMost(80)]
RowIds = Annotated[tuple[RowId, ...], AtMost(20_000)]
"""Several questions."""

FormatName = Annotated[str, AtMost(40)]
Folder = Annotated[str, AtMost(4000)]
