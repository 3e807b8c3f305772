"""What the page shows before any video: models, limits, examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from veason.formats.catalogue import FORMATS
from veason.pipeline import Pipeline
from veason.studio.server.examples import Example
from veason.studio.server.messages.about import About, ExamplePart, FormatPart, ProjectPart, ZeroGpuPart
from veason.studio.server.outbox import Outbox
from veason.studio.server.proposals import samplings
from veason.studio.server.requests.stage import Samples
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio
from veason.studio.server.views import jpeg_bytes
from veason.video import open_video
from veason.zero_gpu import MAX_DURATION_S, SAFETY_FACTOR, STARTUP_S, thinking_duration

CARD_SIDE = 400
"""The longer side of an example's picture, in pixels: a card is some 220 wide."""


def about_page(studio: Studio, settings: Settings, *, has_people: bool = False, mounts: Sequence[str] = ()) -> About:
    """Return what the page is given when it is built: `has_people` where people sign in, `mounts` served beside it."""
    return About(
        models=studio.models.reply(with_rows=False).now,
        zero_gpu=_zero_gpu(studio.models.pipeline),
        signs_in=has_people,
        project=_project(studio, settings),
        formats=[
            FormatPart(
                name=format.name,
                about=format.about,
                can_read=format.read is not None,
                only_accepted=format.accepted_only,
            )
            for format in FORMATS
            if format.write
        ],
        max_mb=settings.max_upload_mb,
        mounts=mounts,
        examples=[_card(place, example, studio.outbox) for place, example in enumerate(studio.examples)],
    )


def _zero_gpu(pipeline: Pipeline) -> ZeroGpuPart | None:
    """Return the GPU time that calls request on a ZeroGPU Space, None elsewhere."""
    if not pipeline.uses_zero_gpu:
        return None
    frames = pipeline.policy.frame_count if pipeline.policy is not None else 0
    is_recorded = pipeline.policy is not None and pipeline.policy.is_recorded
    thinking = {
        count: sum(thinking_duration(frames, one.num_samples) for one in samplings(count, is_recorded))
        for count in get_args(Samples)
    }
    return ZeroGpuPart(thinking=thinking, startup=STARTUP_S, factor=SAFETY_FACTOR, max=MAX_DURATION_S)


def _project(studio: Studio, settings: Settings) -> ProjectPart:
    """Return where labels are kept."""
    key = studio.registry.own_key
    if key is None:
        return ProjectPart(
            key=None,
            folder=None,
            read_only=False,
            is_local=False,
            megabytes=round(settings.visitor_bytes / 1e6),
            hours=round(settings.visitor_age_s / 3600),
        )
    project = studio.registry.get(key)
    return ProjectPart(
        key=key,
        folder=str(project.folder),
        read_only=project.is_read_only,
        is_local=studio.is_local,
        megabytes=None,
        hours=None,
    )


def _card(place: int, example: Example, outbox: Outbox) -> ExamplePart:
    """Return one card of the welcome page, with a picture from the middle of the clip."""
    with open_video(example.path, "pyav") as video:  # decord would decode the whole clip for the one picture
        info = video.info
        content = jpeg_bytes(video.frame(info.num_frames // 2), longest=CARD_SIDE, quality=80)
    picture = outbox.show(f"example-{place}.jpg", content)
    return ExamplePart(
        place=place,
        title=example.title,
        file=example.path.name,
        instructions=example.instructions,
        rendered=example.is_rendered,
        picture=picture,
        frames=info.num_frames,
        seconds=info.num_frames / info.fps if info.fps else 0,
    )
