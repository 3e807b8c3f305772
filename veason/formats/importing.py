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
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.values import LabelledVideo
from veason.texts import has_half_letters
from veason.types import VideoInfo

_VIDEO = "video"


def import_labels(
    source: str | Path,
    format: str,
    *,
    videos: Mapping[str, str | Path] | str | Path | None = None,
    is_owners: bool = False,
    own: Mapping[str, VideoInfo] | None = None,
    tally: ImportTally | None = None,
) -> Iterator[LabelledVideo]:
    """Yield labelled videos, one at a time, from what Veason or another program wrote.

    Args:
        source: a file or folder.
        format: one of IMPORTABLE.
        videos: where the videos lie: by name, a folder that holds them under their names, or the file of the only one.
            Without it the pictures beside the labels are taken, and where there are none the labels come alone.
        is_owners: the labels are the owner's own: paths that they name may be opened, and pictures that lie beside a
            single file. Of labels that anyone may have sent, nothing outside of `source` and `videos` is opened.
        own: videos by name that are known already, whose labels come alone.
        tally: counts what the source holds, what comes in and what is left out.

    Raises:
        DataError: the format cannot be read, the files are not what it promises, or nothing of them comes in; that is
            known at the end, so that no change should be made before.
    """
    read = format_named(format).read if format in IMPORTABLE else None
    if read is None:
        raise DataError(f"{format!r} cannot be imported: choose one of {', '.join(IMPORTABLE)}")
    source, tally = Path(source), tally or ImportTally()
    if not source.exists():
        raise DataError(f"{source}: is not there; it should be the file or folder to import")
    finder = VideoFinder(
        videos if isinstance(videos, Mapping) else {},
        Path(videos) if videos and not isinstance(videos, Mapping) else None,
        own or {},
        beside=source if source.is_dir() else None,
        is_owners=is_owners,
    )
    names: list[str] = []
    has_anything = False
    try:
        for video in read(source, finder, tally):
            _check_text(source, video)
            names.append(video.name)
            if finder.folder is not None and finder.folder.is_file() and len(names) > 1:
                raise DataError(
                    f"{source}: is about several videos ({', '.join(names)}): name the folder that holds them, "
                    f"not {finder.folder}"
                )
            if not video.questions:
                tally.find(_VIDEO)
                tally.leave(_VIDEO, "without labels that can be imported")
                continue
            has_anything = has_anything or _says_anything(video)
            yield video
    except ExportError as error:
        raise DataError(f"{source}: {error}") from error
    tally.check(source)
    if not has_anything:
        left = tally.lines()
        held = f"{source}: nothing of it can be imported as {format}: it holds {tally.found_text()}"
        raise DataError(held, *(f"{'' if place else 'left out: '}{line}" for place, line in enumerate(left)))


def _check_text(source: Path, video: LabelledVideo) -> None:
    """Raise DataError where a text of a video cannot be written to a file or database: it has half a letter."""
    texts: list[object] = [video.name, video.file_name, *video.object_names.values(), *video.object_classes.values()]
    for names in video.object_attributes.values():
        texts += [*names, *names.values()]
    for one in video.questions:
        texts += [one.name, one.instruction, one.thought, one.answer_text, one.policy, one.segmenter, one.original]
        texts += one.disputed_by
    for text in texts:
        if not isinstance(text, str) or has_half_letters(text):
            raise DataError(f"{source}: holds {str(text)[:40]!r} where there should be text that can be written")


def _says_anything(video: LabelledVideo) -> bool:
    """Tell whether labels hold words, a mask with a pixel, or a prompt."""
    return any(question.instruction or question.prompts for question in video.questions) or any(
        not mask.is_empty for track in video.tracks.values() for mask in track.values()
    )
