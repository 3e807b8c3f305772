"""Characters of other keyboards as the plain ones they stand for: one for one, so that places in a text stay."""

from __future__ import annotations

import sys
import unicodedata

_FULLWIDTH_FIRST, _FULLWIDTH_LAST, _FULLWIDTH_SHIFT = 0xFF01, 0xFF5E, 0xFEE0
_OTHERS = {
    "\u3000": " ",
    "、": ",",
    "﹐": ",",
    "﹑": ",",
    "【": "[",
    "】": "]",
    "〔": "[",
    "〕": "]",
    "−": "-",
    "﹣": "-",
}


def _table() -> dict[int, str]:
    table = {code: chr(code - _FULLWIDTH_SHIFT) for code in range(_FULLWIDTH_FIRST, _FULLWIDTH_LAST + 1)}
    for code in range(0x80, sys.maxunicode + 1):
        if (digit := unicodedata.decimal(chr(code), None)) is not None:
            table[code] = str(digit)
    return table | {ord(char): plain for char, plain in _OTHERS.items()}


_PLAIN = _table()


def plain_characters(text: str) -> str:
    """Return the text with fullwidth punctuation, ideographic commas and the digits of all scripts as ASCII.

    >>> plain_characters("｛＂帧＂：１２８，【١٠】｝")
    '{"帧":128,[10]}'
    """
    return text if text.isascii() else text.translate(_PLAIN)
