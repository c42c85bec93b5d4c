package dataset

import (
	"time"

	"github.com/inlet-go/inlet/blob"
)

// UploadState is the state of an upload.
type UploadState int

// The states of an upload.
const (
	Open     UploadState = 1 // takes parts
	Complete UploadState = 2 // data sources can be made from it
	Expired  UploadState = 3 // kept only for the data sources that share its bytes
)

// Upload is a file that a user uploaded, or uploads in parts. Any number of
// data sources can be made from it until it expires.
type Upload struct {
	ID        string
	Tenant    string
	Owner     string
	ObjectKey string // by which callers name it: the file_object_key
	Name      string
	Size      int64    // bytes, announced or received
	SHA256    [32]byte // zero when it came in parts
	Key       string   // of its bytes in the managed bucket; "" when they are in Parts that came through us
	Provider  string   // the bucket's own id of an upload in parts; "" when the parts come through us
	PartSize  int64    // bytes of each part but the last; 0 when there are none
	State     UploadState
	CreatedAt time.Time
	ExpiresAt time.Time
}

// parts returns how many parts the upload has.
func (u *Upload) parts() int {
	if u.PartSize == 0 {
		return 0
	}
	return int((u.Size + u.PartSize - 1) / u.PartSize)
}

// partSize returns the size of a part, which counts from 1.
func (u *Upload) partSize(number int) int64 {
	return min(u.PartSize, u.Size-int64(number-1)*u.PartSize)
}

// Part is a part of an upload that came through us.
type Part struct {
	Number int // from 1
	Size   int64
	ETag   string // hexadecimal, without quotes
	Key    string // in the managed bucket
}

// PartTarget is where a client sends a part of an upload.
type PartTarget struct {
	Number int
	Size   int64
	URL    string // the bucket's own signed link for a PUT; "" when PutPart takes it
}

// Segment is a piece of a file, in the managed bucket.
type Segment struct {
	Key  string
	Size int64
}

// Received is a file whose bytes are stored but that nobody owns yet; see
// [Service.Receive].
type Received struct {
	id, name, key string
	written       blob.Written
}
