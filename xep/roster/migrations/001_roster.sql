-- +goose Up
CREATE TABLE roster_owner (
	owner    TEXT PRIMARY KEY,
	revision INTEGER NOT NULL, -- rises with every change; never below the time of the change in microseconds
	version  INTEGER NOT NULL, -- the revision of the last change that the owner's clients can see
	contacts INTEGER NOT NULL, -- how many rows of the owner are listed
	requests INTEGER NOT NULL  -- how many are not
);

CREATE TABLE roster_contact (
	owner     TEXT NOT NULL,
	contact   TEXT NOT NULL,    -- a bare JID
	listed    INTEGER NOT NULL, -- 0: not in the roster, only a request to subscribe
	state     INTEGER NOT NULL, -- 1 to, 2 from, 4 pending out, 8 pending in, 16 approved
	name      TEXT NOT NULL,
	in_groups TEXT NOT NULL,    -- a JSON array of strings; empty for none
	request   TEXT NOT NULL,    -- the stanza with which the contact asked to subscribe; empty for none
	PRIMARY KEY (owner, contact)
);
