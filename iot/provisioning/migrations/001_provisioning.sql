-- +goose Up
-- What owners have decided. A newer rule has a greater id.
CREATE TABLE provisioning_rule (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	owner      TEXT NOT NULL,
	jid        TEXT NOT NULL,      -- the thing, bare
	node       TEXT NOT NULL,
	source     TEXT NOT NULL,
	part       TEXT NOT NULL,
	op         INTEGER NOT NULL,
	origin     INTEGER NOT NULL,   -- whom it is for: the kind,
	value      TEXT NOT NULL,      -- and who
	allow      INTEGER NOT NULL,
	categories INTEGER NOT NULL,   -- 0 for all
	names      TEXT NOT NULL,      -- of fields or parameters, as JSON; [] for all
	created    INTEGER NOT NULL,
	UNIQUE (owner, jid, node, source, part, op, origin, value)
);
CREATE INDEX provisioning_rule_thing ON provisioning_rule (jid, op);

-- What owners were asked. An answered question stays, so that the owner may answer again, otherwise.
CREATE TABLE provisioning_question (
	key        TEXT PRIMARY KEY,
	owner      TEXT NOT NULL,
	jid        TEXT NOT NULL,
	node       TEXT NOT NULL,
	source     TEXT NOT NULL,
	part       TEXT NOT NULL,
	op         INTEGER NOT NULL,
	remote     TEXT NOT NULL,      -- bare: who wanted it
	categories INTEGER NOT NULL,
	names      TEXT NOT NULL,
	tokens     TEXT NOT NULL,      -- as JSON
	open       INTEGER NOT NULL,
	asked      INTEGER NOT NULL,
	UNIQUE (owner, jid, node, source, part, op, remote, categories, names)
);
CREATE INDEX provisioning_question_owner ON provisioning_question (owner, open, asked);
