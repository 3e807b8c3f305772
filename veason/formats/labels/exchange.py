"""Labels in and out of Veason: one file a format, all over the same values (`veason.formats.labels.values`).

    report = export_labels(videos, "coco", "out")           # an iterable of LabelledVideo, taken one at a time
    print(*report.lines(), sep=", ")                        # what was written, left out and lost
    for video in import_labels("out", "coco"): ...          # LabelledVideo again

Frame numbers are those of the whole video everywhere, masks have the video's size. An export appears whole or not at
all. `projects.py` leads from and to a project.

model.py     the values            report.py     what was written and lost    staging.py    whole or not at all
pictures.py  frames as JPEG        projects.py   from and to a project        jsonfile.py   long lists in JSON
training.py  what sft and grpo share              referring.py  what mevis, revos and ref-youtube-vos share
outlines.py  masks as polygons     brush.py      Label Studio's masks         again.py      labels that come twice
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from veason.errors import DataError, ExportError
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.pictures import check_name
from veason.formats.labels.report import ExportReport, Tally
from veason.formats.labels.staging import staged, write_export_file
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask, Track
from veason.profile import GENERIC, Profile

__all__ = [
    "ABOUT",
    "FORMATS",
    "IMPORTABLE",
    "TRAINING",
    "ExportOptions",
    "ExportReport",
    "LabelMask",
    "LabelledQuestion",
    "LabelledVideo",
    "Track",
    "export_labels",
    "import_labels",
]

FORMATS = (
    "davis", "youtube-vos", "coco", "youtube-vis", "mevis", "revos", "ref-youtube-vos", "yolo-seg", "cvat",
    "label-studio", "overlay", "veason", "sft", "grpo",
)  # fmt: skip
"""What labels can be written as; "veason" is the bundle that keeps everything."""

IMPORTABLE = ("davis", "youtube-vos", "coco", "youtube-vis", "mevis", "revos", "cvat", "label-studio", "veason")
"""What labels can be read from; predictions of any model in these forms too."""

ABOUT = {
    "davis": "Palette PNG, one a frame; a pixel holds one object. As DAVIS and most VOS code reads it.",
    "youtube-vos": "Palette PNG with meta.json, every object with the frames it is on.",
    "coco": "One JSON, masks as exact RLE; images and annotations know their video.",
    "youtube-vis": "One JSON, a track a row with RLE for every frame.",
    "mevis": "MeViS: meta_expressions.json and mask_dict.json.",
    "revos": "ReVOS: expressions with reasoning type, and mask_dict.json.",
    "ref-youtube-vos": "Ref-YouTube-VOS: expressions over YouTube-VOS masks.",
    "yolo-seg": "YOLO polygons, one text file a frame. Outlines only: small losses are counted.",
    "cvat": "CVAT for video 1.1 XML: masks and boxes as tracks, with outside and keyframe.",
    "label-studio": "Label Studio JSON with brush masks.",
    "overlay": "An MP4 a clip with the masks drawn in, to look at.",
    "veason": "Everything: instruction, reasoning, prompts, keyframe, masks and where each comes from.",
    "sft": "Fine-tuning set in ShareGPT form; only accepted answers whose reasoning was checked.",
    "grpo": "Reinforcement learning set in Parquet; all accepted answers.",
}
"""What each of FORMATS is, in a line."""

TELLS_UNLABELLED = ("overlay", "veason", "sft", "grpo")
"""Formats in which an object without a label on a frame is not taken for one that is not there."""

TELLS_OCCLUDED = ("cvat", "veason")
"""Formats that say on which frames an object is partly hidden."""

TRAINING = ("sft", "grpo")
"""Formats that take accepted questions only, whatever the options say."""

NOT_ACCEPTED = "questions that are not accepted"
DISPUTED = "accepted questions that a reviewer disagrees with"
OCCLUDED = "marks that an object is occluded (the format cannot hold them)"
GUESSED_ABSENT = "frames on which an object that nobody labelled is written as not there"
SECOND = "second versions of questions that are written"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How to export.

    Attributes:
        is_everything: take questions that nobody has accepted as well.
        has_disputed: take accepted questions that a reviewer disagrees with as well.
        is_forced: replace an earlier export in the same folder.
        has_pictures: write the frames beside the labels (mevis, revos, ref-youtube-vos, sft and grpo always do).
        profile: how the policy to be trained wants its frames (sft and grpo).
    """

    is_everything: bool = False
    has_disputed: bool = False
    is_forced: bool = False
    has_pictures: bool = True
    profile: Profile = GENERIC


