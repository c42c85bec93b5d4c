-- +goose Up

-- Whoever saves definitions of a tenant holds its row until he is done.
CREATE TABLE definition_tenants (
	tenant TEXT COLLATE "C" PRIMARY KEY,
	saves  BIGINT NOT NULL
);

CREATE TABLE definitions (
	num          BIGINT PRIMARY KEY,
	id           TEXT COLLATE "C" NOT NULL,
	tenant       TEXT COLLATE "C" NOT NULL,
	connector_id TEXT COLLATE "C" NOT NULL,
	name         TEXT COLLATE "C" NOT NULL,
	type         TEXT COLLATE "C" NOT NULL,
	category     TEXT COLLATE "C" NOT NULL,
	version      TEXT COLLATE "C" NOT NULL,
	description  TEXT COLLATE "C" NOT NULL,
	technology   TEXT COLLATE "C" NOT NULL,
	runtime      TEXT COLLATE "C" NOT NULL,
	licence      TEXT COLLATE "C" NOT NULL,
	owner        TEXT COLLATE "C" NOT NULL,
	icon_url     TEXT COLLATE "C" NOT NULL,
	status       TEXT COLLATE "C" NOT NULL,
	source_url   TEXT COLLATE "C" NOT NULL, -- the archive's key, or ''
	sha256       BYTEA,
	source       TEXT COLLATE "C" NOT NULL, -- JSON
	ui_spec      BYTEA NOT NULL, -- JSON, byte for byte
	created_by   TEXT COLLATE "C" NOT NULL,
	updated_by   TEXT COLLATE "C" NOT NULL,
	created_at   BIGINT NOT NULL,
	updated_at   BIGINT NOT NULL,
	live_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX definitions_id ON definitions (tenant, id);
CREATE UNIQUE INDEX definitions_version ON definitions (tenant, connector_id, version);
CREATE INDEX definitions_order ON definitions (tenant, connector_id, num);
CREATE INDEX definitions_source ON definitions (source_url);
