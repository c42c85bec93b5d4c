-- +goose Up

INSERT INTO sequences (name, last) VALUES ('sync', 0), ('history', 0);

-- status: 0 Syncing, 1 Finished, 2 Failed.
CREATE TABLE syncs (
	id          INTEGER PRIMARY KEY,
	tenant      TEXT    NOT NULL,
	name        TEXT    NOT NULL,
	path        TEXT    NOT NULL,
	path_id     INTEGER NOT NULL,
	type        TEXT    NOT NULL,
	status      INTEGER NOT NULL,
	reason      TEXT    NOT NULL,
	creator     TEXT    NOT NULL,
	start_at    INTEGER NOT NULL,
	end_at      INTEGER NOT NULL,
	active_at   INTEGER NOT NULL,
	total_files INTEGER NOT NULL,
	num_failed  INTEGER NOT NULL,
	generation  INTEGER NOT NULL, -- of a full sync; 0 for others
	closing     TEXT    NOT NULL  -- the process that ends it; '' while it is open
) STRICT;
CREATE INDEX syncs_tenant ON syncs (tenant, id);
CREATE INDEX syncs_idle ON syncs (active_at) WHERE status = 0;

CREATE TABLE sync_history (
	id          INTEGER PRIMARY KEY,
	sync_id     INTEGER NOT NULL,
	tenant      TEXT    NOT NULL,
	file_name   TEXT    NOT NULL,
	status      INTEGER NOT NULL,
	message     TEXT    NOT NULL,
	start_at    INTEGER NOT NULL,
	end_at      INTEGER NOT NULL,
	owner       TEXT    NOT NULL, -- the node, while it is Syncing
	lease_until INTEGER NOT NULL,
	blob_key    TEXT    NOT NULL  -- what it writes while it is Syncing
) STRICT;
CREATE INDEX sync_history_tenant ON sync_history (tenant, id);
CREATE INDEX sync_history_sync ON sync_history (sync_id, id);
CREATE INDEX sync_history_open ON sync_history (sync_id, lease_until) WHERE status = 0;
CREATE INDEX sync_history_blob ON sync_history (blob_key) WHERE status = 0;

CREATE TABLE lake_paths (
	id         INTEGER PRIMARY KEY,
	tenant     TEXT    NOT NULL,
	path       TEXT    NOT NULL,
	generation INTEGER NOT NULL -- the current one
) STRICT;
CREATE UNIQUE INDEX lake_paths_path ON lake_paths (tenant, path);

-- One without a sync is a path's first; it holds nothing until a file comes.
CREATE TABLE lake_generations (
	id         INTEGER PRIMARY KEY,
	path_id    INTEGER NOT NULL,
	sync_id    INTEGER NOT NULL, -- of the full sync that made it
	files      INTEGER NOT NULL,
	size       INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE lake_files (
	generation  INTEGER NOT NULL,
	dir         TEXT    NOT NULL,
	name        TEXT    NOT NULL,
	size        INTEGER NOT NULL,
	sha256      BLOB    NOT NULL,
	sync_id     INTEGER NOT NULL,
	start_at    INTEGER NOT NULL,
	end_at      INTEGER NOT NULL,
	blob_key    TEXT    NOT NULL,
	packed      INTEGER NOT NULL,
	blob_offset INTEGER NOT NULL,
	PRIMARY KEY (generation, dir, name)
) STRICT, WITHOUT ROWID;

-- The directories of a generation, by the one that they are in.
CREATE TABLE lake_dirs (
	generation INTEGER NOT NULL,
	parent     TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	PRIMARY KEY (generation, parent, name)
) STRICT, WITHOUT ROWID;

-- The folders that lead to lake paths that hold something.
CREATE TABLE lake_folders (
	tenant TEXT NOT NULL,
	parent TEXT NOT NULL,
	name   TEXT NOT NULL,
	PRIMARY KEY (tenant, parent, name)
) STRICT, WITHOUT ROWID;

-- The objects in the bucket, with how many files of the generation are in each.
CREATE TABLE lake_blobs (
	blob_key   TEXT PRIMARY KEY,
	generation INTEGER NOT NULL,
	files      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lake_blobs_generation ON lake_blobs (generation);

CREATE TABLE lake_trash (
	sync_id    INTEGER PRIMARY KEY,
	tenant     TEXT    NOT NULL,
	path_id    INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	at         INTEGER NOT NULL
) STRICT;
CREATE INDEX lake_trash_tenant ON lake_trash (tenant, sync_id);
CREATE INDEX lake_trash_at ON lake_trash (at);
CREATE INDEX lake_trash_generation ON lake_trash (generation);

-- Generations whose rows have yet to be removed.
CREATE TABLE lake_dropped (
	generation INTEGER PRIMARY KEY,
	at         INTEGER NOT NULL
) STRICT;
