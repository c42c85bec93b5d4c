package parquet

import (
	"encoding/binary"
	"math/bits"

	"github.com/parquet-go/parquet-go/format"
)

const (
	errPageTooLarge  = constError("the page is too large")
	errPageCut       = constError("a page is shorter than its values")
	errPageMalformed = constError("a page is malformed")
)

// plainDictionary is what older writers call RLE_DICTIONARY.
const plainDictionary format.Encoding = 2

// pageCheck compares the number of values that a page declares with its data.
// Run-length and delta encodings can declare billions in a few bytes, which
// decoders then allocate; and where values are missing parquet-go can take
// what an earlier page left in the buffer for them.
type pageCheck struct {
	leaf    *node
	data    []byte // of the page, not compressed; what is checked is cut off
	count   int64  // of values, nulls among them
	present int64  // of values that are not null
	most    int64  // bytes that a page may need
	cost    int64  // bytes that decoding needs, in sum
}

// need notes what decoding allocates.
func (c *pageCheck) need(bytes int64) error {
	if c.cost += bytes; c.cost > c.most || bytes < 0 {
		return errPageTooLarge
	}
	return nil
}

// take cuts n bytes off the data.
func (c *pageCheck) take(n int64) ([]byte, error) {
	if n < 0 || n > int64(len(c.data)) {
		return nil, errPageCut
	}
	head := c.data[:n]
	c.data = c.data[n:]
	return head, nil
}

// levelsV1 checks the levels in front of a data page: each kind has its length
// in four bytes before it.
func (c *pageCheck) levelsV1(h *format.DataPageHeader) error {
	c.present = c.count
	for _, level := range []struct {
		most     int
		encoding format.Encoding
	}{{c.leaf.repetition, h.RepetitionLevelEncoding}, {c.leaf.definition, h.DefinitionLevelEncoding}} {
		if level.most == 0 {
			continue
		}
		if level.encoding != format.RLE {
			return errPageMalformed
		}
		size, err := c.take(4)
		if err != nil {
			return err
		}
		if err := c.levels(int64(binary.LittleEndian.Uint32(size)), level.most); err != nil {
			return err
		}
	}
	return nil
}

// levelsV2 checks the levels of a data page v2, whose header has the lengths.
func (c *pageCheck) levelsV2(h *format.DataPageHeaderV2) error {
	c.present = c.count
	if err := c.levels(int64(h.RepetitionLevelsByteLength), c.leaf.repetition); err != nil {
		return err
	}
	if err := c.levels(int64(h.DefinitionLevelsByteLength), c.leaf.definition); err != nil {
		return err
	}
	if int64(h.NumNulls) != c.count-c.present {
		return errPageMalformed
	}
	return nil
}

// levels checks levels up to most. Those of the last call are the definition
// levels, of which the highest means a value.
func (c *pageCheck) levels(length int64, most int) error {
	data, err := c.take(length)
	if err != nil || most == 0 {
		return err
	}
	if c.count < 0 {
		return errPageMalformed
	}
	if err := c.need(c.count); err != nil {
		return err
	}
	sum, highest, err := runs(data, bits.Len(uint(most)), c.count, most)
	if err == nil && sum < c.count {
		err = errPageCut
	}
	c.present = highest
	return err
}

// encodes reports whether the format has that encoding for values of a type
// (Encodings.md). Decoders take more, and read it in ways of their own.
func encodes(encoding format.Encoding, typ format.Type) bool {
	switch encoding {
	case format.Plain:
		return true
	case plainDictionary, format.RLEDictionary:
		return typ != format.Boolean
	case format.RLE:
		return typ == format.Boolean
	case format.DeltaBinaryPacked:
		return typ == format.Int32 || typ == format.Int64
	case format.DeltaLengthByteArray:
		return typ == format.ByteArray
	case format.DeltaByteArray:
		return typ == format.ByteArray || typ == format.FixedLenByteArray
	case format.ByteStreamSplit:
		return typ != format.Boolean && typ != format.ByteArray && typ != format.Int96
	}
	return false
}

