"""Projects: a folder a person owns, in which nothing is lost.

with Project.create("work") as project:
    video = project.library.add_video("clip.mp4")
    question = project.library.add_question(video, "the red ball")
    project.labels.record(question, PutPrompt(Prompt(1, 0, box=Box(1, 2, 30, 40))))   # on the disk when it returns
    project.labels.undo(question)

schema.py      the tables, and migrations
upgrade.py     what waits to be computed, brought from version 2 of the tables into version 3
database.py    connections, transactions, what the disk says in words
records.py     what a project tells about itself
duplicate.py   a copy of a question
maskrows.py    masks between rows, the log and edits
edits.py       edits of an annotation to rows and back, undo
videos.py      where videos lie
library.py     Library: videos, questions and the log
queue.py       Queue: statuses, assignment, comments, verdicts
labels.py      LabelStore: edits, masks and answers
classes.py     Classes: what objects can be
gate.py        AcceptGate: what has to be done before labels are accepted
overlap_rule.py OverlapRule: whether objects may share pixels in what is exported
doubt.py       LearntDoubt: doubt as people judged it
project.py     Project: the folder, which has a library, a queue and labels
statistics.py  progress, time, doubt, agreement of two annotators
sources.py     folders of videos, lists of instructions and datasets into the queue
prelabel.py    models work through the queue
foreign.py     a database that comes from anybody, copied row by row
foreign_rows.py what its rows may hold
folder.py      pack and unpack; quota and lifetime of many projects
"""

from veason.project.project import Project
from veason.project.records import (
    STATUSES,
    Change,
    ChangedElsewhere,
    Comment,
    Labelled,
    Question,
    StoredAnswer,
    StoredMask,
    StoredObject,
    StoredPrompt,
    StoredVideo,
    Verdict,
)

__all__ = [
    "STATUSES",
    "Change",
    "ChangedElsewhere",
    "Comment",
    "Labelled",
    "Project",
    "Question",
    "StoredAnswer",
    "StoredMask",
    "StoredObject",
    "StoredPrompt",
    "StoredVideo",
    "Verdict",
]
