-- +goose Up
-- Nonces of signed forms that were accepted.
CREATE TABLE register_nonce (
	digest  BLOB PRIMARY KEY,  -- SHA-256 of key and nonce
	expires INTEGER NOT NULL   -- from then on the form is too old anyway
);
CREATE INDEX register_nonce_expires ON register_nonce (expires);