def export_labels(
    videos: Iterable[LabelledVideo], format: str, out: str | Path, options: ExportOptions = ExportOptions()
) -> ExportReport:
    """Write labels into the folder `out`; it appears whole or not at all, and nothing of anyone else's is touched.

    Args:
        videos: taken one at a time, each with a name of its own.
        format: one of FORMATS.
        out: a folder that is empty or not there, or holds an earlier export where `options.is_forced`.
        options: see ExportOptions.

    Raises:
        ExportError: the format is unknown, there is nothing to export, or the labels or the disk refuse.
        MissingBackend: a library for this format is not installed.
    """
    if format not in FORMATS:
        raise ExportError(f"there is no format {format!r}: choose one of {', '.join(FORMATS)}")
    tally = Tally()
    with staged(Path(out), is_forced=options.is_forced) as folder:
        chosen = _checked(_chosen(videos, format, options, tally), format, tally)
        try:
            _write(chosen, format, folder, tally, options)
        except DataError as error:
            raise ExportError(str(error)) from error
        report = tally.report(format, Path(out))
        if not report.counts:
            reasons = "; ".join(f"{number} {reason}" for reason, number in report.left_out.items())
            raise ExportError(f"there is nothing to export as {format}" + (f": left out {reasons}" if reasons else ""))
        write_export_file(folder, report.record())
    return report


def _write(videos: Iterable[LabelledVideo], format: str, out: Path, tally: Tally, options: ExportOptions) -> None:
    has_pictures = options.has_pictures
    if format == "davis":
        from veason.formats.davis.palettes import write_davis

        write_davis(videos, out, tally, has_pictures=has_pictures)
    elif format == "youtube-vos":
        from veason.formats.davis.palettes import write_youtube_vos

        write_youtube_vos(videos, out, tally, has_pictures=has_pictures)
    elif format == "coco":
        from veason.formats.coco.writer import write_coco

        write_coco(videos, out, tally, has_pictures=has_pictures)
    elif format == "youtube-vis":
        from veason.formats.youtube_vis.writer import write_youtube_vis

        write_youtube_vis(videos, out, tally, has_pictures=has_pictures)
    elif format == "mevis":
        from veason.formats.mevis.labels import write_mevis

        write_mevis(videos, out, tally)
    elif format == "revos":
        from veason.formats.revos.labels import write_revos

        write_revos(videos, out, tally)
    elif format == "ref-youtube-vos":
        from veason.formats.ref_youtube_vos.labels import write_ref_youtube_vos

        write_ref_youtube_vos(videos, out, tally)
    elif format == "yolo-seg":
        from veason.formats.yolo_seg.writer import write_yolo_seg

        write_yolo_seg(videos, out, tally, has_pictures=has_pictures)
    elif format == "cvat":
        from veason.formats.cvat.writer import write_cvat

        write_cvat(videos, out, tally)
    elif format == "label-studio":
        from veason.formats.label_studio.writer import write_label_studio

        write_label_studio(videos, out, tally, has_pictures=has_pictures)
    elif format == "overlay":
        from veason.formats.overlay.writer import write_overlay

        write_overlay(videos, out, tally)
    elif format == "veason":
        from veason.formats.bundle.lines import write_bundle

        write_bundle(videos, out, tally)
    elif format == "sft":
        from veason.formats.sft.writer import write_sft

        write_sft(videos, out, tally, profile=options.profile)
    else:
        from veason.formats.grpo.writer import write_grpo

        write_grpo(videos, out, tally, profile=options.profile)


