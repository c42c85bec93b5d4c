package fakeserver

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Content is the bytes of an object. It must be safe for concurrent reads.
type Content interface {
	io.ReaderAt
	Size() int64
}

// Bytes returns b as content; b must not change afterwards.
func Bytes(b []byte) Content { return bytes.NewReader(b) }

// Synthetic returns size bytes that are computed when they are read, so that
// an object of any size costs no memory. Equal seeds give equal bytes, and no
// two blocks of 8 bytes within one content are likely to be equal.
func Synthetic(size int64, seed uint64) Content { return synthetic{size, seed} }

type synthetic struct {
	size int64
	seed uint64
}

func (s synthetic) Size() int64 { return s.size }

func (s synthetic) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.size-off))
	p = p[:n]
	word := uint64(off) / 8
	if skip := int(off % 8); skip > 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], mix(s.seed+word))
		p = p[copy(p, w[skip:]):]
		word++
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, mix(s.seed+word))
		p, word = p[8:], word+1
	}
	if len(p) > 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], mix(s.seed+word))
		copy(p, w[:])
	}
	if int64(n) == s.size-off {
		return n, io.EOF
	}
	return n, nil
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// joined is the content of a completed multipart upload: its parts in order.
type joined struct {
	parts []Content
	size  int64
}

func join(parts []Content) joined {
	j := joined{parts: parts}
	for _, p := range parts {
		j.size += p.Size()
	}
	return j
}

func (j joined) Size() int64 { return j.size }

func (j joined) ReadAt(p []byte, off int64) (int, error) {
	read := 0
	for _, part := range j.parts {
		if off >= part.Size() {
			off -= part.Size()
			continue
		}
		n, err := part.ReadAt(p[read:min(len(p), read+int(min(part.Size()-off, int64(len(p)))))], off)
		read += n
		if read == len(p) {
			return read, nil
		}
		if err != nil && err != io.EOF {
			return read, err
		}
		off = 0
	}
	return read, io.EOF
}

// discarded stands for bytes that the server was told not to keep.
type discarded int64

func (d discarded) Size() int64 { return int64(d) }

func (d discarded) ReadAt([]byte, int64) (int, error) { return 0, errDiscarded }
