-- +goose Up

-- Keys in the bucket whose bytes nobody can reach, besides those of files.
CREATE TABLE garbage_keys (
	blob_key TEXT COLLATE "C" PRIMARY KEY,
	at       BIGINT NOT NULL
);
CREATE INDEX garbage_keys_at ON garbage_keys (at);
