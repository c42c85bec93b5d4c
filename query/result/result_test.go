package result_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

func text(s string) tabular.Value { return tabular.Value{Type: tabular.Text, Bytes: []byte(s)} }

func integer(n int64) tabular.Value { return tabular.Value{Type: tabular.Integer, Int: n} }

// write stores n rows of a number and a text of the given size.
func write(t testing.TB, s *result.Store, n int, size int) query.Result {
	t.Helper()
	w, err := s.Write(t.Context(), "results/one", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := w.Row([]tabular.Value{integer(int64(i)), text(strings.Repeat("x", size))}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Abort() // does nothing by now
	return r
}

// numbers returns the first column of a page.
func numbers(t testing.TB, s *result.Store, r query.Result, offset, limit int64) []int {
	t.Helper()
	var page bytes.Buffer
	if err := s.Page(t.Context(), r, offset, limit, &page); err != nil {
		t.Fatal(err)
	}
	var rows [][]any
	if err := json.Unmarshal([]byte("["+page.String()+"]"), &rows); err != nil {
		t.Fatalf("%v in %.300s", err, page.String())
	}
	var list []int
	for _, row := range rows {
		list = append(list, int(row[0].(float64)))
	}
	return list
}

func counted(from, n int) (list []int) {
	for i := range n {
		list = append(list, from+i)
	}
	return list
}

func TestPages(t *testing.T) {
	tests := []struct {
		name       string
		opts       *result.Options
		rows, size int
		inline     bool
	}{
		{"no rows", nil, 0, 0, true},
		{"inline", nil, 100, 10, true},
		{"one block", &result.Options{Inline: -1}, 100, 10, false},
		{"blocks of a few rows", &result.Options{Block: 100}, 1000, 30, false},
		{"rows larger than a block", &result.Options{Block: 100, Inline: 10}, 50, 1000, false},
		{"an index larger than one read", &result.Options{Block: 20}, 10_000, 30, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := result.New(cloud.Memory(), test.opts)
			r := write(t, s, test.rows, test.size)
			if r.Rows != int64(test.rows) || (r.Key == "") != test.inline {
				t.Fatalf("got %d rows under %q, want %d, inline: %t", r.Rows, r.Key, test.rows, test.inline)
			}
			for _, p := range []struct{ offset, limit int }{
				{0, 1}, {0, test.rows}, {0, test.rows + 10}, {test.rows / 3, 7}, {test.rows / 2, test.rows},
				{test.rows - 1, 5}, {test.rows, 5}, {test.rows + 5, 5}, {3, 0},
			} {
				if p.offset < 0 {
					continue
				}
				want := counted(p.offset, max(0, min(p.limit, test.rows-p.offset)))
				for range 2 { // the second from memory, where it is kept
					if diff := cmp.Diff(want, numbers(t, s, r, int64(p.offset), int64(p.limit))); diff != "" {
						t.Fatalf("rows from %d, limit %d: -want +got\n%s", p.offset, p.limit, diff)
					}
				}
			}
		})
	}
}

// TestAnotherNodeReads reads with a store that did not write.
func TestAnotherNodeReads(t *testing.T) {
	bucket := cloud.Memory()
	r := write(t, result.New(bucket, &result.Options{Block: 50}), 20_000, 30)
	if diff := cmp.Diff(counted(19_000, 20), numbers(t, result.New(bucket, nil), r, 19_000, 20)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestValues(t *testing.T) {
	value := func(typ tabular.Type, b string) tabular.Value { return tabular.Value{Type: typ, Bytes: []byte(b)} }
	real := func(f float64) tabular.Value { return tabular.Value{Type: tabular.Real, Float: f} }
	tests := []struct {
		value tabular.Value
		want  string
	}{
		{tabular.Value{}, `null`},
		{integer(math.MaxInt64), `9223372036854775807`},
		{integer(math.MinInt64), `-9223372036854775808`},
		{real(0.1), `0.1`},
		{real(1e-9), `1e-9`},
		{real(1e21), `1e+21`},
		{real(1e20), `100000000000000000000`},
		{real(math.NaN()), `"NaN"`},
		{real(math.Inf(1)), `"Infinity"`},
		{real(math.Inf(-1)), `"-Infinity"`},
		{tabular.Value{Type: tabular.Boolean, Int: 1}, `true`},
		{tabular.Value{Type: tabular.Boolean}, `false`},
		{value(tabular.Decimal, "123456789012345678901234567890.10"), `"123456789012345678901234567890.10"`},
		{value(tabular.Date, "2026-02-28"), `"2026-02-28"`},
		{value(tabular.Timestamp, "2026-02-28 01:02:03.5"), `"2026-02-28 01:02:03.5"`},
		{value(tabular.Bytes, "\x00\xff"), `"AP8="`},
		{value(tabular.JSON, "{\"a\":\n [1]}"), `{"a": [1]}`},
		{text("日本 \U0001F600"), `"日本 😀"`},
		{text("a\"b\\c\n\r\t\x00\x1f\u2028\u2029"), `"a\"b\\c\n\r\t\u0000\u001f\u2028\u2029"`},
		{text("bad \xff\xfe utf"), `"bad \ufffd\ufffd utf"`},
	}
	s := result.New(cloud.Memory(), nil)
	for _, test := range tests {
		w, err := s.Write(t.Context(), "results/one", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Row([]tabular.Value{test.value}); err != nil {
			t.Fatal(err)
		}
		r, err := w.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		if err := s.Page(t.Context(), r, 0, 1, &page); err != nil {
			t.Fatal(err)
		}
		if got := page.String(); got != "["+test.want+"]" {
			t.Errorf("%v %q: got %s, want [%s]", test.value.Type, test.value.Bytes, got, test.want)
		}
		if !json.Valid(page.Bytes()) {
			t.Errorf("%s is not JSON", page.String())
		}
	}
}

// fullBucket takes some bytes and then has no more space.
type fullBucket struct {
	blob.Bucket
	space int64
}

func (b fullBucket) Write(ctx context.Context, key string, r io.Reader, opts *blob.WriteOptions) (blob.Written, error) {
	if n, _ := io.CopyN(io.Discard, r, b.space); n == b.space {
		return blob.Written{}, blob.ErrFull
	}
	return blob.Written{}, nil
}

func TestFullBucket(t *testing.T) {
	s := result.New(fullBucket{cloud.Memory(), 1000}, &result.Options{Block: 1000})
	w, err := s.Write(t.Context(), "results/one", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; err == nil && i < 1_000_000; i++ {
		err = w.Row([]tabular.Value{integer(int64(i)), text(fmt.Sprint(i*i*31, "noise", i*7919))})
	}
	if !errors.Is(err, blob.ErrFull) {
		t.Errorf("got %v, want that the bucket is full", err)
	}
	w.Abort()
}

func TestAbortLeavesNothing(t *testing.T) {
	bucket := cloud.Memory()
	s := result.New(bucket, &result.Options{Block: 100})
	w, err := s.Write(t.Context(), "results/one", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := w.Row([]tabular.Value{integer(int64(i))}); err != nil {
			t.Fatal(err)
		}
	}
	w.Abort()
	if _, err := bucket.Stat(t.Context(), "results/one"); !errors.Is(err, errs.NotFound) {
		t.Errorf("got %v, want that nothing is there", err)
	}
}

func TestLargeRow(t *testing.T) {
	s := result.New(cloud.Memory(), &result.Options{MaxRow: 100})
	w, err := s.Write(t.Context(), "results/one", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := w.Row([]tabular.Value{text(strings.Repeat("x", 200))}); !errors.Is(err, errs.TooLarge) {
		t.Errorf("got %v, want that the row is too large", err)
	}
}

// TestDamage changes each byte of a stored result in turn: no page may then be
// other than it was.
func TestDamage(t *testing.T) {
	bucket := cloud.Memory()
	r := write(t, result.New(bucket, &result.Options{Block: 200}), 100, 5)
	body, err := bucket.Open(t.Context(), r.Key, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	whole, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x10
		if _, err := bucket.Write(t.Context(), r.Key, bytes.NewReader(bad), nil); err != nil {
			t.Fatal(err)
		}
		if err := result.New(bucket, nil).Page(t.Context(), r, 0, 100, io.Discard); err == nil {
			t.Fatalf("byte %d of %d was changed and nobody noticed", i, len(whole))
		}
	}
	for _, size := range []int{0, 1, footer - 1, len(whole) / 2, len(whole) - 1} {
		if _, err := bucket.Write(t.Context(), r.Key, bytes.NewReader(whole[:size]), nil); err != nil {
			t.Fatal(err)
		}
		if err := result.New(bucket, nil).Page(t.Context(), r, 0, 100, io.Discard); err == nil {
			t.Errorf("only %d of %d bytes are there and nobody noticed", size, len(whole))
		}
	}
}

const footer = 28

func FuzzText(f *testing.F) {
	f.Add("a\"b\\\x00\xff\u2028")
	s := result.New(cloud.Memory(), nil)
	f.Fuzz(func(t *testing.T, in string) {
		w, err := s.Write(t.Context(), "results/one", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Row([]tabular.Value{text(in)}); err != nil {
			t.Fatal(err)
		}
		r, err := w.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		if err := s.Page(t.Context(), r, 0, 1, &page); err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := json.Unmarshal(page.Bytes(), &got); err != nil || len(got) != 1 || got[0] != strings.ToValidUTF8(escape(in), "\ufffd") {
			t.Errorf("%q became %q: %v", in, page.String(), err)
		}
	})
}

// escape replaces each byte that is not UTF-8; ToValidUTF8 does so for a whole
// run of them.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}
