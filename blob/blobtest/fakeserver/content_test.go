package fakeserver

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

func TestSyntheticIsOneContent(t *testing.T) {
	c := Synthetic(1000, 7)
	whole, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil || len(whole) != 1000 {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	for off := range int64(40) {
		for n := range 40 {
			got := make([]byte, n)
			if _, err := c.ReadAt(got, off); err != nil || !bytes.Equal(got, whole[off:off+int64(n)]) {
				t.Fatalf("ReadAt(%d bytes, %d) = %x, %v", n, off, got, err)
			}
		}
	}
	if err := iotest.TestReader(io.NewSectionReader(c, 0, 1000), whole); err != nil {
		t.Error(err)
	}
	other, _ := io.ReadAll(io.NewSectionReader(Synthetic(1000, 8), 0, 1000))
	if bytes.Equal(whole[8:], other[8:]) {
		t.Error("another seed gives the same bytes")
	}
}

func TestSyntheticSeeksAnywhere(t *testing.T) {
	const size = 10 << 30
	a, b := make([]byte, 64), make([]byte, 64)
	Synthetic(size, 1).ReadAt(a, size-64)
	n, err := Synthetic(size, 1).ReadAt(b, size-32)
	if n != 32 || err != io.EOF || !bytes.Equal(a[32:], b[:32]) {
		t.Errorf("the end of a large object: %d, %v", n, err)
	}
}

func TestJoinedReadsAcrossParts(t *testing.T) {
	j := join([]Content{Bytes([]byte("abc")), Bytes(nil), Bytes([]byte("d")), Bytes([]byte("efgh"))})
	if err := iotest.TestReader(io.NewSectionReader(j, 0, j.Size()), []byte("abcdefgh")); err != nil {
		t.Error(err)
	}
}
