"""The models that somebody chose in the app, kept for the next start. A key is never kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from veason.atomic import atomic_file


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """What was chosen for a project; None is what the app takes by itself.

    Attributes:
        policy: a name, or the address of a server.
        policy_model: the model of that server.
        segmenter: a name.
    """

    policy: str | None = None
    policy_model: str | None = None
    segmenter: str | None = None


def choices_file() -> Path:
    """Return the file that choices are kept in, by the folder of their project."""
    return Path.home() / ".config" / "veason" / "models.json"


def read_choice(project: Path, file: Path | None = None) -> KeptChoice:
    """Return what was chosen for the project in a folder; nothing where the file cannot be read."""
    row = _read(file or choices_file()).get(str(project))
    if not isinstance(row, dict):
        return KeptChoice()
    texts = {key: value for key, value in row.items() if key in KeptChoice.__slots__ and isinstance(value, str)}
    return KeptChoice(**texts)


def keep_choice(project: Path, choice: KeptChoice, file: Path | None = None) -> None:
    """Keep what was chosen for the project in a folder. Raises OSError where the file cannot be written."""
    path = file or choices_file()
    rows = {**_read(path), str(project): asdict(choice)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as stream:
        stream.write(json.dumps(rows, indent=1).encode())


def _read(file: Path) -> dict[str, object]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return rows if isinstance(rows, dict) else {}
