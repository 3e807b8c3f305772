"""Clips and labels in and out of a project, as the page asks for it."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from veason.errors import DataError, ExportError, ProjectError, SessionError
from veason.formats.catalogue import EXPORTABLE, IMPORTABLE
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.report import ExportReport
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.exchange import Imported, check_fits, from_project, to_project
from veason.libraries import library_imports
from veason.outputs import RunResult, write_json, write_overlay_video, write_palette_masks
from veason.pipeline import Pipeline
from veason.profile import GENERIC
from veason.project import Project
from veason.project.database import NAME
from veason.project.folder import pack, unpack
from veason.project.sources import Wanted, add_videos, read_instructions
from veason.studio.server import payload as read
from veason.studio.server import render
from veason.studio.server.store import Store, Work
from veason.studio.server.wire import Message, message, telling
from veason.studio.server.working import telling_progress
from veason.types import OnProgress

with library_imports():
    from gradio.utils import get_upload_folder, is_in_or_equal

STORED = (".png", ".jpg", ".mp4", ".zip", ".parquet")
"""Endings of files that a ZIP file cannot make smaller."""

_MOST_TIMES = 20
"""What an upload may hold unpacked, in times its own size; nothing of ours comes near it."""

_told = telling(lambda error: [{"kind": "transferred"}])


class Transfer:
    """Events that move files; `is_local` allows to name folders of this machine."""

    def __init__(self, store: Store, pipeline: Pipeline, *, is_local: bool) -> None:
        self._store, self._pipeline, self._is_local = store, pipeline, is_local

    # --- out

    @_told
    def export(self, data: Any) -> Iterator[Message]:
        """Write labels and send the link: `{"what"}` of the open work, or `{"format", "scope", "everything"}`."""
        if "what" in data:
            work, what = self._store.get(data.get("work")), read.short_text(data, "what", 20)
            path = yield from telling_progress(lambda tell: self._export_work(work, what, tell), "frames")
            yield message(None, {"kind": "file", "path": str(path), "name": path.name})
            return
        project = self._store.shelf.get(data.get("project"))
        if data.get("format") == "project":
            path = self._store.new_out() / f"{project.folder.name}.zip"
            yield from telling_progress(lambda tell: pack(project, path, tell=tell), "files")
            yield message(None, *_done(path, ["the whole project: clips, labels, history and comments"]))
            return
        only = [self._store.get(data.get("work")).question_id] if data.get("scope") == "clip" else None
        format = read.short_text(data, "format", 40)
        report, path = yield from telling_progress(
            lambda tell: self._export_labels(project, format, only, data, tell), "clips"
        )
        yield message(None, *_done(path, _told_of(report)))

    def _export_labels(
        self, project: Project, format: str, only: list[int] | None, data: Any, tell: OnProgress
    ) -> tuple[ExportReport, Path]:
        if format not in EXPORTABLE:
            raise ExportError(f"there is no format {format!r}: choose one of {', '.join(EXPORTABLE)}")
        options = ExportOptions(
            is_everything=data.get("everything") is True,
            has_disputed=data.get("disputed") is True,
            has_pictures=data.get("pictures") is not False,
            profile=getattr(self._pipeline.policy, "profile", GENERIC),
        )
        out = self._store.new_out()
        with tempfile.TemporaryDirectory(dir=self._store.outbox) as made:
            report = export_labels(_counted(project, only, tell), format, Path(made) / format, options)
            return report, _zipped(Path(made) / format, out / f"{project.folder.name}-{format}.zip")

    def _export_work(self, work: Work, what: str, tell: OnProgress) -> Path:
        if not work.now.tracks:
            raise ExportError("there are no masks yet: propagate first")
        name = Path(work.title).stem
        out = self._store.new_out()
        if what == "masks":
            with tempfile.TemporaryDirectory(dir=self._store.outbox) as made:
                write_palette_masks(work.now.tracks, work.video.info, Path(made) / "Annotations" / name, tell)
                return _zipped(Path(made), out / f"{name}-masks.zip")
        if what == "overlay":
            write_overlay_video(work.video, work.now.tracks, out / f"{name}-overlay.mp4", tell)
            return out / f"{name}-overlay.mp4"
        if what == "json":
            write_json(self._run(work).record(), out / f"{name}-result.json")
            return out / f"{name}-result.json"
        raise ExportError(f"unknown export {what!r}: choose one of masks, overlay, json")

    def _run(self, work: Work) -> RunResult:
        session = work.now
        policy = self._pipeline.policy.name if self._pipeline.policy is not None else None
        run = RunResult(work.video.info, self._pipeline.segmenter.name, policy, session.instruction)
        run.shown, run.answer, run.tracks = session.shown, session.answer, session.tracks
        run.text = render.failure_text(work)
        return run

    # --- in

    @_told
    def enqueue(self, data: Any) -> Iterator[Message]:
        """Add clips (`files` that were uploaded, or a `folder` of this machine) and the `instructions` about them."""
        key, project = self._store.shelf.get_or_make(data.get("project"))
        lines = read.short_text(data, "instructions", 100_000).splitlines()
        wanted = [Wanted("", line.strip()) for line in lines if line.strip()]
        known = {video.id for video in project.videos()}
        with ExitStack() as stack:
            paths, listings = self._sources(data, stack)
            for listing in listings:
                wanted += read_instructions(listing)
            self._store.shelf.check_space(project, sum(path.stat().st_size for path in paths if path.is_file()))
            is_copy = not data.get("folder")
            added = yield from telling_progress(
                lambda tell: add_videos(project, paths, wanted, copy=is_copy, tell=tell), "clips"
            )
        new = [video.id for video in project.videos() if video.id not in known]
        drafts = [project.add_draft(video_id) for video_id in new if not project.questions(video_id=video_id)]
        told = f"Added {_count(added.num_videos, 'clip')} and {_count(added.num_questions, 'question')}."
        told += f" {_count(len(drafts), 'clip')} without words: open one and say what to segment." if drafts else ""
        yield message(None, render.notice(told, "info"), {"kind": "added", "project": key}, {"kind": "transferred"})

    def _sources(self, data: Any, stack: ExitStack) -> tuple[list[Path], list[Path]]:
        """Return the clips and the lists of instructions that were sent."""
        files = [stack.enter_context(self.uploaded(one)) for one in data.get("files") or ()]
        listings = [path for path in files if path.suffix.lower() in (".csv", ".jsonl", ".ndjson")]
        folder = str(data.get("folder") or "").strip()
        if folder and not self._is_local:
            raise ProjectError("folders of this machine can be named only where the app runs on your own")
        return [path for path in files if path not in listings] + ([Path(folder)] if folder else []), listings

    @_told
    def take(self, data: Any) -> Iterator[Message]:
        """Import labels that were uploaded (`{"path", "name", "format"}`), to be reviewed; or a packed project."""
        with self.uploaded(data) as upload, tempfile.TemporaryDirectory(dir=self._store.outbox) as room:
            if data.get("format") == "project":
                yield self._take_project(upload)
                return
            key, project = self._store.shelf.get_or_make(data.get("project"))
            format = read.short_text(data, "format", 40)
            if format not in IMPORTABLE:
                raise DataError(f"{format!r} cannot be imported: choose one of {', '.join(IMPORTABLE)}")
            source = _unzipped(upload, Path(room)) if zipfile.is_zipfile(upload) else upload
            total = yield from telling_progress(lambda tell: _import(project, source, format, tell), "clips")
        told = total.told()
        told = f"{told[0].upper()}{told[1:]}."
        yield message(None, render.notice(told, "info"), {"kind": "added", "project": key}, {"kind": "transferred"})

    def _take_project(self, upload: Path) -> Message:
        shelf = self._store.shelf
        if not shelf.is_public:
            raise ProjectError(
                "this is a whole project: unpack it into a folder and open that with `serve --project FOLDER`"
            )
        if not zipfile.is_zipfile(upload):
            raise ProjectError(f"{upload.name} is not a packed project: it should be a ZIP file with {NAME}")
        key, _ = shelf.make(lambda folder: unpack(upload, folder, max_bytes=shelf.visitor_bytes))
        told = render.notice("Your project is here again.", "info")
        return message(None, told, {"kind": "added", "project": key}, {"kind": "transferred"})

    @contextmanager
    def uploaded(self, data: Any) -> Iterator[Path]:
        """Give an upload (`{"path": ..., "name": ...}`) under its own name for the block; then it is gone."""
        source = Path(read.short_text(data, "path", 4000))
        if not is_in_or_equal(source, get_upload_folder()) or not source.is_file():
            raise SessionError("that file was not uploaded here: please choose it again")
        with tempfile.TemporaryDirectory(dir=self._store.outbox) as folder:
            yield Path(shutil.move(source, Path(folder) / read.file_name(data, "name")))


def _import(project: Project, source: Path, format: str, tell: OnProgress) -> Imported:
    count = 0
    for video in import_labels(source, format):
        check_fits(project, video)  # all of them before the first change
        count += 1
    total = Imported()
    for number, video in enumerate(import_labels(source, format)):
        tell(number, count)
        total += to_project(project, video, copy=True)
    return total


def _done(path: Path, lines: list[str]) -> list[render.Item]:
    size = path.stat().st_size
    exported = {"kind": "exported", "name": path.name, "bytes": size, "lines": lines}
    return [{"kind": "file", "path": str(path), "name": path.name}, exported, {"kind": "transferred"}]


def _counted(project: Project, only: list[int] | None, tell: OnProgress) -> Iterator[LabelledVideo]:
    count = 1 if only is not None else len(project.videos())
    for number, video in enumerate(from_project(project, only)):
        tell(number, count)
        yield video


def _told_of(report: ExportReport) -> list[str]:
    first, *rest = report.lines()
    return [first.split(" as ")[0], *rest]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _zipped(folder: Path, path: Path) -> Path:
    """Write the files of a folder into a ZIP file and return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                how = zipfile.ZIP_STORED if file.suffix in STORED else zipfile.ZIP_DEFLATED
                archive.write(file, file.relative_to(folder), how)
    return path


def _unzipped(upload: Path, room: Path) -> Path:
    """Unpack an upload and return its folder, or the only folder or file in it."""
    try:
        with zipfile.ZipFile(upload) as archive:
            size = sum(one.file_size for one in archive.infolist())
            if size > max(_MOST_TIMES * upload.stat().st_size, 100_000_000):
                raise DataError(f"{upload.name} holds {size / 1e6:.0f} MB unpacked: send it in parts")
            archive.extractall(room)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"cannot unpack {upload.name}: {error}") from error
    inside = [path for path in room.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    return inside[0] if len(inside) == 1 else room
