package connector

import (
	"context"
	"encoding/json"
	"time"
)

// DefinitionStatus says what a definition is good for. The words are the
// wire's (003_37f1d6dc39f6b89a.txt).
type DefinitionStatus string

// The statuses of definitions.
const (
	Draft        DefinitionStatus = "Draft"
	InValidation DefinitionStatus = "InValidation"
	Live         DefinitionStatus = "Live"    // connectors can be made of it
	Retired      DefinitionStatus = "Retired" // a later version is Live
)

// Known reports whether s is one of the statuses.
func (s DefinitionStatus) Known() bool {
	return s == Draft || s == InValidation || s == Live || s == Retired
}

// The categories by which lists are filtered. Definitions may have others.
const (
	CategoryDatabase = "Database"
	CategoryFile     = "File"
)

// Definition is a kind of connector that somebody registered: what it is
// called, the form of its config, and the archive that holds its code, which
// Inlet keeps and never runs.
type Definition struct {
	ID          string // "<ConnectorID>-<Version>"; see DefinitionID
	Tenant      string // "" for those that are built in
	ConnectorID string
	Name        string
	Type        string // "source"
	Category    string
	Version     string
	Description string
	Technology  string // "java", "scala", "python", …
	Runtime     string // "spark", "flink", …
	Licence     string
	Owner       string
	IconURL     string // a URL or a data URI; "" for none
	Status      DefinitionStatus
	SourceURL   string   // the archive's key in the managed bucket; "" when there is none
	SHA256      [32]byte // of the archive
	Source      Program
	UISpec      json.RawMessage // the form, byte for byte as it was given; nil in lists
	CreatedBy   string
	UpdatedBy   string
	CreatedAt   time.Time
	UpdatedAt   time.Time
	LiveAt      time.Time // when it first became Live; zero for never
}

// Program says what in an archive would be run.
type Program struct {
	Source      string  `json:"source"` // the top folder of the archive
	MainClass   *string `json:"main_class"`
	MainProgram *string `json:"main_program"`
}

// DefinitionID returns the id of a version of a connector.
func DefinitionID(connectorID, version string) string { return connectorID + "-" + version }

// DefinitionQuery selects definitions. Zero fields do not filter.
type DefinitionQuery struct {
	Statuses   []DefinitionStatus
	Categories []string
}

// DefinitionRepository keeps the definitions that tenants registered. Each
// method is one transaction; another tenant's definitions are NotFound.
type DefinitionRepository interface {
	// SaveDefinitions stores all of defs or none. One of a ConnectorID and
	// Version that the tenant has already takes its place, but leaves
	// CreatedBy, CreatedAt, UpdatedBy and LiveAt as they were, unless that was
	// never Live. A Live one retires the other Live versions of its
	// ConnectorID, whose UpdatedAt is then its own. Archives that no
	// definition names any more become garbage.
	//
	// Errors: Exists when another ConnectorID and Version make the same ID,
	// TooLarge when the tenant would have more than max.
	SaveDefinitions(ctx context.Context, tenant string, defs []*Definition, max int) error

	// Definition returns one by its ID.
	Definition(ctx context.Context, tenant, id string) (*Definition, error)

	// LiveDefinition returns the Live version of a ConnectorID.
	LiveDefinition(ctx context.Context, tenant, connectorID string) (*Definition, error)

	// Definitions returns those that q selects without their UISpec, in the
	// order of their ConnectorID and then of their making.
	Definitions(ctx context.Context, tenant string, q DefinitionQuery) ([]*Definition, error)
}
