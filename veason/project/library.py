"""The videos and questions of a project, and what happened to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from veason.errors import ProjectError, PromptError
from veason.project.database import Database, next_revision
from veason.project.duplicate import copy_question
from veason.project.edits import Origin, write_log
from veason.project.records import Change, Question, Status, StoredVideo
from veason.project.videos import columns_of, find, hash_video, inside, place_of
from veason.video import UNTRUSTED, Video, VideoLimits, open_video
from veason.video.limits import ANY

QUESTION = (
    "SELECT id, video_id, instruction, status, assignee, revision, reasoning, doubt, ifnull(failure, ''), segmenter, "
    "original_id, deleted_at IS NOT NULL FROM questions"
)
"""What selects the fields of `Question`, in their order; see `read_question`."""


class Library:
    """The videos and questions of a project, and the log of what happened to them."""

    def __init__(
        self, folder: Path, database: Database, *, is_untrusted: bool = False, limits: VideoLimits = ANY
    ) -> None:
        self._folder = folder
        self._database = database
        self._is_untrusted = is_untrusted
        self.limits = UNTRUSTED if is_untrusted else limits
        """Limits for opening its videos."""

    @property
    def revision(self) -> int:
        """The number of changes so far, by any tab or process; `changes_since` returns those after a revision."""
        with self._database.read() as db:
            return next_revision(db) - 1

    def changes_since(self, revision: int, question_id: int | None = None) -> tuple[Change, ...]:
        """Return the lines of the log after a revision, of one question or of all."""
        where = "" if question_id is None else " AND question_id = ?"
        with self._database.read() as db:
            rows = db.execute(
                "SELECT revision, question_id, operation, body, source, annotator, time FROM log WHERE revision > ?"
                f"{where} ORDER BY revision",
                (revision,) if question_id is None else (revision, question_id),
            ).fetchall()
        return tuple(read_change(row) for row in rows)

    def note(self, key: str) -> str | None:
        """Return what `keep_note` kept under a key, None where it kept nothing."""
        with self._database.read() as db:
            row = db.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def keep_note(self, key: str, value: str) -> None:
        """Keep something small that belongs to no label and is no change, such as what an app has still to compute."""
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (key, value))

    # --- videos

    def add_video(self, path: str | Path, *, copy: bool = False, is_cancelled: Callable[[], bool] | None = None) -> int:
        """Add a video file or a folder of frames and return its id; content that is known already keeps its id.

        Args:
            path: where it lies; kept relative where that is inside the project folder.
            copy: copy it into the project folder, so that the project can be moved alone; a stranger's always is.
            is_cancelled: asked while it is opened; once it says True, nothing is added.

        Raises:
            VideoError: it cannot be opened, or that was cancelled.
        """
        path, copy = Path(path).absolute(), copy or self._is_untrusted
        with open_video(path, limits=replace(self.limits, is_cancelled=is_cancelled)) as video:
            info = video.info
        sha256 = hash_video(path)
        known = self._video_where("sha256 = ?", sha256)
        if known and known[0].path.exists() and (not copy or known[0].path.is_relative_to(self._folder)):
            return known[0].id
        place = place_of(path, self._folder, sha256, copy=copy)
        with self._database.write() as db:
            if known:
                db.execute("UPDATE videos SET path = ? WHERE id = ?", (place, known[0].id))
                return known[0].id
            row = db.execute(
                "INSERT INTO videos (path, sha256, num_frames, width, height, fps, first_timestamp, last_timestamp, "
                "has_variable_rate, decoder) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
                (place, sha256, *columns_of(info)),
            ).fetchone()
            if row is None:  # another process added it meanwhile
                return int(db.execute("SELECT id FROM videos WHERE sha256 = ?", (sha256,)).fetchone()[0])
            write_log(db, next_revision(db), None, "video", {"video_id": row[0], "path": place}, Origin())
            return int(row[0])

    def videos(self) -> tuple[StoredVideo, ...]:
        """Return all videos in the order they were added."""
        return self._video_where("1")

    def video(self, video_id: int) -> StoredVideo:
        """Return one video."""
        found = self._video_where("id = ?", video_id)
        if not found:
            raise ProjectError(f"there is no video {video_id} in this project")
        return found[0]

    def open_video(self, video_id: int, is_cancelled: Callable[[], bool] | None = None) -> Video:
        """Open a video of the project for reading.

        Raises:
            ProjectError: its file is gone, or another one.
            VideoError: it cannot be opened, or `is_cancelled` said True meanwhile.
        """
        return find(self.video(video_id), replace(self.limits, is_cancelled=is_cancelled))

    def _video_where(self, condition: str, *values: Any) -> tuple[StoredVideo, ...]:
        with self._database.read() as db:
            rows = db.execute(
                "SELECT id, path, sha256, num_frames, width, height, fps, first_timestamp, last_timestamp, "
                f"has_variable_rate, decoder FROM videos WHERE {condition} ORDER BY id",
                values,
            ).fetchall()
        return tuple(self._video(row) for row in rows)

    def _video(self, row: Sequence[Any]) -> StoredVideo:
        video_id, place, sha256, num_frames, width, height, fps, first, last, is_variable, decoder = row
        path = self._folder / place
        if self._is_untrusted:
            path = inside(self._folder, place) or self._folder / "videos" / "not in this project"
        return StoredVideo(
            video_id, path, sha256, num_frames, (width, height), fps, first, last, bool(is_variable), decoder
        )

    # --- questions

    def add_question(
        self, video_id: int, instruction: str, assignee: str | None = None, *, original_id: int | None = None
    ) -> int:
        """Add an instruction about a video to the queue and return its id.

        `original_id` names the question of which this is a second annotator's own version.
        """
        if not instruction.strip():
            raise PromptError("the instruction is empty: describe what to segment, in words")
        return self._insert_question(video_id, instruction, assignee, original_id)

    def add_draft(self, video_id: int) -> int:
        """Add a question that has no words yet and return its id: for a video that somebody only looks at or draws on.

        A draft that nobody has touched is not added a second time.
        """
        drafts = [one for one in self.questions(video_id=video_id, status="new") if not one.instruction]
        for draft in drafts:
            if len(self.changes_since(0, draft.id)) == 1:
                return draft.id
        return self._insert_question(video_id, "", None, None)

    def add_unworded(self, video_id: int, *, original_id: int | None = None) -> int:
        """Add a question for labels that came without words and return its id; `original_id` as for `add_question`."""
        return self._insert_question(video_id, "", None, original_id)

    def _insert_question(self, video_id: int, instruction: str, assignee: str | None, original_id: int | None) -> int:
        self.video(video_id)
        with self._database.write() as db:
            revision = next_revision(db)
            row = db.execute(
                "INSERT INTO questions (video_id, instruction, assignee, revision, original_id) VALUES (?, ?, ?, ?, ?) "
                "RETURNING id",
                (video_id, instruction.strip(), assignee, revision, original_id),
            ).fetchone()
            write_log(db, revision, row[0], "question", {"video_id": video_id, "instruction": instruction}, Origin())
        return int(row[0])

    def question(self, question_id: int) -> Question:
        """Return one question."""
        with self._database.read() as db:
            row = db.execute(f"{QUESTION} WHERE id = ?", (question_id,)).fetchone()
        if row is None:
            raise ProjectError(f"there is no question {question_id} in this project")
        return read_question(row)

    def duplicate_question(self, question_id: int, *, annotator: str | None = None) -> int:
        """Add a copy of a question with everything that is labelled, and return its id; it has no steps to undo."""
        with self._database.write() as db:
            return copy_question(db, question_id, Origin(annotator=annotator))

    def questions(
        self,
        *,
        status: Status | Sequence[Status] | None = None,
        assignee: str | None = None,
        video_id: int | None = None,
        most_doubtful_first: bool = False,
        is_deleted: bool = False,
    ) -> tuple[Question, ...]:
        """Return the questions that pass every filter given, as added or most doubtful first.

        Deleted ones are left out, or are the only ones where `is_deleted`.
        """
        wanted = (status,) if isinstance(status, str) else status
        conditions, values = [f"deleted_at IS {'NOT ' if is_deleted else ''}NULL"], list[Any]()
        if wanted is not None:
            conditions.append(f"status IN ({','.join('?' * len(wanted))})")
            values += wanted
        for name, value in (("assignee", assignee), ("video_id", video_id)):
            if value is not None:
                conditions.append(f"{name} = ?")
                values.append(value)
        order = "doubt IS NULL, doubt DESC, id" if most_doubtful_first else "id"
        with self._database.read() as db:
            rows = db.execute(f"{QUESTION} WHERE {' AND '.join(conditions)} ORDER BY {order}", values).fetchall()
        return tuple(map(read_question, rows))


def read_question(row: Sequence[Any]) -> Question:
    """Return a row that `QUESTION` selected."""
    *values, is_deleted = row
    return replace(Question(*values), is_deleted=bool(is_deleted))


def read_change(row: Sequence[Any]) -> Change:
    """Return a row of the log, its columns in their order."""
    revision, question_id, operation, body, source, annotator, time = row
    return Change(revision, question_id, operation, json.loads(body), source, annotator, time)


def came_without_words(db: sqlite3.Connection, question_id: int) -> bool:
    """Tell whether a question was added without words: they are a person's to type, and to change again."""
    row = db.execute(
        "SELECT 1 FROM log WHERE question_id = ? AND operation = 'question' "
        "AND trim(json_extract(body, '$.instruction')) = ''",
        (question_id,),
    ).fetchone()
    return row is not None
