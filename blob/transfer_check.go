package blob

import (
	"bytes"
	"hash"

	"github.com/inlet-go/inlet/store/errs"
)

// Checksummer is a Source that can prove an object's content, such as one
// whose ETag is an MD5.
type Checksummer interface {
	// Checksum returns a new hash and the sum that all of the object's bytes
	// must give, or nil where nothing is certain.
	Checksum(obj Object) (hash.Hash, []byte)
}

// check compares what arrived with what the source promised; nil checks
// nothing.
type check struct {
	key  string
	hash hash.Hash
	want []byte
}

func (c *copying) newCheck(obj Object) *check {
	if cs, ok := c.src.(Checksummer); ok {
		if h, want := cs.Checksum(obj); h != nil {
			return &check{key: obj.Key, hash: h, want: want}
		}
	}
	return nil
}

func (c *check) write(p []byte) {
	if c != nil {
		c.hash.Write(p)
	}
}

// err is Unavailable on a mismatch: reading again may bring the right bytes.
func (c *check) err() error {
	if c == nil || bytes.Equal(c.hash.Sum(nil), c.want) {
		return nil
	}
	return errs.New(errs.Unavailable, "blob %q: the checksum of what arrived is wrong", c.key)
}
