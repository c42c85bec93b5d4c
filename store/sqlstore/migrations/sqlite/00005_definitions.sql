-- +goose Up

-- Whoever saves definitions of a tenant holds its row until he is done.
CREATE TABLE definition_tenants (
	tenant TEXT    PRIMARY KEY,
	saves  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE definitions (
	num          INTEGER PRIMARY KEY,
	id           TEXT    NOT NULL,
	tenant       TEXT    NOT NULL,
	connector_id TEXT    NOT NULL,
	name         TEXT    NOT NULL,
	type         TEXT    NOT NULL,
	category     TEXT    NOT NULL,
	version      TEXT    NOT NULL,
	description  TEXT    NOT NULL,
	technology   TEXT    NOT NULL,
	runtime      TEXT    NOT NULL,
	licence      TEXT    NOT NULL,
	owner        TEXT    NOT NULL,
	icon_url     TEXT    NOT NULL,
	status       TEXT    NOT NULL,
	source_url   TEXT    NOT NULL, -- the archive's key, or ''
	sha256       BLOB,
	source       TEXT    NOT NULL, -- JSON
	ui_spec      BLOB    NOT NULL, -- JSON, byte for byte
	created_by   TEXT    NOT NULL,
	updated_by   TEXT    NOT NULL,
	created_at   INTEGER NOT NULL,
	updated_at   INTEGER NOT NULL,
	live_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX definitions_id ON definitions (tenant, id);
CREATE UNIQUE INDEX definitions_version ON definitions (tenant, connector_id, version);
CREATE INDEX definitions_order ON definitions (tenant, connector_id, num);
CREATE INDEX definitions_source ON definitions (source_url);
