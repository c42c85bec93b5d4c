package fakeserver

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	errDiscarded = errors.New("the server was told to discard what is written")
	crcTable     = crc64.MakeTable(crc64.ECMA)
)

// object is what is stored under a key. It never changes once it is stored.
type object struct {
	content Content
	etag    string // without quotes
	mod     time.Time
	header  http.Header // Content-Type and the like, and metadata with the dialect's prefix
	crc     string      // CRC-64/ECMA in decimal, "" when it was not computed
	sha256  string      // base64, "" unless the writer gave or asked for it
}

// part is one part of a multipart upload.
type part struct {
	content Content
	etag    string
	md5     [md5.Size]byte
	crc     uint64
}

// upload is a multipart upload in progress.
type upload struct {
	bucket, key string
	header      http.Header
	forbid      bool // OSS: refuse to overwrite at completion
	parts       map[int]part
}

// store is the storage behind both dialects.
type store struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	uploads map[string]*upload
	seq     int
}

// bucket keeps its keys sorted, because listings are by far the most frequent
// use that depends on order.
type bucket struct {
	objects map[string]*object
	keys    []string
	ranges  []keyRange
}

func newBucket() *bucket { return &bucket{objects: map[string]*object{}} }

func (b *bucket) put(key string, o *object) {
	if _, ok := b.objects[key]; !ok {
		i, _ := slices.BinarySearch(b.keys, key)
		b.keys = slices.Insert(b.keys, i, key)
	}
	b.objects[key] = o
}

func (b *bucket) delete(key string) {
	if _, ok := b.objects[key]; !ok {
		return
	}
	delete(b.objects, key)
	i, _ := slices.BinarySearch(b.keys, key)
	b.keys = slices.Delete(b.keys, i, i+1)
}

// get returns the object at key, or nil.
func (b *bucket) get(key string) *object {
	if o := b.objects[key]; o != nil {
		return o
	}
	for _, r := range b.ranges {
		if i := r.index(key); i >= 0 {
			return r.object(i)
		}
	}
	return nil
}

// empty reports whether the bucket has no objects.
func (b *bucket) empty() bool { return len(b.objects) == 0 && len(b.ranges) == 0 }

// keyRange is n objects of equal size, with keys prefix + 8 digits.
type keyRange struct {
	prefix string
	n      int
	size   int64
	mod    time.Time
}

const rangeDigits = 8

func (r keyRange) key(i int) string { return fmt.Sprintf("%s%0*d", r.prefix, rangeDigits, i) }

// index returns the position of key, or -1.
func (r keyRange) index(key string) int {
	digits, ok := strings.CutPrefix(key, r.prefix)
	if !ok || len(digits) != rangeDigits {
		return -1
	}
	i, err := strconv.Atoi(digits)
	if err != nil || i < 0 || i >= r.n {
		return -1
	}
	return i
}

// object computes the object at position i. Its seed is i+1.
func (r keyRange) object(i int) *object {
	c := Synthetic(r.size, uint64(i+1))
	o := &object{content: c, mod: r.mod, etag: r.etag(i), header: http.Header{}}
	if r.size <= 1<<20 {
		h := crc64.New(crcTable)
		io.Copy(h, io.NewSectionReader(c, 0, r.size))
		o.crc = strconv.FormatUint(h.Sum64(), 10)
	}
	return o
}

// etag looks like that of a multipart upload, which clients must not take for
// an MD5.
func (r keyRange) etag(i int) string {
	return fmt.Sprintf("%016x%016x-1", mix(uint64(i)), uint64(r.size))
}

// entry is one row of a listing.
type entry struct {
	key    string
	size   int64
	etag   string
	mod    time.Time
	prefix bool
}

// cursor walks the keys of a bucket in order.
type cursor struct {
	b      *bucket
	next   int   // into b.keys
	ranges []int // into each range
}

// seek returns a cursor at the first key that is not less than from.
func (b *bucket) seek(from string) *cursor {
	c := &cursor{b: b, ranges: make([]int, len(b.ranges))}
	c.next, _ = slices.BinarySearch(b.keys, from)
	for i, r := range b.ranges {
		lo, hi := 0, r.n
		for lo < hi {
			if mid := (lo + hi) / 2; r.key(mid) < from {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		c.ranges[i] = lo
	}
	return c
}

// take returns the next entry, or false at the end.
func (c *cursor) take() (entry, bool) {
	best, key := -1, ""
	for i, r := range c.b.ranges {
		if c.ranges[i] < r.n {
			if k := r.key(c.ranges[i]); best < 0 || k < key {
				best, key = i, k
			}
		}
	}
	if c.next < len(c.b.keys) && (best < 0 || c.b.keys[c.next] <= key) {
		if best >= 0 && c.b.keys[c.next] == key {
			c.ranges[best]++ // hidden by the object
		}
		key = c.b.keys[c.next]
		c.next++
		o := c.b.objects[key]
		return entry{key: key, size: o.content.Size(), etag: o.etag, mod: o.mod}, true
	}
	if best < 0 {
		return entry{}, false
	}
	r, i := c.b.ranges[best], c.ranges[best]
	c.ranges[best]++
	return entry{key: key, size: r.size, etag: r.etag(i), mod: r.mod}, true
}

// page lists up to limit entries behind after, rolling keys up at delimiter.
func (b *bucket) page(prefix, delimiter, after string, limit int) (rows []entry, more bool) {
	from := prefix
	if after >= prefix && after != "" {
		from = after + "\x00"
		if rest, ok := strings.CutPrefix(after, prefix); ok && rest != "" && delimiter != "" && strings.HasSuffix(rest, delimiter) {
			from = afterPrefix(after) // after is a rolled-up prefix: go behind all of it
		}
	}
	c := b.seek(from)
	for {
		e, ok := c.take()
		if !ok || !strings.HasPrefix(e.key, prefix) {
			return rows, false
		}
		if len(rows) == limit {
			return rows, true
		}
		if delimiter != "" {
			if i := strings.Index(e.key[len(prefix):], delimiter); i >= 0 {
				p := e.key[:len(prefix)+i+len(delimiter)]
				rows = append(rows, entry{key: p, prefix: true})
				c = b.seek(afterPrefix(p))
				continue
			}
		}
		rows = append(rows, e)
	}
}

// afterPrefix returns the least string that is greater than everything that
// starts with p.
func afterPrefix(p string) string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0xff {
			return p[:i] + string([]byte{p[i] + 1})
		}
	}
	return p + "\xff\xff\xff\xff"
}

// bytesETag is the MD5 in hexadecimal, as both providers give it for one PUT.
func bytesETag(sum [md5.Size]byte) string { return hex.EncodeToString(sum[:]) }
