package dataset_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/s3"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

const text = "0123456789abcdefghijABCDE" // three parts of 10, 10 and 5 bytes

// begin starts an upload of text.
func (e *env) begin() (*dataset.Upload, []dataset.PartTarget) {
	e.Helper()
	u, targets, err := e.svc.InitUpload(e.Context(), e.me, "a.txt", int64(len(text)))
	e.ok(err)
	return u, targets
}

// put sends a part of text.
func (e *env) put(u *dataset.Upload, number int) blob.Part {
	e.Helper()
	etag, err := e.svc.PutPart(e.Context(), e.me.Tenant, u.ID, number, strings.NewReader(text[(number-1)*10:min(number*10, len(text))]))
	e.ok(err)
	return blob.Part{Number: number, ETag: etag}
}

func TestPartsInAnyOrder(t *testing.T) {
	e := newEnv(t, nil)
	u, targets := e.begin()
	want := []dataset.PartTarget{{Number: 1, Size: 10}, {Number: 2, Size: 10}, {Number: 3, Size: 5}}
	if diff := cmp.Diff(want, targets); diff != "" || !strings.HasPrefix(u.ObjectKey, "temp/user/ann/") || !strings.HasSuffix(u.ObjectKey, ".txt") {
		t.Errorf("%s (-want +got):\n%s", u.ObjectKey, diff)
	}
	etag, err := e.svc.PutPart(t.Context(), "acme", u.ID, 2, strings.NewReader("xxxxxxxxxx"))
	e.ok(err)
	parts := []blob.Part{e.put(u, 3), e.put(u, 1), e.put(u, 2)}
	if etag == parts[2].ETag {
		t.Error("another content has the same ETag")
	}
	_, err = e.svc.CompleteUpload(t.Context(), e.me, u.ObjectKey, u.ID, append(parts[:2:2], blob.Part{Number: 2, ETag: etag}))
	e.is(err, errs.Invalid, "part 2 is invalid: its etag is not")
	parts[0].ETag = `"` + strings.ToUpper(parts[0].ETag) + `"`
	var all sync.WaitGroup
	for range 8 { // again, as a client does that missed the answer
		all.Go(func() {
			got, err := e.svc.CompleteUpload(t.Context(), e.me, u.ObjectKey, u.ID, parts)
			if err != nil || got.ObjectKey != u.ObjectKey || got.State != dataset.Complete {
				t.Errorf("completed %+v, %v", got, err)
			}
		})
	}
	all.Wait()
	_, err = e.svc.PutPart(t.Context(), "acme", u.ID, 2, strings.NewReader("xxxxxxxxxx"))
	e.is(err, errs.Conflict, "is complete")
	first := e.source("", dataset.NewSource{Name: "a.txt", ObjectKey: u.ObjectKey})
	second := e.source("", dataset.NewSource{Name: "b.txt", ObjectKey: u.ObjectKey})
	e.drain()
	for _, s := range []*dataset.DataSource{first, second} {
		if got := e.state(s); got.Status != dataset.Synched || e.content(got) != text {
			t.Errorf("%s is %s %q", s.Name, got.Status, got.Reason)
		}
	}
	if n := e.objects(); n != 5 {
		t.Errorf("%d objects, want 3 parts and 2 data sources", n)
	}
	e.advance(25 * time.Hour)
	e.ok(e.runner.Expire(t.Context()))
	if n := e.objects(); n != 2 {
		t.Errorf("%d objects after the upload expired, want the data sources'", n)
	}
}

