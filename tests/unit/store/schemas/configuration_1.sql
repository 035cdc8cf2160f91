BEGIN TRANSACTION;
CREATE TABLE revision(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            author TEXT NOT NULL,
            note TEXT NOT NULL,
            document TEXT NOT NULL
        );
INSERT INTO "revision" VALUES(1,1790000000.0,'ada','first','{"gateways":[{"mode":"round-robin","id":"gw-1","host":"smtp.example.com"}]}');
CREATE TABLE secret(name TEXT PRIMARY KEY, stored_at REAL NOT NULL, backend TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "secret" VALUES('gateway/gw-1',1790000000.0,'keyring');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('revision',1);
COMMIT;
PRAGMA user_version = 1;
