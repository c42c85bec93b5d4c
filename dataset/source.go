package dataset

import "time"

// Status is the state of a data source.
type Status string

// The states of a data source.
const (
	Synching Status = "synching" // waits to be, or is being, fetched and looked at
	Synched  Status = "synched"
	Invalid  Status = "invalid" // Reason says why; it will not change any more
)

// DataSource is a file in a dataset.
type DataSource struct {
	ID        string // "datasource-…"
	Dataset   string // the id of its dataset
	Tenant    string
	Owner     string
	Name      string // the whole name with its extension; see DisplayName
	Upload    string // the id of the upload whose bytes it shares; "" when they are its own
	Key       string // of its bytes in the managed bucket; "" until there are any
	Size      int64  // bytes; 0 until they are known
	SHA256    [32]byte
	Status    Status
	Reason    string // why it is Invalid, for people
	Tables    []Table
	CreatedAt time.Time
	UpdatedAt time.Time
}

// MaxDisplayName is how many characters of a name are shown.
const MaxDisplayName = 128

// DisplayName returns the first MaxDisplayName characters of the name.
func (s *DataSource) DisplayName() string { return truncate(s.Name, MaxDisplayName) }

// Table is a table that was found in a data source.
type Table struct {
	Name      string   `json:"name"` // of a sheet; "" where the file is the table
	Columns   []Column `json:"columns"`
	Rows      int64    `json:"rows"`
	Charset   string   `json:"charset,omitempty"`   // of a text format, such as "utf-8"
	Delimiter string   `json:"delimiter,omitempty"` // between the fields of csv and tsv
}

// Column is a column of a table.
type Column struct {
	Name     string `json:"name"`               // as SQL knows it
	Original string `json:"original,omitempty"` // as the file has it, where that differs
	Type     string `json:"type"`               // "text", "integer", "real", …; see package tabular
	Nullable bool   `json:"nullable"`
}

// SourceQuery selects data sources of a dataset, the newest first.
type SourceQuery struct {
	Statuses []Status // none is any
	Offset   int
	Limit    int // 0 means all
}
