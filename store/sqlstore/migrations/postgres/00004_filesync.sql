-- +goose Up

INSERT INTO sequences (name, last) VALUES ('sync', 0), ('history', 0);

-- status: 0 Syncing, 1 Finished, 2 Failed.
CREATE TABLE syncs (
	id          BIGINT PRIMARY KEY,
	tenant      TEXT COLLATE "C"    NOT NULL,
	name        TEXT COLLATE "C"    NOT NULL,
	path        TEXT COLLATE "C"    NOT NULL,
	path_id     BIGINT NOT NULL,
	type        TEXT COLLATE "C"    NOT NULL,
	status      BIGINT NOT NULL,
	reason      TEXT COLLATE "C"    NOT NULL,
	creator     TEXT COLLATE "C"    NOT NULL,
	start_at    BIGINT NOT NULL,
	end_at      BIGINT NOT NULL,
	active_at   BIGINT NOT NULL,
	total_files BIGINT NOT NULL,
	num_failed  BIGINT NOT NULL,
	generation  BIGINT NOT NULL, -- of a full sync; 0 for others
	closing     TEXT COLLATE "C"    NOT NULL  -- the process that ends it; '' while it is open
);
CREATE INDEX syncs_tenant ON syncs (tenant, id);
CREATE INDEX syncs_idle ON syncs (active_at) WHERE status = 0;

CREATE TABLE sync_history (
	id          BIGINT PRIMARY KEY,
	sync_id     BIGINT NOT NULL,
	tenant      TEXT COLLATE "C"    NOT NULL,
	file_name   TEXT COLLATE "C"    NOT NULL,
	status      BIGINT NOT NULL,
	message     TEXT COLLATE "C"    NOT NULL,
	start_at    BIGINT NOT NULL,
	end_at      BIGINT NOT NULL,
	owner       TEXT COLLATE "C"    NOT NULL, -- the node, while it is Syncing
	lease_until BIGINT NOT NULL,
	blob_key    TEXT COLLATE "C"    NOT NULL  -- what it writes while it is Syncing
);
CREATE INDEX sync_history_tenant ON sync_history (tenant, id);
CREATE INDEX sync_history_sync ON sync_history (sync_id, id);
CREATE INDEX sync_history_open ON sync_history (sync_id, lease_until) WHERE status = 0;
CREATE INDEX sync_history_blob ON sync_history (blob_key) WHERE status = 0;

CREATE TABLE lake_paths (
	id         BIGINT PRIMARY KEY,
	tenant     TEXT COLLATE "C"    NOT NULL,
	path       TEXT COLLATE "C"    NOT NULL,
	generation BIGINT NOT NULL -- the current one
);
CREATE UNIQUE INDEX lake_paths_path ON lake_paths (tenant, path);

-- One without a sync is a path's first; it holds nothing until a file comes.
CREATE TABLE lake_generations (
	id         BIGINT PRIMARY KEY,
	path_id    BIGINT NOT NULL,
	sync_id    BIGINT NOT NULL, -- of the full sync that made it
	files      BIGINT NOT NULL,
	size       BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);

CREATE TABLE lake_files (
	generation  BIGINT NOT NULL,
	dir         TEXT COLLATE "C"    NOT NULL,
	name        TEXT COLLATE "C"    NOT NULL,
	size        BIGINT NOT NULL,
	sha256     BYTEA    NOT NULL,
	sync_id     BIGINT NOT NULL,
	start_at    BIGINT NOT NULL,
	end_at      BIGINT NOT NULL,
	blob_key    TEXT COLLATE "C"    NOT NULL,
	packed      BIGINT NOT NULL,
	blob_offset BIGINT NOT NULL,
	PRIMARY KEY (generation, dir, name)
);

-- The directories of a generation, by the one that they are in.
CREATE TABLE lake_dirs (
	generation BIGINT NOT NULL,
	parent     TEXT COLLATE "C"    NOT NULL,
	name       TEXT COLLATE "C"    NOT NULL,
	PRIMARY KEY (generation, parent, name)
);

-- The folders that lead to lake paths that hold something.
CREATE TABLE lake_folders (
	tenant TEXT COLLATE "C" NOT NULL,
	parent TEXT COLLATE "C" NOT NULL,
	name   TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant, parent, name)
);

-- The objects in the bucket, with how many files of the generation are in each.
CREATE TABLE lake_blobs (
	blob_key   TEXT COLLATE "C" PRIMARY KEY,
	generation BIGINT NOT NULL,
	files      BIGINT NOT NULL
);
CREATE INDEX lake_blobs_generation ON lake_blobs (generation);

CREATE TABLE lake_trash (
	sync_id    BIGINT PRIMARY KEY,
	tenant     TEXT COLLATE "C"    NOT NULL,
	path_id    BIGINT NOT NULL,
	generation BIGINT NOT NULL,
	at         BIGINT NOT NULL
);
CREATE INDEX lake_trash_tenant ON lake_trash (tenant, sync_id);
CREATE INDEX lake_trash_at ON lake_trash (at);
CREATE INDEX lake_trash_generation ON lake_trash (generation);

-- Generations whose rows have yet to be removed.
CREATE TABLE lake_dropped (
	generation BIGINT PRIMARY KEY,
	at         BIGINT NOT NULL
);
