package parquet

import (
	"encoding/binary"

	"github.com/parquet-go/bitpack"
)

// deltas checks data in DELTA_BINARY_PACKED (Encodings.md of the format): count
// values. Where sum is wanted it adds up the values, none of
// which may be negative, and returns what is behind them.
func deltas(data []byte, count int64, sum bool) (total int64, rest []byte, err error) {
	var head [3]uint64 // values of a block, miniblocks of a block, values
	for i := range head {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			return 0, nil, errPageCut
		}
		head[i], data = v, data[n:]
	}
	value, n := binary.Varint(data)
	if n <= 0 {
		return 0, nil, errPageCut
	}
	data = data[n:]
	block, minis := head[0], head[1]
	if block == 0 || block > 1<<16 || minis == 0 || minis > block || block%minis != 0 || block/minis%8 != 0 || head[2] != uint64(count) {
		return 0, nil, errPageMalformed
	}
	left := int64(head[2])
	if left == 0 {
		return 0, data, nil
	}
	d := deltaReader{data: data, value: value, total: value, left: left - 1, sum: sum, bad: value < 0}
	for d.left > 0 {
		if err := d.block(int(minis), int(block/minis)); err != nil {
			return 0, nil, err
		}
	}
	if sum && d.bad {
		return 0, nil, errPageMalformed
	}
	return d.total, d.data, nil
}

type deltaReader struct {
	data         []byte
	value, total int64
	left         int64
	sum, bad     bool
	unpacked     []int64
	padded       []byte
}

// block reads one block of minis miniblocks of size values.
func (d *deltaReader) block(minis, size int) error {
	least, n := binary.Varint(d.data)
	if n <= 0 || len(d.data)-n < minis {
		return errPageCut
	}
	widths := d.data[n : n+minis]
	d.data = d.data[n+minis:]
	for _, width := range widths {
		if d.left <= 0 {
			return nil // no data for the rest
		}
		if width > 64 {
			return errPageMalformed
		}
		bytes := size * int(width) / 8
		if bytes > len(d.data) {
			if d.left > int64(size) {
				return errPageCut
			}
			bytes = len(d.data) // some writers leave out what fills up the last one
		}
		packed := d.data[:bytes]
		d.data = d.data[bytes:]
		take := min(d.left, int64(size))
		d.left -= take
		if d.sum {
			d.add(packed, uint(width), size, take, least)
		}
	}
	return nil
}

// add sums up the first take values of a miniblock.
func (d *deltaReader) add(packed []byte, width uint, size int, take, least int64) {
	if d.unpacked == nil {
		d.unpacked = make([]int64, size)
	}
	clear(d.unpacked)
	if width > 0 {
		d.padded = append(append(d.padded[:0], packed...), make([]byte, size*int(width)/8-len(packed)+bitpack.PaddingInt64)...)
		bitpack.Unpack(d.unpacked, d.padded, width)
	}
	for _, delta := range d.unpacked[:take] {
		d.value = int64(int32(d.value + least + delta)) // lengths are int32, and wrap
		d.total += d.value
		d.bad = d.bad || d.value < 0 || d.total < 0
	}
}
