package folder_test

import (
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest"
	"github.com/inlet-go/inlet/blob/folder"
)

func open(t *testing.T, dir string, opts *folder.Options) *folder.Bucket {
	t.Helper()
	b, err := folder.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestBucket(t *testing.T) {
	for name, tt := range map[string]struct {
		opts  *folder.Options
		suite *blobtest.Options
	}{
		"default":      {nil, nil},
		"little sorts": {&folder.Options{Relaxed: true, SortLimit: 7}, &blobtest.Options{ListSize: 500}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blobtest.RunBucket(t, func(t *testing.T) blob.Bucket { return open(t, t.TempDir(), tt.opts) }, tt.suite)
		})
	}
}
