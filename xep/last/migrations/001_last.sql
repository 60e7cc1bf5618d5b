-- +goose Up
CREATE TABLE last_seen (
	account TEXT PRIMARY KEY,
	at      INTEGER NOT NULL,  -- when its last session ended
	status  TEXT NOT NULL      -- what it said when it went, empty for nothing
);
