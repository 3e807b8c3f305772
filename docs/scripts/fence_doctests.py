"""Show the examples of docstrings (`>>> ...`) as code when the site is built; mkdocs.yml names this file."""

from __future__ import annotations

from typing import Any

import griffe


def fenced(text: str) -> str:
    """Return a docstring with a fence around each run of lines from a prompt to the next blank line.

    An example that stands in a section of its own is left to the reader of the sections.
    """
    lines, is_open = [], False
    for line in text.splitlines():
        if line.startswith(">>> ") and not is_open:
            lines += ["", "```pycon"]
            is_open = True
        elif not line.strip() and is_open:
            lines.append("```")
            is_open = False
        lines.append(line)
    return "\n".join([*lines, "```"] if is_open else lines)


class FenceDoctests(griffe.Extension):
    """Fence the examples in the docstring of everything that is read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of an object in place."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
