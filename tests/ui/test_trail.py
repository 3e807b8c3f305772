"""A visitor's way back: names, locks and marks are undone like every other edit."""

import pytest

from veason.errors import SessionError
from veason.project.state import Marked
from veason.session import DropPrompt, PutPrompt
from veason.types import Box, Prompt
from veason.ui.trail import Locked, Named, Trail, begin


def drawn() -> Trail:
    return begin(10).record(PutPrompt(Prompt(1, 4, box=Box(1, 1, 9, 9))))


def test_a_name_is_undone_and_redone() -> None:
    named = drawn().record(Named(1, "dog"))
    assert dict(named.scene.names) == {1: "dog"}
    assert dict(named.undo().scene.names) == {}
    assert named.undo().redo() == named


def test_a_locked_object_refuses_a_person_until_it_is_unlocked() -> None:
    locked = drawn().record(Locked(1, True))
    for edit in (DropPrompt(1, 4), Marked(1, 5, 8, "absent"), PutPrompt(Prompt(1, 4, box=Box(0, 0, 2, 2)))):
        with pytest.raises(SessionError, match="object 1 is locked"):
            locked.record(edit)
    assert locked.record(Locked(1, False)).record(DropPrompt(1, 4)).now.object_ids == ()


def test_the_name_and_lock_of_a_deleted_object_go_with_it() -> None:
    trail = drawn().record(Named(1, "dog")).record(DropPrompt(1, 4))
    assert dict(trail.scene.names) == {}
