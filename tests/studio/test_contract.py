"""What page and server say to each other: declared once, written into the page's types, checked at the door."""

from __future__ import annotations

import dataclasses
import inspect
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veason.errors import PromptError, VeasonError
from veason.studio.server import contract
from veason.studio.server.contract import declaration, described_fields
from veason.studio.server.messages import ITEMS
from veason.studio.server.requests import EVENTS, LOOK_UPS, Signed, parse_event, parse_look_up
from veason.studio.server.requests.edits import BoxEdit, TakeEdit
from veason.studio.server.requests.transfer import EnqueueRequest

WEB = Path(contract.__file__).parent.parent / "web"
WORK = {"work": "key.1"}
BOX = {**WORK, "edit": "box", "object": 1, "frame": 4, "xyxy": [1, 2, 3, 4]}


def test_the_types_of_the_page_are_those_of_the_server() -> None:
    assert (WEB / "contract.d.ts").read_text() == declaration(), "run: make contract"


def handled_kinds() -> set[str]:
    """Return the kinds of items that the page does something with: the keys of its tables of handlers."""
    text = (WEB / "core" / "receive.js").read_text()
    tables = re.findall(r"^function (?:labels|thinking|masks|run)\(.*?^  return \{$(.*?)^  \};$", text, re.M | re.S)
    assert len(tables) == 4
    return {kind for table in tables for kind in re.findall(r"^    (\w+)(?:\(|: )", table, re.M)}


def named_in_page(pattern: str) -> set[str]:
    """Return what the page's modules name where a pattern matches."""
    return {name for path in WEB.rglob("*.js") for name in re.findall(pattern, path.read_text())}


def test_the_page_handles_every_kind_of_item_and_no_other() -> None:
    assert handled_kinds() == {getattr(kind, "KIND") for kind in ITEMS}  # noqa: B009  # every item has it


def test_the_page_sends_every_event_and_no_other() -> None:
    assert named_in_page(r"\b(?:send|trigger)\(\s*\"(\w+)\"") == set(EVENTS)


def test_the_page_asks_for_every_look_up_and_no_other() -> None:
    assert named_in_page(r"\bserver\.(\w+)\(") == set(LOOK_UPS)


@pytest.mark.parametrize("kind", ITEMS, ids=lambda kind: kind.__name__)
def test_every_item_says_what_it_is_and_what_its_fields_are(kind: type) -> None:
    text = inspect.getdoc(kind) or ""
    assert text
    fields = [one.name for one in dataclasses.fields(kind)]  # type: ignore[arg-type]
    if "Attributes:" in text:
        assert list(described_fields(kind)) == fields


def test_a_request_is_read_into_values_with_types() -> None:
    sent = {**BOX, "tab": "t", "by": "  Ada  L ", "seen": 7, "stamp": 12, "number": 3}
    request = parse_event("edit", sent)
    assert isinstance(request, BoxEdit)
    assert (request.xyxy, request.stamp, request.number) == ((1.0, 2.0, 3.0, 4.0), 12, 3)
    assert (request.tab, request.by, request.seen) == ("t", "Ada L", 7)
    taken = parse_event("edit", {**WORK, "edit": "take", "answer": 1, "number": 9})
    assert isinstance(taken, TakeEdit)
    assert (taken.answer, taken.number) == (1, 9)


def test_a_list_of_files_is_read_entry_by_entry() -> None:
    request = parse_event("enqueue", {"instructions": "", "files": [{"path": "/a", "name": "a"}]})
    assert isinstance(request, EnqueueRequest)
    assert request.files[0].name == "a"
    with pytest.raises(PromptError, match=r"files\[1\] should name name"):
        parse_event("enqueue", {"instructions": "", "files": [{"path": "/a", "name": "a"}, {"path": "/b"}]})


deep: list[Any] = []
for _ in range(5000):
    deep = [deep]

