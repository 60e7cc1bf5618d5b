-- +goose Up
CREATE TABLE registry_thing (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	jid     TEXT NOT NULL,       -- bare
	node    TEXT NOT NULL,       -- the rest of the quadruple, empty for absent
	source  TEXT NOT NULL,
	part    TEXT NOT NULL,
	owner   TEXT,                -- bare; NULL until claimed
	public  INTEGER NOT NULL,    -- found in searches
	removed INTEGER NOT NULL,    -- the owner took it out of searches
	claim   BLOB NOT NULL,       -- keyed hash of all tags, KEY among them, as registered
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	UNIQUE (jid, node, source, part)
);
CREATE INDEX registry_thing_claim ON registry_thing (claim);
CREATE INDEX registry_thing_owner ON registry_thing (owner, id);
CREATE INDEX registry_thing_public ON registry_thing (public, id);

-- KEY is never here.
CREATE TABLE registry_tag (
	thing   INTEGER NOT NULL REFERENCES registry_thing (id) ON DELETE CASCADE,
	pos     INTEGER NOT NULL,
	name    TEXT NOT NULL,
	folded  TEXT NOT NULL,       -- name, for comparing
	numeric INTEGER NOT NULL,
	text    TEXT NOT NULL,       -- as written
	value   TEXT NOT NULL,       -- text, for comparing
	PRIMARY KEY (thing, pos)
);
CREATE INDEX registry_tag_value ON registry_tag (folded, value);

-- Which generation of namespaces a party used last.
CREATE TABLE registry_peer (
	jid        TEXT PRIMARY KEY,
	generation INTEGER NOT NULL
);
