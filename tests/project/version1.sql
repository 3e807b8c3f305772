-- A project of version 1 of the tables, as `sqlite3.Connection.iterdump` gives it.
PRAGMA application_id = 1447379283;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE answers (
    id INTEGER PRIMARY KEY,         -- the revision of the GotAnswer that brought it
    question_id INTEGER NOT NULL REFERENCES questions (id),
    answer TEXT NOT NULL,
    shown TEXT NOT NULL,
    policy TEXT,
    sampling TEXT
);
INSERT INTO "answers" VALUES(4,1,'{"thought":"the ball is seen in frame 2","keyframe":2,"boxes":[{"x1":0,"y1":4,"x2":8,"y2":12},{"x1":4,"y1":4,"x2":12,"y2":12}],"notes":[],"text":"<think>..."}','[0,2,5]','policy','{"temperature":0.0,"top_p":1.0,"max_new_tokens":1024,"num_samples":1,"seed":0}');
CREATE TABLE log (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    question_id INTEGER REFERENCES questions (id),
    operation TEXT NOT NULL,
    body TEXT NOT NULL,
    source TEXT,                    -- the model that made it, NULL for a person
    annotator TEXT,
    time REAL NOT NULL
);
INSERT INTO "log" VALUES(1,NULL,'video','{"video_id":1,"path":"/tmp/tmpcs1qwrxj/clip"}',NULL,NULL,1.79535498700915670394e+09);
INSERT INTO "log" VALUES(2,1,'question','{"video_id":1,"instruction":"the ball"}',NULL,NULL,1.79535498701726412779e+09);
INSERT INTO "log" VALUES(3,1,'record','{"type":"Asked","instruction":"the ball","shown":[0,2,5]}',NULL,NULL,1.79535498702112865454e+09);
INSERT INTO "log" VALUES(4,1,'follow','{"type":"GotAnswer","answer":{"thought":"the ball is seen in frame 2","keyframe":2,"boxes":[{"x1":0,"y1":4,"x2":8,"y2":12},{"x1":4,"y1":4,"x2":12,"y2":12}],"notes":[],"text":"<think>..."},"prompts":[{"object_id":1,"frame_index":2,"box":{"x1":0,"y1":4,"x2":8,"y2":12},"clicks":[],"mask":null},{"object_id":2,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}]}','policy',NULL,1.79535498703097367288e+09);
INSERT INTO "log" VALUES(5,1,'follow','{"type":"GotMasks","frames":{"0":{"1":1},"1":{"1":2},"2":{"1":3},"3":{"1":4},"4":{"1":5},"5":{"1":6}}}','segmenter',NULL,1.79535498703917717933e+09);
INSERT INTO "log" VALUES(6,1,'follow','{"type":"GotMasks","frames":{"0":{"2":7},"1":{"2":8},"2":{"2":9},"3":{"2":10},"4":{"2":11},"5":{"2":12}}}','segmenter',NULL,1.79535498704701590539e+09);
INSERT INTO "log" VALUES(7,1,'follow','{"type":"Tracked","object_ids":[1,2]}','segmenter',NULL,1.79535498705466794967e+09);
INSERT INTO "log" VALUES(8,1,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":4,"box":{"x1":7,"y1":4,"x2":15,"y2":12},"clicks":[],"mask":null}}',NULL,NULL,1.79535498705861973757e+09);
INSERT INTO "log" VALUES(9,1,'follow','{"type":"GotMasks","frames":{"3":{"1":13},"4":{"1":14},"5":{"1":15}}}','segmenter',NULL,1.79535498706690883636e+09);
INSERT INTO "log" VALUES(10,1,'record','{"type":"Marked","object_id":2,"start":0,"stop":2,"kind":"verified"}',NULL,'ann',1.79535498707467055319e+09);
INSERT INTO "log" VALUES(11,1,'undo','{}',NULL,NULL,1.79535498707871890066e+09);
INSERT INTO "log" VALUES(12,1,'name','{"object_id":1,"name":"left ball"}',NULL,NULL,1.79535498708672451974e+09);
INSERT INTO "log" VALUES(13,1,'status','{"status":"in review"}',NULL,NULL,1.79535498709479188921e+09);
CREATE TABLE marks (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    object_id INTEGER NOT NULL,
    frame_index INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('verified', 'absent')),
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
    counts BLOB NOT NULL            -- COCO run-length code at the video's size, see veason.project.codec
);
INSERT INTO "masks" VALUES(1,1,1,0,1,'propagated',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(2,1,1,1,1,'propagated',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(3,1,1,2,1,'model',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(4,1,1,3,0,'propagated',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(5,1,1,4,0,'propagated',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(6,1,1,5,0,'propagated',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(7,1,2,0,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(8,1,2,1,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(9,1,2,2,1,'model',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(10,1,2,3,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(11,1,2,4,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(12,1,2,5,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(13,1,1,3,1,'propagated',5.0,X'78018B31B5483040012936002F77046A');
INSERT INTO "masks" VALUES(14,1,1,4,1,'corrected',5.0,X'78018B31B5483040012936002F77046A');
INSERT INTO "masks" VALUES(15,1,1,5,1,'propagated',5.0,X'78018B31B5483040012936002F77046A');
CREATE TABLE objects (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    object_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (question_id, object_id)
) WITHOUT ROWID;
INSERT INTO "objects" VALUES(1,1,'left ball');
CREATE TABLE prompts (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    object_id INTEGER NOT NULL,
    frame_index INTEGER NOT NULL,
    is_by_hand INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    PRIMARY KEY (question_id, object_id, frame_index)
) WITHOUT ROWID;
INSERT INTO "prompts" VALUES(1,1,2,0,'{"object_id":1,"frame_index":2,"box":{"x1":0,"y1":4,"x2":8,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(1,1,4,1,'{"object_id":1,"frame_index":4,"box":{"x1":7,"y1":4,"x2":15,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(1,2,2,0,'{"object_id":2,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}');
CREATE TABLE questions (
    id INTEGER PRIMARY KEY,
    video_id INTEGER NOT NULL REFERENCES videos (id),
    instruction TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'new'
        CHECK (status IN ('new', 'thinking', 'proposed', 'in review', 'accepted', 'rejected', 'absent')),
    assignee TEXT,
    revision INTEGER NOT NULL,
    position INTEGER NOT NULL DEFAULT 0,    -- how many steps can be undone
    state TEXT NOT NULL DEFAULT '{}',       -- the scalars of veason.project.state
    reasoning TEXT,
    answer_id INTEGER REFERENCES answers (id),
    segmenter TEXT,
    doubt REAL,
    failure TEXT
);
INSERT INTO "questions" VALUES(1,1,'the ball','in review',NULL,13,2,'{"instruction":"the ball","shown":[0,2,5],"keyframe":2,"stale":[1],"answered":4,"reasoning":"stale","thought":null}','stale',4,'segmenter',NULL,NULL);
CREATE TABLE steps (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    step INTEGER NOT NULL,
    revision INTEGER NOT NULL,      -- of the edit that made the step
    changes TEXT NOT NULL,
    PRIMARY KEY (question_id, step)
) WITHOUT ROWID;
INSERT INTO "steps" VALUES(1,1,3,'[["instruction","","the ball"],["shown",[],[0,2,5]],["keyframe",null,2],["answered",null,4],["reasoning",null,"fresh"],["prompt",1,2,null,[false,{"object_id":1,"frame_index":2,"box":{"x1":0,"y1":4,"x2":8,"y2":12},"clicks":[],"mask":null}]],["prompt",2,2,null,[false,{"object_id":2,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}]],["mask",1,2,null,3],["mask",1,5,null,6],["mask",1,0,null,1],["mask",1,1,null,2],["mask",1,3,null,4],["mask",1,4,null,5],["mask",2,3,null,10],["mask",2,4,null,11],["mask",2,1,null,8],["mask",2,2,null,9],["mask",2,5,null,12],["mask",2,0,null,7]]');
INSERT INTO "steps" VALUES(1,2,8,'[["stale",[],[1]],["reasoning","fresh","stale"],["prompt",1,4,null,[true,{"object_id":1,"frame_index":4,"box":{"x1":7,"y1":4,"x2":15,"y2":12},"clicks":[],"mask":null}]],["mask",1,3,4,13],["mask",1,4,5,14],["mask",1,5,6,15]]');
INSERT INTO "steps" VALUES(1,3,10,'[["mark",2,0,null,"verified"],["mark",2,1,null,"verified"]]');
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
INSERT INTO "videos" VALUES(1,'clip','8421aa878669245ac875bdb517a40e7ce863bfaedf4c093ad0dab59275db08a5',6,32,24,24.0,0.0,2.08333333333333342585e-01,0,'images');
CREATE INDEX questions_by_status ON questions (status);
CREATE UNIQUE INDEX current_masks ON masks (question_id, frame_index, object_id) WHERE is_current = 1;
CREATE INDEX log_by_question ON log (question_id, revision);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('log',13);
COMMIT;
