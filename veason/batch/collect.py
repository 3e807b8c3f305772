"""Results put together: one table of answers, one of masks, both in Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veason.atomic import atomic_file
from veason.batch.jobs import Job
from veason.batch.results import ResultFolder
from veason.errors import ExportError
from veason.libraries import library_imports

_ROWS_A_GROUP = 20_000


@dataclass(frozen=True, slots=True)
class Collected:
    """What the tables hold.

    Attributes:
        answers: rows of `answers.parquet`: one a question about a place.
        masks: rows of `masks.parquet`: one an object and frame of each key.
        missing: questions that have no result yet, because somebody else is still at work on them.
        others: results in the folder that are of other questions; they stay, and are in no table.
    """

    answers: int
    masks: int
    missing: int
    others: int


def collect(folder: ResultFolder, out: Path, jobs: Sequence[Job]) -> Collected:
    """Write `answers.parquet` and `masks.parquet` into `out`, about these jobs, in their order.

    Masks are compressed COCO run lengths; `height` and `width` are in pixels, `frame` is absolute and 0-based.

    Raises:
        MissingBackend: pyarrow is not installed.
        ExportError: a result cannot be read, or the disk is full.
    """
    with library_imports():
        import pyarrow as pa
        import pyarrow.parquet as pq
    text, whole, number = pa.string(), pa.int64(), pa.float64()
    answers = pa.schema(
        [
            ("key", text), ("video", text), ("instruction", text), ("policy", text), ("segmenter", text),
            ("width", whole), ("height", whole), ("num_frames", whole), ("frames_shown", pa.list_(whole)),
            ("error", text), ("absent", pa.bool_()), ("keyframe", whole),
            ("boxes_xyxy", pa.list_(pa.list_(number))), ("think", text), ("text", text),
        ]
    )  # fmt: skip
    masks = pa.schema(
        [("key", text), ("object", whole), ("frame", whole), ("height", whole), ("width", whole), ("counts", text),
         ("score", number)]
    )  # fmt: skip
    counts = [0, 0]
    rows: list[list[dict[str, Any]]] = [[], []]
    with writing(out), ExitStack() as open_files:
        files = [open_files.enter_context(atomic_file(out / name)) for name in ("answers.parquet", "masks.parquet")]
        writers = [
            open_files.enter_context(pq.ParquetWriter(file, schema))
            for file, schema in zip(files, (answers, masks), strict=True)
        ]

        def flush(least: int) -> None:
            for place, schema in enumerate((answers, masks)):
                if len(rows[place]) >= least:
                    writers[place].write_table(pa.Table.from_pylist(rows[place], schema))
                    rows[place].clear()

        seen: set[str] = set()
        for record in results_of(folder, jobs):
            width, height = record["size_wh"]
            rows[0].append({**{name: record.get(name) for name in answers.names}, "width": width, "height": height})
            counts[0] += 1
            if record["key"] not in seen:
                seen.add(record["key"])
                new = list(_mask_rows(record))
                rows[1] += new
                counts[1] += len(new)
            flush(_ROWS_A_GROUP)
        flush(1)
    asked = {job.key for job in jobs}
    done = folder.done()
    missing = sum(job.key not in done for job in jobs)
    return Collected(counts[0], counts[1], missing, len(done - asked))


def results_of(folder: ResultFolder, jobs: Sequence[Job]) -> Iterator[dict[str, Any]]:
    """Yield the result of every job that has one, with the place and the words that the job has for it."""
    for job in jobs:
        if folder.has(job.key):
            yield {**folder.read(job.key), "video": job.video, "instruction": job.instruction}


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Make a folder; what the disk refuses while the block writes into it is told in words."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ExportError(
            f"cannot write into {out} ({error.strerror or error}): make room and start again; what is done stays"
        ) from error


def _mask_rows(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    width, height = record["size_wh"]
    for one in record["objects"]:
        for frame, (code, score) in one["masks"].items():
            place = {"key": record["key"], "object": one["id"], "frame": int(frame)}
            yield {**place, "height": height, "width": width, "counts": code, "score": score}
