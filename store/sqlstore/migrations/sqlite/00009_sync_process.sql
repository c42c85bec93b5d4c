-- +goose Up

-- Which of the owner's processes takes an upload that is Syncing.
ALTER TABLE sync_history ADD COLUMN process TEXT NOT NULL DEFAULT '';
