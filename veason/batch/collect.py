"""Results put together: one table of answers, one of masks, both in Parquet."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from veason.atomic import atomic_file
from veason.batch.results import ResultFolder
from veason.libraries import library_imports

_ROWS_A_GROUP = 20_000


def collect(folder: ResultFolder, out: Path) -> tuple[int, int]:
    """Write `answers.parquet` and `masks.parquet` into `out`, and return how many rows each has.

    Masks are compressed COCO run lengths; `height` and `width` are in pixels, `frame` is absolute and 0-based.

    Raises:
        MissingBackend: pyarrow is not installed.
        ExportError: a result cannot be read.
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
    out.mkdir(parents=True, exist_ok=True)
    counts = [0, 0]
    rows: list[list[dict[str, Any]]] = [[], []]
    with ExitStack() as open_files:
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

        for record in folder:
            width, height = record["size_wh"]
            rows[0].append({**{name: record.get(name) for name in answers.names}, "width": width, "height": height})
            counts[0] += 1
            for one in record["objects"]:
                for frame, (code, score) in one["masks"].items():
                    place = {"key": record["key"], "object": one["id"], "frame": int(frame)}
                    rows[1].append({**place, "height": height, "width": width, "counts": code, "score": score})
                    counts[1] += 1
            flush(_ROWS_A_GROUP)
        flush(1)
    return counts[0], counts[1]