def import_labels(
    source: str | Path, format: str, *, videos: Mapping[str, str | Path] | str | Path | None = None
) -> Iterator[LabelledVideo]:
    """Yield labelled videos, one at a time, from what Veason or another program wrote.

    Args:
        source: a file or folder.
        format: one of IMPORTABLE.
        videos: where the videos lie: by name, or a folder that holds them under their names. Without it the pictures
            beside the labels are taken, and where there are none the labels come alone.

    Raises:
        DataError: the format cannot be read, or the files are not what it promises.
    """
    if format not in IMPORTABLE:
        raise DataError(f"{format!r} cannot be imported: choose one of {', '.join(IMPORTABLE)}")
    source = Path(source)
    if not source.exists():
        raise DataError(f"{source}: is not there; it should be the file or folder to import")
    finder = VideoFinder(videos) if isinstance(videos, Mapping) else VideoFinder({}, Path(videos) if videos else None)
    try:
        yield from _read(source, format, finder)
    except ExportError as error:
        raise DataError(f"{source}: {error}") from error


def _read(source: Path, format: str, finder: VideoFinder) -> Iterator[LabelledVideo]:
    if format in ("davis", "youtube-vos"):
        from veason.formats.davis.palettes import read_palettes

        return read_palettes(source, finder)
    if format == "coco":
        from veason.formats.coco.writer import read_coco

        return read_coco(source, finder)
    if format == "youtube-vis":
        from veason.formats.youtube_vis.writer import read_youtube_vis

        return read_youtube_vis(source, finder)
    if format == "mevis":
        from veason.formats.mevis.labels import read_mevis

        return read_mevis(source, finder)
    if format == "revos":
        from veason.formats.revos.labels import read_revos

        return read_revos(source, finder)
    if format == "cvat":
        from veason.formats.cvat.reader import read_cvat

        return read_cvat(source, finder)
    if format == "label-studio":
        from veason.formats.label_studio.reader import read_label_studio

        return read_label_studio(source, finder)
    from veason.formats.bundle.lines import read_bundle

    return read_bundle(source, finder)


def _chosen(
    videos: Iterable[LabelledVideo], format: str, options: ExportOptions, tally: Tally
) -> Iterator[LabelledVideo]:
    """Yield the videos with the questions that are to be written; the others are counted."""
    is_training = format in TRAINING  # their writers count what is not accepted themselves
    for video in videos:
        accepted = [one for one in video.questions if one.is_accepted or is_training or options.is_everything]
        tally.left_out[NOT_ACCEPTED] += len(video.questions) - len(accepted)
        has_disputed = options.has_disputed or (options.is_everything and not is_training)
        wanted = [one for one in accepted if has_disputed or not one.is_disputed]
        tally.left_out[DISPUTED] += len(accepted) - len(wanted)
        names = {question.name for question in wanted if question.is_accepted or not is_training}
        questions = tuple(question for question in wanted if question.original not in names)
        tally.left_out[SECOND] += len(wanted) - len(questions)
        if len(questions) == len(video.questions):
            yield video
        elif questions:
            yield video.only(questions)


def _checked(videos: Iterable[LabelledVideo], format: str, tally: Tally) -> Iterator[LabelledVideo]:
    """Yield the videos; raise ExportError for a name that comes twice or cannot be a path, or a mask that misfits."""
    seen: set[str] = set()
    for video in videos:
        check_name(video.name)
        if video.name in seen:
            raise ExportError(f"two videos are called {video.name!r}: rename one")
        seen.add(video.name)
        num_frames = len(video.labelled_frames())
        if format not in TELLS_UNLABELLED:
            tally.lost[GUESSED_ABSENT] += sum(num_frames - len(track) for track in video.tracks.values() if track)
        if format not in TELLS_OCCLUDED:
            tally.lost[OCCLUDED] += sum(mask.is_occluded for track in video.tracks.values() for mask in track.values())
        yield video
