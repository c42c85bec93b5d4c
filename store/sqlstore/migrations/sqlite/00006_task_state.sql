-- +goose Up

-- What a source that knows what is new needs to know for the next listing.
ALTER TABLE tasks ADD COLUMN state TEXT NOT NULL DEFAULT '';
