"""The videos on the welcome page: our own rendered clips, and a real one that comes with gradio."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from veason.hub import ASSETS
from veason.libraries import library_imports

with library_imports():
    import gradio


@dataclass(frozen=True, slots=True)
class Example:
    """A video to try, and what could be asked of it; `recorded` is the file of an answer that is shown at once."""

    title: str
    path: Path
    instructions: tuple[str, ...]
    is_rendered: bool
    recorded: Path | None = None


def list_examples(*, are_recorded: bool = False) -> list[Example]:
    """Return the examples whose files are here, with their recorded answers or without."""
    folder = ASSETS / "examples"
    index = folder / "examples.json"
    rows = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else []
    rendered = []
    for row in rows:
        path, texts = folder / row["file"], tuple(one["text"] for one in row["instructions"])
        recorded = path.with_suffix(".answer.jsonl") if are_recorded else None
        rendered.append(Example(row["title"], path, texts, True, recorded))
    real = Path(gradio.__file__).parent / "media_assets" / "videos" / "world.mp4"
    found = [*rendered, Example("Earth from orbit", real, ("the planet",), False)]
    return [example for example in found if example.path.is_file()]
