"""The app behind the page: everything it sends goes in at one door, and everything it is told comes out of it."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from veason.errors import ProjectError, VeasonError
from veason.pipeline import Pipeline
from veason.studio.server.access.people import Person
from veason.studio.server.access.roles import signed_by
from veason.studio.server.at_once import AtOnce
from veason.studio.server.client import NOBODY, Client
from veason.studio.server.encode import encode
from veason.studio.server.examples import Example
from veason.studio.server.failures import ErrorFormatter
from veason.studio.server.housekeeping import Housekeeping
from veason.studio.server.jobs import profile_of
from veason.studio.server.memory import num_descriptors, resident_bytes
from veason.studio.server.messages import ErrorReply, Item, Message
from veason.studio.server.messages.files import NoticeItem, TransferredItem
from veason.studio.server.messages.labels import RefusedItem, UnsavedItem
from veason.studio.server.messages.masks import IdleItem
from veason.studio.server.model_choice import ModelChoice
from veason.studio.server.model_line import ModelLine
from veason.studio.server.operation.observing import Observers
from veason.studio.server.outbox import TRANSFER_BYTES, Outbox
from veason.studio.server.prelabelling import Prelabelling
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.question.open_questions import VIDEO_BYTES, OpenQuestions
from veason.studio.server.requests import parse_event, parse_look_up
from veason.studio.server.requests.signed import Signed
from veason.studio.server.revisions import Revisions
from veason.studio.server.routes.queue import QueueRoutes
from veason.studio.server.routes.stage import StageRoutes
from veason.studio.server.routes.transfer import TransferRoutes
from veason.types import Holding

MODEL_EVENTS = ("think", "propagate")
"""Events that need the models, and wait in one line for them."""

TRANSFER_EVENTS = ("export", "enqueue", "take")
"""Events that move files."""


class Studio:
    """The routes with what they share.

    Args:
        pipeline: the models to begin with.
        registry: the projects.
        examples: on the welcome page.
        capacity: how many questions stay open while nobody uses them.
        is_local: the page is served to this machine only, whose folders it may name.
        models: those in use and the way to others; by default the pipeline alone, locked.
        video_bytes: what opened videos may take in memory.
        transfer_bytes: what uploads and files to download may take on the disk.
        workers: how many requests the models work on at a time.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        registry: ProjectRegistry,
        examples: Sequence[Example],
        *,
        capacity: int,
        is_local: bool = False,
        models: ModelChoice | None = None,
        video_bytes: int = VIDEO_BYTES,
        transfer_bytes: int = TRANSFER_BYTES,
        workers: int = 1,
    ) -> None:
        self.registry, self.examples, self.is_local = registry, examples, is_local
        self.observers = Observers()
        self.outbox = Outbox(transfer_bytes)
        self.questions = OpenQuestions(registry, capacity, video_bytes)
        self.housekeeping = Housekeeping(registry, self.outbox, self.describe_holdings)
        self.line = ModelLine(workers)
        self.error_formatter = ErrorFormatter(registry.hidden_folders, is_public=registry.is_public)
        self.models = models or ModelChoice(pipeline)
        self._prelabelling = Prelabelling(self.models, self.line, self.error_formatter)
        stage = StageRoutes(self.models, registry, self.questions, self.line, examples, self.outbox.folder)
        queue = QueueRoutes(
            registry, self.questions, self._prelabelling, doubt_threshold=profile_of(pipeline).doubt_threshold
        )
        transfer = TransferRoutes(self.models, registry, self.questions, self.outbox, is_local=is_local)
        self._events: Mapping[str, Callable[..., Iterator[Message]]] = {
            "open": stage.open,
            "edit": stage.edit,
            "think": stage.think,
            "propagate": stage.propagate,
            "export": transfer.export,
            "enqueue": transfer.enqueue,
            "take": transfer.take,
        }
        self._look_ups: Mapping[str, Callable[..., object]] = {
            "frame": stage.frame,
            "snapshot": stage.snapshot,
            "stop": stage.stop,
            "unknown": stage.unknown,
            "pulse": stage.pulse,
            "queue": queue.queue,
            "thumb": queue.thumb,
            "remarks": queue.remarks,
            "efforts": queue.efforts,
            "act": queue.act,
            "models": self.models.answer,
        }
        transfers, pictures = AtOnce("transfers", 96, 3), AtOnce("requests for pictures", 160, 32)
        self._at_once: Mapping[str, AtOnce] = {
            **dict.fromkeys(("open", *TRANSFER_EVENTS), transfers),
            **dict.fromkeys(("frame", "snapshot", "thumb"), pictures),
        }
        self._serial = itertools.count()
        self._epoch = secrets.token_hex(4)
        self._revisions = Revisions()

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """What is held of each budget: caches of models, opened videos and projects, files."""
        own = (self.questions.holding, self.registry.open_holding, self.outbox.holding, self.registry.holding)
        found = [*self.models.pipeline.holdings, *own]
        return tuple(one for one in found if one is not None)

    def describe_holdings(self) -> str:
        """Return in one line what is held, for the operator's log."""
        parts = [f"{one.name} {one.held / 1e6:.0f} of {one.most / 1e6:.0f} MB" for one in self.holdings]
        memory, descriptors = resident_bytes() / 1e6, num_descriptors()
        return (
            f"holds {', '.join(parts)}; {memory:.0f} MB of memory, {descriptors} descriptors, "
            f"{self.registry.num_open} projects open"
        )

    def answer(self, event: str, sent: object, person: Person | None = None) -> Iterator[Any]:
        """Handle an event of the page and yield messages as JSON; a VeasonError becomes a notice.

        `person` is the signed-in user, None if sign-in is off.
        """
        client = NOBODY
        with self.observers.observe("event", event, self._events, person.name if person else "") as ending:
            try:
                client = request = signed_by(parse_event(event, sent), person)
                messages = self._events[event](request)
                with self._one_more(event, request), closing(messages):  # type: ignore[type-var]  # all are generators
                    for message in messages:
                        yield self._stamped(message, client)
            except Exception as error:  # noqa: BLE001  # the outermost door: whatever happens, the page is told and goes on
                ending.note(error)
                notice = NoticeItem(level="error", text=self.error_formatter.words(error))
                yield self._stamped(Message(work=None, items=(notice, *_after_failure(event, error))), client)

    def look_up(self, name: str, sent: object, person: Person | None = None) -> Any:
        """Answer a look-up of the page as JSON; a VeasonError as an `ErrorReply`. `person` is as in `answer`."""
        with self.observers.observe("look-up", name, self._look_ups, person.name if person else "") as ending:
            try:
                request = signed_by(parse_look_up(name, sent), person)
                with self._one_more(name, request):
                    found = self._look_ups[name](request)
            except Exception as error:  # noqa: BLE001  # the outermost door, as above
                ending.note(error)
                told = self.error_formatter.words(error)
                if name != "snapshot":
                    return encode(ErrorReply(error=told))
                return self._stamped(Message(work=None, items=(NoticeItem(level="error", text=told),)), NOBODY)
        return (
            self._stamped(found, request)
            if isinstance(found, Message)
            else self.error_formatter.without_folders(encode(found))
        )

    @contextmanager
    def _one_more(self, name: str, request: Signed) -> Iterator[None]:
        """Count what is dear of a visitor, who is known by the project, or one of a team by the tab."""
        counted = self._at_once.get(name)
        if counted is None:
            yield
            return
        key = (request.work or "").rpartition(".")[0] or request.project or ""
        who = key if key and self.registry.is_public else request.tab or key
        with counted.one_more(who):
            yield

    def _stamped(self, message: Message, client: Client) -> Any:
        """Return a message as JSON, with its number among those about its question to the tab."""
        revision = 0 if message.work is None else self._revisions.next(message.work, client.tab or "")
        stamped = replace(message, epoch=self._epoch, serial=next(self._serial), revision=revision)
        return self.error_formatter.without_folders(encode(stamped))

    def close(self) -> None:
        """Stop everything; what was done is kept."""
        self.housekeeping.close()
        self.models.close()
        self._prelabelling.close()
        self.questions.close()
        self.registry.close()
        self.outbox.close()


def _after_failure(event: str, error: Exception) -> Sequence[Item]:
    """Return what the page is told after the notice of an error."""
    if event in TRANSFER_EVENTS:
        return (TransferredItem(),)
    unsaved = (
        (UnsavedItem(),)
        if isinstance(error, ProjectError) or (not isinstance(error, VeasonError) and event == "edit")
        else ()
    )
    refused = (RefusedItem(),) if event == "edit" else ()
    return (*unsaved, IdleItem(), *refused)
