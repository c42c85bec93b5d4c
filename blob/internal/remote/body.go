package remote

import (
	"context"
	"errors"
	"hash"
	"io"
	"strconv"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// Body is what arrives of an object.
type Body struct {
	Key      string
	Size     int64       // bytes that must come; -1 if the provider did not say
	Sum      hash.Hash64 // with Want: computed over all bytes and compared at the end
	Want     string      // the provider's checksum in decimal
	Classify func(error) error

	r    io.ReadCloser
	got  int64
	err  error
	done bool
}

// NewBody reads r, whose request runs under ctx and ends by cancel. A body
// that stalls for timeout, ends early or late, or has another checksum than
// the provider told fails with an Unavailable error.
func NewBody(ctx context.Context, cancel context.CancelCauseFunc, r io.ReadCloser, timeout time.Duration, b Body) *Body {
	b.r = newIdle(ctx, cancel, r, timeout)
	return &b
}

// Read reads the object; see [NewBody] for the errors.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.r.Read(p)
	b.got += int64(n)
	if b.Sum != nil {
		b.Sum.Write(p[:n])
	}
	switch {
	case b.Size >= 0 && b.got > b.Size:
		n, err = 0, errs.New(errs.Unavailable, "object %q: more bytes arrived than announced", b.Key)
	case errors.Is(err, io.EOF):
		err = b.end()
	case err != nil:
		err = b.Classify(err)
	}
	b.err = err
	return n, err
}

// end decides whether the end of the stream is the end of the object.
func (b *Body) end() error {
	if b.Size >= 0 && b.got != b.Size {
		return errs.Wrap(errs.Unavailable, io.ErrUnexpectedEOF, "object %q: %d of %d bytes arrived", b.Key, b.got, b.Size)
	}
	if b.Sum != nil && b.Want != "" && strconv.FormatUint(b.Sum.Sum64(), 10) != b.Want {
		return errs.New(errs.Unavailable, "object %q: the checksum of what arrived is wrong", b.Key)
	}
	return io.EOF
}

// Close ends the request.
func (b *Body) Close() error {
	if b.done {
		return nil
	}
	b.done = true
	if b.err == nil {
		b.err = errs.New(errs.Invalid, "object %q: read after Close", b.Key)
	}
	b.r.Close() // the object was read or given up; there is nothing left to fail
	return nil
}
