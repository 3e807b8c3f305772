"""What a program gives a call is of the declared type, or refused in words: gradio hands on whatever JSON holds."""

import inspect
import math
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from veason.errors import OptionError
from veason.texts import has_half_letters

MOST_TEXT_LETTERS = 4000
"""Of a text; questions take some hundred."""

MOST_NUMBER = 1 << 53
"""Beyond it, whole numbers of JSON are not exact any more."""

_WANTED = {
    str: f"a text of at most {MOST_TEXT_LETTERS} letters",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
}


def checked_arguments(handler: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what a method is called with by name, each text, number and switch as it is declared.

    What is declared as anything else is handed on as it is, for whoever reads it.

    Raises:
        OptionError: one is of another type, not finite, too large or too long.
    """
    parameters = list(inspect.signature(handler).parameters.values())[1:]
    given = dict(zip((one.name for one in parameters), args, strict=False)) | kwargs
    return {one.name: _checked(one.name, one.annotation, given[one.name]) for one in parameters if one.name in given}


def _checked(name: str, wanted: Any, value: Any) -> Any:
    if get_origin(wanted) is Literal:
        if value not in get_args(wanted) or not isinstance(value, str):
            raise OptionError(f"{name} is {' or '.join(get_args(wanted))}, got {_shown(value)}")
        return value
    if wanted not in _WANTED:
        return value
    if wanted is str:
        is_good = isinstance(value, str) and len(value) <= MOST_TEXT_LETTERS and not has_half_letters(value)
    elif wanted is bool:
        is_good = isinstance(value, bool)
    else:
        is_good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST_NUMBER
        is_good = is_good and (wanted is float or value == math.floor(value))
    if not is_good:
        raise OptionError(f"{name} is {_WANTED[wanted]}, got {_shown(value)}")
    return wanted(value)


def _shown(value: Any) -> str:
    """Return a value as it is told back: short, and without letters that cannot be sent."""
    text = (
        value if isinstance(value, str) else type(value).__name__ if isinstance(value, list | dict) else f"{value}"[:40]
    )
    return ascii(text[:40]) if isinstance(value, str) else text
