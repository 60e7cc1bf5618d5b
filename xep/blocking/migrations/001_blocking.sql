-- +goose Up
CREATE TABLE blocking (
	account TEXT NOT NULL,
	blocked TEXT NOT NULL, -- a JID of any form
	PRIMARY KEY (account, blocked)
);
