-- +goose Up

CREATE TABLE datasets (
	num         INTEGER PRIMARY KEY,
	id          TEXT    NOT NULL UNIQUE,
	tenant      TEXT    NOT NULL,
	owner       TEXT    NOT NULL,
	name        TEXT    NOT NULL,
	description TEXT    NOT NULL,
	folded      TEXT    NOT NULL, -- both in lower case, for searches
	created_at  INTEGER NOT NULL,
	updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX datasets_owner ON datasets (tenant, owner, num);

-- status is 1 synching, 2 synched, 3 invalid. Rows of a dataset that is gone
-- wait to be purged.
CREATE TABLE data_sources (
	num        INTEGER PRIMARY KEY, -- also the id and the group of its work item
	id         TEXT    NOT NULL UNIQUE,
	dataset    INTEGER NOT NULL,
	tenant     TEXT    NOT NULL,
	owner      TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	url        TEXT    NOT NULL, -- sealed; only while it is synching
	upload     TEXT    NOT NULL, -- the upload whose bytes it shares
	blob_key   TEXT    NOT NULL,
	size       INTEGER NOT NULL,
	sha256     BLOB,
	status     INTEGER NOT NULL,
	reason     TEXT    NOT NULL,
	tables     TEXT    NOT NULL, -- JSON
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX data_sources_dataset ON data_sources (dataset, num);
CREATE INDEX data_sources_status ON data_sources (dataset, status, num);
CREATE INDEX data_sources_upload ON data_sources (upload);
CREATE INDEX data_sources_key ON data_sources (blob_key);

-- state is 1 open, 2 complete, 3 expired.
CREATE TABLE uploads (
	id         TEXT    PRIMARY KEY,
	tenant     TEXT    NOT NULL,
	owner      TEXT    NOT NULL,
	object_key TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	size       INTEGER NOT NULL,
	sha256     BLOB,
	blob_key   TEXT    NOT NULL,
	provider   TEXT    NOT NULL,
	part_size  INTEGER NOT NULL,
	state      INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL -- the greatest number for one that is kept for its data sources
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX uploads_object_key ON uploads (tenant, object_key);
CREATE INDEX uploads_key ON uploads (blob_key);
CREATE INDEX uploads_expires ON uploads (expires_at);

CREATE TABLE upload_parts (
	upload   TEXT    NOT NULL,
	number   INTEGER NOT NULL,
	size     INTEGER NOT NULL,
	etag     TEXT    NOT NULL,
	blob_key TEXT    NOT NULL,
	PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX upload_parts_key ON upload_parts (blob_key);
