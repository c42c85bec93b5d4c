// Package blobtest is the conformance suite of package blob: every adapter
// passes it, so that whoever uses a [blob.Source] or [blob.Bucket] need not
// know which one it is.
//
// An adapter's test gives a function that makes a fresh, empty bucket and
// names what the provider cannot do, with the reason:
//
//	blobtest.RunBucket(t, newBucket, &blobtest.Options{
//		ExceptKeys: map[string]string{"dir/": "the server refuses bodies under directory keys"},
//	})
package blobtest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// Options tells what an adapter, or the server behind it, cannot do. Nil
// means that it passes everything.
type Options struct {
	// Except maps the name of a case, such as "Write/IfNotExistRaced", to the
	// reason why it is left out. A name that the suite does not have fails.
	Except map[string]string

	// ExceptKeys maps one of [WeirdKeys] to the reason why it cannot be used.
	ExceptKeys map[string]string

	// ListSize is how many objects the paging case makes; 0 means 2600, more
	// than two pages of the largest size that S3 gives.
	ListSize int

	// LargeSize is the size in bytes of the objects that must not fit into
	// socket and copy buffers; 0 means 3 MiB.
	LargeSize int
}

func (o *Options) orDefault() *Options {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.ListSize == 0 {
		opts.ListSize = 2600
	}
	if opts.LargeSize == 0 {
		opts.LargeSize = 3 << 20
	}
	return &opts
}

// NewSource makes a Source that holds exactly the given objects. It may be
// called several times; cleaning up is its own affair (t.Cleanup).
type NewSource func(t *testing.T, objects map[string]string) blob.Source

// NewBucket makes an empty Bucket. It may be called several times; cleaning
// up is its own affair (t.Cleanup).
type NewBucket func(t *testing.T) blob.Bucket

// RunSource checks the read half. opts may be nil.
func RunSource(t *testing.T, newSource NewSource, opts *Options) {
	s := &suite{newSource: newSource, opts: opts.orDefault()}
	s.run(t, sourceCases)
}

// RunBucket checks the read half, with objects written through the bucket
// itself, and the write half with those optional powers ([blob.Syncer],
// [blob.Stager], [blob.PartTaker]) that the bucket has. opts may be nil.
func RunBucket(t *testing.T, newBucket NewBucket, opts *Options) {
	s := &suite{newBucket: newBucket, opts: opts.orDefault()}
	s.newSource = func(t *testing.T, objects map[string]string) blob.Source {
		b := newBucket(t)
		fill(t, b, objects)
		return b
	}
	s.run(t, append(slices.Clone(sourceCases), bucketCases...))
}

type suite struct {
	newSource NewSource
	newBucket NewBucket
	opts      *Options
}

type testCase struct {
	name string
	run  func(t *testing.T, s *suite)
}

var sourceCases = []testCase{
	{"Stat", testStat},
	{"Open", testOpen},
	{"OpenRanges", testOpenRanges},
	{"OpenIfMatch", testOpenIfMatch},
	{"OpenCanceled", testOpenCanceled},
	{"Missing", testMissing},
	{"List/Order", testListOrder},
	{"List/Prefix", testListPrefix},
	{"List/OneLevel", testListOneLevel},
	{"List/After", testListAfter},
	{"List/Pages", testListPages},
	{"List/Stops", testListStops},
	{"List/Canceled", testListCanceled},
	{"ReadConcurrently", testReadConcurrently},
}

var bucketCases = []testCase{
	{"Write/RoundTrip", testWriteRoundTrip},
	{"Write/ContentType", testWriteContentType},
	{"Write/Overwrite", testOverwrite},
	{"Write/OverwriteAtomic", testOverwriteAtomic},
	{"Write/IfNotExist", testIfNotExist},
	{"Write/IfNotExistRaced", testIfNotExistRaced},
	{"Write/SizeMismatch", testSizeMismatch},
	{"Write/ReaderFails", testReaderFails},
	{"Write/Canceled", testWriteCanceled},
	{"Write/InvalidKey", testInvalidKey},
	{"Write/Deferred", testDeferred},
	{"Write/Concurrently", testWriteConcurrently},
	{"WeirdKeys", testWeirdKeys},
	{"IfMatchAfterOverwrite", testIfMatchAfterOverwrite},
	{"Delete", testDelete},
	{"DeleteMany", testDeleteMany},
	{"SignedURL", testSignedURL},
	{"Stage/OutOfOrder", testStageOutOfOrder},
	{"Stage/Abort", testStageAbort},
	{"Stage/IfNotExist", testStageIfNotExist},
	{"Parts", testParts},
	{"Parts/Aborted", testPartsAborted},
}

