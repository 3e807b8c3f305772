"""The frozen values that all parts exchange, and the protocols of a policy and a segmenter.

Conventions, everywhere: `frame_index` is an absolute 0-based index into the source video, `sample_index` a
place among the frames shown to the policy; boxes are float xyxy in source pixels, half-open; masks are
`(H, W)` bool at source size and travel as RLE. All values here can be pickled: they cross process borders.
"""

from veason.types.answers import (
    Answer,
    Answered,
    AnswerEvent,
    BoxClosed,
    Confidence,
    FrameMention,
    KeyframeChosen,
    Note,
    NoteKind,
    PolicyEvent,
    Sampling,
    Speed,
    ThoughtDelta,
    Turn,
    Unanswered,
    Withheld,
)
from veason.types.budgets import Budgets, Holding
from veason.types.models import EndpointOptions, ModelOptions
from veason.types.protocols import (
    Bounds,
    ContinuingPolicy,
    EncodingSegmenter,
    HoldingModel,
    LimitedPolicy,
    OnProgress,
    Order,
    OrderedSegmenter,
    Passes,
    Policy,
    Segmenter,
)
from veason.types.sample import (
    Sample,
    SampleType,
    Truth,
)
from veason.types.shapes import (
    Box,
    Click,
    FrameMasks,
    FrameRange,
    MaskTrack,
    ObjectMask,
    Prompt,
    Rle,
)
from veason.types.speedups import Speedups
from veason.types.video import (
    Frame,
    VideoInfo,
    VideoSource,
)

__all__ = [
    "Answer",
    "AnswerEvent",
    "Answered",
    "Bounds",
    "Box",
    "BoxClosed",
    "Budgets",
    "Click",
    "Confidence",
    "ContinuingPolicy",
    "EncodingSegmenter",
    "EndpointOptions",
    "Frame",
    "FrameMasks",
    "FrameMention",
    "FrameRange",
    "Holding",
    "HoldingModel",
    "KeyframeChosen",
    "LimitedPolicy",
    "MaskTrack",
    "ModelOptions",
    "Note",
    "NoteKind",
    "ObjectMask",
    "OnProgress",
    "Order",
    "OrderedSegmenter",
    "Passes",
    "Policy",
    "PolicyEvent",
    "Prompt",
    "Rle",
    "Sample",
    "SampleType",
    "Sampling",
    "Segmenter",
    "Speed",
    "Speedups",
    "ThoughtDelta",
    "Truth",
    "Turn",
    "Unanswered",
    "VideoInfo",
    "VideoSource",
    "Withheld",
]
