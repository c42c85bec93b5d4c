-- +goose Up

CREATE TABLE datasets (
	num         BIGINT PRIMARY KEY,
	id          TEXT COLLATE "C"    NOT NULL UNIQUE,
	tenant      TEXT COLLATE "C"    NOT NULL,
	owner       TEXT COLLATE "C"    NOT NULL,
	name        TEXT COLLATE "C"    NOT NULL,
	description TEXT COLLATE "C"    NOT NULL,
	folded      TEXT COLLATE "C"    NOT NULL, -- both in lower case, for searches
	created_at  BIGINT NOT NULL,
	updated_at  BIGINT NOT NULL
);
CREATE INDEX datasets_owner ON datasets (tenant, owner, num);

-- status is 1 synching, 2 synched, 3 invalid. Rows of a dataset that is gone
-- wait to be purged.
CREATE TABLE data_sources (
	num        BIGINT PRIMARY KEY, -- also the id and the group of its work item
	id         TEXT COLLATE "C"    NOT NULL UNIQUE,
	dataset    BIGINT NOT NULL,
	tenant     TEXT COLLATE "C"    NOT NULL,
	owner      TEXT COLLATE "C"    NOT NULL,
	name       TEXT COLLATE "C"    NOT NULL,
	url        TEXT COLLATE "C"    NOT NULL, -- sealed; only while it is synching
	upload     TEXT COLLATE "C"    NOT NULL, -- the upload whose bytes it shares
	blob_key   TEXT COLLATE "C"    NOT NULL,
	size       BIGINT NOT NULL,
	sha256     BYTEA,
	status     BIGINT NOT NULL,
	reason     TEXT COLLATE "C"    NOT NULL,
	tables     TEXT COLLATE "C"    NOT NULL, -- JSON
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);
CREATE INDEX data_sources_dataset ON data_sources (dataset, num);
CREATE INDEX data_sources_status ON data_sources (dataset, status, num);
CREATE INDEX data_sources_upload ON data_sources (upload);
CREATE INDEX data_sources_key ON data_sources (blob_key);

-- state is 1 open, 2 complete, 3 expired.
CREATE TABLE uploads (
	id         TEXT COLLATE "C"    PRIMARY KEY,
	tenant     TEXT COLLATE "C"    NOT NULL,
	owner      TEXT COLLATE "C"    NOT NULL,
	object_key TEXT COLLATE "C"    NOT NULL,
	name       TEXT COLLATE "C"    NOT NULL,
	size       BIGINT NOT NULL,
	sha256     BYTEA,
	blob_key   TEXT COLLATE "C"    NOT NULL,
	provider   TEXT COLLATE "C"    NOT NULL,
	part_size  BIGINT NOT NULL,
	state      BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL -- the greatest number for one that is kept for its data sources
);
CREATE UNIQUE INDEX uploads_object_key ON uploads (tenant, object_key);
CREATE INDEX uploads_key ON uploads (blob_key);
CREATE INDEX uploads_expires ON uploads (expires_at);

CREATE TABLE upload_parts (
	upload   TEXT COLLATE "C"    NOT NULL,
	number   BIGINT NOT NULL,
	size     BIGINT NOT NULL,
	etag     TEXT COLLATE "C"    NOT NULL,
	blob_key TEXT COLLATE "C"    NOT NULL,
	PRIMARY KEY (upload, number)
);
CREATE UNIQUE INDEX upload_parts_key ON upload_parts (blob_key);
