package parquet

import (
	"encoding/binary"
	"math/bits"

	"github.com/parquet-go/parquet-go/format"
)

const (
	errPageTooLarge  = thriftText("the page is too large")
	errPageCut       = thriftText("a page is shorter than its values")
	errPageMalformed = thriftText("a page is malformed")
)

// pageCheck compares the number of values that a page declares with its data:
// run-length and delta encodings can declare billions in a few bytes, and what
// is declared is what decoders allocate.
type pageCheck struct {
	leaf  *node
	data  []byte // of the page, not compressed; what is checked is cut off
	count int64  // of values, nulls among them
	most  int64  // bytes that a page may need
	cost  int64  // bytes that decoding needs, in sum
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
	if nulls := int64(h.NumNulls); nulls < 0 || nulls > c.count {
		return errPageMalformed
	}
	if c.leaf.repetition > 0 && h.RepetitionLevelsByteLength == 0 && c.count > 0 ||
		c.leaf.definition > 0 && h.DefinitionLevelsByteLength == 0 && c.count > 0 {
		return errPageCut
	}
	if err := c.levels(int64(h.RepetitionLevelsByteLength), c.leaf.repetition); err != nil {
		return err
	}
	return c.levels(int64(h.DefinitionLevelsByteLength), c.leaf.definition)
}

func (c *pageCheck) levels(length int64, most int) error {
	data, err := c.take(length)
	if err != nil || most == 0 {
		return err
	}
	if err := c.need(c.count); err != nil {
		return err
	}
	return runs(data, bits.Len(uint(most)), c.count)
}

// values checks the values behind the levels. There may be less than count of
// them, since nulls have none.
func (c *pageCheck) values(encoding format.Encoding) error {
	if c.count < 0 {
		return errPageMalformed
	}
	width := c.width()
	switch encoding {
	case format.Plain, format.ByteStreamSplit:
		return c.need(c.count*4 + int64(len(c.data)))
	case format.PlainDictionary, format.RLEDictionary:
		if err := c.need(c.count * 4); err != nil {
			return err
		}
		if len(c.data) == 0 {
			return nil // nothing but nulls
		}
		if c.data[0] > 32 {
			return errPageMalformed
		}
		return runs(c.data[1:], int(c.data[0]), c.count)
	case format.RLE: // of booleans
		if err := c.need(c.count); err != nil {
			return err
		}
		if len(c.data) < 4 {
			return errPageCut
		}
		return runs(c.data[4:], 1, c.count)
	case format.DeltaBinaryPacked:
		if err := c.need(c.count * width); err != nil {
			return err
		}
		_, _, err := deltas(c.data, c.count, false)
		return err
	case format.DeltaLengthByteArray:
		if err := c.need(c.count*8 + int64(len(c.data))); err != nil {
			return err
		}
		_, _, err := deltas(c.data, c.count, false)
		return err
	case format.DeltaByteArray:
		return c.prefixes()
	}
	return errPageMalformed
}

// width is how many bytes a decoded value needs.
func (c *pageCheck) width() int64 {
	switch e := c.leaf.element; e.Type.V {
	case format.FixedLenByteArray:
		return int64(e.TypeLength.V)
	case format.Int96:
		return 12
	}
	return 8
}

// prefixes checks strings that begin like the one before: a few bytes can
// stand for a lot of text.
func (c *pageCheck) prefixes() error {
	if err := c.need(c.count*12 + int64(len(c.data))); err != nil {
		return err
	}
	sum, rest, err := deltas(c.data, c.count, true)
	if err != nil {
		return err
	}
	if _, _, err := deltas(rest, c.count, false); err != nil {
		return err
	}
	return c.need(sum)
}

// runs checks data of the hybrid of run lengths and bit packing: not more than
// count values, but for the last group of eight.
func runs(data []byte, width int, count int64) error {
	most := uint64(count) + 7
	for sum := uint64(0); len(data) > 0; {
		head, n := binary.Uvarint(data)
		if n <= 0 {
			return errPageMalformed
		}
		data = data[n:]
		values, size := head>>1, uint64(width+7)/8
		if head&1 != 0 {
			if values > uint64(len(data)) && width > 0 || values > most {
				return errPageCut
			}
			values, size = values*8, values*uint64(width)
		}
		if values > most || sum+values > most {
			return errPageMalformed
		}
		if size > uint64(len(data)) {
			return errPageCut
		}
		sum += values
		data = data[size:]
	}
	return nil
}