func TestBadPartsAreRefused(t *testing.T) {
	e := newEnv(t, nil)
	u, _ := e.begin()
	put := func(number int, body io.Reader) error {
		_, err := e.svc.PutPart(t.Context(), "acme", u.ID, number, body)
		return err
	}
	broken := errs.New(errs.Invalid, "body is invalid: it ended early")
	complete := func(key, id string, parts ...blob.Part) func() error {
		return func() error { _, err := e.svc.CompleteUpload(t.Context(), e.me, key, id, parts); return err }
	}
	begin := func(name string, size int64) func() error {
		return func() error { _, _, err := e.svc.InitUpload(t.Context(), e.me, name, size); return err }
	}
	p1 := e.put(u, 1)
	tests := map[string]struct {
		call func() error
		kind error
		text string
	}{
		"part 0":         {func() error { return put(0, strings.NewReader("x")) }, errs.Invalid, "the upload has 3 parts"},
		"part 4":         {func() error { return put(4, strings.NewReader("x")) }, errs.Invalid, "the upload has 3 parts"},
		"short":          {func() error { return put(2, strings.NewReader("x")) }, errs.Invalid, "must have 10 bytes"},
		"long":           {func() error { return put(2, strings.NewReader("01234567890")) }, errs.Invalid, "must have 10 bytes"},
		"cut":            {func() error { return put(2, io.MultiReader(strings.NewReader("01234"), iotest.ErrReader(broken))) }, errs.Invalid, "ended early"},
		"unknown upload": {func() error { _, err := e.svc.PutPart(t.Context(), "acme", "x", 1, nil); return err }, errs.NotFound, `"x"`},
		"missing":        {complete(u.ObjectKey, u.ID, p1), errs.Invalid, "part 2 is missing; part_etags is invalid: part 3 is missing"},
		"twice":          {complete(u.ObjectKey, u.ID, p1, p1), errs.Invalid, "part 1 is named twice"},
		"too many":       {complete(u.ObjectKey, u.ID, blob.Part{Number: 4, ETag: "x"}), errs.Invalid, "part 4 is none of the 3"},
		"no etag":        {complete(u.ObjectKey, u.ID, blob.Part{Number: 1}), errs.Invalid, "part 1 has no etag"},
		"not uploaded":   {complete(u.ObjectKey, u.ID, p1, blob.Part{Number: 2, ETag: "x"}, blob.Part{Number: 3, ETag: "x"}), errs.Invalid, "part 2 is invalid: it was not uploaded"},
		"unknown key":    {complete("temp/x", u.ID, p1), errs.NotFound, "temp/x"},
		"another id":     {complete(u.ObjectKey, "x", p1), errs.NotFound, "upload_id"},
		"not complete": {func() error {
			_, err := e.svc.CreateSource(t.Context(), e.me, "", dataset.NewSource{Name: "a.txt", ObjectKey: u.ObjectKey})
			return err
		}, errs.Invalid, "not complete"},
		"negative":        {begin("a.txt", -1), errs.Invalid, "file_size"},
		"empty":           {begin("a.txt", 0), dataset.ErrEmpty, "file_size"},
		"too large":       {begin("a.txt", 1<<40), errs.TooLarge, "file_size"},
		"extension":       {begin("a.sh", 1), dataset.ErrExtension, ".sh"},
		"no name":         {begin("", 1), errs.Invalid, "file name is required"},
		"an empty upload": {func() error { _, err := e.svc.Upload(t.Context(), e.me, "a.csv", strings.NewReader("")); return err }, dataset.ErrEmpty, "file is empty"},
		"a broken upload": {func() error { _, err := e.svc.Upload(t.Context(), e.me, "a.csv", iotest.ErrReader(broken)); return err }, errs.Invalid, "ended early"},
		"nobody's upload": {func() error {
			_, err := e.svc.Upload(t.Context(), scope.Scope{Tenant: "acme"}, "a.csv", strings.NewReader("x"))
			return err
		}, errs.Invalid, "user_id is required"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { e.is(tt.call(), tt.kind, tt.text) })
	}
	if n := e.objects(); n != 1 {
		t.Errorf("%d objects, want the one part", n)
	}
}

func TestAnUploadLargerThanAllowed(t *testing.T) {
	e := newEnv(t, func(o *dataset.Options, _ *dataset.RunnerOptions) { o.MaxSize = 5 })
	e.upload("a.csv", "12345")
	_, err := e.svc.Upload(t.Context(), e.me, "a.csv", strings.NewReader("123456"))
	e.is(err, errs.TooLarge, "larger than 5 bytes")
}

