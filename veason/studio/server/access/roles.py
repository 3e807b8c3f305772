"""What each request needs: a role, and the name of who sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from veason.errors import SessionError
from veason.studio.server.access.people import Person, Role
from veason.studio.server.requests.actions import (
    AssignAction,
    AssignManyAction,
    DeleteAction,
    JudgeAction,
    PrelabelAction,
    RulesAction,
)
from veason.studio.server.requests.models import CancelModelWork, ChooseModel, ConnectServer
from veason.studio.server.requests.signed import Signed
from veason.studio.server.requests.transfer import (
    EnqueueRequest,
    ExportLabelsRequest,
    ExportProjectRequest,
    ImportRequest,
)

NEEDED: Mapping[type[Signed], Role] = {
    JudgeAction: "reviewer",
    AssignAction: "reviewer",
    AssignManyAction: "reviewer",
    DeleteAction: "reviewer",
    RulesAction: "operator",
    ExportLabelsRequest: "reviewer",
    ExportProjectRequest: "operator",
    PrelabelAction: "operator",
    EnqueueRequest: "operator",
    ImportRequest: "operator",
    ChooseModel: "operator",
    ConnectServer: "operator",
    CancelModelWork: "operator",
}
"""What is not for everybody; everything else an annotator may do."""

Sent = TypeVar("Sent", bound=Signed)


def signed_by(request: Sent, person: Person | None) -> Sent:
    """Return a request under the name of who is signed in, whatever name it came with; as it is where nobody has to.

    Raises:
        SessionError: it needs a role that the person does not have.
    """
    if person is None:
        return request
    needed = NEEDED.get(type(request), "annotator")
    if not person.may(needed):
        raise SessionError(
            f"this is for {_a(needed)}, and {person.name} is {_a(person.role)}: ask whoever runs the server"
        )
    return replace(request, by=person.name)


def _a(role: Role) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"
