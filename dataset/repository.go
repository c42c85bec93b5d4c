package dataset

import (
	"context"
	"time"

	"github.com/inlet-go/inlet/store/work"
)

// Each method of the interfaces below is one transaction. Ids that are unknown
// or belong to another tenant are NotFound errors; who owns a thing is the
// service's affair. Where a method takes a [work.Lease], nothing happens and
// the error is Conflict unless that claim is still the item's latest.

// Datasets keeps datasets.
type Datasets interface {
	CreateDataset(ctx context.Context, d *Dataset) error

	Dataset(ctx context.Context, tenant, id string) (*Dataset, error)

	// Datasets returns those of the owner that q selects, and how many there
	// are without its Offset and Limit.
	Datasets(ctx context.Context, tenant, owner string, q Query) ([]*Dataset, int, error)

	// UpdateDataset changes the name, the description and the time of the
	// last change; f may run again.
	UpdateDataset(ctx context.Context, tenant, id string, f func(*Dataset) error) error

	// DeleteDataset removes a dataset, whose data sources are gone at once,
	// and enqueues an item of KindPurge that removes their rows.
	DeleteDataset(ctx context.Context, tenant, id string) error

	// SourceCounts returns how many data sources a dataset has by status.
	SourceCounts(ctx context.Context, tenant, id string) (Counts, error)
}

// Sources keeps data sources.
type Sources interface {
	// CreateSource stores s with an item of KindSync whose payload is the id.
	// d, unless nil, is a dataset that is made with it. url is kept, sealed,
	// until the data source is no longer Synching. An upload that is not
	// Complete is NotFound.
	CreateSource(ctx context.Context, s *DataSource, d *Dataset, url string) error

	// Source returns a data source; of the given dataset, unless that is "".
	Source(ctx context.Context, tenant, dataset, id string) (*DataSource, error)

	// Sources returns those that q selects, and how many there are without
	// its Offset and Limit.
	Sources(ctx context.Context, tenant, dataset string, q SourceQuery) ([]*DataSource, int, error)

	// DeleteSource removes a data source and its work. Its bytes become
	// garbage when nobody else shares them.
	DeleteSource(ctx context.Context, tenant, dataset, id string) error
}

// Uploads keeps uploads and their parts.
type Uploads interface {
	// CreateUpload stores an upload. A taken ObjectKey is Exists.
	CreateUpload(ctx context.Context, u *Upload) error

	// Upload returns an upload by its ObjectKey, UploadByID by its id. Those
	// that are Expired are NotFound.
	Upload(ctx context.Context, tenant, objectKey string) (*Upload, error)
	UploadByID(ctx context.Context, tenant, id string) (*Upload, error)

	// PutPart stores a part in the place of the one with the same number,
	// whose bytes become garbage. An upload that is not Open is Conflict.
	PutPart(ctx context.Context, upload string, p Part) error

	// Parts returns the parts of an upload by their numbers.
	Parts(ctx context.Context, upload string) ([]Part, error)

	// CompleteUpload makes an Open upload Complete until the given time.
	CompleteUpload(ctx context.Context, upload string, until time.Time) error

	// ExpiringUploads returns uploads whose time is over and that are not
	// forgotten, the longest over first.
	ExpiringUploads(ctx context.Context, now time.Time, limit int) ([]*Upload, error)

	// ExpireUpload makes an upload Expired. One whose time is not over is a
	// Conflict.
	ExpireUpload(ctx context.Context, upload string, now time.Time) error

	// ForgetUpload removes an Expired upload, and its bytes become garbage:
	// at once, or as soon as no data source shares them any more.
	ForgetUpload(ctx context.Context, upload string) error
}

// Syncs is what the workers need.
type Syncs interface {
	// SyncSource returns what a claimed item of KindSync is about: the data
	// source, the URL that it is fetched from, or "", and the segments that
	// its upload consists of.
	SyncSource(ctx context.Context, id string) (s *DataSource, url string, segments []Segment, err error)

	// FinishSync records what became of a data source and finishes the item.
	// The bytes of its upload are no longer shared where Key is of others.
	FinishSync(ctx context.Context, l work.Lease, id string, r SyncResult) error

	// PurgeDataset removes up to limit data sources of a deleted dataset and
	// tells whether there are more. When there are none it finishes the item.
	PurgeDataset(ctx context.Context, l work.Lease, limit int) (more bool, err error)
}

// SyncResult is what became of a data source.
type SyncResult struct {
	Status Status // Synched or Invalid
	Reason string
	Key    string // "" when no bytes are kept
	Size   int64
	SHA256 [32]byte
	Tables []Table
	At     time.Time
}

// Repository is all of them, for wiring.
type Repository interface {
	Datasets
	Sources
	Uploads
	Syncs
}
