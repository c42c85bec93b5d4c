-- +goose Up

-- Times are milliseconds since 1970, 0 for none. Ids come from sequences.
CREATE TABLE sequences (
	name TEXT PRIMARY KEY,
	last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sequences (name, last) VALUES ('id', 0), ('connector', 100000);

CREATE TABLE settings (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE connectors (
	id         INTEGER PRIMARY KEY,
	tenant     TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	folded     TEXT    NOT NULL, -- the name in lower case, for keywords
	type       INTEGER NOT NULL,
	config     TEXT    NOT NULL, -- JSON, secrets blanked
	secrets    TEXT    NOT NULL, -- JSON: field to sealed value
	revision   INTEGER NOT NULL,
	created_by TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX connectors_name ON connectors (tenant, name);

CREATE TABLE volumes (
	id         INTEGER PRIMARY KEY,
	tenant     TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	owner      TEXT    NOT NULL,
	size       INTEGER NOT NULL,
	file_num   INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX volumes_name ON volumes (tenant, name);
CREATE INDEX volumes_created ON volumes (tenant, created_at, id);

-- Volumes whose files have yet to become garbage.
CREATE TABLE deleted_volumes (
	id INTEGER PRIMARY KEY,
	at INTEGER NOT NULL
) STRICT;

CREATE TABLE tasks (
	id             INTEGER PRIMARY KEY,
	tenant         TEXT    NOT NULL,
	name           TEXT    NOT NULL,
	folded         TEXT    NOT NULL,
	connector_id   INTEGER NOT NULL,
	connector_type INTEGER NOT NULL,
	volume_id      INTEGER NOT NULL,
	status         INTEGER NOT NULL,
	creator        TEXT    NOT NULL,
	uris           TEXT    NOT NULL, -- JSON
	schedule_type  INTEGER NOT NULL,
	every          INTEGER NOT NULL,
	time_zone      TEXT    NOT NULL,
	revision       INTEGER NOT NULL,
	next_run_at    INTEGER NOT NULL,
	start_at       INTEGER NOT NULL,
	end_at         INTEGER NOT NULL,
	created_at     INTEGER NOT NULL,
	updated_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_created ON tasks (tenant, created_at, id);
CREATE INDEX tasks_updated ON tasks (tenant, updated_at, id);
CREATE INDEX tasks_start ON tasks (tenant, start_at, id);
CREATE INDEX tasks_end ON tasks (tenant, end_at, id);
CREATE INDEX tasks_name ON tasks (tenant, name, id);
CREATE INDEX tasks_status ON tasks (tenant, status, id);
CREATE INDEX tasks_connector ON tasks (connector_id, id);
CREATE INDEX tasks_volume ON tasks (volume_id, status);
CREATE INDEX tasks_due ON tasks (next_run_at) WHERE status = 1 AND next_run_at > 0;
CREATE INDEX tasks_pausing ON tasks (id) WHERE status = 2;

CREATE TABLE runs (
	id            INTEGER PRIMARY KEY,
	task_id       INTEGER NOT NULL,
	tenant        TEXT    NOT NULL,
	state         INTEGER NOT NULL,
	first         INTEGER NOT NULL,
	scheduled_for INTEGER NOT NULL,
	revision      INTEGER NOT NULL,
	uris          TEXT    NOT NULL, -- JSON
	cursor        TEXT    NOT NULL, -- JSON
	skipped       INTEGER NOT NULL,
	started_at    INTEGER NOT NULL,
	ended_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX runs_scheduled ON runs (task_id, scheduled_for);
CREATE INDEX runs_open ON runs (task_id) WHERE state < 3;

-- A chunk's files had the ids first_file to first_file + span - 1; some may
-- be gone. The other numbers are of the files that are left, by status.
CREATE TABLE chunks (
	id         INTEGER PRIMARY KEY,
	run_id     INTEGER NOT NULL,
	task_id    INTEGER NOT NULL,
	first_file INTEGER NOT NULL,
	span       INTEGER NOT NULL,
	waiting    INTEGER NOT NULL,
	uploading  INTEGER NOT NULL,
	retrying   INTEGER NOT NULL,
	failed     INTEGER NOT NULL,
	success    INTEGER NOT NULL,
	bytes      INTEGER NOT NULL,
	loaded     INTEGER NOT NULL,
	done       INTEGER NOT NULL,
	fence      INTEGER NOT NULL  -- the last of its finished work item
) STRICT;
CREATE INDEX chunks_task ON chunks (task_id, first_file);
CREATE INDEX chunks_open ON chunks (run_id) WHERE done = 0;

CREATE TABLE files (
	id           INTEGER PRIMARY KEY,
	task_id      INTEGER NOT NULL,
	chunk_id     INTEGER NOT NULL,
	volume_id    INTEGER NOT NULL,
	connector_id INTEGER NOT NULL,
	uri          TEXT    NOT NULL,
	size         INTEGER NOT NULL,
	etag         TEXT    NOT NULL,
	mod_time     INTEGER NOT NULL,
	status       INTEGER NOT NULL,
	published    INTEGER NOT NULL,
	reason       TEXT    NOT NULL,
	fence        INTEGER NOT NULL,
	sha256       BLOB,
	creator      TEXT    NOT NULL,
	start_at     INTEGER NOT NULL,
	end_at       INTEGER NOT NULL,
	updated_at   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX files_visible ON files (volume_id, uri, connector_id) WHERE published = 1;

CREATE TABLE garbage (
	file_id INTEGER NOT NULL,
	fence   INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (file_id, fence)
) STRICT, WITHOUT ROWID;
CREATE INDEX garbage_at ON garbage (at);

CREATE TABLE work_items (
	id          INTEGER PRIMARY KEY,
	kind        TEXT    NOT NULL,
	group_id    INTEGER NOT NULL,
	tenant      TEXT    NOT NULL,
	payload     TEXT    NOT NULL,
	state       INTEGER NOT NULL, -- 0 waiting, 1 leased
	fence       INTEGER NOT NULL,
	attempt     INTEGER NOT NULL,
	owner       TEXT    NOT NULL,
	not_before  INTEGER NOT NULL,
	lease_until INTEGER NOT NULL
) STRICT;
CREATE INDEX work_items_waiting ON work_items (group_id, kind, not_before, id) WHERE state = 0;
CREATE INDEX work_items_leased ON work_items (lease_until, group_id) WHERE state = 1;
CREATE INDEX work_items_group ON work_items (group_id);

-- The queue of one kind of one group. turn_at is derived: when its next item
-- may be claimed, or the greatest number while it has none or is stopped.
CREATE TABLE work_lanes (
	kind       TEXT    NOT NULL,
	group_id   INTEGER NOT NULL,
	last_claim INTEGER NOT NULL,
	claims     INTEGER NOT NULL,
	turn_at    INTEGER NOT NULL,
	PRIMARY KEY (group_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX work_lanes_turn ON work_lanes (kind, turn_at, claims, group_id);

CREATE TABLE work_stops (
	group_id INTEGER PRIMARY KEY
) STRICT;
