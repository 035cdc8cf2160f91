BEGIN TRANSACTION;
CREATE TABLE captured(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            message INTEGER NOT NULL,
            tray TEXT NOT NULL,
            is_copy INTEGER NOT NULL,
            listener TEXT NOT NULL,
            gateway TEXT NOT NULL,
            user TEXT NOT NULL,
            client TEXT NOT NULL,
            received_at INTEGER NOT NULL,
            sender TEXT NOT NULL,
            recipients TEXT NOT NULL,
            from_header TEXT NOT NULL,
            to_header TEXT NOT NULL,
            subject TEXT NOT NULL,
            preview TEXT NOT NULL,
            attachments INTEGER NOT NULL,
            size INTEGER NOT NULL,
            released_at INTEGER,
            source TEXT UNIQUE
        );
INSERT INTO "captured" VALUES(1,3,'inbox',0,'ls-1','','app','127.0.0.1',1790000000000000,'alice@example.com','["bob@example.org", "eve@example.org"]','Alice <alice@example.com>','bob@example.org','Three','Caught',0,26,NULL,NULL);
CREATE TABLE captured_content(
            id INTEGER PRIMARY KEY,
            envelope TEXT NOT NULL,
            recipients TEXT NOT NULL,
            body_file TEXT,
            content BLOB,
            text TEXT NOT NULL
        );
INSERT INTO "captured_content" VALUES(1,'["8BITMIME",0,"","","<3@example.com>",["ls-1","127.0.0.1","app.example","ESMTP","","app"]]','[[0,"bob@example.org",2,"",0,""],[1,"eve@example.org",0,"",0,""]]',NULL,X'5375626A6563743A2054687265650D0A0D0A4361756768740D0A','Caught');
CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "counter" VALUES('reserved',1001);
CREATE TABLE delivery(
            id INTEGER PRIMARY KEY,
            lane TEXT NOT NULL,
            state INTEGER NOT NULL,
            rank INTEGER NOT NULL,
            due_at INTEGER NOT NULL,
            alarm_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            delay_notice_at INTEGER,
            received_at INTEGER NOT NULL,
            held_at INTEGER,
            attempts INTEGER NOT NULL,
            size INTEGER NOT NULL,
            pinned_gateway TEXT,
            sender TEXT NOT NULL,
            subject TEXT NOT NULL,
            recipients TEXT NOT NULL,
            hold TEXT NOT NULL,
            waiting TEXT NOT NULL,
            last_reply TEXT NOT NULL
        );
INSERT INTO "delivery" VALUES(65536,'pool',1,0,1790000300000000,1790014400000000,1790432000000000,1790014400000000,1790000000000000,NULL,1,23,NULL,'alice@example.com','One','[[0,"bob@example.org",4,"rfc822;bob@example.org",0,"450 4.2.0 later"],[1,"eve@example.org",0,"",0,"450 4.2.0 later"]]','','','450 4.2.0 later');
INSERT INTO "delivery" VALUES(131072,'pool',2,0,4611686018427387903,1792592000000000,1790432000000000,1790014400000000,1790000000000000,1790000000000000,0,6,NULL,'alice@example.com','Two','bob@example.org','quarantine: spam high','','');
CREATE TABLE message(
            id INTEGER PRIMARY KEY,
            envelope TEXT NOT NULL,
            body_file TEXT,
            content BLOB
        );
INSERT INTO "message" VALUES(1,'["8BITMIME",0,"","","",["mx-1","192.0.2.7","client.example","ESMTPS","TLSv1.3 TLS_AES_256_GCM_SHA384",""]]',NULL,X'5375626A6563743A204F6E650D0A0D0A48656C6C6F0D0A');
INSERT INTO "message" VALUES(2,'["8BITMIME",0,"","","",["mx-1","192.0.2.7","client.example","ESMTPS","TLSv1.3 TLS_AES_256_GCM_SHA384",""]]',NULL,X'7365636F6E64');
CREATE TABLE quarantine(
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            gateway TEXT NOT NULL,
            level TEXT NOT NULL,
            score REAL,
            reason TEXT NOT NULL,
            received_at INTEGER NOT NULL,
            until INTEGER NOT NULL,
            sender TEXT NOT NULL,
            recipients TEXT NOT NULL,
            subject TEXT NOT NULL,
            size INTEGER NOT NULL,
            parts TEXT NOT NULL
        );
INSERT INTO "quarantine" VALUES(2,'spam','gw-in','high',35.5,'spam level high, score 35.5',1790000000000000,1792592000000000,'alice@example.com','["bob@example.org"]','Two',6,'[["spamd",35.5,"17.8 × 2: GTUBE",false],["rspamd",0.0,"no answer within 20 s",true]]');
CREATE INDEX delivery_lane ON delivery(lane, state, rank, due_at);
CREATE INDEX delivery_due ON delivery(due_at);
CREATE INDEX delivery_alarm ON delivery(alarm_at);
CREATE INDEX message_body ON message(body_file) WHERE body_file IS NOT NULL;
CREATE INDEX quarantine_score ON quarantine(score);
CREATE INDEX quarantine_sender ON quarantine(sender);
CREATE INDEX quarantine_subject ON quarantine(subject);
CREATE INDEX quarantine_size ON quarantine(size);
CREATE INDEX quarantine_until ON quarantine(until);
CREATE INDEX captured_tray ON captured(tray, received_at);
CREATE INDEX captured_content_body ON captured_content(body_file) WHERE body_file IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('captured',1);
COMMIT;
PRAGMA user_version = 3;
