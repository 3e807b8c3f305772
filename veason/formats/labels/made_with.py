"""Which models made the labels of an instruction, and whether it was a guess, as formats carry it beside the words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

from veason.formats.labels.values import LabelledQuestion

POLICY, SEGMENTER, GUESS = "policy", "segmenter", "guess"
"""The keys of a row."""

_SERVER = re.compile(r" at [^\s/\\]+$")
"""What follows the name of a model on a server: the server's name or number, and its port. No folder lies behind it."""

_MOST_LETTERS = 300
"""Letters of the longest name that is taken over whole."""

_MOST_REASONS = 2000
"""Letters of the longest mark of a guess that is taken over whole."""


class ModelNames(TypedDict, total=False):
    """The names of models as fields of a question; those that are not known are missing."""

    policy: str
    segmenter: str


class LabelOrigin(ModelNames, total=False):
    """The same, and why the policy only guessed, "" or missing where it did not."""

    guess: str


def made_with(question: LabelledQuestion) -> dict[str, str]:
    """Return the names of the models that made the labels of an instruction, those that are known, without folders."""
    named = {POLICY: question.policy, SEGMENTER: question.segmenter}
    return {key: without_folder(name) for key, name in named.items() if name}


def origin_of(question: LabelledQuestion) -> dict[str, str]:
    """Return the mark of a guess, if the answer to an instruction is one, and the names of the models."""
    return ({GUESS: question.guess} if question.guess else {}) | made_with(question)


def model_columns(question: LabelledQuestion) -> dict[str, str]:
    """Return the same for a table, whose rows all have every column: "" where a name is not known."""
    return {POLICY: "", SEGMENTER: "", **made_with(question)}


def for_strangers(question: LabelledQuestion) -> LabelledQuestion:
    """Return a question whose models are named without the folders and servers that they come from."""
    return replace(question, policy=stranger_name(question.policy), segmenter=stranger_name(question.segmenter))


def stranger_name(name: str) -> str:
    """Return the name of a model without the folder or the server that it comes from.

    >>> stranger_name("/srv/models/mine"), stranger_name("qwen2.5vl:7b at 10.0.0.1:11434")
    ('mine', 'qwen2.5vl:7b')
    >>> stranger_name("/srv/cats at work/mine"), stranger_name("look at this at [::1]:8000")
    ('mine', 'look at this')
    """
    return _SERVER.sub("", without_folder(name))


def without_folder(name: str) -> str:
    r"""Return the name of a model; of one that lies in a folder, the name of that folder alone.

    >>> without_folder("/home/me/models/mine/"), without_folder("./mine"), without_folder("facebook/sam2.1-hiera-tiny")
    ('mine', 'mine', 'facebook/sam2.1-hiera-tiny')
    >>> without_folder("C:\\models\\mine"), without_folder("/models/mine at 10.0.0.1:8000"), without_folder("a/b/c")
    ('mine', 'mine at 10.0.0.1:8000', 'c')
    """
    found = _SERVER.search(name)
    model, server = (name[: found.start()], found[0]) if found else (name, "")
    parts = [part for part in re.split(r"[/\\]", model) if part]
    is_folder = model.startswith((".", "~", "/", "\\")) or "\\" in model or len(parts) > 2
    return (parts[-1] if is_folder and parts else model) + server


def models_from(row: Mapping[str, Any]) -> ModelNames:
    """Return the names of models that a row has; what is no name is left out."""
    names = ModelNames()
    if policy := model_name(row.get(POLICY)):
        names["policy"] = policy
    if segmenter := model_name(row.get(SEGMENTER)):
        names["segmenter"] = segmenter
    return names


def origin_from(row: Mapping[str, Any]) -> LabelOrigin:
    """Return the names of models that a row has, and its mark of a guess.

    A mark without a reason stays a mark; what is neither a text nor true is none.
    """
    mark = row.get(GUESS)
    guess = one_line(mark, _MOST_REASONS) or ("no reason is told" if mark is True or _has_words(mark) else "")
    return LabelOrigin(**models_from(row), **({"guess": guess} if guess else {}))


def model_pairs(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the names of models that a row has as pairs of key and name."""
    return tuple((key, str(name)) for key, name in models_from(row).items())


def model_name(value: object) -> str:
    """Return a name in one line, "" for anything that is none; of a very long one the beginning.

    >>> model_name(" qwen2.5vl:7b at 127.0.0.1:11434 "), model_name("x" * 301)[298:], model_name(7)
    ('qwen2.5vl:7b at 127.0.0.1:11434', 'x…', '')
    """
    return one_line(value, _MOST_LETTERS)


def one_line(value: object, most_letters: int) -> str:
    """Return a text in one line of at most so many letters, "" for anything that is none or cannot be shown."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text.isprintable():
        return ""
    return text if len(text) <= most_letters else text[: most_letters - 1] + "…"


def _has_words(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
