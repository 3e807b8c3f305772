"""Who made which change of a question, so that no tab overwrites what it has not seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from veason.project import Change, ChangedElsewhere, Project
from veason.studio.server.client import Client

_MOST_NOTED = 20_000


class TabRevisions:
    """The revisions that each tab of a browser made, in one project about one question."""

    def __init__(self, project: Project, question_id: int) -> None:
        self._project, self._question_id = project, question_id
        self._made: dict[int, str] = {}

    @contextmanager
    def made_by(self, client: Client) -> Iterator[None]:
        """Note that the tab makes the changes of the block: they do not surprise it later."""
        before = self._project.library.revision
        try:
            yield
        finally:
            for revision in range(before + 1, self._project.library.revision + 1):
                self._made[revision] = client.tab
            for old in list(self._made)[: max(0, len(self._made) - _MOST_NOTED)]:
                del self._made[old]

    def unseen(self, client: Client) -> list[Change]:
        """Return the changes of labels that the tab has neither made nor seen; none where it does not say."""
        if client.seen is None:
            return []
        changes = self._project.library.changes_since(client.seen, self._question_id)
        return [one for one in changes if self._made.get(one.revision) != client.tab and subject_of(one) is not None]

    def check(self, client: Client, subject: int | str) -> None:
        """Raise ChangedElsewhere where a change of a subject (see `subject_of`) is unseen."""
        for change in self.unseen(client):
            theirs = subject_of(change)
            if theirs == subject or "all" in (theirs, subject):
                who = change.annotator or ("the model" if change.source else "another tab")
                what = f"object {theirs}" if isinstance(theirs, int) else "this question"
                raise ChangedElsewhere(
                    f"{what} was changed meanwhile by {who}. Nothing was overwritten: here is how it is now"
                )


def subject_of(change: Change) -> int | str | None:
    """Return what a change of labels is about: an object's id, "reasoning" or "all"; None if it changes no label."""
    if change.operation in ("undo", "redo"):
        return "all"
    if change.operation not in ("record", "follow"):
        return None
    body, kind = change.body, change.body["type"]
    if kind in ("GotMasks", "Tracked"):
        return None
    subject: int | str = body["prompt"]["object_id"] if kind == "PutPrompt" else body.get("object_id", whole(kind))
    return subject


def whole(kind: str) -> str:
    """Return the subject of an edit, by the name of its type, that is about no object."""
    return "reasoning" if kind == "Reasoned" else "all"
