"""Names of the objects in an answer, such as "green ball", if each object's name is certain."""

from __future__ import annotations

import re

from veason.types import Answer

_LABEL = re.compile(r'"(?:label|name|category|class)"\s*:\s*"([^"\\\n]{1,80})"', re.IGNORECASE)
_COUNT = "(?:one|two|three|four|five|six|seven)"
_WORD = r"(?!and\b)[a-z]+"
_ITEM = rf"{_COUNT} ({_WORD}(?: {_WORD})?)"
_VERDICT = re.compile(rf"\b(?:it is|they are) {_ITEM}(?:(?:,| and) {_ITEM})*(?=[;.\n]|$)")
_ONE = re.compile(_ITEM)


def object_names(answer: Answer) -> tuple[str, ...]:
    """Return the name of each object, in the order of the boxes; () unless all names are known.

    A name is in the JSON beside its box ("label": "green ball"), or in the last sentence of a policy that describes
    each
    object: "it is two green ball", where the number is the object's. A sentence with several different names is
        ignored,
    because it does not say which box has which name.

    >>> from veason.types import Box
    >>> object_names(Answer("so find ball, one ball yes: it is two green ball; it moves", 4, (Box(1, 2, 3, 4),)))
    ('green ball',)
    """
    count = len(answer.boxes)
    labels = [" ".join(label.split()) for label in _LABEL.findall(answer.text.rpartition("</think>")[2])]
    if count and len(labels) == count and all(labels):
        return tuple(labels)
    verdicts = [match[0] for match in _VERDICT.finditer(answer.thought)]
    if len(verdicts) != 1:
        return ()
    names = _ONE.findall(verdicts[0])
    return (names[0],) * count if len(set(names)) == 1 and len(names) == count else ()
