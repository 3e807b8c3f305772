"""Projects: a folder a person owns, in which nothing is lost.

with Project.create("work") as project:
    video = project.add_video("clip.mp4")
    question = project.add_question(video, "the red ball")
    project.record(question, PutPrompt(Prompt(1, 0, box=Box(1, 2, 30, 40))))   # on the disk when it returns
    project.undo(question)

schema.py      the tables, and migrations
database.py    connections, transactions, what the disk says in words
codec.py       dataclasses to JSON and back
records.py     what a project tells about itself
state.py       a question's state: its Session, marks and reasoning; the edits of it
changes.py     states told apart, and steps between them
runs.py        places as runs of frames
whole.py       what copies and merges do to what is said of masks
maskrows.py    masks between rows, the log and edits
edits.py       edits to rows and back, undo, replay
videos.py      where videos lie
library.py     videos and questions
queue.py       statuses, assignment, comments, verdicts
store.py       Project: all of it
statistics.py  progress, time, doubt, agreement of two annotators
sources.py     folders of videos, lists of instructions and datasets into the queue
prelabel.py    models work through the queue
folder.py      pack and unpack; quota and lifetime of many projects
"""

from veason.project.records import (
    STATUSES,
    Change,
    ChangedElsewhere,
    Comment,
    Question,
    StoredAnswer,
    StoredMask,
    StoredObject,
    StoredPrompt,
    StoredVideo,
    Verdict,
)
from veason.project.store import Project

__all__ = [
    "STATUSES",
    "Change",
    "ChangedElsewhere",
    "Comment",
    "Project",
    "Question",
    "StoredAnswer",
    "StoredMask",
    "StoredObject",
    "StoredPrompt",
    "StoredVideo",
    "Verdict",
]