func TestUploadsExpire(t *testing.T) {
	e := newEnv(t, nil)
	open, _ := e.begin()
	e.put(open, 1)
	unused, used := e.upload("a.csv", csv), e.upload("b.csv", csv)
	s := e.source("", dataset.NewSource{Name: "b.csv", ObjectKey: used})
	e.drain()
	e.ok(e.runner.Expire(t.Context()))
	if n := e.objects(); n != 3 {
		t.Errorf("%d objects before their time, want 3", n)
	}
	e.advance(24 * time.Hour)
	for _, key := range []string{unused, used, open.ObjectKey} { // whoever comes first, its time is over
		_, err := e.svc.CreateSource(t.Context(), e.me, "", dataset.NewSource{Name: "c.csv", ObjectKey: key})
		e.is(err, errs.NotFound, key)
	}
	e.ok(e.runner.Expire(t.Context()))
	e.ok(e.runner.Expire(t.Context()))
	if n := e.objects(); n != 1 {
		t.Errorf("%d objects, want the one that a data source shares", n)
	}
	if got := e.state(s); e.content(got) != csv {
		t.Error("the data source lost its bytes")
	}
	e.ok(e.svc.DeleteSource(t.Context(), e.me, s.Dataset, s.ID))
	if n := e.objects(); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}

// TestPartsGoToS3Directly has a server that speaks S3 and checks signatures.
func TestPartsGoToS3Directly(t *testing.T) {
	server := fakeserver.Start(t, nil, "bucket")
	access, secret, token := server.Keys()
	bucket, err := s3.Open(t.Context(), s3.Config{
		Endpoint: server.URL, Region: server.Region(), Bucket: "bucket", AccessKeyID: access, SecretAccessKey: secret, SessionToken: token, PathStyle: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	store, err := sqlstore.Open(t.Context(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	const part = 5 << 20
	e := newEnvOn(t, store, bucket, func(o *dataset.Options, _ *dataset.RunnerOptions) { o.PartSize = part })
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("n\n")
	for b.Len() < 2*part+100 {
		fmt.Fprintln(&b, r.IntN(1000))
	}
	content := b.String()
	u, targets, err := e.svc.InitUpload(t.Context(), e.me, "numbers.csv", int64(len(content)))
	e.ok(err)
	send := func() (parts []blob.Part) {
		at := int64(0)
		for _, target := range targets {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, target.URL, strings.NewReader(content[at:at+target.Size]))
			e.ok(err)
			req.Header.Set("Content-Type", "application/octet-stream")
			resp, err := http.DefaultClient.Do(req)
			e.ok(err)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("part %d: %s", target.Number, resp.Status)
			}
			parts = append(parts, blob.Part{Number: target.Number, ETag: resp.Header.Get("ETag")})
			at += target.Size
		}
		return parts
	}
	parts := send()
	_, err = e.svc.CompleteUpload(t.Context(), e.me, u.ObjectKey, u.ID, append(parts[:2:2], blob.Part{Number: 3, ETag: strings.Repeat("0", 32)}))
	e.is(err, errs.Invalid, "")
	_, err = e.svc.PutPart(t.Context(), "acme", u.ID, 1, strings.NewReader(""))
	e.is(err, errs.Invalid, "")
	for range 2 {
		_, err = e.svc.CompleteUpload(t.Context(), e.me, u.ObjectKey, u.ID, parts)
		e.ok(err)
	}
	s := e.source("", dataset.NewSource{Name: "numbers.csv", ObjectKey: u.ObjectKey})
	e.drain()
	got := e.state(s)
	if got.Status != dataset.Synched || e.content(got) != content || got.Tables[0].Rows != int64(strings.Count(content, "\n")-1) {
		t.Errorf("it is %s %q", got.Status, got.Reason)
	}
	link, err := e.svc.SignedURL(t.Context(), got, &blob.SignOptions{Expires: time.Minute})
	e.ok(err)
	resp, err := http.Get(link)
	e.ok(err)
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != content {
		t.Errorf("the link gives %d bytes, %v", len(body), err)
	}

	// An upload that is never completed leaves nothing.
	u, targets, err = e.svc.InitUpload(t.Context(), e.me, "numbers.csv", int64(len(content)))
	e.ok(err)
	parts = send()
	e.advance(25 * time.Hour)
	e.ok(e.runner.Expire(t.Context()))
	if err := bucket.FinishParts(t.Context(), u.Key, u.Provider, parts); !errors.Is(err, errs.NotFound) {
		t.Errorf("its parts are still there: %v", err)
	}
	if n := e.objects(); n != 1 {
		t.Errorf("%d objects, want the data source's", n)
	}
}
