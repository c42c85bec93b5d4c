-- +goose Up

-- status: 0 QUEUED, 1 PLANNING, 2 RUNNING, 3 FINISHED, 4 FAILED. Ids sort by
-- time.
CREATE TABLE queries (
	id           TEXT PRIMARY KEY,
	tenant       TEXT    NOT NULL,
	owner        TEXT    NOT NULL, -- who asked
	workspace    TEXT    NOT NULL,
	text         TEXT    NOT NULL,
	saved_sql    TEXT    NOT NULL, -- the id of the saved SQL that it is a run of, or ''
	status       INTEGER NOT NULL,
	statement_id TEXT    NOT NULL,
	started_at   INTEGER NOT NULL,
	run_at       INTEGER NOT NULL,
	ended_at     INTEGER NOT NULL,
	progress     TEXT    NOT NULL, -- JSON
	failure      TEXT    NOT NULL, -- JSON, or ''
	columns      TEXT    NOT NULL, -- JSON, or ''
	row_count    INTEGER NOT NULL,
	result_size  INTEGER NOT NULL,
	result_key   TEXT    NOT NULL, -- in the bucket, or ''
	inline       BLOB,             -- the rows of a small result
	from_cache   INTEGER NOT NULL,
	cache_key    TEXT    NOT NULL,
	node         TEXT    NOT NULL, -- that runs it
	process      TEXT    NOT NULL, -- of the node
	lease_until  INTEGER NOT NULL,
	cancel       INTEGER NOT NULL  -- it was asked for
) STRICT, WITHOUT ROWID;
CREATE INDEX queries_workspace ON queries (tenant, workspace, id);
CREATE INDEX queries_open ON queries (lease_until) WHERE status < 3;
CREATE INDEX queries_ended ON queries (ended_at) WHERE status >= 3;
CREATE INDEX queries_cache ON queries (cache_key, ended_at) WHERE status = 3 AND from_cache = 0 AND cache_key <> '';
CREATE INDEX queries_result ON queries (result_key) WHERE result_key <> '';
CREATE INDEX queries_saved ON queries (saved_sql, id) WHERE saved_sql <> '';

CREATE TABLE saved_sqls (
	id          TEXT PRIMARY KEY,
	tenant      TEXT    NOT NULL,
	owner       TEXT    NOT NULL,
	workspace   TEXT    NOT NULL,
	title       TEXT    NOT NULL,
	description TEXT    NOT NULL,
	text        TEXT    NOT NULL,
	created_at  INTEGER NOT NULL,
	updated_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX saved_sqls_workspace ON saved_sqls (tenant, workspace, id);

-- The name in lower case of what may be a table, by which statements name it, or
-- '': a file's base name without the extension, the last part of a lake path.
ALTER TABLE files ADD COLUMN base TEXT NOT NULL DEFAULT '';
UPDATE files SET base = lower(replace(uri, rtrim(uri, replace(uri, '/', '')), ''));
UPDATE files SET base = substr(base, 1, length(base) - 4) || '/' WHERE base LIKE '_%.csv';
UPDATE files SET base = substr(base, 1, length(base) - 4) || '/' WHERE base LIKE '_%.tsv';
UPDATE files SET base = substr(base, 1, length(base) - 5) || '/' WHERE base LIKE '_%.json';
UPDATE files SET base = substr(base, 1, length(base) - 7) || '/' WHERE base LIKE '_%.ndjson';
UPDATE files SET base = substr(base, 1, length(base) - 6) || '/' WHERE base LIKE '_%.jsonl';
UPDATE files SET base = substr(base, 1, length(base) - 8) || '/' WHERE base LIKE '_%.parquet';
UPDATE files SET base = substr(base, 1, length(base) - 5) || '/' WHERE base LIKE '_%.xlsx';
UPDATE files SET base = CASE WHEN base LIKE '%/' THEN substr(base, 1, length(base) - 1) ELSE '' END;
CREATE INDEX files_base ON files (base, volume_id) WHERE published = 1 AND base <> '';

ALTER TABLE data_sources ADD COLUMN base TEXT NOT NULL DEFAULT '';
UPDATE data_sources SET base = lower(name) WHERE tables NOT IN ('', '[]', 'null');
UPDATE data_sources SET base = substr(base, 1, length(base) - 4) || '/' WHERE base LIKE '_%.csv';
UPDATE data_sources SET base = substr(base, 1, length(base) - 4) || '/' WHERE base LIKE '_%.tsv';
UPDATE data_sources SET base = substr(base, 1, length(base) - 5) || '/' WHERE base LIKE '_%.json';
UPDATE data_sources SET base = substr(base, 1, length(base) - 7) || '/' WHERE base LIKE '_%.ndjson';
UPDATE data_sources SET base = substr(base, 1, length(base) - 6) || '/' WHERE base LIKE '_%.jsonl';
UPDATE data_sources SET base = substr(base, 1, length(base) - 8) || '/' WHERE base LIKE '_%.parquet';
UPDATE data_sources SET base = substr(base, 1, length(base) - 5) || '/' WHERE base LIKE '_%.xlsx';
UPDATE data_sources SET base = CASE WHEN base LIKE '%/' THEN substr(base, 1, length(base) - 1) ELSE base END;
CREATE INDEX data_sources_base ON data_sources (tenant, base) WHERE status = 2 AND base <> '';

ALTER TABLE lake_paths ADD COLUMN base TEXT NOT NULL DEFAULT '';
UPDATE lake_paths SET base = lower(replace(path, rtrim(path, replace(path, '/', '')), ''));
CREATE INDEX lake_paths_base ON lake_paths (tenant, base);
