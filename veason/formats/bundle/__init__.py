"""Bundle: labels.jsonl, one line a question, with everything that Veason knows of it.

Fields have one type each and no free keys, so that the `datasets` library and pandas read the file as a table. Boxes
are xyxy in source pixels, frame indices absolute, masks compressed COCO run-length code. It is the one format that
keeps reasoning, prompts and provenance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from veason.formats.record import Format, Holds

if TYPE_CHECKING:
    from veason.formats.labels.footage import VideoFinder
    from veason.formats.labels.import_tally import ImportTally
    from veason.formats.labels.options import ExportOptions
    from veason.formats.labels.report import Tally
    from veason.formats.labels.values import LabelledVideo


def _write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    from veason.formats.bundle.writer import write

    write(videos, out, tally, options)


def _read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    from veason.formats.bundle.reader import read

    return read(source, finder, tally)


BUNDLE = Format(
    name="veason",
    about="Everything: instruction, reasoning, prompts, keyframe, masks and where each comes from.",
    holds=Holds(
        names=True,
        text=True,
        several=True,
        absent=True,
        unlabelled=True,
        occluded=True,
        reasoning=True,
        keyframe=True,
        boxes=True,
        clicks=True,
        review=True,
        guess=True,
        models=True,
    ),
    pictures="never",
    write=_write,
    read=_read,
)
