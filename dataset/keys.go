package dataset

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The prefixes of keys in the managed bucket.
const (
	SourcePrefix = "sources/" // bytes that were fetched or joined for a data source
	UploadPrefix = "uploads/" // uploads that are one object
	PartPrefix   = "parts/"   // parts of uploads
)

var idEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// idLength is how many characters an id has behind its prefix.
const idLength = 24

// newID returns an id that nobody can guess and that sorts by time: the
// prefix, and 24 characters for 48 bits of milliseconds and 72 random ones.
func newID(prefix string, now time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(now.UnixMilli())<<16)
	rand.Read(b[6:])
	return prefix + strings.ToLower(idEncoding.EncodeToString(b[:15]))
}

// hour returns the hour in which an id was made, as "26112409-": what a bucket
// in a folder keeps together, see package folder.
func hour(id string) string {
	b, err := idEncoding.DecodeString(strings.ToUpper(id[max(len(id)-idLength, 0):]))
	if err != nil || len(b) < 8 {
		return "00000000-"
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b) >> 16)).UTC().Format("06010215-")
}

// UploadKey returns the key of an upload that is one object.
func UploadKey(id string) string { return UploadPrefix + hour(id) + id }

// partKey returns a key for a part. Each try to send one has its own, so that
// the bytes and the row of two that run at the same time cannot be mixed up.
func partKey(upload string, number int) string {
	return fmt.Sprintf("%s%s%s/%d-%s", PartPrefix, hour(upload), upload, number, strings.ToLower(rand.Text()[:8]))
}

// SourceKey returns the key of what one claim fetches for a data source. A
// later claim writes under another key, so that a worker whose lease was taken
// cannot touch what readers see.
func SourceKey(id string, fence int64) string {
	return fmt.Sprintf("%s%s%s-%x", SourcePrefix, hour(id), id, fence)
}

// ParseSourceKey reverses [SourceKey].
func ParseSourceKey(key string) (id string, fence int64, err error) {
	rest := strings.TrimPrefix(key, SourcePrefix)
	if dash := strings.LastIndexByte(rest, '-'); dash > len("26112409-") {
		id = rest[len("26112409-"):dash]
		fence, err = strconv.ParseInt(rest[dash+1:], 16, 64)
	}
	if id == "" || err != nil || SourceKey(id, fence) != key {
		return "", 0, fmt.Errorf("%q is not the key of a data source", key)
	}
	return id, fence, nil
}
