"""Labels in, from what Veason or another program wrote.

    for video in import_labels("out", "coco"): ...          # LabelledVideo

Frame numbers are those of the whole video everywhere, masks have the video's size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from veason.errors import DataError, ExportError
from veason.formats.catalogue import IMPORTABLE, format_named
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.values import LabelledVideo


def import_labels(
    source: str | Path,
    format: str,
    *,
    videos: Mapping[str, str | Path] | str | Path | None = None,
    is_owners: bool = False,
) -> Iterator[LabelledVideo]:
    """Yield labelled videos, one at a time, from what Veason or another program wrote.

    Args:
        source: a file or folder.
        format: one of IMPORTABLE.
        videos: where the videos lie: by name, or a folder that holds them under their names. Without it the pictures
            beside the labels are taken, and where there are none the labels come alone.
        is_owners: the labels are the owner's own: paths that they name may be opened, and pictures that lie beside a
            single file. Of labels that anyone may have sent, nothing outside of `source` and `videos` is opened.

    Raises:
        DataError: the format cannot be read, or the files are not what it promises.
    """
    read = format_named(format).read if format in IMPORTABLE else None
    if read is None:
        raise DataError(f"{format!r} cannot be imported: choose one of {', '.join(IMPORTABLE)}")
    source = Path(source)
    if not source.exists():
        raise DataError(f"{source}: is not there; it should be the file or folder to import")
    finder = VideoFinder(
        videos if isinstance(videos, Mapping) else {},
        Path(videos) if videos and not isinstance(videos, Mapping) else None,
        beside=source if source.is_dir() else None,
        is_owners=is_owners,
    )
    try:
        yield from read(source, finder)
    except ExportError as error:
        raise DataError(f"{source}: {error}") from error
