"""ReasonVOS: meta_expressions.json, JPEGImages/<video>/<frame>.jpg, Annotations/<source>_<video>_<object>/<frame>.png.

    {"videos": {"clip_b": {"source": "BURST", "frames": ["frame0001", "frame0002"], "expressions": [
        {"obj_id": "3", "exp_id": 0, "exp_text": "Which tool would open the crate?", "is_sent": true}]}}}

Test only. Expressions are a list; exp_id comes again for other objects of the video, so predictions go to
<source>_<video>_<object>/<exp_id>/. Masks are grey, above 0 is the target, and the names in the Annotations folder say
which frames are scored. Source: showlab/VideoLISA BENCHMARK.md, described in method.md 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from veason.formats.record import Benchmark, Format, Holds, Split

if TYPE_CHECKING:
    from veason.formats.benchmarks.rows import Complaints
    from veason.formats.benchmarks.videos import WriteVideo
    from veason.types import Sample


def _read(split: Split, complaints: Complaints) -> Iterator[Sample]:
    from veason.formats.reasonvos.reader import read

    return read(split, complaints)


def _write(split: Split, videos: Iterable[WriteVideo]) -> None:
    from veason.formats.reasonvos.writer import write

    write(split, videos)


REASONVOS = Format(
    name="reasonvos",
    about="ReasonVOS: one object an instruction, masks in grey pictures; it is scored, labels are not written as it.",
    holds=Holds(text=True, models=True),
    pictures="needed",
    benchmark=Benchmark(
        splits=("test",),
        meta=("meta_expressions.json",),
        read=_read,
        write=_write,
    ),
)
