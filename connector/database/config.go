package database

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/guard"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

// Config says which table to read, and how.
type Config struct {
	Table           string
	TimestampColumn string // by which new rows are found; "" means by the primary key
	BatchSize       int    // rows of a file
	MaxBatches      int    // files of a listing; what is left is for the next one
	Polling         Polling
	Now             func() time.Time // the clock of Polling; nil means time.Now
	Lag             time.Duration    // see [Options]
	Idle            time.Duration    // see [Options]
}

// Polling says how often a task looks for new rows, at most: runs that come
// earlier find nothing new, unless the run before left rows over.
type Polling string

// The pollings besides "", which looks in each run.
const (
	Once    Polling = "Once" // all that there is, and then never again
	Hourly  Polling = "Hourly"
	Daily   Polling = "Daily"
	Weekly  Polling = "Weekly"
	Monthly Polling = "Monthly"
)

// early is how much too early a run may be, so that a task and its polling of
// the same period do not miss each other.
const early = time.Minute

// due reports whether to look at a time, after the last look.
func (p Polling) due(last, now time.Time) bool {
	now = now.Add(early)
	switch p {
	case Once:
		return false
	case Hourly:
		return !now.Before(last.Add(time.Hour))
	case Daily:
		return !now.Before(last.AddDate(0, 0, 1))
	case Weekly:
		return !now.Before(last.AddDate(0, 0, 7))
	case Monthly:
		return !now.Before(last.AddDate(0, 1, 0))
	}
	return true
}

// DefinitionID is the id of [Definition].
const DefinitionID = "database-1.0.0"

//go:embed definition.json
var definition []byte

// Definition returns the definition of connectors to tables, for
// [connector.DefinitionOptions]. Its fields are those of the example in
// 003_37f1d6dc39f6b89a.txt. When it is loaded is the task's, whose runs look for
// new rows as often as the polling says.
func Definition() *connector.Definition {
	d, err := connector.ParseDefinition(definition)
	if err != nil {
		panic(err) // the file is part of the program
	}
	return d
}

// Options qualifies an Opener; the zero value reaches the public internet.
type Options struct {
	// AllowNet lists prefixes that may be reached although they are private,
	// loopback or otherwise special.
	AllowNet []netip.Prefix
	// Now is the clock of [Polling]; nil means time.Now.
	Now func() time.Time
	// Lag is how far behind the database's clock a listing ends where the
	// database does not show which transactions are open: to a user without
	// pg_read_all_stats (PostgreSQL) or PROCESS (MySQL), and on a standby of
	// PostgreSQL, behind what that has replayed. Transactions that are open for
	// longer may commit rows that are not seen. 0 means DefaultLag.
	Lag time.Duration
	// Idle is how long a database may be silent while a table is listed before
	// the listing counts as failed; 0 means DefaultIdle. While a page is read it
	// is the transfer's.
	Idle time.Duration
}

// The times that hold where Options have none. A database may be silent for
// long while it sorts a table that has no index on its timestamps.
const (
	DefaultLag  = 5 * time.Minute
	DefaultIdle = 10 * time.Minute
)

// Opener opens connectors of [Definition], and leaves others to another one.
type Opener struct {
	next    connector.Opener
	drivers map[string]Driver
	dialer  *guard.Dialer
	opts    Options
}

// NewOpener returns an opener for databases of the kinds that drivers know.
func NewOpener(next connector.Opener, drivers []Driver, opts *Options) *Opener {
	if opts == nil {
		opts = &Options{}
	}
	o := &Opener{
		next: next, drivers: map[string]Driver{}, opts: *opts,
		dialer: guard.NewDialer(&guard.Options{Allow: opts.AllowNet, AnyPort: true}),
	}
	for _, d := range drivers {
		o.drivers[d.Name()] = d
	}
	return o
}

// form is the config as the definition has it.
type form struct {
	Connector struct {
		Type string `json:"databaseType"`
		Info struct {
			Host     string `json:"host"`
			Port     int    `json:"port"`
			Name     string `json:"name"`
			Username string `json:"username"`
			Password string `json:"password"`
		} `json:"connection_info"`
		Schema struct {
			Table           string `json:"table"`
			TimestampColumn string `json:"timestampColumn"`
		} `json:"schemaInfo"`
	} `json:"connector_config"`
	Operations struct {
		BatchSize  int `json:"batch_size"`
		MaxBatches int `json:"max_batches"`

		PollingInterval string  `json:"pollingInterval"`
		Schedule        Polling `json:"schedule"`
	} `json:"operations_config"`
}

// The sizes that hold where a config has none.
const (
	DefaultBatchSize  = 50_000
	DefaultMaxBatches = 1_000
)

// Open implements [connector.Opener].
func (o *Opener) Open(ctx context.Context, c connector.Config) (blob.Source, error) {
	if c.Definition == nil || c.Definition.ID != DefinitionID {
		return o.next.Open(ctx, c)
	}
	whole, err := c.Definition.Whole()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return nil, errs.New(errs.Invalid, "config is invalid")
	}
	var f form
	if json.Unmarshal(text, &f) != nil { // the error would show a value
		return nil, errs.New(errs.Invalid, "config is invalid: it does not fit the form of %s", DefinitionID)
	}
	driver, ok := o.drivers[f.Connector.Type]
	if !ok {
		return nil, errs.New(errs.Unsupported, "databases of the type %.80q cannot be opened here", f.Connector.Type)
	}
	if f.Operations.BatchSize <= 0 {
		f.Operations.BatchSize = DefaultBatchSize
	}
	if f.Operations.MaxBatches <= 0 {
		f.Operations.MaxBatches = DefaultMaxBatches
	}
	polling := f.Operations.Schedule
	if f.Operations.PollingInterval != "Periodic" {
		polling = Polling(f.Operations.PollingInterval)
	}
	conn, err := driver.Connect(ctx, Address{
		Host: f.Connector.Info.Host, Port: f.Connector.Info.Port, Database: f.Connector.Info.Name,
		User: f.Connector.Info.Username, Password: f.Connector.Info.Password, Dial: o.dialer.DialContext,
	})
	if err != nil {
		return nil, err
	}
	return NewSource(conn, Config{
		Table: f.Connector.Schema.Table, TimestampColumn: f.Connector.Schema.TimestampColumn,
		BatchSize: f.Operations.BatchSize, MaxBatches: f.Operations.MaxBatches,
		Polling: polling, Now: o.opts.Now, Lag: o.opts.Lag, Idle: o.opts.Idle,
	}), nil
}
