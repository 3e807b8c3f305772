"""The tables of a project file, and the steps that bring an older file up to date.

A file's version is `PRAGMA user_version`, the number of MIGRATIONS that it has seen. A change of the tables is a new
entry at the end; entries that were released never change. `migrate` runs those that a file has not seen.

    log        what happened, in order: the truth. Its key is the revision of the project
    questions  one instruction about one video, the small parts of its state, and which masks wait to be computed;
               a deleted one keeps its rows, so that it can be restored
    prompts, masks, marks, answers   the large parts, as the log left them
    steps      the way from each undoable state to the next: what changed, before and after
    step_parts what a model reported since, as further parts of a step

`masks` keeps every version that the log names; `is_current` tells the ones that count.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from veason.project.upgrade import fill_pending, fill_prompts

APPLICATION_ID = 0x5645_4153
"""The letters VEAS: tells a project file from other SQLite files."""

_VERSION_1 = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE videos (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,             -- relative to the project folder where the video lies inside it
    sha256 TEXT NOT NULL UNIQUE,
    num_frames INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    fps REAL NOT NULL,
    first_timestamp REAL NOT NULL,
    last_timestamp REAL NOT NULL,
    has_variable_rate INTEGER NOT NULL,
    decoder TEXT NOT NULL
);

CREATE TABLE questions (
    id INTEGER PRIMARY KEY,
    video_id INTEGER NOT NULL REFERENCES videos (id),
    instruction TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'new'
        CHECK (status IN ('new', 'thinking', 'proposed', 'in review', 'accepted', 'rejected', 'absent')),
    assignee TEXT,
    revision INTEGER NOT NULL,
    position INTEGER NOT NULL DEFAULT 0,    -- how many steps can be undone
    state TEXT NOT NULL DEFAULT '{}',       -- the scalars of veason.annotation.difference
    reasoning TEXT,
    answer_id INTEGER REFERENCES answers (id),
    segmenter TEXT,
    doubt REAL,
    failure TEXT
);
CREATE INDEX questions_by_status ON questions (status);

CREATE TABLE answers (
    id INTEGER PRIMARY KEY,         -- the revision of the GotAnswer that brought it
    question_id INTEGER NOT NULL REFERENCES questions (id),
    answer TEXT NOT NULL,
    shown TEXT NOT NULL,
    policy TEXT,
    sampling TEXT
);

CREATE TABLE objects (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    object_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (question_id, object_id)
) WITHOUT ROWID;

CREATE TABLE prompts (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    object_id INTEGER NOT NULL,
    frame_index INTEGER NOT NULL,
    is_by_hand INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    PRIMARY KEY (question_id, object_id, frame_index)
) WITHOUT ROWID;

CREATE TABLE masks (
    id INTEGER PRIMARY KEY,
    question_id INTEGER NOT NULL REFERENCES questions (id),
    object_id INTEGER NOT NULL,
    frame_index INTEGER NOT NULL,
    is_current INTEGER NOT NULL,
    provenance TEXT NOT NULL,
    score REAL NOT NULL,
    counts BLOB NOT NULL            -- COCO run-length code at the video's size, see veason.project.maskrows
);
CREATE UNIQUE INDEX current_masks ON masks (question_id, frame_index, object_id) WHERE is_current = 1;

CREATE TABLE marks (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    object_id INTEGER NOT NULL,
    frame_index INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('verified', 'absent')),
    PRIMARY KEY (question_id, object_id, frame_index)
) WITHOUT ROWID;

CREATE TABLE steps (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    step INTEGER NOT NULL,
    revision INTEGER NOT NULL,      -- of the edit that made the step
    changes TEXT NOT NULL,
    PRIMARY KEY (question_id, step)
) WITHOUT ROWID;

CREATE TABLE log (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    question_id INTEGER REFERENCES questions (id),
    operation TEXT NOT NULL,
    body TEXT NOT NULL,
    source TEXT,                    -- the model that made it, NULL for a person
    annotator TEXT,
    time REAL NOT NULL
);
CREATE INDEX log_by_question ON log (question_id, revision);
"""

_VERSION_2 = """
ALTER TABLE questions ADD COLUMN original_id INTEGER REFERENCES questions (id);
CREATE INDEX questions_by_video ON questions (video_id);

CREATE TABLE comments (
    id INTEGER PRIMARY KEY,
    question_id INTEGER NOT NULL REFERENCES questions (id),
    frame_index INTEGER,            -- NULL: about the whole question
    annotator TEXT,
    text TEXT NOT NULL,
    time REAL NOT NULL,
    is_resolved INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    question_id INTEGER NOT NULL REFERENCES questions (id),
    verdict TEXT NOT NULL,          -- agree, disagree, or a tag such as "wrong keyframe"
    annotator TEXT,
    text TEXT NOT NULL DEFAULT '',
    time REAL NOT NULL
);
"""

_VERSION_3 = """
ALTER TABLE questions ADD COLUMN pending TEXT NOT NULL DEFAULT '{}';    -- runs of frames to compute, by object
"""

_VERSION_4 = """
ALTER TABLE questions ADD COLUMN deleted_at REAL;    -- seconds since 1970; NULL: it is there
"""

_VERSION_5 = """
ALTER TABLE prompts ADD COLUMN number INTEGER NOT NULL DEFAULT 0;    -- ascending in the order they were made

CREATE TABLE step_parts (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    step INTEGER NOT NULL,
    part INTEGER NOT NULL,          -- below 0: before the changes of the step, above 0: after them
    changes TEXT NOT NULL,
    PRIMARY KEY (question_id, step, part)
) WITHOUT ROWID;
"""

MIGRATIONS: tuple[tuple[str, Callable[[sqlite3.Connection], None] | None], ...] = (
    (_VERSION_1, None),
    (_VERSION_2, None),
    (_VERSION_3, fill_pending),
    (_VERSION_4, None),
    (_VERSION_5, fill_prompts),
)
"""The SQL that leads from each version to the next, and what then fills its new columns; a new file sees all of it."""

VERSION = len(MIGRATIONS)
"""The version that this program reads and writes."""


def migrate(db: sqlite3.Connection, version: int, to: int = VERSION) -> None:
    """Bring the tables from a version (0: none) to this program's or an earlier one, inside the open transaction."""
    for script, fill in MIGRATIONS[version:to]:
        _run_script(db, script)
        if fill is not None:
            fill(db)
    db.execute(f"PRAGMA user_version = {to}")


def _run_script(db: sqlite3.Connection, script: str) -> None:
    """Run the statements of a script one by one (executescript would commit the transaction)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""
