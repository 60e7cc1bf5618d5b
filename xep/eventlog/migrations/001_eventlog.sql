-- +goose Up
CREATE TABLE eventlog (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	sender   TEXT NOT NULL,
	received INTEGER NOT NULL,
	severity INTEGER NOT NULL,  -- 0 for Debug to 7 for Emergency
	event    TEXT NOT NULL      -- as XML
);
CREATE INDEX eventlog_sender ON eventlog (sender, id);
CREATE INDEX eventlog_received ON eventlog (received);
