package parquet

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"

	"github.com/inlet-go/inlet/store/errs"
)

// unpack makes plain the page of size bytes that packed is. The levels of a
// data page v2 are in front of it and never compressed.
func (s *pageSource) unpack(header *format.PageHeader, packed []byte, size int) error {
	s.plain = grow(s.plain, int64(size))
	codec, levels := s.codec, 0
	if header.Type == format.DataPageV2 {
		h := &header.DataPageHeaderV2.V
		r, d := int64(h.RepetitionLevelsByteLength), int64(h.DefinitionLevelsByteLength)
		if r < 0 || d < 0 || r+d > int64(len(packed)) || r+d > int64(size) {
			return s.bad("the levels do not fit into their page")
		}
		levels = int(r + d)
		if h.IsCompressed.Valid && !h.IsCompressed.V {
			codec = format.Uncompressed
		}
	}
	copy(s.plain, packed[:levels])
	packed, dst := packed[levels:], s.plain[levels:]
	if levels > 0 && len(dst) == 0 && len(packed) == 0 {
		return nil // nothing but nulls
	}
	err := decompress(codec, dst, packed)
	if errors.Is(err, errUnknownCodec) {
		return errs.New(errs.Unsupported, "column %q of the parquet file is compressed by %s, which is not read", s.leaf.path(), codec)
	}
	if err != nil {
		return s.bad(fmt.Sprintf("a page cannot be decompressed: %v", err))
	}
	return nil
}

const errUnknownCodec = constError("unknown codec")

// decompress fills dst with all of what src is compressed from; less or more
// is an error, and more is never made.
func decompress(codec format.CompressionCodec, dst, src []byte) error {
	var n int
	var err error
	switch codec {
	case format.Uncompressed:
		n = len(src)
		copy(dst, src)
	case format.Snappy:
		if n, err = snappy.DecodedLen(src); err == nil && n == len(dst) {
			_, err = snappy.Decode(dst, src)
		}
	case format.Gzip:
		n, err = readAll(dst, func() (io.Reader, error) { return gzip.NewReader(bytes.NewReader(src)) })
	case format.Brotli:
		n, err = readAll(dst, func() (io.Reader, error) { return brotli.NewReader(bytes.NewReader(src)), nil })
	case format.Zstd:
		var out []byte
		out, err = zstdDecode(dst, src)
		n = len(out)
	case format.Lz4Raw:
		n, err = lz4.UncompressBlock(src, dst)
	default:
		return errUnknownCodec
	}
	if err != nil {
		return err
	}
	if n != len(dst) {
		return fmt.Errorf("%d bytes where %d are declared", n, len(dst))
	}
	return nil
}

// readAll fills dst and expects the end behind it.
func readAll(dst []byte, open func() (io.Reader, error)) (int, error) {
	r, err := open()
	if err != nil {
		return 0, err
	}
	n, err := io.ReadFull(r, dst)
	if err != nil {
		return n, err
	}
	var more [1]byte
	if extra, _ := io.ReadFull(r, more[:]); extra > 0 {
		return n + extra, nil
	}
	return n, nil
}

func zstdDecode(dst, src []byte) ([]byte, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(uint64(max(len(dst), 1<<20))))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(src, dst[:0:len(dst)])
}
