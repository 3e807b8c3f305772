"""Labels out, in any format that can be written.

    report = export_labels(videos, "coco", "out")           # an iterable of LabelledVideo, taken one at a time
    print(*report.lines(), sep=", ")                        # what was written, left out and lost

An export appears whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from veason.errors import DataError, ExportError
from veason.formats.catalogue import EXPORTABLE, format_named
from veason.formats.labels.made_with import POLICY, SEGMENTER, for_strangers, made_with
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.parting import parted
from veason.formats.labels.pictures import check_name
from veason.formats.labels.report import ExportReport, Tally
from veason.formats.labels.staging import staged, write_export_file
from veason.formats.labels.values import LabelledVideo
from veason.formats.record import Format, Holds

NOT_ACCEPTED = "questions that are not accepted"
DISPUTED = "accepted questions that a reviewer disagrees with"
_GUESSES = "marks that an answer is a guess (the format cannot hold them)"
_MODELS = "names of the models that labelled an instruction (they are in the file about the export alone)"
_OCCLUDED = "marks that an object is occluded (the format cannot hold them)"
_BOXES = "boxes of objects without masks (the format cannot hold them)"
_GUESSED_ABSENT = "frames on which an object that nobody labelled is written as not there"
_NOT_ON_WINDOWS = "files whose names Windows cannot hold (a:b, con, a dot or space at the end)"
_NO_WINDOWS_NAME = re.compile(
    r'[<>:"|?*\x00-\x1f]|[ .](?=/|$)|(?:^|/)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?=[./]|$)', re.IGNORECASE
)
_SECOND = "second versions of questions that are written"


def export_labels(
    videos: Iterable[LabelledVideo], format: str, out: str | Path, options: ExportOptions = ExportOptions()
) -> ExportReport:
    """Write labels into the folder `out`; it appears whole or not at all, and nothing of anyone else's is touched.

    Args:
        videos: taken one at a time, each with a name of its own.
        format: one of EXPORTABLE.
        out: a folder that is empty or not there, or holds an earlier export where `options.is_forced`.
        options: see ExportOptions.

    Raises:
        ExportError: the format is unknown, there is nothing to export, or the labels or the disk refuse.
        MissingBackend: a library for this format is not installed.
    """
    if format not in EXPORTABLE:
        raise ExportError(f"there is no format {format!r}: choose one of {', '.join(EXPORTABLE)}")
    record = format_named(format)
    assert record.write is not None, "what is exportable has a writer"
    tally = Tally()
    with staged(Path(out), is_forced=options.is_forced) as folder:
        chosen = _chosen(videos, record, options, tally)
        if not options.has_overlaps:
            chosen = (parted(video, tally) for video in chosen)
        chosen = _checked(map(_as_told, chosen), record.holds, tally)
        try:
            record.write(chosen, folder, tally, options)
        except DataError as error:
            raise ExportError(str(error)) from error
        paths = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
        tally.lost[_NOT_ON_WINDOWS] += sum(_NO_WINDOWS_NAME.search(path) is not None for path in paths)
        report = tally.report(format, Path(out))
        if not report.counts:
            reasons = "; ".join(f"{number} {reason}" for reason, number in report.left_out.items())
            raise ExportError(f"there is nothing to export as {format}" + (f": left out {reasons}" if reasons else ""))
        write_export_file(folder, report.record())
    return report


def _chosen(
    videos: Iterable[LabelledVideo], format: Format, options: ExportOptions, tally: Tally
) -> Iterator[LabelledVideo]:
    """Yield the videos with the questions that are to be written; the others are counted."""
    is_training = format.accepted_only  # their writers count what is not accepted themselves
    for video in videos:
        accepted = [one for one in video.questions if one.is_accepted or is_training or options.is_everything]
        tally.left_out[NOT_ACCEPTED] += len(video.questions) - len(accepted)
        has_disputed = options.has_disputed or (options.is_everything and not is_training)
        wanted = [one for one in accepted if has_disputed or not one.is_disputed]
        tally.left_out[DISPUTED] += len(accepted) - len(wanted)
        names = {question.name for question in wanted if question.is_accepted or not is_training}
        questions = tuple(question for question in wanted if question.original not in names)
        tally.left_out[_SECOND] += len(wanted) - len(questions)
        if len(questions) == len(video.questions):
            yield video
        elif questions:
            yield video.only(questions)


def _as_told(video: LabelledVideo) -> LabelledVideo:
    """Return a video whose models a stranger may be told of."""
    if video.limits.is_trusted:
        return video
    return replace(video, questions=tuple(for_strangers(question) for question in video.questions))


def _checked(videos: Iterable[LabelledVideo], holds: Holds, tally: Tally) -> Iterator[LabelledVideo]:
    """Yield the videos; raise ExportError for a name that comes twice or cannot be a path, or a mask that misfits."""
    seen: set[str] = set()
    for video in videos:
        check_name(video.name)
        if video.name in seen:
            raise ExportError(f"two videos are called {video.name!r}: rename one")
        seen.add(video.name)
        num_frames = len(video.labelled_frames())
        if not holds.unlabelled:
            tally.lost[_GUESSED_ABSENT] += sum(num_frames - len(track) for track in video.tracks.values() if track)
        if not holds.occluded:
            tally.lost[_OCCLUDED] += sum(mask.is_occluded for track in video.tracks.values() for mask in track.values())
        if not holds.guess:
            tally.lost[_GUESSES] += sum(bool(question.guess) for question in video.questions)
        for question in video.questions:
            models = made_with(question)
            tally.models[models.get(POLICY, ""), models.get(SEGMENTER, "")] += bool(models)
            tally.lost[_MODELS] += bool(models) and not (holds.models and (question.instruction or holds.review))
        if not holds.boxes:
            prompts = [prompt for question in video.questions for prompt in question.prompts]
            alone = [prompt for prompt in prompts if prompt.box and not video.tracks[prompt.object_id]]
            tally.lost[_BOXES] += len({(prompt.object_id, prompt.frame_index) for prompt in alone})
        yield video
