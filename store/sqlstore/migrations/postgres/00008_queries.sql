-- +goose Up

-- status: 0 QUEUED, 1 PLANNING, 2 RUNNING, 3 FINISHED, 4 FAILED. Ids sort by
-- time.
CREATE TABLE queries (
	id           TEXT COLLATE "C" PRIMARY KEY,
	tenant       TEXT COLLATE "C" NOT NULL,
	owner        TEXT COLLATE "C" NOT NULL, -- who asked
	workspace    TEXT COLLATE "C" NOT NULL,
	text         TEXT COLLATE "C" NOT NULL,
	saved_sql    TEXT COLLATE "C" NOT NULL, -- the id of the saved SQL that it is a run of, or ''
	status       BIGINT NOT NULL,
	statement_id TEXT COLLATE "C" NOT NULL,
	started_at   BIGINT NOT NULL,
	run_at       BIGINT NOT NULL,
	ended_at     BIGINT NOT NULL,
	progress     TEXT COLLATE "C" NOT NULL, -- JSON
	failure      TEXT COLLATE "C" NOT NULL, -- JSON, or ''
	columns      TEXT COLLATE "C" NOT NULL, -- JSON, or ''
	row_count    BIGINT NOT NULL,
	result_size  BIGINT NOT NULL,
	result_key   TEXT COLLATE "C" NOT NULL, -- in the bucket, or ''
	inline       BYTEA,            -- the rows of a small result
	from_cache   BIGINT NOT NULL,
	cache_key    TEXT COLLATE "C" NOT NULL,
	node         TEXT COLLATE "C" NOT NULL, -- that runs it
	process      TEXT COLLATE "C" NOT NULL, -- of the node
	lease_until  BIGINT NOT NULL,
	cancel       BIGINT NOT NULL  -- it was asked for
);
CREATE INDEX queries_workspace ON queries (tenant, workspace, id);
CREATE INDEX queries_open ON queries (lease_until) WHERE status < 3;
CREATE INDEX queries_ended ON queries (ended_at) WHERE status >= 3;
CREATE INDEX queries_cache ON queries (cache_key, ended_at) WHERE status = 3 AND from_cache = 0 AND cache_key <> '';
CREATE INDEX queries_result ON queries (result_key) WHERE result_key <> '';
CREATE INDEX queries_saved ON queries (saved_sql, id) WHERE saved_sql <> '';

CREATE TABLE saved_sqls (
	id          TEXT COLLATE "C" PRIMARY KEY,
	tenant      TEXT COLLATE "C" NOT NULL,
	owner       TEXT COLLATE "C" NOT NULL,
	workspace   TEXT COLLATE "C" NOT NULL,
	title       TEXT COLLATE "C" NOT NULL,
	description TEXT COLLATE "C" NOT NULL,
	text        TEXT COLLATE "C" NOT NULL,
	created_at  BIGINT NOT NULL,
	updated_at  BIGINT NOT NULL
);
CREATE INDEX saved_sqls_workspace ON saved_sqls (tenant, workspace, id);

-- The base name in lower case of what may be a table, by which statements name
-- it, or ''.
ALTER TABLE files ADD COLUMN base TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE files SET base = lower(replace(uri, rtrim(uri, replace(uri, '/', '')), ''))
	WHERE lower(uri) LIKE '%.csv' OR lower(uri) LIKE '%.tsv' OR lower(uri) LIKE '%.json' OR lower(uri) LIKE '%.ndjson'
		OR lower(uri) LIKE '%.jsonl' OR lower(uri) LIKE '%.parquet' OR lower(uri) LIKE '%.xlsx';
CREATE INDEX files_base ON files (base, volume_id) WHERE published = 1 AND base <> '';

ALTER TABLE data_sources ADD COLUMN base TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE data_sources SET base = lower(name) WHERE tables NOT IN ('', '[]', 'null');
CREATE INDEX data_sources_base ON data_sources (tenant, base) WHERE status = 2 AND base <> '';

ALTER TABLE lake_paths ADD COLUMN base TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE lake_paths SET base = lower(replace(path, rtrim(path, replace(path, '/', '')), ''));
CREATE INDEX lake_paths_base ON lake_paths (tenant, base);
