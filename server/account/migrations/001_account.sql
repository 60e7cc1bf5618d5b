-- +goose Up
CREATE TABLE account (
	jid      TEXT PRIMARY KEY,
	kind     TEXT NOT NULL,
	admin    INTEGER NOT NULL,
	disabled INTEGER NOT NULL,
	created  INTEGER NOT NULL,
	apikey   TEXT,            -- that created it
	remote   TEXT NOT NULL    -- address that asked for it, empty if the operator did
);
CREATE INDEX account_by_apikey ON account (apikey);

-- What SCRAM needs of a password, never the password.
CREATE TABLE account_keys (
	jid        TEXT NOT NULL REFERENCES account (jid) ON DELETE CASCADE,
	hash       TEXT NOT NULL,
	salt       BLOB NOT NULL,
	iterations INTEGER NOT NULL,
	stored     BLOB NOT NULL,
	server     BLOB NOT NULL,
	PRIMARY KEY (jid, hash)
);

CREATE TABLE account_apikey (
	id       TEXT PRIMARY KEY,
	secret   BLOB NOT NULL,   -- sealed with the broker's key file
	owner    TEXT NOT NULL,
	quota    INTEGER NOT NULL,
	used     INTEGER NOT NULL,
	kind     TEXT NOT NULL,
	disabled INTEGER NOT NULL,
	created  INTEGER NOT NULL
);
