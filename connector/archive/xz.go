package archive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

// xzMagic begins an xz stream.
var xzMagic = []byte{0xfd, '7', 'z', 'X', 'Z', 0}

// checkXZ goes through the frame of an xz without unpacking it, and refuses
// one whose blocks want more memory than they may: the decoder gives a block
// what it asks for. The format is https://tukaani.org/xz/xz-file-format.txt.
func (r *Reader) checkXZ(ctx context.Context, a connector.Archive) error {
	raw, err := open(ctx, a, 0)
	if err != nil {
		return err
	}
	defer raw.Close()
	w := &xzWalk{Reader: bufio.NewReaderSize(raw, 64<<10), max: r.opts.MaxDictionary, left: r.opts.MaxTotal}
	for {
		more, err := w.stream()
		if err != nil {
			return reason(err)
		}
		if !more {
			return nil
		}
	}
}

// xzWalk reads the frame of an xz.
type xzWalk struct {
	*bufio.Reader
	at   int64
	max  int64 // bytes of a dictionary
	left int64 // bytes of all that are to come: each is made anew
}

func (w *xzWalk) ReadByte() (byte, error) {
	b, err := w.Reader.ReadByte()
	w.at++
	return b, err
}

// take reads n bytes.
func (w *xzWalk) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(w.Reader, b)
	w.at += int64(n)
	return b, err
}

func (w *xzWalk) skip(n int64) error {
	w.at += n
	_, err := io.CopyN(io.Discard, w.Reader, n)
	return err
}

// align skips to a multiple of four.
func (w *xzWalk) align() error { return w.skip(-w.at & 3) }

func errXZ() error { return errs.New(errs.Invalid, "archive is invalid: its xz frame is damaged") }

// stream goes through a stream; it reports false when there is none any more.
func (w *xzWalk) stream() (more bool, err error) {
	head, err := w.Peek(4)
	for err == nil && w.at > 0 && bytes.Equal(head, make([]byte, 4)) {
		if err := w.skip(4); err != nil { // padding between streams
			return false, err
		}
		head, err = w.Peek(4)
	}
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return false, nil
	}
	header, err := w.take(12)
	if err != nil {
		return false, err
	}
	sizes := map[byte]int64{0: 0, 1: 4, 4: 8, 10: 32} // of checks
	check, ok := sizes[header[7]]
	if !bytes.HasPrefix(header, xzMagic) || header[6] != 0 || !ok {
		return false, errXZ()
	}
	for {
		size, err := w.ReadByte()
		if err != nil {
			return false, err
		}
		if size == 0 {
			return true, w.index()
		}
		if err := w.block(size, check); err != nil {
			return false, err
		}
	}
}

// index skips the index and what ends the stream.
func (w *xzWalk) index() error {
	records, err := w.varint()
	for i := uint64(0); err == nil && i < 2*records; i++ {
		_, err = w.varint()
	}
	if err == nil {
		err = w.align()
	}
	if err != nil {
		return err
	}
	return w.skip(4 + 12)
}

func (w *xzWalk) varint() (v uint64, err error) {
	for shift := 0; shift < 63; shift += 7 {
		b, err := w.ReadByte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, errXZ()
}

// block goes through a block, whose header begins with the given size.
func (w *xzWalk) block(size byte, check int64) error {
	rest, err := w.take((int(size)+1)*4 - 1)
	if err != nil {
		return err
	}
	header := &xzWalk{Reader: bufio.NewReader(bytes.NewReader(rest[:len(rest)-4]))}
	flags, err := header.ReadByte()
	for _, bit := range []byte{0x40, 0x80} {
		if err == nil && flags&bit != 0 {
			_, err = header.varint()
		}
	}
	if err != nil {
		return err
	}
	filter, err := header.take(3)
	if err != nil {
		return errXZ()
	}
	if flags&0x3f != 0 || filter[0] != 0x21 || filter[1] != 1 || filter[2] > 40 {
		return errs.New(errs.Invalid, "archive is refused: its xz has a filter besides LZMA2")
	}
	d := dictionary(filter[2])
	if d > w.max {
		return errs.New(errs.TooLarge, "archive is refused: its xz wants a dictionary of %d bytes, more than %d", d, w.max)
	}
	if w.left -= d; w.left < 0 {
		return errs.New(errs.TooLarge, "archive is refused: its xz has too many blocks")
	}
	if err := w.chunks(); err != nil {
		return err
	}
	if err := w.align(); err != nil {
		return err
	}
	return w.skip(check)
}

// dictionary returns the bytes that a header's code stands for.
func dictionary(code byte) int64 {
	if code == 40 {
		return 1<<32 - 1
	}
	return (2 | int64(code)&1) << (code/2 + 11)
}

// chunks skips the LZMA2 data of a block.
func (w *xzWalk) chunks() error {
	for {
		control, err := w.ReadByte()
		if err != nil || control == 0 {
			return err
		}
		var size int64
		switch {
		case control >= 0x80:
			h, err := w.take(4)
			if err != nil {
				return err
			}
			size = int64(h[2])<<8 + int64(h[3]) + 1
			if control >= 0xc0 {
				size++ // the properties
			}
		case control <= 2:
			h, err := w.take(2)
			if err != nil {
				return err
			}
			size = int64(h[0])<<8 + int64(h[1]) + 1
		default:
			return errXZ()
		}
		if err := w.skip(size); err != nil {
			return err
		}
	}
}
