"""The queue: who works on what, how far it is, and what people say about it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from veason.errors import ProjectError, PromptError
from veason.project.database import Database, next_revision
from veason.project.edits import Origin, check_there, write_log
from veason.project.library import Library, came_without_words
from veason.project.records import STATUSES, ChangedElsewhere, Comment, ProposedVerdict, Status, Verdict
from veason.project.unanswered import GUESS


class Queue:
    """Who works on which question of a project, how far it is, and what people say about it."""

    def __init__(self, database: Database, library: Library) -> None:
        self._database, self._library = database, library

    def set_status(
        self,
        question_id: int,
        status: Status,
        *,
        annotator: str | None = None,
        source: str | None = None,
        expected_revision: int | None = None,
    ) -> int:
        """Move a question on and return its revision.

        Raises:
            ChangedElsewhere: the question is not at `expected_revision`.
        """
        if status not in STATUSES:
            raise ProjectError(f"there is no status {status!r}: choose one of {', '.join(STATUSES)}")
        return self._update(
            question_id, "status", status, Origin(annotator=annotator, source=source), expected_revision
        )

    def accept(self, question_id: int, *, is_absent: bool = False, **options: Any) -> Status:
        """Accept what is there and return what that is: "accepted" labels, or "absent".

        Absent is a verdict: a person gives it (`is_absent`), or the answer that counts says that the target is not in
        the video. A question without labels and without such an answer has nothing that could be accepted.

        Args:
            question_id: the question.
            is_absent: a person says that the target is not in the video.
            **options: as for `set_status`.

        Raises:
            ProjectError: there is nothing to accept, or objects are there although the target should be absent.
        """
        proposed = self.proposed_verdicts(question_id).get(question_id)
        if proposed == "labels" and is_absent:
            raise ProjectError("there are objects: delete them before you say that the target is absent")
        if proposed is None and not is_absent:
            raise ProjectError("there is nothing to accept yet: ask, draw a box, or say that the target is absent")
        status: Status = "accepted" if proposed == "labels" else "absent"
        self.set_status(question_id, status, **options)
        return status

    def proposed_verdicts(self, question_id: int | None = None) -> dict[int, ProposedVerdict]:
        """Return what accepting would say, by question, of one or of all; those with nothing to accept are left out."""
        where = "" if question_id is None else "WHERE q.id = ?"
        with self._database.read() as db:
            rows = db.execute(
                "SELECT q.id, EXISTS (SELECT 1 FROM prompts p WHERE p.question_id = q.id) OR "
                "EXISTS (SELECT 1 FROM masks m WHERE m.question_id = q.id AND m.is_current = 1), a.answer "
                f"FROM questions q LEFT JOIN answers a ON a.id = q.answer_id {where}",
                () if question_id is None else (question_id,),
            ).fetchall()
        found: dict[int, ProposedVerdict] = {}
        for number, has_objects, answer in rows:
            if has_objects:
                found[number] = "labels"
            elif answer is not None and not json.loads(answer)["boxes"]:
                found[number] = "absent"
        return found

    def guesses(self, question_id: int | None = None) -> frozenset[int]:
        """Return the ids of the questions, of one or of all, whose answer is a guess (see `Answer.is_guess`).

        Of labels that came without their answer, those that are marked as a guess.
        """
        where = "" if question_id is None else "AND q.id = ?"
        with self._database.read() as db:
            rows = db.execute(
                "SELECT q.id FROM questions q LEFT JOIN answers a ON a.id = q.answer_id WHERE CASE WHEN a.id IS NULL "
                "THEN EXISTS (SELECT 1 FROM about WHERE key = ? || ' ' || q.id) ELSE EXISTS (SELECT 1 FROM "
                "json_each(a.answer, '$.notes') n WHERE json_extract(n.value, '$.kind') = 'outside_training') END "
                + where,
                (GUESS,) if question_id is None else (GUESS, question_id),
            ).fetchall()
        return frozenset(number for (number,) in rows)

    def object_counts(self) -> dict[int, int]:
        """Return how many objects each question has; those without any are left out."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT question_id, count(*) FROM (SELECT question_id, object_id FROM prompts UNION "
                "SELECT question_id, object_id FROM masks WHERE is_current = 1) GROUP BY question_id"
            ).fetchall()
        return dict(rows)

    def assign(self, question_id: int, assignee: str | None, *, annotator: str | None = None) -> int:
        """Give a question to a person by name, or to nobody; return its revision."""
        return self._update(question_id, "assignee", assignee, Origin(annotator=annotator))

    def delete(self, question_ids: Sequence[int], *, annotator: str | None = None) -> None:
        """Delete questions, all of them or none: they are left out everywhere, and kept so that `restore` brings them.

        Raises ProjectError where one is not there, or was deleted before.
        """
        self._set_deleted(question_ids, time.time(), annotator)

    def restore(self, question_ids: Sequence[int], *, annotator: str | None = None) -> None:
        """Bring deleted questions back as they were. Raises ProjectError where one is not among the deleted."""
        self._set_deleted(question_ids, None, annotator)

    def _set_deleted(self, question_ids: Sequence[int], at: float | None, annotator: str | None) -> None:
        operation, wanted = ("restore", "NOT NULL") if at is None else ("delete", "NULL")
        with self._database.write() as db:
            for question_id in dict.fromkeys(question_ids):
                revision = next_revision(db)
                row = db.execute(
                    "UPDATE questions SET deleted_at = ?, revision = ? "
                    f"WHERE id = ? AND deleted_at IS {wanted} RETURNING id",
                    (at, revision, question_id),
                ).fetchone()
                if row is None:
                    raise ProjectError(f"there is no question {question_id} to {operation}")
                write_log(db, revision, question_id, operation, {}, Origin(annotator=annotator))

    def keep_words(self, question_id: int, words: str, *, annotator: str | None = None) -> int:
        """Keep words as a person types them for a question that was added without any; return its revision.

        "" takes them away again. Raises ProjectError where the question was added with words of its own.
        """
        with self._database.read() as db:
            is_theirs = came_without_words(db, question_id)
        if not is_theirs:
            raise ProjectError(f"question {question_id} has words of its own: ask the new ones as another question")
        return self._update(question_id, "instruction", words.strip(), Origin(annotator=annotator))

    def reword(self, question_id: int, words: str, *, annotator: str | None = None) -> int:
        """Give a question that was never asked other words; return its revision.

        One that was asked is reworded by an edit, `annotation.Reworded`. Raises PromptError where there are none.
        """
        if not words.strip():
            raise PromptError("the instruction is empty: describe what to segment, in words")
        return self._update(question_id, "instruction", words.strip(), Origin(annotator=annotator))

    def fail(self, question_id: int, reason: str, *, text: str = "", source: str | None = None) -> int:
        """Keep why a model gave no usable answer, with the raw text it wrote; "" takes the failure back."""
        body = {"failure": reason, "text": text}
        return self._update(question_id, "failure", reason or None, Origin(source=source), body=body)

    def set_doubt(self, question_id: int, doubt: float | None) -> None:
        """Keep how doubtful a question is, in [0, 1]; no change that anybody has to look at."""
        with self._database.write() as db:
            db.execute("UPDATE questions SET doubt = ? WHERE id = ?", (doubt, question_id))

    def comment(
        self, question_id: int, text: str, frame_index: int | None = None, *, annotator: str | None = None
    ) -> int:
        """Remark on a frame, or on the whole question, and return the comment's id."""
        if not text.strip():
            raise ProjectError("the comment is empty: write something")
        self._library.question(question_id)
        with self._database.write() as db:
            row = db.execute(
                "INSERT INTO comments (question_id, frame_index, annotator, text, time) VALUES (?, ?, ?, ?, ?) "
                "RETURNING id",
                (question_id, frame_index, annotator, text, time.time()),
            ).fetchone()
            body = {"comment_id": row[0], "frame_index": frame_index, "text": text}
            write_log(db, next_revision(db), question_id, "comment", body, Origin(annotator))
        return int(row[0])

    def resolve(self, comment_id: int, *, annotator: str | None = None, is_resolved: bool = True) -> None:
        """Close a comment, or open it again."""
        with self._database.write() as db:
            row = db.execute(
                "UPDATE comments SET is_resolved = ? WHERE id = ? RETURNING question_id", (is_resolved, comment_id)
            ).fetchone()
            if row is None:
                raise ProjectError(f"there is no comment {comment_id} in this project")
            body = {"comment_id": comment_id, "is_resolved": is_resolved}
            write_log(db, next_revision(db), row[0], "resolve", body, Origin(annotator))

    def comments(self, question_id: int) -> tuple[Comment, ...]:
        """Return the comments of a question, those about all of it first, then by frame."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT id, question_id, frame_index, annotator, text, time, is_resolved FROM comments "
                "WHERE question_id = ? ORDER BY frame_index, id",
                (question_id,),
            ).fetchall()
        return tuple(_comment(row) for row in rows)

    def open_comments(self) -> dict[int, int]:
        """Return how many comments are open, by question; questions without any are left out."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT question_id, count(*) FROM comments WHERE is_resolved = 0 GROUP BY question_id"
            ).fetchall()
        return dict(rows)

    def judge(self, question_id: int, verdict: str, text: str = "", *, annotator: str | None = None) -> None:
        """Keep what a reviewer says of a question: "agree", "disagree", or a tag such as "wrong keyframe"."""
        self._library.question(question_id)
        with self._database.write() as db:
            db.execute(
                "INSERT INTO verdicts (question_id, verdict, annotator, text, time) VALUES (?, ?, ?, ?, ?)",
                (question_id, verdict, annotator, text, time.time()),
            )
            body = {"verdict": verdict, "text": text}
            write_log(db, next_revision(db), question_id, "verdict", body, Origin(annotator))

    def standing_verdicts(self, question_id: int | None = None) -> dict[int, tuple[Verdict, ...]]:
        """Return the last "agree" or "disagree" of each reviewer, by question, of one question or of all.

        One that was given before the labels last changed stands no longer.
        """
        where = "" if question_id is None else "AND l.question_id = ? "
        with self._database.read() as db:
            rows = db.execute(
                "SELECT l.question_id, json_extract(l.body, '$.verdict'), l.annotator, "
                "json_extract(l.body, '$.text'), l.time FROM log l WHERE l.operation = 'verdict' "
                f"AND json_extract(l.body, '$.verdict') IN ('agree', 'disagree') {where}"
                "AND NOT EXISTS (SELECT 1 FROM log k WHERE k.question_id = l.question_id AND k.revision > l.revision "
                "AND k.operation IN ('record', 'follow', 'undo', 'redo')) ORDER BY l.revision",
                () if question_id is None else (question_id,),
            ).fetchall()
        last = {(row[0], row[2]): Verdict(*row) for row in rows}
        found: dict[int, list[Verdict]] = {}
        for one in last.values():
            found.setdefault(one.question_id, []).append(one)
        return {number: tuple(verdicts) for number, verdicts in found.items()}

    def disputed(self, question_id: int | None = None) -> dict[int, tuple[str, ...]]:
        """Return who disagrees with labels that were accepted, by question, of one question or of all.

        A question stays disputed until its labels change, it is rejected, or the reviewer says otherwise. A reviewer
        without a name is "".
        """
        found = {
            number: tuple(one.annotator or "" for one in verdicts if one.verdict == "disagree")
            for number, verdicts in self.standing_verdicts(question_id).items()
        }
        accepted = (
            {one.id for one in self._library.questions(status=("accepted", "absent"))} if any(found.values()) else ()
        )
        return {number: names for number, names in found.items() if names and number in accepted}

    def _update(
        self,
        question_id: int,
        column: str,
        value: Any,
        origin: Origin,
        expected_revision: int | None = None,
        body: dict[str, Any] | None = None,
    ) -> int:
        with self._database.write() as db:
            check_there(db, question_id)
            row = db.execute("SELECT revision FROM questions WHERE id = ?", (question_id,)).fetchone()
            if expected_revision is not None and row[0] != expected_revision:
                raise ChangedElsewhere.of(question_id, row[0], expected_revision)
            revision = next_revision(db)
            db.execute(f"UPDATE questions SET {column} = ?, revision = ? WHERE id = ?", (value, revision, question_id))
            write_log(db, revision, question_id, column, body or {column: value}, origin)
        return revision


def _comment(row: Sequence[Any]) -> Comment:
    comment_id, question_id, frame_index, annotator, text, at, is_resolved = row
    return Comment(comment_id, question_id, frame_index, annotator, text, at, bool(is_resolved))