BAD = [
    pytest.param("edit", "drop everything", id="no object"),
    pytest.param("edit", {**BOX, "edit": "launch"}, id="unknown edit"),
    pytest.param("edit", {**BOX, "edit": ["box"]}, id="a list for a name"),
    pytest.param("edit", {**BOX, "colour": "red"}, id="unknown field"),
    pytest.param("edit", {key: value for key, value in BOX.items() if key != "work"}, id="no work"),
    pytest.param("edit", {**BOX, "frame": "3"}, id="text for a number"),
    pytest.param("edit", {**BOX, "frame": True}, id="true for a number"),
    pytest.param("edit", {**BOX, "frame": 2.0}, id="half a number"),
    pytest.param("edit", {**BOX, "frame": -1}, id="before the first frame"),
    pytest.param("edit", {**BOX, "frame": 2**63}, id="64 bits"),
    pytest.param("edit", {**BOX, "object": 10**5000}, id="too long to be written"),
    pytest.param("edit", {**BOX, "seen": 2**64}, id="a revision beyond the database"),
    pytest.param("edit", {**BOX, "xyxy": [1, 2, 3]}, id="three sides"),
    pytest.param("edit", {**BOX, "xyxy": [1, 2, 3, None]}, id="nothing for a side"),
    pytest.param("edit", {**BOX, "xyxy": [float("nan"), 2, 3, 4]}, id="NaN"),
    pytest.param("edit", {**BOX, "xyxy": [float("inf"), 2, 3, 4]}, id="infinity"),
    pytest.param("edit", {**BOX, "xyxy": [10**400, 2, 3, 4]}, id="beyond all floats"),
    pytest.param("edit", {**BOX, "xyxy": [1, 2, 3, False]}, id="false for a side"),
    pytest.param("edit", {**BOX, "xyxy": [0] * 100_000}, id="a huge list"),
    pytest.param("edit", {**BOX, "xyxy": deep}, id="a deep list"),
    pytest.param("edit", {**BOX, "work": deep}, id="a deep list for text"),
    pytest.param("edit", {**WORK, "edit": "name", "object": 1, "name": "x" * 81}, id="a long name"),
    pytest.param("edit", {**WORK, "edit": "name", "object": 1, "name": "\ud800"}, id="half a character"),
    pytest.param("edit", {**WORK, "edit": "name", "object": 1, "name": "a\0b"}, id="a zero byte"),
    pytest.param("edit", {**WORK, "edit": "lock", "object": 1, "on": "no"}, id="text for yes or no"),
    pytest.param("think", {**WORK, "instruction": "it", "samples": 7}, id="seven answers"),
    pytest.param("think", {**WORK, "instruction": "it", "samples": True}, id="true for one"),
    pytest.param("propagate", {**WORK, "start": 0, "stop": 0}, id="an empty range"),
    pytest.param("propagate", {**WORK, "start": 0, "stop": 9, "only": "sideways"}, id="an unknown way"),
    pytest.param("enqueue", {"instructions": "", "files": [{"path": "/a", "name": "a"}] * 10_001}, id="many files"),
    pytest.param("launch", {}, id="unknown event"),
]


@pytest.mark.parametrize(("event", "sent"), BAD)
def test_what_does_not_fit_is_refused_in_few_words(event: str, sent: Any) -> None:
    with pytest.raises(VeasonError) as refused:
        parse_event(event, sent)
    assert len(str(refused.value)) < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
names = sorted(
    {key for table in (EVENTS, LOOK_UPS) for kinds in table.values() for kind in kinds for key in vars(kind)}
)
tags = st.sampled_from(["box", "click", "mask", "absent", "undo", "take", "accept", "frames", "assign", "project"])
requests = st.dictionaries(st.sampled_from(names) | st.text(max_size=4), json_values | tags, max_size=8)


@given(st.sampled_from([*EVENTS]), json_values | requests)
def test_whatever_an_event_carries_gives_a_request_or_words(event: str, sent: Any) -> None:
    with suppress(VeasonError):
        assert isinstance(parse_event(event, sent), Signed)


@given(st.sampled_from([*LOOK_UPS]), json_values | requests)
def test_whatever_a_look_up_carries_gives_a_request_or_words(name: str, sent: Any) -> None:
    with suppress(VeasonError):
        assert isinstance(parse_look_up(name, sent), Signed)
