"""How labels call what a project holds: its videos, its questions, and labels that came without words."""

from __future__ import annotations

from veason.project import StoredVideo

NO_WORDS = "(imported without an instruction)"
"""What earlier versions called labels that came without words; such an instruction is never exported."""


def label_name(video: StoredVideo) -> str:
    """Return the name of a video's file or folder, without the mark that a copy inside the project carries."""
    name = video.path.name if video.path.is_dir() else video.path.stem
    return name.removeprefix(f"{video.sha256[:16]}-").replace("\\", "_") or "video"


def name_note(question_id: int) -> str:
    """Return the key of the note that keeps what a question was called where it came from."""
    return f"called {question_id}"
