"""Clips and labels in and out of a project, as the page asks for it."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from veason.errors import DataError, ExportError, ProjectError, SessionError
from veason.formats.catalogue import EXPORTABLE, IMPORTABLE
from veason.formats.exporting import export_labels
from veason.formats.labels.made_with import stranger_name
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.report import ExportReport
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.confined import OWNERS, ImportBounds, strangers_into_project
from veason.formats.projects.from_project import from_project
from veason.outputs import RunResult, truncate_file_name, write_json, write_overlay_video, write_palette_masks
from veason.project import Project
from veason.project.database import PROJECT_FILE
from veason.project.folder import pack, unpack
from veason.project.listings import JSON_LINES, Wanted, read_instructions, read_strangers_instructions
from veason.project.sources import add_videos
from veason.studio.server.archives import zip_folder
from veason.studio.server.jobs import profile_of
from veason.studio.server.messages import Message
from veason.studio.server.messages.files import AddedItem, ExportedItem, FileItem, NoticeItem, TransferredItem
from veason.studio.server.model_choice import ModelChoice
from veason.studio.server.outbox import Outbox
from veason.studio.server.progress import run_with_progress
from veason.studio.server.project_registry import GONE, ProjectRegistry
from veason.studio.server.question.open_question import OpenQuestion
from veason.studio.server.question.open_questions import OpenQuestions
from veason.studio.server.requests.transfer import (
    EnqueueRequest,
    ExportLabelsRequest,
    ExportProjectRequest,
    ExportRequest,
    ExportWorkRequest,
    ImportRequest,
)
from veason.studio.server.uploads import uploaded
from veason.studio.server.views import failure_text
from veason.types import OnProgress
from veason.video.images import is_system_file


class TransferRoutes:
    """Events that move files.

    Args:
        pipeline: the models, which results name.
        registry: the projects.
        questions: the ones that are open.
        outbox: where files to download are made.
        is_local: the page may name folders of this machine.
    """

    def __init__(
        self,
        models: ModelChoice,
        registry: ProjectRegistry,
        questions: OpenQuestions,
        outbox: Outbox,
        *,
        is_local: bool,
    ) -> None:
        self._models, self._registry, self._questions = models, registry, questions
        self._outbox, self._is_local = outbox, is_local

    # --- out

    def export(self, request: ExportRequest) -> Iterator[Message]:
        """Write a file and send the link to it; masks that stream in meanwhile are put on the disk first."""
        if isinstance(request, ExportWorkRequest):
            with self._questions.using(request.work) as question:
                path = yield from run_with_progress(lambda tell: self._write(question, request.what, tell), "frames")
            yield Message(work=None, items=(FileItem(path=str(path), name=path.name),))
            return
        if not request.project:
            raise ExportError("there is nothing to download yet: open a video, or add clips to the queue, first")
        project = self._registry.get(request.project)
        self._questions.flush(request.project)
        if isinstance(request, ExportProjectRequest):
            path = self._outbox.new_folder(request.project) / f"{self._registry.title(project)}.zip"
            yield from run_with_progress(lambda tell: pack(project, path, tell=tell), "files")
            yield _finished(path, ["the whole project: clips, labels, history and comments"])
            return
        only = [self._question_id(request.work)] if request.scope == "clip" else request.questions
        out = self._outbox.new_folder(request.project)
        report, path = yield from run_with_progress(
            lambda tell: self._export_labels(project, request, out, only, tell), "clips"
        )
        first, *rest = report.lines()
        yield _finished(path, [first.split(" as ")[0], *rest])

    def _question_id(self, work_id: str | None) -> int:
        if work_id is None:
            raise SessionError(GONE)
        with self._questions.using(work_id) as question:
            return question.question_id

    def _export_labels(
        self, project: Project, request: ExportLabelsRequest, out: Path, only: Sequence[int] | None, tell: OnProgress
    ) -> tuple[ExportReport, Path]:
        """Write labels as an archive into the folder `out`; `only` names the questions, None is all of them."""
        format = request.format
        if format not in EXPORTABLE:
            raise ExportError(f"there is no format {format!r}: choose one of {', '.join(EXPORTABLE)}")
        options = ExportOptions(
            is_everything=request.everything,
            has_disputed=request.disputed,
            has_overlaps=request.overlaps and not project.overlap_rule.is_never(),
            has_pictures=request.pictures,
            profile=profile_of(self._models.pipeline),
        )
        with tempfile.TemporaryDirectory(dir=self._outbox.folder) as made:
            report = export_labels(_counted(project, only, tell), format, Path(made) / format, options)
            return report, zip_folder(Path(made) / format, out / f"{self._registry.title(project)}-{format}.zip")

    def _write(self, question: OpenQuestion, what: str, tell: OnProgress) -> Path:
        """Write what the page asks for of the open question."""
        state = question.labels.state()
        if not state.tracks:
            raise ExportError("there are no masks yet: propagate first")
        name, out, info = Path(question.title).stem, self._outbox.new_folder(question.key), question.info
        if what == "masks":
            with tempfile.TemporaryDirectory(dir=self._outbox.folder) as made:
                write_palette_masks(state.tracks, info, Path(made) / "Annotations" / name, tell)
                return zip_folder(Path(made), out / truncate_file_name(name, "-masks.zip"))
        if what == "overlay":
            write_overlay_video(question.video, state.tracks, out / truncate_file_name(name, "-overlay.mp4"), tell)
            return out / truncate_file_name(name, "-overlay.mp4")
        stored = question.project.labels.answer(question.question_id)
        policy = stored.policy if stored else None
        segmenter = question.project.library.question(question.question_id).segmenter or ""
        if self._registry.is_public:  # the path is the server's, and the key of the project stands in it
            info = replace(info, path=question.title, files=())
            policy, segmenter = stranger_name(policy) if policy is not None else None, stranger_name(segmenter)
        run = RunResult(info, segmenter, policy, state.instruction)
        run.shown, run.answer, run.tracks = state.shown, state.answer, state.tracks
        own = next((one for one in question.proposals if one.answer == state.answer), None)
        run.confidence = own.confidence if own is not None else None
        run.text = failure_text(question, state)
        write_json(run.record(), out / truncate_file_name(name, "-result.json"))
        return out / truncate_file_name(name, "-result.json")

    # --- in

    def enqueue(self, request: EnqueueRequest) -> Iterator[Message]:
        """Add clips that were uploaded, or a folder of this machine, and the instructions about them."""
        folder = request.folder.strip()
        if folder and not self._is_local:
            raise ProjectError("folders of this machine can be named only where the app runs on your own")
        key, project = self._registry.get_or_make(request.project)
        wanted = [Wanted("", line.strip()) for line in request.instructions.split("\n") if line.strip()]
        known = {video.id for video in project.library.videos()}
        with ExitStack() as stack:
            meant = [one for one in request.files if not is_system_file(Path(one.name).name)]
            files = [stack.enter_context(uploaded(one, self._outbox.folder)) for one in meant]
            listings = [path for path in files if path.suffix.lower() in (".csv", *JSON_LINES)]
            clips = [path for path in files if path not in listings] + ([Path(folder)] if folder else [])
            left_out: list[str] = []
            for path in listings:
                listing = read_instructions(path) if self._is_local else read_strangers_instructions(path)
                wanted += listing.wanted
                left_out += listing.left_out
            self._registry.check_space(project, sum(path.stat().st_size for path in files if path not in listings))
            added = yield from run_with_progress(
                lambda tell: add_videos(project, clips, wanted, copy=not folder, tell=tell), "clips"
            )
        new = [video.id for video in project.library.videos() if video.id not in known]
        drafts = [
            project.library.add_draft(video_id) for video_id in new if not project.library.questions(video_id=video_id)
        ]
        told = f"Added {_count(added.num_videos, 'clip')} and {_count(added.num_questions, 'question')}."
        told += f" {_count(len(drafts), 'clip')} without words: open one and say what to segment." if drafts else ""
        left_out += added.left_out
        told += f" Left out: {'; '.join(left_out)}." if left_out else ""
        yield _added(key, told)

    def take(self, request: ImportRequest) -> Iterator[Message]:
        """Import labels that were uploaded, to be reviewed; or a packed project."""
        with ExitStack() as stack:
            upload = stack.enter_context(uploaded(request.upload, self._outbox.folder))
            if request.format == "project":
                yield self._take_project(upload)
                return
            room = stack.enter_context(tempfile.TemporaryDirectory(dir=self._outbox.folder))
            key, project = self._registry.get_or_make(request.project)
            if request.format not in IMPORTABLE:
                raise DataError(f"{request.format!r} cannot be imported: choose one of {', '.join(IMPORTABLE)}")
            bounds = OWNERS if self._is_local else ImportBounds(self._registry.visitor_bytes)
            imported = yield from run_with_progress(
                lambda tell: strangers_into_project(
                    project,
                    upload,
                    Path(room),
                    request.format,
                    bounds=bounds,
                    check=lambda count: self._registry.check_space(project, count),
                    tell=tell,
                ),
                "clips",
            )
        told = imported.summary()
        yield _added(key, f"{told[0].upper()}{told[1:]}.")

    def _take_project(self, upload: Path) -> Message:
        registry = self._registry
        if not registry.is_public:
            raise ProjectError(
                "this is a whole project: unpack it into a folder and open that with `serve --project FOLDER`"
            )
        if not zipfile.is_zipfile(upload):
            raise ProjectError(f"{upload.name} is not a packed project: it should be a ZIP file with {PROJECT_FILE}")
        key, _ = registry.make(
            lambda folder: unpack(upload, folder, max_bytes=registry.visitor_bytes, is_untrusted=True)
        )
        return _added(key, "Your project is here again.")


def _counted(project: Project, only: Sequence[int] | None, tell: OnProgress) -> Iterator[LabelledVideo]:
    count = len(project.library.videos()) if only is None else len(only)
    for number, video in enumerate(from_project(project, only)):
        tell(number, count)
        yield video


def _finished(path: Path, lines: Sequence[str]) -> Message:
    exported = ExportedItem(name=path.name, bytes=path.stat().st_size, lines=lines)
    return Message(work=None, items=(FileItem(path=str(path), name=path.name), exported, TransferredItem()))


def _added(key: str, told: str) -> Message:
    return Message(work=None, items=(NoticeItem(level="info", text=told), AddedItem(project=key), TransferredItem()))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
