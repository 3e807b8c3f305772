"""Cut the text between the answer tags into JSON-like tokens while it arrives.

Why our own: json_repair, the usual choice, reads whole text only, closes a number or box that was cut off without
saying so (`{'k': 12` gives 12 and an empty log), and raises RecursionError on deep nesting. An answer that is shown
while it is written needs to know which number is complete, and a person needs to know what was mended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import ClassVar, Literal, NamedTuple

TokenKind = Literal["open", "close", "colon", "comma", "string", "bare"]

_DOUBLE, _SINGLE = '"“”„', "'‘’"
_SPECIAL = re.escape(f",:=[]{{}}()`#/{_DOUBLE}{_SINGLE}")
_BARE = re.compile(rf"[^\s{_SPECIAL}]+")
_SKIPPED = re.compile(r"[\s`]+")
_COMMAS = re.compile(r"[\s,]+")
_IN_STRING = {"double": re.compile(rf"[^\\{_DOUBLE}]+"), "single": re.compile(rf"[^\\{_SINGLE}]+")}
_SPACE = re.compile(r"\s+")
_TWO_DIGITS = re.compile(r"[0-9]{1,3}|[0-9]{1,3}:[0-9]{2}")
_ESCAPES = {"n": " ", "t": " ", "r": " "}
_OPEN, _CLOSE = {"[": "[", "{": "{", "(": "["}, {"]": "[", "}": "{", ")": "["}


class Token(NamedTuple):
    """One token; `value` is the text of a string or bare word, and "[" or "{" for brackets of either direction."""

    kind: TokenKind
    value: str = ""


class Tokenizer:
    """A small machine that reads JSON, Python literals and what lies between, one piece of text at a time.

    `is_outermost` is set by the reader: outside every bracket there may be prose, in which a quotation mark opens no
    string and `//` no comment. `repairs` holds, in words, what plain JSON would not have allowed.
    """

    def __init__(self) -> None:
        self.is_outermost = True
        self.repairs: dict[str, None] = {}
        self._mode = "plain"
        self._pieces: list[str] = []
        self._spaces: list[str] = []

    def feed(self, text: str) -> Iterator[Token]:
        """Yield the tokens that are complete. Exhaust the iterator before the next call."""
        place = 0
        while place < len(text):
            token, place = self._STEPS[self._mode](self, text, place)
            if token is not None:
                yield token

    def close(self) -> Iterator[Token]:
        """Yield the token that the end of the block completes, if any."""
        if self._mode in ("bare", "quote", "clock"):
            has_colon = self._mode == "clock"
            yield self._finish("string" if self._mode == "quote" else "bare")
            if has_colon:
                yield Token("colon")
        self._mode = "plain"

    def _finish(self, kind: TokenKind) -> Token:
        value = "".join(self._pieces)
        self._pieces.clear()
        self._spaces.clear()
        self._mode = "plain"
        return Token(kind, value)

    def _in_plain(self, text: str, place: int) -> tuple[Token | None, int]:
        char = text[place]
        if match := _BARE.match(text, place):
            self._mode = "bare"
            return None, place
        if match := _SKIPPED.match(text, place):
            if "`" in match[0]:
                self.repairs["code fences"] = None
            return None, match.end()
        if char == ",":
            match = _COMMAS.match(text, place)
            return Token("comma"), match.end() if match else place + 1
        if char in ":=":
            return Token("colon"), place + 1
        if char in _OPEN or char in _CLOSE:
            if char in "()" and self.is_outermost:
                return None, place + 1
            if char in "()":
                self.repairs["round brackets"] = None
            return Token("open" if char in _OPEN else "close", (_OPEN | _CLOSE)[char]), place + 1
        if not self.is_outermost:
            self._open_string_or_comment(char)
        return None, place + 1

    def _open_string_or_comment(self, char: str) -> None:
        if char in _DOUBLE or char in _SINGLE:
            self._mode = "double" if char in _DOUBLE else "single"
            if char != '"':
                self.repairs["other quotation marks"] = None
        else:
            self._mode = "line_comment" if char == "#" else "slash"
            self.repairs["comments"] = None

    def _in_bare(self, text: str, place: int) -> tuple[Token | None, int]:
        if match := _BARE.match(text, place):
            self._pieces.append(match[0].replace("\\", ""))
            return None, match.end()
        if text[place] == ":" and _TWO_DIGITS.fullmatch("".join(self._pieces)):
            self._mode = "clock"
            return None, place + 1
        return self._finish("bare"), place

    def _in_clock(self, text: str, place: int) -> tuple[Token | None, int]:
        """Tell a time (00:04) from a key by the character after digits and a colon."""
        if text[place].isdecimal():
            self._pieces.append(":")
            self._mode = "bare"
            return None, place
        token = self._finish("bare")
        self._mode = "colon"
        return token, place

    def _in_colon(self, text: str, place: int) -> tuple[Token | None, int]:
        self._mode = "plain"
        return Token("colon"), place

    def _in_string(self, text: str, place: int) -> tuple[Token | None, int]:
        if match := _IN_STRING[self._mode].match(text, place):
            self._pieces.append(match[0])
            return None, match.end()
        if text[place] == "\\":
            self._mode = f"{self._mode}_escape"
            return None, place + 1
        if self._mode == "double":
            return self._finish("string"), place + 1
        self._mode = "quote"
        self._spaces.append(text[place])
        return None, place + 1

    def _in_escape(self, text: str, place: int) -> tuple[Token | None, int]:
        # Models escape underscores as in Markdown (bbox\_2d): the character itself is what was meant, but for spaces.
        self._pieces.append(_ESCAPES.get(text[place], text[place]))
        self._mode = self._mode.removesuffix("_escape")
        return None, place + 1

    def _in_quote(self, text: str, place: int) -> tuple[Token | None, int]:
        """Tell the end of a string from an apostrophe by the character after a single quote."""
        if match := _SPACE.match(text, place):
            self._spaces.append(match[0])
            if "\n" not in match[0]:
                return None, match.end()
            return self._finish("string"), match.end()
        if text[place] in ",:=]})" or text[place] in _DOUBLE or text[place] in _SINGLE:
            return self._finish("string"), place
        self._pieces += self._spaces
        self._spaces.clear()
        self._mode = "single"
        return None, place

    def _in_slash(self, text: str, place: int) -> tuple[Token | None, int]:
        self._mode = {"/": "line_comment", "*": "comment"}.get(text[place], "plain")
        return None, place + (self._mode != "plain")

    def _in_line_comment(self, text: str, place: int) -> tuple[Token | None, int]:
        end = text.find("\n", place)
        if end < 0:
            return None, len(text)
        self._mode = "plain"
        return None, end + 1

    def _in_comment(self, text: str, place: int) -> tuple[Token | None, int]:
        end = text.find("*", place)
        if end < 0:
            return None, len(text)
        self._mode = "star"
        return None, end + 1

    def _in_star(self, text: str, place: int) -> tuple[Token | None, int]:
        if text[place] != "*":
            self._mode = "plain" if text[place] == "/" else "comment"
        return None, place + 1

    _STEPS: ClassVar[dict[str, Callable[[Tokenizer, str, int], tuple[Token | None, int]]]] = {
        "plain": _in_plain,
        "bare": _in_bare,
        "clock": _in_clock,
        "colon": _in_colon,
        "double": _in_string,
        "single": _in_string,
        "double_escape": _in_escape,
        "single_escape": _in_escape,
        "quote": _in_quote,
        "slash": _in_slash,
        "line_comment": _in_line_comment,
        "comment": _in_comment,
        "star": _in_star,
    }
