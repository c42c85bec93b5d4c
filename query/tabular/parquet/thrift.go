package parquet

import (
	"encoding/binary"
	"errors"
)

// The types of the compact protocol
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
const (
	thriftStop, thriftTrue, thriftFalse, thriftByte = 0, 1, 2, 3
	thriftI16, thriftI32, thriftI64, thriftDouble   = 4, 5, 6, 7
	thriftBinary, thriftList, thriftSet, thriftMap  = 8, 9, 10, 11
	thriftStruct, thriftUUID                        = 12, 13
)

// thriftDepth bounds how deep metadata nests.
const thriftDepth = 32

const (
	errThriftCut  = constError("the metadata ends too early")
	errThriftBad  = constError("the metadata is malformed")
	errThriftMany = constError("the metadata has too many elements")
)

// constError is an error that is its text.
type constError string

func (e constError) Error() string { return string(e) }

// thriftLength walks over the struct at the start of b and returns its length.
// It fails where a length or count is more than what follows can be, or more
// than most structs stand in lists: decoders allocate what is declared.
func thriftLength(b []byte, most int) (int, error) {
	w := thriftWalker{b: b, structs: most}
	err := w.skip(thriftStruct, 0)
	return w.i, err
}

// isCut reports whether more bytes may make a struct whole.
func isCut(err error) bool { return errors.Is(err, errThriftCut) }

type thriftWalker struct {
	b       []byte
	i       int
	structs int // that lists may still have
}

func (w *thriftWalker) skip(typ byte, depth int) error {
	if depth > thriftDepth {
		return errThriftBad
	}
	switch typ {
	case thriftTrue, thriftFalse, thriftByte:
		return w.advance(1)
	case thriftI16, thriftI32, thriftI64:
		_, err := w.uvarint()
		return err
	case thriftDouble:
		return w.advance(8)
	case thriftUUID:
		return w.advance(16)
	case thriftBinary:
		n, err := w.uvarint()
		if err != nil {
			return err
		}
		if n > 1<<30 {
			return errThriftBad
		}
		return w.advance(int(n))
	case thriftList, thriftSet:
		return w.list(depth)
	case thriftMap:
		return w.pairs(depth)
	case thriftStruct:
		return w.fields(depth)
	}
	return errThriftBad
}

func (w *thriftWalker) advance(n int) error {
	if n > len(w.b)-w.i {
		return errThriftCut
	}
	w.i += n
	return nil
}

func (w *thriftWalker) uvarint() (uint64, error) {
	v, n := binary.Uvarint(w.b[w.i:])
	if n == 0 {
		return 0, errThriftCut
	}
	if n < 0 {
		return 0, errThriftBad
	}
	w.i += n
	return v, nil
}

func (w *thriftWalker) byte() (byte, error) {
	if w.i == len(w.b) {
		return 0, errThriftCut
	}
	w.i++
	return w.b[w.i-1], nil
}

func (w *thriftWalker) list(depth int) error {
	head, err := w.byte()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = w.uvarint(); err != nil {
			return err
		}
	}
	return w.items(n, depth, head&15)
}

func (w *thriftWalker) pairs(depth int) error {
	n, err := w.uvarint()
	if err != nil || n == 0 {
		return err
	}
	types, err := w.byte()
	if err != nil {
		return err
	}
	return w.items(n, depth, types>>4, types&15)
}

// items skips n elements, each of a value of every type.
func (w *thriftWalker) items(n uint64, depth int, types ...byte) error {
	if n > uint64(len(w.b)-w.i) {
		return errThriftCut // an element has a byte at least
	}
	for _, typ := range types {
		if typ >= thriftBinary {
			if w.structs -= int(n); w.structs < 0 {
				return errThriftMany
			}
		}
	}
	for range n {
		for _, typ := range types {
			if err := w.skip(typ, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *thriftWalker) fields(depth int) error {
	for {
		head, err := w.byte()
		if err != nil || head == thriftStop {
			return err
		}
		if head>>4 == 0 { // the id is written out
			if _, err := w.uvarint(); err != nil {
				return err
			}
		}
		if typ := head & 15; typ != thriftTrue && typ != thriftFalse { // the type is the value
			if err := w.skip(typ, depth+1); err != nil {
				return err
			}
		}
	}
}
