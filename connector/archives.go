package connector

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/inlet-go/inlet/blob"
)

// DefinitionPrefix is that of the keys under which distribution archives are
// kept in the managed bucket.
const DefinitionPrefix = "definitions/"

// archiveKey returns a new key for an archive. It begins with the hour, which
// is what a bucket in a folder keeps together, see package folder.
func archiveKey(now time.Time) string {
	return DefinitionPrefix + now.UTC().Format("06010215-") + strings.ToLower(rand.Text())
}

// Archive is a distribution archive in a bucket.
type Archive struct {
	Bucket blob.Source
	Key    string
	Size   int64  // bytes
	Name   string // of the file that was sent; its extension tells a zip
}

// Archives reads distribution archives. Package connector/archive has one.
type Archives interface {
	// Find goes through an archive, checks all its entries, and returns the
	// contents of those that are asked for: the file whose path is the name,
	// or ends with it behind a slash; of several the one in the fewest
	// folders, then the first by the order of bytes. One that is not there is
	// left out. limit bounds each of them, in bytes.
	//
	// Errors: Invalid for what is no archive or has an entry that is refused,
	// TooLarge where a limit is passed, and those of the bucket.
	Find(ctx context.Context, a Archive, names []string, limit int64) (*Found, error)
}

// Found is what was found in an archive.
type Found struct {
	Files   map[string][]byte // by the name that was asked for
	Folders map[string]bool   // the names of the folders at the top
}
