"""Veason: video object segmentation by language, with the reasoning in view.

Importing this package loads neither torch nor gradio: a name below is imported when it is first used.

Videos and models   open_video, load_pipeline, Pipeline, Policy, Segmenter, Sampling
Values              Box, Click, Prompt, Rle, ObjectMask, FrameMasks, MaskTrack, Answer, VideoInfo
Events of an ask    FramesShown, ThoughtDelta, KeyframeChosen, BoxClosed, Answered, Unanswered, Withheld
Masks               decode_mask, encode_mask, prompts_from_answer, merge_tracks
Projects, labels    Project, from_project, export_labels, ExportOptions
Errors              VeasonError
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from veason.errors import VeasonError
    from veason.formats.exporting import export_labels
    from veason.formats.labels.options import ExportOptions
    from veason.formats.projects.from_project import from_project
    from veason.masks import decode_mask, encode_mask
    from veason.pipeline import FramesShown, Pipeline, load_pipeline
    from veason.project import Project
    from veason.tracks import merge_tracks, prompts_from_answer
    from veason.types import (
        Answer,
        Answered,
        Box,
        BoxClosed,
        Click,
        FrameMasks,
        KeyframeChosen,
        MaskTrack,
        ObjectMask,
        Policy,
        Prompt,
        Rle,
        Sampling,
        Segmenter,
        ThoughtDelta,
        Unanswered,
        VideoInfo,
        Withheld,
    )
    from veason.video import open_video

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Answered",
    "Box",
    "BoxClosed",
    "Click",
    "ExportOptions",
    "FrameMasks",
    "FramesShown",
    "KeyframeChosen",
    "MaskTrack",
    "ObjectMask",
    "Pipeline",
    "Policy",
    "Project",
    "Prompt",
    "Rle",
    "Sampling",
    "Segmenter",
    "ThoughtDelta",
    "Unanswered",
    "VeasonError",
    "VideoInfo",
    "Withheld",
    "__version__",
    "decode_mask",
    "encode_mask",
    "export_labels",
    "from_project",
    "load_pipeline",
    "merge_tracks",
    "open_video",
    "prompts_from_answer",
]

_ELSEWHERE = {
    "VeasonError": "errors",
    "ExportOptions": "formats.labels.options",
    "export_labels": "formats.exporting",
    "from_project": "formats.projects.from_project",
    "decode_mask": "masks",
    "encode_mask": "masks",
    "FramesShown": "pipeline",
    "Pipeline": "pipeline",
    "load_pipeline": "pipeline",
    "merge_tracks": "tracks",
    "prompts_from_answer": "tracks",
    "Project": "project",
    "open_video": "video",
}
"""Where a public name is, below this package; the others are in `types`."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_ELSEWHERE.get(name, 'types')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted(__all__)
