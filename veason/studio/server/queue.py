"""The queue screen: what it shows of a project, and what a person decides there or beside the stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from veason.errors import ProjectError, SessionError, VeasonError
from veason.outputs import atomic_file
from veason.project import ChangedElsewhere, Project, Question, StoredVideo
from veason.project.records import Status, Verdict
from veason.project.statistics import Effort, Statistics, rank, statistics
from veason.studio.server import payload as read
from veason.studio.server import render
from veason.studio.server.background import Prelabelling
from veason.studio.server.hand import Hand, read_hand
from veason.studio.server.store import Store
from veason.studio.server.versions import Versions

THUMB_SIDE = 240


class Queue:
    """Look-ups and decisions of the queue; each takes what the page sent and answers it, errors in words."""

    def __init__(self, store: Store, prelabelling: Prelabelling) -> None:
        self._store = store
        self._prelabelling = prelabelling
        self._versions = Versions()

    def look_ups(self) -> list[Callable[..., Any]]:
        """Return the functions for the page, cheap and outside the line for the models."""
        return [_told(self.queue), _told(self.thumb), _told(self.remarks), _told(self.act)]

    def queue(self, data: Any) -> dict[str, Any]:
        """Return everything the screen shows; only how pre-labelling goes where nothing changed since `revision`."""
        key, project = data.get("project"), self._store.shelf.get(data.get("project"))
        running = self._prelabelling.told(key)
        revision = project.revision
        if data.get("revision") == revision:
            return {"revision": revision, "prelabel": running}
        numbers = statistics(project)
        videos = {video.id: video for video in project.videos()}
        remarks, verdicts, disputed = project.open_comments(), project.standing_verdicts(), project.disputed()
        questions = project.questions()
        ious, are_all = self._versions.ious(str(key), project, questions)
        rows = [
            {
                **self._row(key, one, videos[one.video_id], numbers),
                "remarks": remarks.get(one.id, 0),
                "iou": ious.get(one.id),
                "verdicts": _verdicts(verdicts.get(one.id, ())),
                "isDisputed": one.id in disputed,
            }
            for one in questions
        ]
        return {
            "revision": revision if are_all else -1,  # the page asks again for what is missing
            "prelabel": running,
            "rows": rows,
            "people": sorted({one.assignee for one in questions if one.assignee}),
            "videos": numbers.num_videos,
            "masks": numbers.num_masks,
            "effort": _effort(numbers.total),
            "annotators": {name: _effort(effort) for name, effort in numbers.annotators.items()},
            "kinds": dict(numbers.total.edits),
        }

    def _row(self, key: str, question: Question, video: StoredVideo, numbers: Statistics) -> dict[str, Any]:
        work = self._store.find(f"{key}.{question.id}")
        return {
            "id": question.id,
            "video": video.id,
            "clip": video.title,
            "frames": video.num_frames,
            "isGone": not video.path.exists(),
            "instruction": question.instruction,
            "status": "thinking" if work is not None and work.is_running else question.status,
            "assignee": question.assignee,
            "doubt": question.doubt,
            "failure": question.failure,
            "isSecond": question.original_id is not None,
            "seen": question.revision,
            **_effort(numbers.questions.get(question.id, Effort())),
        }

    def thumb(self, data: Any) -> dict[str, Any]:
        """Return a small picture from the middle of a video; it is kept among the proxies."""
        project = self._store.shelf.get(data.get("project"))
        stored = project.video(read.whole_number(data, "video"))
        path = project.proxies / f"{stored.sha256[:16]}.txt"
        if path.is_file():
            return {"jpeg": path.read_text(encoding="ascii")}
        with project.open_video(stored.id) as video:
            picture = render.jpeg(video.frame(stored.num_frames // 2), longest=THUMB_SIDE)
        if not project.is_read_only:
            _keep(path, picture)
        return {"jpeg": picture}

    def remarks(self, data: Any) -> dict[str, Any]:
        """Return the comments on a question, and what reviewers say of it."""
        project, question_id = self._store.shelf.get(data.get("project")), read.whole_number(data, "question")
        found = project.comments(question_id)
        return {
            "verdicts": _verdicts(project.standing_verdicts(question_id).get(question_id, ())),
            "remarks": [
                {
                    "id": one.id,
                    "frame": one.frame_index,
                    "by": one.annotator or "",
                    "text": one.text,
                    "time": one.time,
                    "isDone": one.is_resolved,
                }
                for one in found
            ],
        }

    def act(self, data: Any) -> dict[str, Any]:
        """Decide, assign or remark on a question (`{"do", "question", ...}`), or start and stop pre-labelling."""
        key, project, hand = data.get("project"), self._store.shelf.get(data.get("project")), read_hand(data)
        kind = data.get("do")
        if kind == "prelabel":
            self._prelabelling.start(key, project)
            return {"prelabel": self._prelabelling.told(key)}
        if kind == "pause":
            self._prelabelling.stop(key)
            return {"prelabel": self._prelabelling.told(key)}
        question_id = read.whole_number(data, "question")
        if kind in ("accept", "reject", "reopen"):
            return self._decide(key, project, question_id, kind, hand)
        if kind == "frames":
            work = self._store.get(f"{key}.{question_id}")
            work.choose(read.frame_range(data, work.video.info.num_frames))
        elif kind in ("agree", "disagree"):
            self._judge(key, project, question_id, kind, hand)
        elif kind == "assign":
            name = " ".join(read.short_text(data, "name", 80).split())
            if data.get("isSecond") is True:
                return {"second": _second_version(project, question_id, name)}
            project.assign(question_id, name or None, annotator=hand.name)
        elif kind == "remark":
            frame = read.whole_number(data, "frame") if data.get("frame") is not None else None
            project.comment(question_id, read.short_text(data, "text").strip(), frame, annotator=hand.name)
        elif kind == "resolve":
            project.resolve(
                read.whole_number(data, "remark"), annotator=hand.name, is_resolved=data.get("on") is not False
            )
        else:
            raise SessionError(f"unknown action {kind!r}")
        return {"status": project.question(question_id).status}

    def _decide(self, key: str, project: Project, question_id: int, kind: str, hand: Hand) -> dict[str, Any]:
        self._seen_work(key, question_id, hand)
        status: Status
        if kind == "accept":
            status = project.accept(question_id, annotator=hand.name)
        else:
            status = "rejected" if kind == "reject" else "in review"
            project.set_status(question_id, status, annotator=hand.name)
        rank(project, question_id)
        return {"status": status, "seen": project.question(question_id).revision}

    def _seen_work(self, key: str, question_id: int, hand: Hand) -> None:
        """Stop the open work on a question and save what it has. Raises ChangedElsewhere if its labels are unseen."""
        work = self._store.find(f"{key}.{question_id}")
        if work is not None:
            work.stop()
            work.flush(hand)
            if work.others(hand):
                raise ChangedElsewhere("the labels were changed in another tab meanwhile: look at them, then decide")

    def _judge(self, key: str, project: Project, question_id: int, verdict: str, hand: Hand) -> None:
        if project.question(question_id).status not in ("accepted", "absent"):
            raise ProjectError("a review is about labels that were accepted: accept or reject these first")
        self._seen_work(key, question_id, hand)
        project.judge(question_id, verdict, annotator=hand.name)


def _second_version(project: Project, question_id: int, assignee: str) -> int:
    """Add a question of one's own to a second annotator's queue and return its id."""
    first = project.question(question_id)
    if first.original_id is not None:
        raise ProjectError("this is a second version already: give the first one to another person")
    return project.add_question(first.video_id, first.instruction, assignee or None, original_id=question_id)


def _verdicts(found: Iterable[Verdict]) -> list[dict[str, str]]:
    return [{"verdict": one.verdict, "by": one.annotator or ""} for one in found]


def _effort(effort: Effort) -> dict[str, Any]:
    return {"seconds": round(effort.seconds, 1), "edits": effort.num_edits}


def _keep(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_file(path) as file:
            file.write(text.encode("ascii"))
    except OSError:  # a proxy that cannot be kept is made again
        return


def _told(answer: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    def guarded(data: Any) -> dict[str, Any]:
        try:
            if not isinstance(data, dict):
                raise ProjectError("the page sent no object")
            return answer(data)
        except VeasonError as error:
            return {"error": str(error)}

    guarded.__name__ = answer.__name__
    return guarded
