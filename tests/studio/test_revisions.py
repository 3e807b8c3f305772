"""Messages to a tab are numbered without a gap; a tab that was forgotten sees one, and no number a second time."""

from __future__ import annotations

from veason.studio.server.revisions import Revisions


def test_messages_are_counted_by_question_and_tab() -> None:
    revisions = Revisions()
    assert [revisions.next("a.1", "x"), revisions.next("a.1", "x"), revisions.next("a.1", "y")] == [1, 2, 1]


def test_a_forgotten_tab_goes_on_above_what_it_has_seen_and_memory_is_bounded() -> None:
    revisions = Revisions(kept=2)
    seen = [revisions.next("a.1", "x") for _ in range(5)][-1]
    for tab in ("y", "z", "y", "z"):
        revisions.next("a.1", tab)
    assert len(revisions._last) == 2
    assert revisions.next("a.1", "x") > seen
