"""Conversion of fullwidth characters and digits of all scripts to ASCII, one for one, so that offsets stay valid."""

from __future__ import annotations

import re
import unicodedata

_FULLWIDTH_FIRST, _FULLWIDTH_LAST, _FULLWIDTH_SHIFT = 0xFF01, 0xFF5E, 0xFEE0
_OTHERS = {
    "\u3000": " ",
    "、": ",",
    "﹐": ",",
    "﹑": ",",
    "،": ",",
    "؛": ";",
    "٫": ".",
    "【": "[",
    "】": "]",
    "〔": "[",
    "〕": "]",
    "−": "-",
    "﹣": "-",
}
_COMMAND = re.compile(
    r"\\(?:text|mathrm|mathbf|operatorname|left|right|big|Big|quad|qquad|boxed)(?![a-zA-Z])|\\[,;:! ]"
)
_SUBSCRIPT = re.compile(r"_\{(\w{1,12})\}")
_MARKS = re.compile(r"[\\$*`~]")


class _PlainCharacters(dict[int, str]):
    """The translation table, filled on demand: computing all code points would take a quarter of a second."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if _FULLWIDTH_FIRST <= code <= _FULLWIDTH_LAST:
            plain = chr(code - _FULLWIDTH_SHIFT)
        elif (digit := unicodedata.decimal(char, None)) is not None:
            plain = str(digit)
        else:
            plain = _OTHERS.get(char, char)
        self[code] = plain
        return plain


_PLAIN = _PlainCharacters()


def to_ascii(text: str) -> str:
    """Return the text with fullwidth punctuation, other scripts' commas and the digits of all scripts as ASCII.

    >>> to_ascii("｛＂帧＂：１２８，【١٠】｝")
    '{"帧":128,[10]}'
    """
    return text if text.isascii() else text.translate(_PLAIN)


def without_markup(text: str) -> str:
    r"""Return the text as a person reads it: plain characters, nothing invisible, no marks of Markdown or LaTeX.

    Positions do not stay: this is for finding numbers, not for reading them.

    >>> without_markup("**x₁** to $x_{2}$ = \\left[10,\\, 20\\right]")
    'x1 to x_2 = [10, 20]'
    """
    text = to_ascii(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return _MARKS.sub("", _SUBSCRIPT.sub(r"_\1", _COMMAND.sub("", text)))
