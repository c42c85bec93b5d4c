package folder

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
)

// Attributes is what is kept about an object beside its bytes.
type Attributes struct {
	ContentType        string            `json:"type,omitempty"`
	CacheControl       string            `json:"cache,omitempty"`
	ContentDisposition string            `json:"disposition,omitempty"`
	ContentEncoding    string            `json:"encoding,omitempty"`
	ContentLanguage    string            `json:"language,omitempty"`
	MD5                []byte            `json:"md5,omitempty"` // of the bytes; only kept, not checked
	Metadata           map[string][]byte `json:"meta,omitempty"`
}

const (
	trailerSize   = 32
	maxAttributes = 1 << 20
	magic         = "Inl1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged is the cause when a file is not a whole object.
var errDamaged = errors.New("the file is not a whole object")

// trailer is the end of a file; see the package comment.
type trailer struct {
	size      int64
	version   uint64
	attrsSize uint32
	attrsCRC  uint32
}

func (t trailer) etag() string { return fmt.Sprintf("%016x", t.version) }

// appendTrailer appends the attributes and the trailer of an object whose
// data has the given size.
func appendTrailer(p []byte, size int64, attrs *Attributes) ([]byte, error) {
	start := len(p)
	text, err := json.Marshal(attrs)
	if err != nil {
		return nil, err
	}
	if len(text) > maxAttributes {
		return nil, fmt.Errorf("attributes of %d bytes are too long", len(text))
	}
	if len(text) > len("{}") {
		p = append(p, text...)
	}
	text = p[start:]
	start = len(p)
	le := binary.LittleEndian
	p = le.AppendUint64(p, uint64(size))
	p = le.AppendUint64(p, rand.Uint64())
	p = le.AppendUint32(p, uint32(len(text)))
	p = le.AppendUint32(p, crc32.Checksum(text, castagnoli))
	p = le.AppendUint32(p, crc32.Checksum(p[start:], castagnoli))
	return append(p, magic...), nil
}

// readTrailer reads the trailer of a file of the given size.
func readTrailer(f io.ReaderAt, fileSize int64) (trailer, error) {
	var p [trailerSize]byte
	if fileSize < trailerSize {
		return trailer{}, errDamaged
	}
	if _, err := f.ReadAt(p[:], fileSize-trailerSize); err != nil {
		return trailer{}, err
	}
	le := binary.LittleEndian
	if string(p[28:]) != magic || le.Uint32(p[24:]) != crc32.Checksum(p[:24], castagnoli) {
		return trailer{}, errDamaged
	}
	t := trailer{
		size: int64(le.Uint64(p[:])), version: le.Uint64(p[8:]), attrsSize: le.Uint32(p[16:]), attrsCRC: le.Uint32(p[20:]),
	}
	if t.size < 0 || t.size+int64(t.attrsSize)+trailerSize != fileSize || t.attrsSize > maxAttributes {
		return trailer{}, errDamaged
	}
	return t, nil
}

// readAttributes reads what stands between the data and the trailer.
func (t trailer) readAttributes(f io.ReaderAt) (Attributes, error) {
	attrs := Attributes{}
	if t.attrsSize > 0 {
		text := make([]byte, t.attrsSize)
		if _, err := f.ReadAt(text, t.size); err != nil {
			return attrs, err
		}
		if crc32.Checksum(text, castagnoli) != t.attrsCRC {
			return attrs, errDamaged
		}
		if err := json.Unmarshal(text, &attrs); err != nil {
			return attrs, errDamaged
		}
	}
	if attrs.ContentType == "" {
		attrs.ContentType = "application/octet-stream"
	}
	return attrs, nil
}
