-- +goose Up
CREATE TABLE outbox (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	sender   TEXT NOT NULL,
	receiver TEXT NOT NULL,
	topic    TEXT NOT NULL,
	iq       INTEGER NOT NULL,
	payload  TEXT NOT NULL,
	body     TEXT NOT NULL, -- for people
	created  INTEGER NOT NULL,
	UNIQUE (sender, receiver, topic)
);
CREATE INDEX outbox_receiver ON outbox (receiver, id);
