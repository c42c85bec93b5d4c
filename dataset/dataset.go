package dataset

import "time"

// Dataset is a collection of data sources.
type Dataset struct {
	ID          string // "dataset-…"
	Tenant      string
	Owner       string // the user who made it
	Name        string
	Description string
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Query selects datasets of one owner, the newest first.
type Query struct {
	Search string // part of the name or the description, in any case; "" is all
	Offset int
	Limit  int // 0 means all
}

// Counts are the data sources of a dataset by their status.
type Counts struct {
	Synched, Invalid, Synching int
}

// Overview tells what is in a dataset.
type Overview struct {
	*Dataset
	Summary  string   // what its tables are, in a sentence
	Keywords []string // the names of tables' columns, at most 20
}