func (s *suite) run(t *testing.T, cases []testCase) {
	for name := range s.opts.Except {
		if !slices.ContainsFunc(cases, func(c testCase) bool { return c.name == name }) {
			t.Errorf("Except names %q, which is no case of the suite", name)
		}
	}
	for key := range s.opts.ExceptKeys {
		if !slices.Contains(WeirdKeys, key) {
			t.Errorf("ExceptKeys names %q, which is none of WeirdKeys", key)
		}
	}
	for _, c := range cases {
		if reason, ok := s.opts.Except[c.name]; ok {
			t.Logf("%s is left out: %s", c.name, reason)
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

// fill writes the objects with a few writers, since a bucket may be remote.
func fill(t *testing.T, b blob.Bucket, objects map[string]string) {
	t.Helper()
	keys := make(chan string)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for key := range keys {
				_, err := b.Write(t.Context(), key, strings.NewReader(objects[key]), &blob.WriteOptions{
					Size: int64(len(objects[key])), Deferred: true,
				})
				if err != nil {
					t.Errorf("Write(%q): %v", key, err)
				}
			}
		})
	}
	for key := range objects {
		keys <- key
	}
	close(keys)
	wg.Wait()
	if s, ok := b.(blob.Syncer); ok {
		if err := s.Sync(t.Context()); err != nil {
			t.Errorf("Sync: %v", err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// write stores data and checks what is acknowledged.
func write(t *testing.T, b blob.Bucket, key, data string, opts *blob.WriteOptions) {
	t.Helper()
	got, err := b.Write(t.Context(), key, strings.NewReader(data), opts)
	if err != nil {
		t.Fatalf("Write(%q): %v", key, err)
	}
	want := blob.Written{Size: int64(len(data)), SHA256: sha256.Sum256([]byte(data))}
	if got != want {
		t.Fatalf("Write(%q) = %v, want %v", key, got, want)
	}
}

// read reads an object or a part of it.
func read(ctx context.Context, s blob.Source, key string, opts *blob.OpenOptions) ([]byte, error) {
	r, err := s.Open(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}

func wantContent(t *testing.T, s blob.Source, key, want string) {
	t.Helper()
	got, err := read(t.Context(), s, key, nil)
	if err != nil {
		t.Errorf("read %q: %v", key, err)
		return
	}
	if string(got) != want {
		t.Errorf("read %q = %s, want %s", key, brief(got), brief([]byte(want)))
	}
}

// wantKind checks the kind and that the message for users names the key.
func wantKind(t *testing.T, what string, err error, kind errs.Kind, key string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want kind %v", what, kind)
		return
	}
	if got := errs.KindOf(err); got != kind {
		t.Errorf("%s: %v (kind %v), want kind %v", what, err, got, kind)
	}
	if msg := errs.Message(err); !strings.Contains(msg, key) {
		t.Errorf("%s: the message %q does not name the key %q", what, msg, key)
	}
}

// wantAbsent checks that no trace of key can be seen.
func wantAbsent(t *testing.T, s blob.Source, key string) {
	t.Helper()
	if o, err := s.Stat(t.Context(), key); !errors.Is(err, errs.NotFound) {
		t.Errorf("Stat(%q) = %v, %v; want NotFound", key, o, err)
	}
	for o, err := range s.List(t.Context(), key, nil) {
		if err != nil || o.Key == key {
			t.Errorf("List(%q) gives %v, %v", key, o, err)
		}
	}
}

// list collects the keys of a listing, directories with their "/".
func list(t *testing.T, s blob.Source, prefix string, opts *blob.ListOptions) []string {
	t.Helper()
	keys := []string{}
	for o, err := range s.List(t.Context(), prefix, opts) {
		if err != nil {
			t.Fatalf("List(%q, %+v): %v", prefix, opts, err)
		}
		if o.Dir && (o.Size != 0 || !strings.HasSuffix(o.Key, "/")) {
			t.Errorf("List(%q) gives the directory %+v", prefix, o)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// brief prints data of any size in a line.
func brief(data []byte) string {
	if len(data) <= 64 {
		return fmt.Sprintf("%q", data)
	}
	return fmt.Sprintf("%d bytes, SHA-256 %x…", len(data), sha256.Sum256(data))
}

// pattern returns n bytes in which no two aligned blocks are the same, so
// that a block read from a wrong offset is noticed.
func pattern(n int) string {
	b := make([]byte, 0, n+8)
	for i := uint64(0); len(b) < n; i++ {
		b = binary.BigEndian.AppendUint64(b, i*0x9e3779b97f4a7c15)
	}
	return string(b[:n])
}
