package cloud_test

import (
	"testing"

	"gocloud.dev/blob/fileblob"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest"
	"github.com/inlet-go/inlet/blob/cloud"
)

func TestMemory(t *testing.T) {
	blobtest.RunBucket(t, func(t *testing.T) blob.Bucket {
		b := cloud.Memory()
		t.Cleanup(func() { b.Close() })
		return b
	}, nil)
}

// TestFileblob runs the suite over a second driver of gocloud, so that the
// adapter is not fitted to memory alone.
func TestFileblob(t *testing.T) {
	const noTree = "a file cannot also be a directory"
	except := map[string]string{
		"Write/RoundTrip":       noTree,
		"Write/IfNotExistRaced": "fileblob's IfNotExist is not atomic",
		"Write/OverwriteAtomic": "fileblob writes attributes apart from the data",
		"List/Order":            noTree,
		"List/Prefix":           noTree,
		"List/OneLevel":         noTree,
		"List/After":            noTree,
		"List/Stops":            noTree,
		"List/Canceled":         noTree,
		"Delete":                noTree,
		"WeirdKeys":             noTree,
		"Missing":               "a path through a file is no NotFound error there",
	}
	blobtest.RunBucket(t, func(t *testing.T) blob.Bucket {
		b, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{NoTempDir: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return cloud.New(b)
	}, &blobtest.Options{Except: except, ListSize: 200})
}
