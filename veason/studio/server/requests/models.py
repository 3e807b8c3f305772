"""What a person does about the models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from veason.studio.server.fields import AtMost
from veason.studio.server.requests.signed import Signed

ModelName = Annotated[str, AtMost(300)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListModels(Signed):
    """Ask which models are in use; with all others where `do` is "list"."""

    do: Literal["list", "now"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseModel(Signed):
    """Use a model that is here, or fetch it first ("fetch")."""

    do: Literal["choose", "fetch"]
    kind: Literal["policy", "segmenter"]
    name: ModelName


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectServer(Signed):
    """Use a model of a server as the policy, or ask it an example first ("test").

    Attributes:
        address: of the server, with `/v1` where it has that.
        model: its name there, "" where the server has only one.
        key: what the server wants, "" where it wants none; it is kept in memory alone.
    """

    do: Literal["connect", "test"]
    address: ModelName
    model: ModelName
    key: Annotated[str, AtMost(1000)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelModelWork(Signed):
    """Stop what is being done about a model; what was fetched is kept."""

    do: Literal["cancel"]


ModelRequests: TypeAlias = ListModels | ChooseModel | ConnectServer | CancelModelWork
