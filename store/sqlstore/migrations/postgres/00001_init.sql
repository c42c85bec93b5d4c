-- +goose Up

-- Times are milliseconds since 1970, 0 for none. Ids come from sequences.
CREATE TABLE sequences (
	name TEXT COLLATE "C" PRIMARY KEY,
	last BIGINT NOT NULL
);
INSERT INTO sequences (name, last) VALUES ('id', 0), ('connector', 100000);

CREATE TABLE settings (
	name  TEXT COLLATE "C" PRIMARY KEY,
	value TEXT COLLATE "C" NOT NULL
);

CREATE TABLE connectors (
	id         BIGINT PRIMARY KEY,
	tenant     TEXT COLLATE "C"    NOT NULL,
	name       TEXT COLLATE "C"    NOT NULL,
	folded     TEXT COLLATE "C"    NOT NULL, -- the name in lower case, for keywords
	type       BIGINT NOT NULL,
	config     TEXT COLLATE "C"    NOT NULL, -- JSON, secrets blanked
	secrets    TEXT COLLATE "C"    NOT NULL, -- JSON: field to sealed value
	revision   BIGINT NOT NULL,
	created_by TEXT COLLATE "C"    NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX connectors_name ON connectors (tenant, name);

CREATE TABLE volumes (
	id         BIGINT PRIMARY KEY,
	tenant     TEXT COLLATE "C"    NOT NULL,
	name       TEXT COLLATE "C"    NOT NULL,
	owner      TEXT COLLATE "C"    NOT NULL,
	size       BIGINT NOT NULL,
	file_num   BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX volumes_name ON volumes (tenant, name);
CREATE INDEX volumes_created ON volumes (tenant, created_at, id);

-- Volumes whose files have yet to become garbage.
CREATE TABLE deleted_volumes (
	id BIGINT PRIMARY KEY,
	at BIGINT NOT NULL
);

CREATE TABLE tasks (
	id             BIGINT PRIMARY KEY,
	tenant         TEXT COLLATE "C"    NOT NULL,
	name           TEXT COLLATE "C"    NOT NULL,
	folded         TEXT COLLATE "C"    NOT NULL,
	connector_id   BIGINT NOT NULL,
	connector_type BIGINT NOT NULL,
	volume_id      BIGINT NOT NULL,
	status         BIGINT NOT NULL,
	creator        TEXT COLLATE "C"    NOT NULL,
	uris           TEXT COLLATE "C"    NOT NULL, -- JSON
	schedule_type  BIGINT NOT NULL,
	every          BIGINT NOT NULL,
	time_zone      TEXT COLLATE "C"    NOT NULL,
	revision       BIGINT NOT NULL,
	next_run_at    BIGINT NOT NULL,
	start_at       BIGINT NOT NULL,
	end_at         BIGINT NOT NULL,
	created_at     BIGINT NOT NULL,
	updated_at     BIGINT NOT NULL
);
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
	id            BIGINT PRIMARY KEY,
	task_id       BIGINT NOT NULL,
	tenant        TEXT COLLATE "C"    NOT NULL,
	state         BIGINT NOT NULL,
	first         BIGINT NOT NULL,
	scheduled_for BIGINT NOT NULL,
	revision      BIGINT NOT NULL,
	uris          TEXT COLLATE "C"    NOT NULL, -- JSON
	cursor        TEXT COLLATE "C"    NOT NULL, -- JSON
	skipped       BIGINT NOT NULL,
	started_at    BIGINT NOT NULL,
	ended_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX runs_scheduled ON runs (task_id, scheduled_for);
CREATE INDEX runs_open ON runs (task_id) WHERE state < 3;

-- A chunk's files had the ids first_file to first_file + span - 1; some may
-- be gone. The other numbers are of the files that are left, by status.
CREATE TABLE chunks (
	id         BIGINT PRIMARY KEY,
	run_id     BIGINT NOT NULL,
	task_id    BIGINT NOT NULL,
	first_file BIGINT NOT NULL,
	span       BIGINT NOT NULL,
	waiting    BIGINT NOT NULL,
	uploading  BIGINT NOT NULL,
	retrying   BIGINT NOT NULL,
	failed     BIGINT NOT NULL,
	success    BIGINT NOT NULL,
	bytes      BIGINT NOT NULL,
	loaded     BIGINT NOT NULL,
	done       BIGINT NOT NULL,
	fence      BIGINT NOT NULL  -- the last of its finished work item
);
CREATE INDEX chunks_task ON chunks (task_id, first_file);
CREATE INDEX chunks_open ON chunks (run_id) WHERE done = 0;

CREATE TABLE files (
	id           BIGINT PRIMARY KEY,
	task_id      BIGINT NOT NULL,
	chunk_id     BIGINT NOT NULL,
	volume_id    BIGINT NOT NULL,
	connector_id BIGINT NOT NULL,
	uri          TEXT COLLATE "C"    NOT NULL,
	size         BIGINT NOT NULL,
	etag         TEXT COLLATE "C"    NOT NULL,
	mod_time     BIGINT NOT NULL,
	status       BIGINT NOT NULL,
	published    BIGINT NOT NULL,
	reason       TEXT COLLATE "C"    NOT NULL,
	fence        BIGINT NOT NULL,
	sha256       BYTEA,
	creator      TEXT COLLATE "C"    NOT NULL,
	start_at     BIGINT NOT NULL,
	end_at       BIGINT NOT NULL,
	updated_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX files_visible ON files (volume_id, uri, connector_id) WHERE published = 1;

CREATE TABLE garbage (
	file_id BIGINT NOT NULL,
	fence   BIGINT NOT NULL,
	at      BIGINT NOT NULL,
	PRIMARY KEY (file_id, fence)
);
CREATE INDEX garbage_at ON garbage (at);

CREATE TABLE work_items (
	id          BIGINT PRIMARY KEY,
	kind        TEXT COLLATE "C"    NOT NULL,
	group_id    BIGINT NOT NULL,
	tenant      TEXT COLLATE "C"    NOT NULL,
	payload     TEXT COLLATE "C"    NOT NULL,
	state       BIGINT NOT NULL, -- 0 waiting, 1 leased
	fence       BIGINT NOT NULL,
	attempt     BIGINT NOT NULL,
	owner       TEXT COLLATE "C"    NOT NULL,
	not_before  BIGINT NOT NULL,
	lease_until BIGINT NOT NULL
);
CREATE INDEX work_items_waiting ON work_items (group_id, kind, not_before, id) WHERE state = 0;
CREATE INDEX work_items_leased ON work_items (lease_until, group_id) WHERE state = 1;
CREATE INDEX work_items_group ON work_items (group_id);

-- The queue of one kind of one group. turn_at is derived: when its next item
-- may be claimed, or the greatest number while it has none or is stopped.
CREATE TABLE work_lanes (
	kind       TEXT COLLATE "C"    NOT NULL,
	group_id   BIGINT NOT NULL,
	last_claim BIGINT NOT NULL,
	claims     BIGINT NOT NULL,
	turn_at    BIGINT NOT NULL,
	PRIMARY KEY (group_id, kind)
);
CREATE INDEX work_lanes_turn ON work_lanes (kind, turn_at, claims, group_id);

CREATE TABLE work_stops (
	group_id BIGINT PRIMARY KEY
);
