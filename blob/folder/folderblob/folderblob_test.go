package folderblob_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"
	"gocloud.dev/gcerrors"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/blob/folder/folderblob"
	"github.com/inlet-go/inlet/store/errs"
)

type harness struct {
	dir    string
	prefix string
}

func (h *harness) MakeDriver(context.Context) (driver.Bucket, error) {
	b, err := folder.Open(h.dir, nil)
	if err != nil {
		return nil, err
	}
	d := folderblob.OpenDriver(b)
	if h.prefix != "" {
		d = driver.NewPrefixedBucket(d, h.prefix)
	}
	return d, nil
}

// A folder is made when it does not exist.
func (h *harness) MakeDriverForNonexistentBucket(context.Context) (driver.Bucket, error) {
	return nil, nil
}
func (h *harness) HTTPClient() *http.Client         { return nil }
func (h *harness) SupportsCopy() bool               { return true }
func (h *harness) SupportsNonSlashDelimiters() bool { return true }
func (h *harness) Close()                           {}

func TestConformance(t *testing.T) {
	for name, prefix := range map[string]string{"bare": "", "prefixed": "some/prefix/dir/"} {
		t.Run(name, func(t *testing.T) {
			h := &harness{dir: t.TempDir(), prefix: prefix}
			newHarness := func(context.Context, *testing.T) (drivertest.Harness, error) { return h, nil }
			drivertest.RunConformanceTests(t, newHarness, []drivertest.AsTest{asTest{}})
		})
	}
}

// asTest checks that As leads to the folder bucket and to classified errors.
type asTest struct{}

func (asTest) Name() string { return "folder" }
func (asTest) BucketCheck(b *gcblob.Bucket) error {
	var f *folder.Bucket
	if !b.As(&f) || f == nil {
		return errors.New("Bucket.As does not give the *folder.Bucket")
	}
	return nil
}
func (asTest) ErrorCheck(b *gcblob.Bucket, err error) error {
	var e *errs.Error
	if !b.ErrorAs(err, &e) || e.Kind != errs.NotFound {
		return errors.New("ErrorAs does not give the *errs.Error")
	}
	return nil
}
func (asTest) BeforeRead(func(any) bool) error          { return nil }
func (asTest) BeforeWrite(func(any) bool) error         { return nil }
func (asTest) BeforeCopy(func(any) bool) error          { return nil }
func (asTest) BeforeDelete(func(any) bool) error        { return nil }
func (asTest) BeforeList(func(any) bool) error          { return nil }
func (asTest) BeforeSign(func(any) bool) error          { return nil }
func (asTest) AttributesCheck(*gcblob.Attributes) error { return nil }
func (asTest) ReaderCheck(*gcblob.Reader) error         { return nil }
func (asTest) ListObjectCheck(*gcblob.ListObject) error { return nil }

// TestSuite closes the circle: our port over gocloud over our folder.
func TestSuite(t *testing.T) {
	blobtest.RunBucket(t, func(t *testing.T) blob.Bucket {
		b, err := folderblob.OpenBucket(t.TempDir(), &folder.Options{Relaxed: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return cloud.New(b)
	}, &blobtest.Options{ListSize: 300})
}

func TestPagesOfOne(t *testing.T) {
	b, err := folderblob.OpenBucket(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, key := range []string{"a--1", "a--2", "b", "c--1"} {
		if err := b.WriteAll(t.Context(), key, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	token := gcblob.FirstPageToken
	for len(token) > 0 {
		page, next, err := b.ListPage(t.Context(), token, 1, &gcblob.ListOptions{Delimiter: "--"})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page {
			got = append(got, o.Key)
		}
		token = next
	}
	if len(got) != 3 || got[0] != "a--" || got[1] != "b" || got[2] != "c--" {
		t.Errorf("pages give %q", got)
	}
	if code := gcerrors.Code(b.Delete(t.Context(), "a--")); code != gcerrors.NotFound {
		t.Errorf("Delete of a missing key: %v", code)
	}
}
