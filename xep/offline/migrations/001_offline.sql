-- +goose Up
CREATE TABLE offline (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	account TEXT NOT NULL,
	arrived INTEGER NOT NULL,
	size    INTEGER NOT NULL,  -- bytes of the stanza
	stanza  TEXT NOT NULL      -- as XML, in jabber:client
);
CREATE INDEX offline_account ON offline (account, arrived, id, size);
CREATE INDEX offline_arrived ON offline (arrived);
