CREATE TABLE figure (minute INTEGER NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (minute, name)) WITHOUT ROWID;
INSERT INTO figure VALUES (100, 'delivered', 3);
PRAGMA user_version = 1;
