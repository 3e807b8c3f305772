"""Conversion of fullwidth characters and digits of all scripts to ASCII, one for one, so that offsets stay valid."""

from __future__ import annotations

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
    """Convert fullwidth punctuation, ideographic commas and the digits of all scripts to ASCII.

    >>> to_ascii("｛＂帧＂：１２８，【١٠】｝")
    '{"帧":128,[10]}'
    """
    return text if text.isascii() else text.translate(_PLAIN)
