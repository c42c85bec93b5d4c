package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/inlet-go/inlet/store/errs"
)

// Sizes in which page headers are read; statistics can make one long.
const (
	headerBytes    = 256
	maxHeaderBytes = 1 << 20
)

// pageSource gives the pages of a column chunk one after the other as if the
// chunk were not compressed and started at 0. Each page is checked before
// parquet-go sees it. It implements [io.ReaderAt] for reads in order only.
type pageSource struct {
	format Format
	leaf   *node
	codec  format.CompressionCodec
	src    io.ReaderAt
	off    int64 // of the next page in the file
	end    int64 // of the chunk
	values int64 // that the chunk still has to give
	first  bool  // no page was read yet

	out    []byte // what is checked and not yet read
	at     int64  // where out starts
	page   []byte // buffers
	plain  []byte
	header []byte

	// spent is told what the page that was read last needs in memory.
	spent func(bytes int64) error
}

func (s *pageSource) ReadAt(p []byte, off int64) (int, error) {
	if off != s.at {
		return 0, errors.New("a page is read twice")
	}
	if len(s.out) == 0 {
		if s.values <= 0 || s.off >= s.end {
			return 0, io.EOF
		}
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	s.at += int64(n)
	return n, nil
}

func (s *pageSource) next() error {
	header, err := s.readHeader()
	if err != nil {
		return err
	}
	packed, size := int64(header.CompressedPageSize), int64(header.UncompressedPageSize)
	if packed < 0 || size < 0 || packed > s.end-s.off {
		return s.bad("a page does not fit into its column")
	}
	if packed > s.format.PageBytes || size > s.format.PageBytes {
		return s.tooLarge()
	}
	s.page = grow(s.page, packed)
	if err := readFull(s.src, s.page, s.off); err != nil {
		return err
	}
	s.off += packed
	if err := s.unpack(header, s.page, int(size)); err != nil {
		return err
	}
	if err := s.checkPage(header); err != nil {
		return err
	}
	header.CompressedPageSize, header.UncompressedPageSize, header.CRC = int32(len(s.plain)), int32(len(s.plain)), 0
	header.DataPageHeader.V.Statistics, header.DataPageHeaderV2.V.Statistics = format.Statistics{}, format.Statistics{}
	data, err := thrift.Marshal(new(thrift.CompactProtocol), header)
	if err != nil {
		return err
	}
	s.out = append(append(s.header[:0], data...), s.plain...)
	s.header = s.out
	return nil
}

// readHeader reads the header of the next page, and checks the page's type.
func (s *pageSource) readHeader() (*format.PageHeader, error) {
	for want := int64(headerBytes); ; want *= 4 {
		want = min(want, s.end-s.off)
		s.page = grow(s.page, want)
		if err := readFull(s.src, s.page, s.off); err != nil {
			return nil, err
		}
		n, err := thriftLength(s.page, 64)
		if isCut(err) && want < min(maxHeaderBytes, s.end-s.off) {
			continue
		}
		if err != nil {
			return nil, s.bad(err.Error())
		}
		header := new(format.PageHeader)
		if err := thrift.Unmarshal(new(thrift.CompactProtocol), s.page[:n], header); err != nil {
			return nil, s.bad(err.Error())
		}
		s.off += int64(n)
		first := s.first
		s.first = false
		switch {
		case header.Type == format.DictionaryPage && header.DictionaryPageHeader.Valid && first,
			header.Type == format.DataPage && header.DataPageHeader.Valid,
			header.Type == format.DataPageV2 && header.DataPageHeaderV2.Valid:
			return header, nil
		}
		return nil, s.bad("a page of an unknown kind, or in the wrong place")
	}
}

// checkPage compares what the page in plain declares with what it has.
func (s *pageSource) checkPage(header *format.PageHeader) error {
	c := pageCheck{leaf: s.leaf, data: s.plain, most: s.format.PageBytes}
	var err error
	switch header.Type {
	case format.DictionaryPage:
		h := &header.DictionaryPageHeader.V
		c.count, c.present = int64(h.NumValues), int64(h.NumValues)
		err = c.values(format.Plain)
	case format.DataPage:
		h := &header.DataPageHeader.V
		c.count = int64(h.NumValues)
		if err = c.levelsV1(h); err == nil {
			err = c.values(h.Encoding)
		}
		s.values -= c.count
	case format.DataPageV2:
		h := &header.DataPageHeaderV2.V
		c.count = int64(h.NumValues)
		if err = c.levelsV2(h); err == nil {
			err = c.values(h.Encoding)
		}
		s.values -= c.count
	}
	if errors.Is(err, errPageTooLarge) {
		return s.tooLarge()
	}
	if err != nil {
		return s.bad(err.Error())
	}
	return s.spent(c.cost + int64(cap(s.page)+cap(s.plain)+cap(s.header)))
}

func (s *pageSource) bad(what string) error {
	return errs.New(errs.Invalid, "the parquet file is damaged: column %q: %s", s.leaf.path(), what)
}

func (s *pageSource) tooLarge() error {
	return errs.New(errs.TooLarge, "column %q of the parquet file has a page of more than %s", s.leaf.path(), bytesText(s.format.PageBytes))
}

func bytesText(n int64) string {
	if n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// grow returns buf with n bytes, which have any value.
func grow(buf []byte, n int64) []byte {
	if int64(cap(buf)) < n {
		return make([]byte, n, n+n/4)
	}
	return buf[:n]
}
