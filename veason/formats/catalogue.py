"""All formats, by their records. Importing this loads no reader and no writer."""

from __future__ import annotations

from veason.errors import DataError
from veason.formats.bundle import BUNDLE
from veason.formats.coco import COCO
from veason.formats.cvat import CVAT
from veason.formats.davis import DAVIS
from veason.formats.grpo import GRPO
from veason.formats.label_studio import LABEL_STUDIO
from veason.formats.mevis import MEVIS
from veason.formats.overlay import OVERLAY
from veason.formats.reasonvos import REASONVOS
from veason.formats.record import Format
from veason.formats.ref_davis17 import REF_DAVIS17
from veason.formats.ref_youtube_vos import REF_YOUTUBE_VOS
from veason.formats.revos import REVOS
from veason.formats.sft import SFT
from veason.formats.yolo_seg import YOLO_SEG
from veason.formats.youtube_vis import YOUTUBE_VIS
from veason.formats.youtube_vos import YOUTUBE_VOS

FORMATS: tuple[Format, ...] = (
    DAVIS, YOUTUBE_VOS, COCO, YOUTUBE_VIS, MEVIS, REVOS, REF_YOUTUBE_VOS, YOLO_SEG, CVAT, LABEL_STUDIO, OVERLAY,
    BUNDLE, SFT, GRPO, REASONVOS, REF_DAVIS17,
)  # fmt: skip
"""Every format, in the order in which they are offered."""

EXPORTABLE = tuple(format.name for format in FORMATS if format.write)
"""What labels can be written as; "veason" is the bundle that keeps everything."""

IMPORTABLE = tuple(format.name for format in FORMATS if format.read)
"""What labels can be read from; predictions of any model in these forms too."""

BENCHMARKS = tuple(format.name for format in FORMATS if format.benchmark)
"""The datasets that can be scored and checked."""


def format_named(name: str) -> Format:
    """Return the record of a format. Raises DataError where there is none of that name."""
    for format in FORMATS:
        if format.name == name:
            return format
    raise DataError(f"there is no format {name!r}: choose one of {', '.join(each.name for each in FORMATS)}")


def format_lines(names: tuple[str, ...]) -> str:
    """Return a line about each of the formats `names`, for the help of a command."""
    width = max(map(len, names))
    return "\n".join(f"  {name:{width}}  {format_named(name).about}" for name in names)
