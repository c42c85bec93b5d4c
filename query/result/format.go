package result

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/inlet-go/inlet/store/errs"
)

const (
	entrySize  = 20
	footerSize = 28
	magic      = "INLR1   "
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// block is where rows are.
type block struct {
	offset int64
	length uint32
	rows   uint32
	sum    uint32
}

// appendIndex appends the index and the footer.
func appendIndex(dst []byte, blocks []block, rows int64) []byte {
	start := len(dst)
	for _, b := range blocks {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(b.offset))
		dst = binary.LittleEndian.AppendUint32(dst, b.length)
		dst = binary.LittleEndian.AppendUint32(dst, b.rows)
		dst = binary.LittleEndian.AppendUint32(dst, b.sum)
	}
	sum := crc32.Checksum(dst[start:], castagnoli)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(blocks)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(rows))
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return append(dst, magic...)
}

// damaged is the error for an object that is not as it was written.
func damaged(what string) error {
	return errs.New(errs.Unavailable, "the stored result is damaged: %s", what)
}

// parseFooter returns how many blocks and rows there are, and the index's sum.
func parseFooter(b []byte, size int64) (blocks, rows int64, sum uint32, err error) {
	if len(b) != footerSize || string(b[20:]) != magic {
		return 0, 0, 0, damaged("no footer")
	}
	blocks = int64(binary.LittleEndian.Uint64(b))
	rows = int64(binary.LittleEndian.Uint64(b[8:]))
	if blocks < 0 || rows < 0 || blocks > (size-footerSize)/entrySize {
		return 0, 0, 0, damaged("footer")
	}
	return blocks, rows, binary.LittleEndian.Uint32(b[16:]), nil
}

// parseIndex returns the blocks, which must fill the object up to the index.
func parseIndex(b []byte, end, rows int64, sum uint32) ([]block, error) {
	if crc32.Checksum(b, castagnoli) != sum {
		return nil, damaged("index")
	}
	blocks := make([]block, len(b)/entrySize)
	var offset, total int64
	for i := range blocks {
		e := b[i*entrySize:]
		blocks[i] = block{
			offset: int64(binary.LittleEndian.Uint64(e)), length: binary.LittleEndian.Uint32(e[8:]),
			rows: binary.LittleEndian.Uint32(e[12:]), sum: binary.LittleEndian.Uint32(e[16:]),
		}
		if blocks[i].offset != offset || blocks[i].length == 0 || blocks[i].rows == 0 {
			return nil, damaged("index")
		}
		offset += int64(blocks[i].length)
		total += int64(blocks[i].rows)
	}
	if offset != end || total != rows {
		return nil, damaged("index")
	}
	return blocks, nil
}
