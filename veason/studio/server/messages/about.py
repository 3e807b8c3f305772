"""What the page is given when it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from veason.studio.server.messages.models import ModelPart


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatPart:
    """A format of labels.

    Attributes:
        name: what it is called.
        about: what it is, in a line.
        can_read: labels can be imported from it.
        only_accepted: it holds accepted labels only, whatever is asked for.
    """

    name: str
    about: str
    can_read: bool
    only_accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamplePart:
    """A card of the welcome page.

    Attributes:
        place: what opens it.
        title: of the card.
        file: the clip's name.
        instructions: that could be asked.
        rendered: it is one of our own drawings, not a real video.
        picture: the address of one from the middle.
        frames: how many it has.
        seconds: how long it is.
    """

    place: int
    title: str
    file: str
    instructions: Sequence[str]
    rendered: bool
    picture: str
    frames: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPart:
    """Where labels are kept.

    Attributes:
        key: of the one project, null where every visitor has one of their own.
        folder: where it lies.
        read_only: nothing can be changed.
        is_local: the page may name folders of the machine.
        megabytes: what a visitor's project may hold, null where there is no limit.
        hours: how long a visitor's project is kept, null for ever.
    """

    key: str | None
    folder: str | None
    read_only: bool
    is_local: bool
    megabytes: int | None
    hours: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroGpuPart:
    """GPU time that is requested on a ZeroGPU Space, in seconds; it counts against the visitor's daily quota.

    Attributes:
        thinking: by the number of answers.
        startup: for propagating, before the first mask.
        factor: for propagating, on the expected seconds.
        max: the most that one call requests.
    """

    thinking: Mapping[int, float]
    startup: float
    factor: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the page shows before any video.

    Attributes:
        models: those in use when the page was built; a look-up tells of later ones.
        zero_gpu: what a call requests on a ZeroGPU Space, null elsewhere.
        signs_in: people sign in, and what they do goes by their name.
        project: where labels are kept.
        formats: of labels.
        max_mb: of an upload.
        examples: the cards.
        mounts: names of the applications beside the studio, each at the address of its name.
    """

    models: ModelPart
    zero_gpu: ZeroGpuPart | None
    signs_in: bool
    project: ProjectPart
    formats: Sequence[FormatPart]
    max_mb: int
    examples: Sequence[ExamplePart]
    mounts: Sequence[str]