// values checks the values behind the levels.
func (c *pageCheck) values(encoding format.Encoding) error {
	if c.count < 0 || !encodes(encoding, c.leaf.element.Type.V) {
		return errPageMalformed
	}
	switch encoding {
	case format.Plain:
		return c.plain()
	case format.ByteStreamSplit:
		return c.fixed(c.present * c.width())
	case plainDictionary, format.RLEDictionary:
		if err := c.need(c.count * 4); err != nil || c.present == 0 {
			return err
		}
		if len(c.data) == 0 || c.data[0] > 32 {
			return errPageMalformed
		}
		return c.hybrid(c.data[1:], int(c.data[0]))
	case format.RLE: // of booleans
		if err := c.need(c.count); err != nil || c.present == 0 {
			return err
		}
		if len(c.data) < 4 {
			return errPageCut
		}
		return c.hybrid(c.data[4:], 1)
	case format.DeltaBinaryPacked:
		if err := c.need(c.count * c.width()); err != nil {
			return err
		}
		_, _, err := deltas(c.data, c.present, false)
		return err
	case format.DeltaLengthByteArray:
		return c.lengths()
	case format.DeltaByteArray:
		return c.prefixes()
	}
	return errPageMalformed
}

func (c *pageCheck) hybrid(data []byte, width int) error {
	sum, _, err := runs(data, width, c.count, -1)
	if err == nil && sum < c.present {
		err = errPageCut
	}
	return err
}

// plain checks values as they are in memory; texts have their length in four
// bytes in front.
func (c *pageCheck) plain() error {
	switch c.leaf.element.Type.V {
	case format.Boolean:
		return c.fixed((c.present + 7) / 8)
	case format.ByteArray:
	default:
		return c.fixed(c.present * c.width())
	}
	if err := c.need(c.count*4 + int64(len(c.data))); err != nil {
		return err
	}
	for range c.present {
		size, err := c.take(4)
		if err != nil {
			return err
		}
		if _, err := c.take(int64(binary.LittleEndian.Uint32(size))); err != nil {
			return err
		}
	}
	return nil
}

// fixed checks values of bytes in sum.
func (c *pageCheck) fixed(bytes int64) error {
	if bytes > int64(len(c.data)) {
		return errPageCut
	}
	return c.need(int64(len(c.data)))
}

// width is how many bytes a value of a fixed size has.
func (c *pageCheck) width() int64 {
	switch e := c.leaf.element; e.Type.V {
	case format.FixedLenByteArray:
		return int64(e.TypeLength.V)
	case format.Int96:
		return 12
	case format.Int32, format.Float:
		return 4
	}
	return 8
}

// lengths checks texts behind their lengths.
func (c *pageCheck) lengths() error {
	if err := c.need(c.count*8 + int64(len(c.data))); err != nil {
		return err
	}
	sum, rest, err := deltas(c.data, c.present, true)
	if err == nil && sum > int64(len(rest)) {
		err = errPageCut
	}
	return err
}

// prefixes checks texts that begin like the one before: a few bytes can stand
// for a lot of text.
func (c *pageCheck) prefixes() error {
	if err := c.need(c.count*12 + int64(len(c.data))); err != nil {
		return err
	}
	sum, rest, err := deltas(c.data, c.present, true)
	if err != nil {
		return err
	}
	own, rest, err := deltas(rest, c.present, true)
	if err == nil && own > int64(len(rest)) {
		err = errPageCut
	}
	if err != nil {
		return err
	}
	return c.need(sum)
}

// runs checks data of the hybrid of run lengths and bit packing: not more than
// count values, but for the last group of eight. It returns how many there are
// and, unless match is negative, how many of the first count are match.
func runs(data []byte, width int, count int64, match int) (sum, matches int64, err error) {
	most := uint64(count) + 7
	for len(data) > 0 {
		head, n := binary.Uvarint(data)
		if n <= 0 {
			return 0, 0, errPageMalformed
		}
		data = data[n:]
		values, size := head>>1, uint64(width+7)/8
		packed := head&1 != 0
		if packed {
			if values > most {
				return 0, 0, errPageMalformed
			}
			values, size = values*8, values*uint64(width)
		}
		if values > most || uint64(sum)+values > most {
			return 0, 0, errPageMalformed
		}
		if size > uint64(len(data)) {
			return 0, 0, errPageCut
		}
		if match >= 0 {
			matches += matching(data[:size], width, min(int64(values), count-sum), packed, match)
		}
		sum += int64(values)
		data = data[size:]
	}
	return sum, matches, nil
}

// matching counts match among the first n values of a run.
func matching(data []byte, width int, n int64, packed bool, match int) int64 {
	if n <= 0 {
		return 0
	}
	if !packed {
		if int(data[0]) == match {
			return n
		}
		return 0
	}
	found := int64(0)
	mask := uint32(1)<<width - 1
	var window uint32
	filled := 0
	for range n {
		if filled < width {
			window |= uint32(data[0]) << filled
			data = data[1:]
			filled += 8
		}
		if window&mask == uint32(match) {
			found++
		}
		window >>= width
		filled -= width
	}
	return found
}
