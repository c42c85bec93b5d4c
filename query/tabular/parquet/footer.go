package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

const magic = "PAR1"

// footer is a file's metadata, checked.
type footer struct {
	meta   *format.FileMetaData
	root   *node
	leaves []*node
}

// readFooter reads and checks the metadata of a file.
func (f Format) readFooter(src io.ReaderAt, size int64, limits tabular.Limits) (*footer, error) {
	data, err := f.footerBytes(src, size)
	if err != nil {
		return nil, err
	}
	// Besides columns and chunks there are a few lists for each: paths,
	// encodings, sizes; together less than this many elements.
	if _, err := thriftLength(data, 32*f.Chunks); err != nil {
		if errors.Is(err, errThriftMany) {
			return nil, errs.New(errs.TooLarge, "the parquet file has more than %d column chunks", f.Chunks)
		}
		return nil, damaged(err, "the footer")
	}
	meta := new(format.FileMetaData)
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), data, meta); err != nil {
		return nil, damaged(err, "the footer")
	}
	foot := &footer{meta: meta}
	if err := foot.readSchema(limits); err != nil {
		return nil, err
	}
	return foot, foot.check(f, size)
}

// footerBytes reads the metadata as it is in the file.
func (f Format) footerBytes(src io.ReaderAt, size int64) ([]byte, error) {
	const frame = int64(len(magic) + 4 + len(magic))
	if size < frame {
		return nil, errs.New(errs.Invalid, "not a parquet file: it has %d bytes", size)
	}
	head, tail := make([]byte, 4), make([]byte, 8)
	if err := readFull(src, tail, size-8); err != nil {
		return nil, err
	}
	if err := readFull(src, head, 0); err != nil {
		return nil, err
	}
	switch end := string(tail[4:]); {
	case end == "PARE":
		return nil, errs.New(errs.Unsupported, "the parquet file is encrypted")
	case end != magic || string(head) != magic:
		return nil, errs.New(errs.Invalid, "not a parquet file: it does not start and end with %s", magic)
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	switch {
	case length > size-frame:
		return nil, errs.New(errs.Invalid, "the parquet file is damaged: its footer of %d bytes does not fit into %d", length, size)
	case length > f.FooterBytes:
		return nil, errs.New(errs.TooLarge, "the footer of the parquet file has %d bytes, more than %d", length, f.FooterBytes)
	}
	data := make([]byte, length)
	return data, readFull(src, data, size-8-length)
}

func readFull(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	return err
}

// check compares the metadata with itself and the file's size.
func (t *footer) check(f Format, size int64) error {
	rows := int64(0)
	if len(t.meta.RowGroups)*len(t.leaves) > f.Chunks {
		return errs.New(errs.TooLarge, "the parquet file has more than %d column chunks", f.Chunks)
	}
	for i := range t.meta.RowGroups {
		group := &t.meta.RowGroups[i]
		if len(group.Columns) != len(t.leaves) || group.NumRows < 0 {
			return errs.New(errs.Invalid, "the parquet file is damaged: row group %d does not have all columns", i+1)
		}
		rows += group.NumRows
		for j := range group.Columns {
			chunk := &group.Columns[j]
			if chunk.FilePath != "" {
				return errs.New(errs.Unsupported, "the parquet file keeps columns in other files")
			}
			start, m := chunkStart(&chunk.MetaData), &chunk.MetaData
			if t.leaves[j].repetition == 0 && m.NumValues != group.NumRows {
				return errs.New(errs.Invalid, "the parquet file is damaged: column %q of row group %d has %d values for %d rows",
					t.leaves[j].path(), i+1, m.NumValues, group.NumRows)
			}
			if start < 4 || m.TotalCompressedSize < 0 || m.TotalCompressedSize > size || start > size-m.TotalCompressedSize {
				return errs.New(errs.Invalid, "the parquet file is damaged: column %q of row group %d lies outside of it", t.leaves[j].path(), i+1)
			}
		}
	}
	if rows != t.meta.NumRows || rows < 0 {
		return errs.New(errs.Invalid, "the parquet file is damaged: its row groups have %d rows, but the file %d", rows, t.meta.NumRows)
	}
	return nil
}

// chunkStart is where the pages of a column chunk start.
func chunkStart(m *format.ColumnMetaData) int64 {
	if d := m.DictionaryPageOffset; d > 0 && d < m.DataPageOffset {
		return d
	}
	return m.DataPageOffset
}

// plain opens a file of the same schema and row groups of which the chunks are
// not compressed and start at 0: what a [pageSource] gives for them.
func (t *footer) plain() (*parquet.File, error) {
	meta := format.FileMetaData{Version: 2, Schema: t.meta.Schema, RowGroups: make([]format.RowGroup, 1)}
	group := &meta.RowGroups[0]
	group.Columns = make([]format.ColumnChunk, len(t.leaves))
	for i, leaf := range t.leaves {
		group.Columns[i].MetaData = format.ColumnMetaData{
			Type: leaf.element.Type.V, Encoding: []format.Encoding{format.Plain}, PathInSchema: []string{leaf.element.Name},
			TotalCompressedSize: 1 << 62, TotalUncompressedSize: 1 << 62,
		}
	}
	data, err := thrift.Marshal(new(thrift.CompactProtocol), &meta)
	if err != nil {
		return nil, err
	}
	file := append([]byte(magic), data...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(data)))
	file = append(file, magic...)
	return parquet.OpenFile(bytes.NewReader(file), int64(len(file)),
		parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(4096))
}
