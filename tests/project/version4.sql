-- A project of version 4 of the tables, made by the program of commit 3c9d4cb of version3.sql and a few edits, as
-- `sqlite3.Connection.iterdump` gives it.
PRAGMA application_id = 1447379283;
PRAGMA user_version = 4;
BEGIN TRANSACTION;
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "about" VALUES('range 1','[2,5]');
CREATE TABLE answers (
    id INTEGER PRIMARY KEY,         -- the revision of the GotAnswer that brought it
    question_id INTEGER NOT NULL REFERENCES questions (id),
    answer TEXT NOT NULL,
    shown TEXT NOT NULL,
    policy TEXT,
    sampling TEXT
);
INSERT INTO "answers" VALUES(4,1,'{"thought":"the ball is seen in frame 2","keyframe":2,"boxes":[{"x1":0,"y1":4,"x2":8,"y2":12},{"x1":4,"y1":4,"x2":12,"y2":12}],"notes":[],"text":"<think>..."}','[0,2,5]','policy','{"temperature":0.0,"top_p":1.0,"max_new_tokens":1024,"num_samples":1,"seed":0}');
CREATE TABLE comments (
    id INTEGER PRIMARY KEY,
    question_id INTEGER NOT NULL REFERENCES questions (id),
    frame_index INTEGER,            -- NULL: about the whole question
    annotator TEXT,
    text TEXT NOT NULL,
    time REAL NOT NULL,
    is_resolved INTEGER NOT NULL DEFAULT 0
);
INSERT INTO "comments" VALUES(1,1,3,'bob','look here',1.7958059425694336891e+09,0);
CREATE TABLE log (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    question_id INTEGER REFERENCES questions (id),
    operation TEXT NOT NULL,
    body TEXT NOT NULL,
    source TEXT,                    -- the model that made it, NULL for a person
    annotator TEXT,
    time REAL NOT NULL
);
INSERT INTO "log" VALUES(1,NULL,'video','{"video_id":1,"path":"clip"}',NULL,NULL,1.79580594235793375964e+09);
INSERT INTO "log" VALUES(2,1,'question','{"video_id":1,"instruction":"the ball"}',NULL,NULL,1.7958059423642184734e+09);
INSERT INTO "log" VALUES(3,1,'record','{"type":"Asked","instruction":"the ball","shown":[0,2,5]}',NULL,NULL,1.79580594237530922888e+09);
INSERT INTO "log" VALUES(4,1,'follow','{"type":"GotAnswer","answer":{"thought":"the ball is seen in frame 2","keyframe":2,"boxes":[{"x1":0,"y1":4,"x2":8,"y2":12},{"x1":4,"y1":4,"x2":12,"y2":12}],"notes":[],"text":"<think>..."},"prompts":[{"object_id":1,"frame_index":2,"box":{"x1":0,"y1":4,"x2":8,"y2":12},"clicks":[],"mask":null},{"object_id":2,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}]}','policy',NULL,1.79580594237851476672e+09);
INSERT INTO "log" VALUES(5,1,'follow','{"type":"GotMasks","frames":{"0":{"1":1},"1":{"1":2},"2":{"1":3},"3":{"1":4},"4":{"1":5},"5":{"1":6}}}','segmenter',NULL,1795805942.38214);
INSERT INTO "log" VALUES(6,1,'follow','{"type":"GotMasks","frames":{"0":{"2":7},"1":{"2":8},"2":{"2":9},"3":{"2":10},"4":{"2":11},"5":{"2":12}}}','segmenter',NULL,1.7958059423864603043e+09);
INSERT INTO "log" VALUES(7,1,'follow','{"type":"Tracked","object_ids":[1,2]}','segmenter',NULL,1.79580594239268207554e+09);
INSERT INTO "log" VALUES(8,1,'record','{"type":"Named","object_id":1,"name":"left ball"}',NULL,NULL,1.79580594240381908417e+09);
INSERT INTO "log" VALUES(9,1,'status','{"status":"in review"}',NULL,NULL,1.79580594240420174595e+09);
INSERT INTO "log" VALUES(10,1,'record','{"type":"Marked","object_id":2,"start":0,"stop":2,"kind":"verified"}',NULL,NULL,1.79580594241145753862e+09);
INSERT INTO "log" VALUES(11,1,'record','{"type":"Occluded","object_id":1,"start":3,"stop":5,"is_occluded":true}',NULL,NULL,1.79580594241986966136e+09);
INSERT INTO "log" VALUES(12,1,'record','{"type":"Reasoned","thought":"it rolls"}',NULL,NULL,1795805942.429);
INSERT INTO "log" VALUES(13,1,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":4,"box":{"x1":7,"y1":4,"x2":15,"y2":12},"clicks":[],"mask":null}}',NULL,NULL,1.79580594243148541455e+09);
INSERT INTO "log" VALUES(14,1,'follow','{"type":"GotMasks","frames":{"5":{"1":13}}}','segmenter',NULL,1.79580594243567466736e+09);
INSERT INTO "log" VALUES(15,1,'follow','{"type":"GotMasks","frames":{"4":{"1":14}}}','segmenter',NULL,1.79580594244030094142e+09);
INSERT INTO "log" VALUES(16,1,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":1,"box":null,"clicks":[{"x":6,"y":6,"is_positive":true}],"mask":null}}',NULL,NULL,1.7958059424459228516e+09);
INSERT INTO "log" VALUES(17,1,'follow','{"type":"GotMasks","frames":{"1":{"1":15}}}','segmenter',NULL,1.7958059424508955479e+09);
INSERT INTO "log" VALUES(18,1,'record','{"type":"Duplicated","source_id":2,"object_id":3}',NULL,NULL,1.79580594245902657509e+09);
INSERT INTO "log" VALUES(19,1,'record','{"type":"Locked","object_id":3,"is_locked":true}',NULL,NULL,1.79580594246448898318e+09);
INSERT INTO "log" VALUES(20,1,'undo','{}',NULL,NULL,1.79580594247084879876e+09);
INSERT INTO "log" VALUES(21,1,'undo','{}',NULL,NULL,1.7958059424760951996e+09);
INSERT INTO "log" VALUES(22,1,'record','{"type":"Locked","object_id":2,"is_locked":true}',NULL,NULL,1.79580594248049807545e+09);
INSERT INTO "log" VALUES(23,1,'follow','{"type":"GotMasks","frames":{"2":{"1":22}}}','segmenter',NULL,1.79580594248333287243e+09);
INSERT INTO "log" VALUES(24,1,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":5,"box":{"x1":3,"y1":4,"x2":11,"y2":12},"clicks":[],"mask":null}}',NULL,NULL,1.79580594249089145657e+09);
INSERT INTO "log" VALUES(25,1,'undo','{}',NULL,NULL,1.79580594249703192708e+09);
INSERT INTO "log" VALUES(26,2,'question','{"video_id":1,"instruction":"the cube"}',NULL,NULL,1.79580594250141358371e+09);
INSERT INTO "log" VALUES(27,2,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}}',NULL,NULL,1.79580594251044917109e+09);
INSERT INTO "log" VALUES(28,2,'status','{"status":"in review"}',NULL,NULL,1.79580594251157426828e+09);
INSERT INTO "log" VALUES(29,2,'follow','{"type":"GotMasks","frames":{"0":{"1":23}}}','segmenter',NULL,1.79580594251728916169e+09);
INSERT INTO "log" VALUES(30,2,'follow','{"type":"GotMasks","frames":{"1":{"1":24},"2":{"1":25},"3":{"1":26},"4":{"1":27},"5":{"1":28}}}','segmenter',NULL,1.79580594252169871332e+09);
INSERT INTO "log" VALUES(31,2,'follow','{"type":"Tracked","object_ids":[1]}',NULL,NULL,1.79580594252675557133e+09);
INSERT INTO "log" VALUES(32,2,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":3,"box":{"x1":6,"y1":4,"x2":14,"y2":12},"clicks":[],"mask":null}}',NULL,NULL,1.79580594253138303758e+09);
INSERT INTO "log" VALUES(33,2,'record','{"type":"PutPrompt","prompt":{"object_id":2,"frame_index":0,"box":{"x1":12,"y1":4,"x2":20,"y2":12},"clicks":[],"mask":null}}',NULL,NULL,1.79580594253970384594e+09);
INSERT INTO "log" VALUES(34,2,'follow','{"type":"GotMasks","frames":{"3":{"1":29},"4":{"1":30}}}','segmenter',NULL,1.79580594254537034035e+09);
INSERT INTO "log" VALUES(35,3,'question','{"video_id":1,"instruction":"the ring"}',NULL,NULL,1.79580594255030941966e+09);
INSERT INTO "log" VALUES(36,3,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}}',NULL,NULL,1.79580594255175399784e+09);
INSERT INTO "log" VALUES(37,3,'status','{"status":"in review"}',NULL,NULL,1.79580594255566692351e+09);
INSERT INTO "log" VALUES(38,3,'follow','{"type":"GotMasks","frames":{"2":{"1":31}}}','segmenter',NULL,1.79580594255911803244e+09);
INSERT INTO "log" VALUES(39,3,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":5,"box":{"x1":9,"y1":4,"x2":17,"y2":12},"clicks":[],"mask":null}}',NULL,'ann',1.79580594256473541261e+09);
INSERT INTO "log" VALUES(40,4,'question','{"video_id":1,"instruction":"the ball"}',NULL,NULL,1.79580594256741166115e+09);
INSERT INTO "log" VALUES(41,4,'follow','{"type":"GotMasks","frames":{"0":{"1":32},"1":{"1":33},"2":{"1":34}}}','import',NULL,1.79580594256837677955e+09);
INSERT INTO "log" VALUES(42,1,'comment','{"comment_id":1,"frame_index":3,"text":"look here"}',NULL,'bob',1.79580594256953620909e+09);
INSERT INTO "log" VALUES(43,2,'status','{"status":"accepted"}',NULL,NULL,1.79580594257082748412e+09);
INSERT INTO "log" VALUES(44,2,'verdict','{"verdict":"disagree","text":""}',NULL,'eve',1.79580594257279515264e+09);
INSERT INTO "log" VALUES(45,5,'question','{"video_id":1,"instruction":"the cone"}',NULL,NULL,1.7958188297554981709e+09);
INSERT INTO "log" VALUES(46,5,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":3,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}}',NULL,NULL,1.7958188297960414886e+09);
INSERT INTO "log" VALUES(47,5,'follow','{"type":"GotMasks","frames":{"0":{"1":35},"1":{"1":36},"2":{"1":37},"3":{"1":38},"4":{"1":39},"5":{"1":40}}}','segmenter',NULL,1.79581882987160658836e+09);
INSERT INTO "log" VALUES(48,5,'follow','{"type":"Tracked","object_ids":[1]}',NULL,NULL,1.79581882992695808414e+09);
INSERT INTO "log" VALUES(49,5,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":5,"box":null,"clicks":[{"x":7,"y":6,"is_positive":true}],"mask":null}}',NULL,NULL,1.79581882997915530204e+09);
INSERT INTO "log" VALUES(50,5,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":0,"box":null,"clicks":[{"x":6,"y":6,"is_positive":true}],"mask":null}}',NULL,NULL,1795818830.00761);
INSERT INTO "log" VALUES(51,5,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":4,"box":null,"clicks":[{"x":8,"y":6,"is_positive":true}],"mask":null}}',NULL,NULL,1.79581883004315948481e+09);
INSERT INTO "log" VALUES(52,5,'record','{"type":"DropPrompt","object_id":1,"frame_index":5}',NULL,NULL,1.79581883007111358643e+09);
INSERT INTO "log" VALUES(53,5,'undo','{}',NULL,NULL,1.79581883012337970733e+09);
INSERT INTO "log" VALUES(54,5,'record','{"type":"DropPrompt","object_id":1,"frame_index":0}',NULL,NULL,1.79581883017514014246e+09);
INSERT INTO "log" VALUES(55,5,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":0,"box":null,"clicks":[{"x":9,"y":6,"is_positive":true}],"mask":null}}',NULL,NULL,1.79581883021911048892e+09);
INSERT INTO "log" VALUES(56,5,'follow','{"type":"GotMasks","frames":{"0":{"1":41},"1":{"1":42}}}','segmenter',NULL,1.79581883025577974315e+09);
INSERT INTO "log" VALUES(57,5,'follow','{"type":"GotMasks","frames":{"2":{"1":43},"3":{"1":44}}}','segmenter',NULL,1.79581883030330967908e+09);
INSERT INTO "log" VALUES(58,5,'record','{"type":"Duplicated","source_id":1,"object_id":2}',NULL,NULL,1.79581883035157084463e+09);
INSERT INTO "log" VALUES(59,5,'record','{"type":"PutPrompt","prompt":{"object_id":2,"frame_index":2,"box":null,"clicks":[{"x":9,"y":6,"is_positive":true}],"mask":null}}',NULL,NULL,1.79581883040318393703e+09);
INSERT INTO "log" VALUES(60,5,'undo','{}',NULL,NULL,1.79581883043932032583e+09);
INSERT INTO "log" VALUES(61,5,'follow','{"type":"GotMasks","frames":{"1":{"1":51}}}','segmenter',NULL,1.79581883048828196526e+09);
INSERT INTO "log" VALUES(62,6,'question','{"video_id":1,"instruction":"the gone one"}',NULL,NULL,1795818830.53925);
INSERT INTO "log" VALUES(63,6,'record','{"type":"PutPrompt","prompt":{"object_id":1,"frame_index":1,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}}',NULL,NULL,1.79581883057332158089e+09);
INSERT INTO "log" VALUES(64,6,'delete','{}',NULL,NULL,1.79581883060828566547e+09);
CREATE TABLE marks (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    object_id INTEGER NOT NULL,
    frame_index INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('verified', 'absent')),
    PRIMARY KEY (question_id, object_id, frame_index)
) WITHOUT ROWID;
INSERT INTO "marks" VALUES(1,2,0,'verified');
INSERT INTO "marks" VALUES(1,2,1,'verified');
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
INSERT INTO "masks" VALUES(2,1,1,1,0,'propagated',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(3,1,1,2,0,'model',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(4,1,1,3,1,'propagated',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(5,1,1,4,0,'propagated',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(6,1,1,5,0,'propagated',5.0,X'780133B148304001398906002CD2046A');
INSERT INTO "masks" VALUES(7,1,2,0,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(8,1,2,1,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(9,1,2,2,1,'model',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(10,1,2,3,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(11,1,2,4,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(12,1,2,5,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(13,1,1,5,1,'propagated',5.0,X'7801CB31B34830400121D60030A9046A');
INSERT INTO "masks" VALUES(14,1,1,4,1,'corrected',5.0,X'78010B31B34830400139D6002EF9046A');
INSERT INTO "masks" VALUES(15,1,1,1,1,'corrected',5.0,X'78014B31B748304001315600302B046A');
INSERT INTO "masks" VALUES(16,1,3,0,0,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(17,1,3,1,0,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(18,1,3,2,0,'model',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(19,1,3,3,0,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(20,1,3,4,0,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(21,1,3,5,0,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(22,1,1,2,1,'model',5.0,X'78018BB1B0483040012996002FAD046A');
INSERT INTO "masks" VALUES(23,2,1,0,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(24,2,1,1,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(25,2,1,2,1,'corrected',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(26,2,1,3,0,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(27,2,1,4,0,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(28,2,1,5,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(29,2,1,3,1,'corrected',5.0,X'78014B31B14830400131B6002FF5046A');
INSERT INTO "masks" VALUES(30,2,1,4,1,'propagated',5.0,X'78014B31B14830400131B6002FF5046A');
INSERT INTO "masks" VALUES(31,3,1,2,1,'corrected',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(32,4,1,0,1,'propagated',5.0,X'7801CB31B6483040012176003073046A');
INSERT INTO "masks" VALUES(33,4,1,1,1,'propagated',5.0,X'7801CB31B6483040012176003073046A');
INSERT INTO "masks" VALUES(34,4,1,2,1,'propagated',5.0,X'7801CB31B6483040012176003073046A');
INSERT INTO "masks" VALUES(35,5,1,0,0,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(36,5,1,1,0,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(37,5,1,2,0,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(38,5,1,3,0,'corrected',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(39,5,1,4,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(40,5,1,5,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(41,5,1,0,1,'corrected',5.0,X'7801CB31B6483040012176003073046A');
INSERT INTO "masks" VALUES(42,5,1,1,0,'propagated',5.0,X'78014B31B14830400131B6002FF5046A');
INSERT INTO "masks" VALUES(43,5,1,2,1,'propagated',5.0,X'78018B31B5483040012936002F77046A');
INSERT INTO "masks" VALUES(44,5,1,3,1,'corrected',5.0,X'78010B31B34830400139D6002EF9046A');
INSERT INTO "masks" VALUES(45,5,2,0,1,'corrected',5.0,X'7801CB31B6483040012176003073046A');
INSERT INTO "masks" VALUES(46,5,2,1,1,'propagated',5.0,X'78014B31B14830400131B6002FF5046A');
INSERT INTO "masks" VALUES(47,5,2,2,1,'propagated',5.0,X'78018B31B5483040012936002F77046A');
INSERT INTO "masks" VALUES(48,5,2,3,1,'corrected',5.0,X'78010B31B34830400139D6002EF9046A');
INSERT INTO "masks" VALUES(49,5,2,4,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(50,5,2,5,1,'propagated',5.0,X'78010B31B6483040013976002EC3046A');
INSERT INTO "masks" VALUES(51,5,1,1,1,'propagated',5.0,X'78018BB1B0483040012996002FAD046A');
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
INSERT INTO "prompts" VALUES(1,1,1,1,'{"object_id":1,"frame_index":1,"box":null,"clicks":[{"x":6,"y":6,"is_positive":true}],"mask":null}');
INSERT INTO "prompts" VALUES(1,1,2,0,'{"object_id":1,"frame_index":2,"box":{"x1":0,"y1":4,"x2":8,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(1,1,4,1,'{"object_id":1,"frame_index":4,"box":{"x1":7,"y1":4,"x2":15,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(1,2,2,0,'{"object_id":2,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(2,1,2,1,'{"object_id":1,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(2,1,3,1,'{"object_id":1,"frame_index":3,"box":{"x1":6,"y1":4,"x2":14,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(2,2,0,1,'{"object_id":2,"frame_index":0,"box":{"x1":12,"y1":4,"x2":20,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(3,1,2,1,'{"object_id":1,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(3,1,5,1,'{"object_id":1,"frame_index":5,"box":{"x1":9,"y1":4,"x2":17,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(5,1,0,1,'{"object_id":1,"frame_index":0,"box":null,"clicks":[{"x":9,"y":6,"is_positive":true}],"mask":null}');
INSERT INTO "prompts" VALUES(5,1,3,1,'{"object_id":1,"frame_index":3,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(5,1,4,1,'{"object_id":1,"frame_index":4,"box":null,"clicks":[{"x":8,"y":6,"is_positive":true}],"mask":null}');
INSERT INTO "prompts" VALUES(5,1,5,1,'{"object_id":1,"frame_index":5,"box":null,"clicks":[{"x":7,"y":6,"is_positive":true}],"mask":null}');
INSERT INTO "prompts" VALUES(5,2,0,1,'{"object_id":2,"frame_index":0,"box":null,"clicks":[{"x":9,"y":6,"is_positive":true}],"mask":null}');
INSERT INTO "prompts" VALUES(5,2,3,1,'{"object_id":2,"frame_index":3,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}');
INSERT INTO "prompts" VALUES(5,2,4,1,'{"object_id":2,"frame_index":4,"box":null,"clicks":[{"x":8,"y":6,"is_positive":true}],"mask":null}');
INSERT INTO "prompts" VALUES(5,2,5,1,'{"object_id":2,"frame_index":5,"box":null,"clicks":[{"x":7,"y":6,"is_positive":true}],"mask":null}');
INSERT INTO "prompts" VALUES(6,1,1,1,'{"object_id":1,"frame_index":1,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}');
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
, original_id INTEGER REFERENCES questions (id), pending TEXT NOT NULL DEFAULT '{}', deleted_at REAL);
INSERT INTO "questions" VALUES(1,1,'the ball','in review',NULL,25,8,'{"instruction":"the ball","shown":[0,2,5],"keyframe":2,"answered":4,"reasoning":"stale","thought":"it rolls","locked":[2],"occluded":[[1,3,5]]}','stale',4,'segmenter',NULL,NULL,NULL,'{"1":[[0,6]]}',NULL);
INSERT INTO "questions" VALUES(2,1,'the cube','accepted','bob',43,3,'{"instruction":"","shown":[],"keyframe":2,"answered":null,"reasoning":null,"thought":null,"locked":[],"occluded":[]}',NULL,NULL,'segmenter',NULL,NULL,NULL,'{"1":[[5,6]],"2":[[0,6]]}',NULL);
INSERT INTO "questions" VALUES(3,1,'the ring','in review',NULL,39,2,'{"instruction":"","shown":[],"keyframe":2,"answered":null,"reasoning":null,"thought":null,"locked":[],"occluded":[]}',NULL,NULL,'segmenter',NULL,NULL,NULL,'{"1":[[0,6]]}',NULL);
INSERT INTO "questions" VALUES(4,1,'the ball','new','eve',41,0,'{"instruction":"","shown":[],"keyframe":null,"answered":null,"reasoning":null,"thought":null,"locked":[],"occluded":[]}',NULL,NULL,'import',NULL,NULL,1,'{}',NULL);
INSERT INTO "questions" VALUES(5,1,'the cone','new','ann',61,7,'{"instruction":"","shown":[],"keyframe":3,"answered":null,"reasoning":null,"thought":null,"locked":[],"occluded":[],"kept":[],"classes":{},"attributes":{}}',NULL,NULL,'segmenter',NULL,NULL,NULL,'{"1":[[4,6]],"2":[[4,6]]}',NULL);
INSERT INTO "questions" VALUES(6,1,'the gone one','new',NULL,64,1,'{"instruction":"","shown":[],"keyframe":1,"answered":null,"reasoning":null,"thought":null,"locked":[],"occluded":[],"kept":[],"classes":{},"attributes":{}}',NULL,NULL,NULL,NULL,NULL,NULL,'{"1":[[0,6]]}',1.79581883060784697528e+09);
CREATE TABLE steps (
    question_id INTEGER NOT NULL REFERENCES questions (id),
    step INTEGER NOT NULL,
    revision INTEGER NOT NULL,      -- of the edit that made the step
    changes TEXT NOT NULL,
    PRIMARY KEY (question_id, step)
) WITHOUT ROWID;
INSERT INTO "steps" VALUES(1,1,3,'[["instruction","","the ball"],["shown",[],[0,2,5]],["keyframe",null,2],["answered",null,4],["reasoning",null,"fresh"],["prompt",1,2,null,[false,{"object_id":1,"frame_index":2,"box":{"x1":0,"y1":4,"x2":8,"y2":12},"clicks":[],"mask":null}]],["prompt",2,2,null,[false,{"object_id":2,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}]],["mask",1,2,null,3],["mask",1,5,null,6],["mask",1,0,null,1],["mask",1,1,null,2],["mask",1,3,null,4],["mask",1,4,null,5],["mask",2,3,null,10],["mask",2,4,null,11],["mask",2,1,null,8],["mask",2,2,null,9],["mask",2,5,null,12],["mask",2,0,null,7]]');
INSERT INTO "steps" VALUES(1,2,8,'[["name",1,null,"left ball"]]');
INSERT INTO "steps" VALUES(1,3,10,'[["mark",2,0,null,"verified"],["mark",2,1,null,"verified"]]');
INSERT INTO "steps" VALUES(1,4,11,'[["occluded",[],[[1,3,5]]]]');
INSERT INTO "steps" VALUES(1,5,12,'[["reasoning","fresh","edited"],["thought",null,"it rolls"]]');
INSERT INTO "steps" VALUES(1,6,13,'[["reasoning","edited","stale"],["prompt",1,4,null,[true,{"object_id":1,"frame_index":4,"box":{"x1":7,"y1":4,"x2":15,"y2":12},"clicks":[],"mask":null}]],["mask",1,5,6,13],["mask",1,4,5,14],["pending",1,null,[[0,6]]]]');
INSERT INTO "steps" VALUES(1,7,16,'[["prompt",1,1,null,[true,{"object_id":1,"frame_index":1,"box":null,"clicks":[{"x":6,"y":6,"is_positive":true}],"mask":null}]],["mask",1,1,2,15]]');
INSERT INTO "steps" VALUES(1,8,22,'[["locked",[],[2]],["mask",1,2,3,22]]');
INSERT INTO "steps" VALUES(1,9,24,'[["prompt",1,5,null,[true,{"object_id":1,"frame_index":5,"box":{"x1":3,"y1":4,"x2":11,"y2":12},"clicks":[],"mask":null}]]]');
INSERT INTO "steps" VALUES(2,1,27,'[["keyframe",null,2],["prompt",1,2,null,[true,{"object_id":1,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}]],["mask",1,0,null,23],["mask",1,2,null,25],["mask",1,5,null,28],["mask",1,1,null,24],["mask",1,3,null,26],["mask",1,4,null,27]]');
INSERT INTO "steps" VALUES(2,2,32,'[["prompt",1,3,null,[true,{"object_id":1,"frame_index":3,"box":{"x1":6,"y1":4,"x2":14,"y2":12},"clicks":[],"mask":null}]],["pending",1,null,[[0,6]]]]');
INSERT INTO "steps" VALUES(2,3,33,'[["prompt",2,0,null,[true,{"object_id":2,"frame_index":0,"box":{"x1":12,"y1":4,"x2":20,"y2":12},"clicks":[],"mask":null}]],["mask",1,3,26,29],["mask",1,4,27,30],["pending",1,[[0,6]],[[5,6]]],["pending",2,null,[[0,6]]]]');
INSERT INTO "steps" VALUES(3,1,36,'[["keyframe",null,2],["prompt",1,2,null,[true,{"object_id":1,"frame_index":2,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}]],["mask",1,2,null,31],["pending",1,null,[[0,6]]]]');
INSERT INTO "steps" VALUES(3,2,39,'[["prompt",1,5,null,[true,{"object_id":1,"frame_index":5,"box":{"x1":9,"y1":4,"x2":17,"y2":12},"clicks":[],"mask":null}]]]');
INSERT INTO "steps" VALUES(5,1,46,'[["keyframe",null,3],["prompt",1,3,null,[true,{"object_id":1,"frame_index":3,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}]],["mask",1,2,null,37],["mask",1,5,null,40],["mask",1,0,null,35],["mask",1,1,null,36],["mask",1,3,null,38],["mask",1,4,null,39]]');
INSERT INTO "steps" VALUES(5,2,49,'[["prompt",1,5,null,[true,{"object_id":1,"frame_index":5,"box":null,"clicks":[{"x":7,"y":6,"is_positive":true}],"mask":null}]],["pending",1,null,[[4,6]]]]');
INSERT INTO "steps" VALUES(5,3,50,'[["prompt",1,0,null,[true,{"object_id":1,"frame_index":0,"box":null,"clicks":[{"x":6,"y":6,"is_positive":true}],"mask":null}]],["pending",1,[[4,6]],[[0,3],[4,6]]]]');
INSERT INTO "steps" VALUES(5,4,51,'[["prompt",1,4,null,[true,{"object_id":1,"frame_index":4,"box":null,"clicks":[{"x":8,"y":6,"is_positive":true}],"mask":null}]]]');
INSERT INTO "steps" VALUES(5,5,54,'[["prompt",1,0,[true,{"object_id":1,"frame_index":0,"box":null,"clicks":[{"x":6,"y":6,"is_positive":true}],"mask":null}],null]]');
INSERT INTO "steps" VALUES(5,6,55,'[["prompt",1,0,null,[true,{"object_id":1,"frame_index":0,"box":null,"clicks":[{"x":9,"y":6,"is_positive":true}],"mask":null}]],["pending",1,[[0,3],[4,6]],[[4,6]]],["mask",1,0,35,41],["mask",1,1,36,42],["mask",1,2,37,43],["mask",1,3,38,44]]');
INSERT INTO "steps" VALUES(5,7,58,'[["prompt",2,4,null,[true,{"object_id":2,"frame_index":4,"box":null,"clicks":[{"x":8,"y":6,"is_positive":true}],"mask":null}]],["prompt",2,0,null,[true,{"object_id":2,"frame_index":0,"box":null,"clicks":[{"x":9,"y":6,"is_positive":true}],"mask":null}]],["prompt",2,3,null,[true,{"object_id":2,"frame_index":3,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}]],["prompt",2,5,null,[true,{"object_id":2,"frame_index":5,"box":null,"clicks":[{"x":7,"y":6,"is_positive":true}],"mask":null}]],["pending",2,null,[[4,6]]],["mask",2,3,null,48],["mask",2,4,null,49],["mask",2,1,null,46],["mask",2,2,null,47],["mask",2,5,null,50],["mask",2,0,null,45],["mask",1,1,42,51]]');
INSERT INTO "steps" VALUES(5,8,59,'[["mask",1,1,51,42],["prompt",2,2,null,[true,{"object_id":2,"frame_index":2,"box":null,"clicks":[{"x":9,"y":6,"is_positive":true}],"mask":null}]],["pending",2,[[4,6]],[[1,3],[4,6]]]]');
INSERT INTO "steps" VALUES(6,1,63,'[["keyframe",null,1],["prompt",1,1,null,[true,{"object_id":1,"frame_index":1,"box":{"x1":4,"y1":4,"x2":12,"y2":12},"clicks":[],"mask":null}]],["pending",1,null,[[0,6]]]]');
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    question_id INTEGER NOT NULL REFERENCES questions (id),
    verdict TEXT NOT NULL,          -- agree, disagree, or a tag such as "wrong keyframe"
    annotator TEXT,
    text TEXT NOT NULL DEFAULT '',
    time REAL NOT NULL
);
INSERT INTO "verdicts" VALUES(1,2,'disagree','eve','',1.79580594257272911076e+09);
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
CREATE INDEX questions_by_video ON questions (video_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('log',64);
COMMIT;
