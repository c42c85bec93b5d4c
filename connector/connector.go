// Package connector keeps saved connections to where files come from: S3 and
// OSS buckets, and folders that the host allows.
package connector

import (
	"context"
	"iter"
	"time"

	"github.com/inlet-go/inlet/blob"
)

// SourceType says what a connector connects to. The numbers are the wire's
// (000_9d73e1e795dce592.txt); those from 100 on are additions.
type SourceType int

// The source types.
const (
	OSS    SourceType = 4   // Alibaba Cloud OSS
	S3     SourceType = 5   // S3 and what speaks its protocol
	Folder SourceType = 100 // a folder of the host's machine

	// Defined connectors are of a registered definition, which their config
	// names; see [Definitions]. Numbers above it are free for hosts.
	Defined SourceType = 101
)

// Key returns the type's key in a config: "oss", "s3", "folder" or
// "definition"; "" for an unknown type.
func (t SourceType) Key() string {
	switch t {
	case OSS:
		return "oss"
	case S3:
		return "s3"
	case Folder:
		return "folder"
	case Defined:
		return "definition"
	}
	return ""
}

// Status says whether a connector can be used.
type Status string

// The statuses.
const (
	Active     Status = "active"
	Unreadable Status = "credentials_unreadable" // the key that sealed them is gone
)

// Connector is a saved connection.
type Connector struct {
	ID        int64 // counts from 100001
	Tenant    string
	Name      string // unique in the tenant
	Type      SourceType
	Config    Config
	Status    Status
	CreatedBy string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Config holds the one member that fits the source type.
type Config struct {
	OSS        *OSSConfig     `json:"oss,omitempty"`
	S3         *S3Config      `json:"s3,omitempty"`
	Folder     *FolderConfig  `json:"folder,omitempty"`
	Definition *DefinedConfig `json:"definition,omitempty"`
}

// OSSConfig connects to a bucket of Alibaba Cloud OSS.
type OSSConfig struct {
	Endpoint        string `json:"endpoint"` // host, or URL; https unless it says http
	AccessKeyID     string `json:"access_key_id"`
	AccessKeySecret Secret `json:"access_key_secret"`
	BucketName      string `json:"bucket_name"`
}

// S3Config connects to an S3 bucket.
type S3Config struct {
	Endpoint        string `json:"endpoint"` // host, or URL; https unless it says http
	AccessKeyID     string `json:"access_key_id"`
	AccessKeySecret Secret `json:"access_key_secret"`
	BucketName      string `json:"bucket_name"`
	Region          string `json:"region"`
	PathStyle       *bool  `json:"path_style,omitempty"` // nil: not given, virtual-host style
}

// FolderConfig connects to a folder below those that the host allows.
type FolderConfig struct {
	Path string `json:"path"` // absolute
}

// Secrets yields the secrets of the config with their fields' names, such as
// "s3.access_key_secret" or "definition/connector_config". They may be changed
// on the way.
func (c *Config) Secrets() iter.Seq2[string, *Secret] {
	return func(yield func(string, *Secret) bool) {
		if c.OSS != nil && !yield("oss.access_key_secret", &c.OSS.AccessKeySecret) {
			return
		}
		if c.S3 != nil && !yield("s3.access_key_secret", &c.S3.AccessKeySecret) {
			return
		}
		if c.Definition == nil {
			return
		}
		for i := range c.Definition.Sealed {
			if part := &c.Definition.Sealed[i]; !yield("definition"+part.Pointer, &part.JSON) {
				return
			}
		}
	}
}

// Clone returns a deep copy.
func (c Config) Clone() Config {
	if c.OSS != nil {
		oss := *c.OSS
		c.OSS = &oss
	}
	if c.S3 != nil {
		s3 := *c.S3
		c.S3 = &s3
		if s3.PathStyle != nil {
			style := *s3.PathStyle
			c.S3.PathStyle = &style
		}
	}
	if c.Folder != nil {
		folder := *c.Folder
		c.Folder = &folder
	}
	if c.Definition != nil {
		c.Definition = c.Definition.clone()
	}
	return c
}

// Opener connects to what a config describes. The host gives it to the
// service, so that only the SDKs that it wants are linked.
type Opener interface {
	// Open returns a source, which the caller closes. It need not touch the
	// network. Errors: Invalid (the config cannot work), Forbidden (the host
	// does not allow that folder or address), Unsupported (the source type).
	Open(ctx context.Context, c Config) (blob.Source, error)
}

// Query selects connectors of a tenant. Zero fields do not filter.
type Query struct {
	IDs      []int64
	Keyword  string // part of the name, any case
	Types    []SourceType
	Statuses []Status
	OrderBy  Order
	Desc     bool
	Offset   int
	Limit    int // 0 means all
}

// Order names what a list is ordered by; the id decides between equals.
type Order string

// The orders.
const (
	ByCreated Order = "created_at" // also the zero value's meaning
	ByUpdated Order = "updated_at"
	ByName    Order = "name"
)

// Repository keeps connectors, secrets sealed at rest.
type Repository interface {
	// CreateConnector stores c and sets its ID. A taken name is Exists.
	CreateConnector(ctx context.Context, c *Connector) error

	// Connector returns one; an unknown id, or another tenant's, is NotFound.
	Connector(ctx context.Context, tenant string, id int64) (*Connector, error)

	// Connectors returns those that q selects, and how many there are
	// without its Offset and Limit.
	Connectors(ctx context.Context, tenant string, q Query) ([]*Connector, int, error)

	// UpdateConnector changes one within a transaction. f may run again. A
	// taken name is Exists.
	UpdateConnector(ctx context.Context, tenant string, id int64, f func(*Connector) error) error

	// DeleteConnector removes one. While a task that is not completed uses it
	// the error is Conflict.
	DeleteConnector(ctx context.Context, tenant string, id int64) error

	// RelatedTasks returns the ids of the tasks that use each connector, in
	// ascending order; connectors that none uses are left out.
	RelatedTasks(ctx context.Context, tenant string, ids []int64) (map[int64][]int64, error)
}
