"""The query box: a line such as `jf < 30 and absent == false and "left" in instruction` as a filter of cases.

The grammar is Python's for expressions, of which comparisons, `and`, `or`, `not`, arithmetic and `in` alone are taken;
nothing can be called. A comparison with a value that is not known (null) is not known either, nor is its `not`, and
only cases that are known to fit are found; ask for the others by `jf == null`. Text is compared without regard to case
by `in`, exactly by `==`.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from veason.errors import OptionError
from veason.lab.columns import BY_NAME, Column
from veason.libraries import library_imports

if TYPE_CHECKING:
    import polars as pl

MAX_CHARACTERS = 2000
_CONSTANTS = {"true": True, "false": False, "null": None, "none": None, "True": True, "False": False, "None": None}
_HINTS = (
    ("&&", "write and"),
    ("||", "write or"),
    (" = ", "write == to compare"),
    ("!", "write not, or != to compare"),
)


def compile_query(text: str, columns: Mapping[str, Column] = BY_NAME) -> pl.Expr:
    """Return the filter of a line as a Polars expression over the columns it names.

    Raises:
        OptionError: the line is no query: what is wrong, where, and what is near.
    """
    with library_imports():
        import polars as pl
    if len(text) > MAX_CHARACTERS:
        raise OptionError(f"a query has at most {MAX_CHARACTERS} characters, got {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        compiled = _Compiler(pl, columns)
        kind, value = compiled.build(tree)
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise OptionError(f"not a query: {_explain(text, error)}") from error
    if kind != "flag":
        raise OptionError(
            f"a query asks something that is true or false, such as jf < 30; {text.strip()!r} is a {kind}"
        )
    assert isinstance(value, pl.Expr)
    return value


def columns_named(text: str) -> frozenset[str]:
    """Return the names that a query mentions, for reading only those columns. Raises OptionError for no query."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise OptionError(f"not a query: {_explain(text, error)}") from error
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) - set(_CONSTANTS)


def _explain(text: str, error: BaseException) -> str:
    hint = next((f" ({hint})" for sign, hint in _HINTS if sign in text), "")
    place = f" at character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
    return f"{text.strip()[:120]!r} cannot be read{place}{hint}"


class _Compiler:
    """Turns nodes of the syntax tree into (kind, Polars expression or constant)."""

    def __init__(self, pl: Any, columns: Mapping[str, Column]) -> None:
        self._pl = pl
        self._columns = columns

    def build(self, node: ast.expr) -> tuple[str, Any]:
        match node:
            case ast.BoolOp():
                parts = [self._flag(value) for value in node.values]
                combine = self._pl.all_horizontal if isinstance(node.op, ast.And) else self._pl.any_horizontal
                return "flag", combine(*parts)
            case ast.UnaryOp(op=ast.Not()):
                return "flag", ~self._flag(node.operand)
            case ast.UnaryOp(op=ast.USub()):
                return "number", -self._number(node.operand)
            case ast.BinOp():
                return "number", self._arithmetic(node)
            case ast.Compare():
                return "flag", self._chain(node)
            case ast.Constant(value=value) if value is None or isinstance(value, bool | int | float | str):
                return _kind_of(value), self._pl.lit(_finite(value))
            case ast.Name(id=name):
                return self._name(name)
        raise OptionError(
            f"a query holds comparisons, and, or, not, in and numbers; it cannot hold {ast.unparse(node)!r}"
        )

    def _name(self, name: str) -> tuple[str, Any]:
        if name in _CONSTANTS:
            return _kind_of(_CONSTANTS[name]), self._pl.lit(_CONSTANTS[name])
        if name not in self._columns:
            near = difflib.get_close_matches(name, self._columns, n=3)
            told = f"did you mean {' or '.join(near)}?" if near else "columns are " + ", ".join(self._columns)
            raise OptionError(f"there is no column {name!r}: {told} Texts stand in quotes.")
        kind = self._columns[name].kind
        return ("number" if kind == "whole" else kind), self._pl.col(name)

    def _flag(self, node: ast.expr) -> Any:
        kind, value = self.build(node)
        if kind != "flag":
            raise OptionError(f"{ast.unparse(node)!r} is a {kind}, not something that is true or false: compare it")
        return value

    def _number(self, node: ast.expr) -> Any:
        kind, value = self.build(node)
        if kind != "number":
            raise OptionError(f"{ast.unparse(node)!r} is a {kind}, not a number")
        return value

    def _arithmetic(self, node: ast.BinOp) -> Any:
        left, right = self._number(node.left), self._number(node.right)
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                return left / right
        raise OptionError(f"of arithmetic a query takes + - * and /, got {ast.unparse(node)!r}")

    def _chain(self, node: ast.Compare) -> Any:
        operands = [node.left, *node.comparators]
        pairs = zip(operands, node.ops, operands[1:], strict=False)
        return self._pl.all_horizontal(*(self._compare(left, op, right) for left, op, right in pairs))

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        if isinstance(op, ast.In | ast.NotIn):
            found = self._contains(left, right)
            return ~found if isinstance(op, ast.NotIn) else found
        (kind, a), (other, b) = self.build(left), self.build(right)
        if "nothing" in (kind, other):
            if not isinstance(op, ast.Eq | ast.NotEq):
                raise OptionError(f"null can only be compared by == and !=, got {ast.unparse(left)!r}")
            missing = (b if kind == "nothing" else a).is_null()
            return missing if isinstance(op, ast.Eq) else ~missing
        if kind != other:
            raise OptionError(
                f"{ast.unparse(left)!r} is a {kind} and {ast.unparse(right)!r} is a {other}: not comparable"
            )
        match op:
            case ast.Eq():
                compared = a == b
            case ast.NotEq():
                compared = a != b
            case ast.Lt() if kind != "flag":
                compared = a < b
            case ast.LtE() if kind != "flag":
                compared = a <= b
            case ast.Gt() if kind != "flag":
                compared = a > b
            case ast.GtE() if kind != "flag":
                compared = a >= b
            case _:
                raise OptionError(
                    f"{ast.unparse(left)!r} and {ast.unparse(right)!r} can be compared by == and != alone"
                )
        return compared

    def _contains(self, left: ast.expr, right: ast.expr) -> Any:
        if isinstance(right, ast.Tuple | ast.List):
            parts = [self._compare(left, ast.Eq(), element) for element in right.elts]
            if not parts:
                raise OptionError("`in` wants at least one value between the brackets")
            return self._pl.any_horizontal(*parts)
        kind, part = self.build(left)
        whole, column = self.build(right)
        if whole == "text" and kind == "text":
            return column.str.to_lowercase().str.contains(part.str.to_lowercase(), literal=True)
        if whole == "indices" and kind == "number":
            return column.list.contains(part.cast(self._pl.Int64))
        raise OptionError(
            f"`in` looks for a text in a text, a frame in frames, or a value in (a, b), got {ast.unparse(left)!r} in "
            f"{ast.unparse(right)!r}"
        )


def _finite(value: object) -> object:
    """Return numbers as floats, all else as it is. Raises OptionError for a number without end."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise OptionError("a number of a query is finite: write a smaller one")
    return number


def _kind_of(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "flag"
    return "text" if isinstance(value, str) else "number"
