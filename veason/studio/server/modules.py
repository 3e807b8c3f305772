"""The page's modules in one file: on a slow line a hundred requests cost more than what they fetch.

Nothing is built: each module keeps its own text and name, so that errors and the browser's debugger speak of them. The
loader in `page` makes modules of the texts again, those first that others import.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

_IMPORT = re.compile(r'^(import|export)\b([^"\';]*?)"(\.{1,2}/[^"]+\.js)";', re.MULTILINE)
_DOCUMENTATION = re.compile(r"^[ ]*/\*\*(?:[^*]|\*(?!/))*\*/\n", re.MULTILINE)
_REMARK = re.compile(r"^[ ]*//(?! @ts).*\n", re.MULTILINE)

MARK = "module:"
"""What an import names in place of the path of its module: the loader puts the address of that there."""


def bundle(folder: Path) -> str:
    """Return the modules of a folder as JSON: `[name, text]` of each, in an order in which they can be made.

    Comments on lines of their own stay behind: they are a third of the text.

    Raises:
        ValueError: modules import each other in a circle, or one that is not there.
    """
    texts = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.js")}
    imports = {name: tuple(_imported(name, text)) for name, text in texts.items()}
    rows = [[name, _shortened(_with_marks(name, texts[name]))] for name in _in_order(imports)]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def _imported(name: str, text: str) -> list[str]:
    return [_resolved(name, match[3]) for match in _IMPORT.finditer(text)]


def _resolved(name: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def _with_marks(name: str, text: str) -> str:
    return _IMPORT.sub(lambda match: f'{match[1]}{match[2]}"{MARK}{_resolved(name, match[3])}";', text)


def _shortened(text: str) -> str:
    return _REMARK.sub("", _DOCUMENTATION.sub("", text))


def _in_order(imports: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the names, each after those that it imports."""
    done: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above or name not in imports:
            raise ValueError(f"{above[-1] if above else name} imports {name}: in a circle, or it is not there")
        if name not in done:
            for other in imports[name]:
                visit(other, (*above, name))
            done[name] = None

    for name in sorted(imports):
        visit(name, ())
    return list(done)
