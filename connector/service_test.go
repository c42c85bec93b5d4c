package connector_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

var ann = scope.Scope{Tenant: "acme", User: "ann"}

// opener opens every config as the same memory, or fails as it says.
type opener struct {
	source blob.Bucket
	fail   error
	opened connector.Config
}

func (o *opener) Open(_ context.Context, c connector.Config) (blob.Source, error) {
	o.opened = c
	return keepOpen{o.source}, o.fail
}

type keepOpen struct{ blob.Bucket }

func (keepOpen) Close() error { return nil }

func newService(t *testing.T) (*connector.Service, *opener) {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	o := &opener{source: cloud.Memory()}
	return connector.NewService(store, o, uispec.New(nil), &connector.Options{ValidateTimeout: 100 * time.Millisecond}), o
}

func s3Config(secret connector.Secret) connector.Config {
	return connector.Config{S3: &connector.S3Config{
		Endpoint: "s3.example.com", AccessKeyID: "id", AccessKeySecret: secret, BucketName: "bucket", Region: "eu-1",
	}}
}

func TestCreateTellsEverythingThatIsWrong(t *testing.T) {
	s, _ := newService(t)
	oss := func(edit func(*connector.OSSConfig)) connector.Config {
		c := connector.OSSConfig{Endpoint: "oss.example.com", AccessKeyID: "id", AccessKeySecret: "s", BucketName: "b"}
		edit(&c)
		return connector.Config{OSS: &c}
	}
	tests := map[string]struct {
		in   connector.New
		want string
	}{
		"nothing given": {connector.New{}, "name is required; source_type is invalid: 0 is none of 4 (OSS), 5 (S3), 100 (folder), 101 (definition)"},
		"no config":     {connector.New{Name: "n", Type: connector.OSS}, "config.oss is required for source_type 4"},
		"wrong config":  {connector.New{Name: "n", Type: connector.OSS, Config: s3Config("s")}, "config.oss is required for source_type 4"},
		"empty config": {connector.New{Name: "n", Type: connector.S3, Config: connector.Config{S3: &connector.S3Config{}}},
			"config.s3.endpoint is required; config.s3.access_key_id is required; config.s3.access_key_secret is required; " +
				"config.s3.bucket_name is required; config.s3.region is required"},
		"a mask is no secret":  {connector.New{Name: "n", Type: connector.S3, Config: s3Config(connector.Mask)}, "config.s3.access_key_secret is invalid: it is the mask of a stored secret"},
		"header injection":     {connector.New{Name: "n", Type: connector.S3, Config: s3Config("a\r\nb")}, "config.s3.access_key_secret is invalid: it does not match ^[!-~]*$"},
		"endpoint is no host":  {connector.New{Name: "n", Type: connector.OSS, Config: oss(func(c *connector.OSSConfig) { c.Endpoint = "http://" })}, "config.oss.endpoint is invalid: not a host or URL"},
		"endpoint scheme":      {connector.New{Name: "n", Type: connector.OSS, Config: oss(func(c *connector.OSSConfig) { c.Endpoint = "file:///etc" })}, "config.oss.endpoint is invalid: not a host or URL"},
		"endpoint ftp":         {connector.New{Name: "n", Type: connector.OSS, Config: oss(func(c *connector.OSSConfig) { c.Endpoint = "ftp://h" })}, "config.oss.endpoint is invalid: its scheme must be http or https"},
		"endpoint credentials": {connector.New{Name: "n", Type: connector.OSS, Config: oss(func(c *connector.OSSConfig) { c.Endpoint = "https://u:p@h" })}, "config.oss.endpoint is invalid: it must not hold credentials"},
		"bucket is a path":     {connector.New{Name: "n", Type: connector.OSS, Config: oss(func(c *connector.OSSConfig) { c.BucketName = "../b" })}, "config.oss.bucket_name is invalid: it is not the name of a bucket"},
		"relative folder":      {connector.New{Name: "n", Type: connector.Folder, Config: connector.Config{Folder: &connector.FolderConfig{Path: "x"}}}, "config.folder.path is invalid: it must be absolute"},
		"name of blanks":       {connector.New{Name: " ", Type: connector.S3, Config: s3Config("s")}, "name is required"},
		"name too long":        {connector.New{Name: strings.Repeat("名", 256), Type: connector.S3, Config: s3Config("s")}, "name is invalid: longer than 255 characters"},
		"name with control":    {connector.New{Name: "a\x00b", Type: connector.S3, Config: s3Config("s")}, "name is invalid: has a control character"},
		"name that deceives":   {connector.New{Name: "a\u202eb", Type: connector.S3, Config: s3Config("s")}, "name is invalid: has a control character"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := s.Create(t.Context(), ann, tt.in)
			if !errors.Is(err, errs.Invalid) {
				t.Fatalf("err = %v, want Invalid", err)
			}
			if diff := cmp.Diff(tt.want, errs.Message(err)); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConnectorLife(t *testing.T) {
	s, o := newService(t)
	ctx := t.Context()
	c, err := s.Create(ctx, ann, connector.New{Name: "first", Type: connector.S3, Config: s3Config("stored")})
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != 100001 || c.Status != connector.Active || c.CreatedBy != "ann" {
		t.Errorf("created %+v", c)
	}
	if _, err := s.Create(ctx, ann, connector.New{Name: "first", Type: connector.S3, Config: s3Config("s")}); !errors.Is(err, errs.Exists) {
		t.Errorf("second of that name: %v", err)
	}
	if _, err := s.Create(ctx, scope.Scope{}, connector.New{}); !errors.Is(err, errs.Unauthorized) {
		t.Errorf("no tenant: %v", err)
	}

	// Another tenant does not see it, and may use its name.
	eve := scope.Scope{Tenant: "evil"}
	if _, err := s.Get(ctx, eve, c.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("foreign get: %v", err)
	}
	if _, err := s.Update(ctx, eve, c.ID, connector.Change{}); !errors.Is(err, errs.NotFound) {
		t.Errorf("foreign update: %v", err)
	}
	if err := s.Delete(ctx, eve, c.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("foreign delete: %v", err)
	}
	if _, err := s.Create(ctx, eve, connector.New{Name: "first", Type: connector.S3, Config: s3Config("s")}); err != nil {
		t.Errorf("same name in another tenant: %v", err)
	}

	// A mask that is sent back keeps the stored secret; anything else replaces it.
	name, config := "renamed", s3Config(connector.Mask)
	config.S3.BucketName = "other"
	if _, err := s.Update(ctx, ann, c.ID, connector.Change{Name: &name, Config: &config}); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Validate(ctx, ann, connector.Check{ID: c.ID}); err != nil || !v.Valid {
		t.Fatalf("validate: %+v, %v", v, err)
	}
	if got := o.opened.S3; got.AccessKeySecret.Reveal() != "stored" || got.BucketName != "other" {
		t.Errorf("opened with %q and bucket %q", got.AccessKeySecret.Reveal(), got.BucketName)
	}
	wrong := connector.Config{OSS: &connector.OSSConfig{}}
	if _, err := s.Update(ctx, ann, c.ID, connector.Change{Config: &wrong}); !errors.Is(err, errs.Invalid) {
		t.Errorf("config of another type: %v", err)
	}

	list, total, err := s.List(ctx, ann, connector.Query{Keyword: "NAM"})
	if err != nil || total != 1 || len(list) != 1 || list[0].Name != "renamed" || list[0].TaskIDs != nil {
		t.Errorf("list: %v, %d, %v", list, total, err)
	}
	if _, _, err := s.List(ctx, ann, connector.Query{OrderBy: "secret"}); !errors.Is(err, errs.Invalid) {
		t.Errorf("unknown order: %v", err)
	}
	if err := s.Delete(ctx, ann, c.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, ann, c.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("get after delete: %v", err)
	}
}

func TestValidate(t *testing.T) {
	s, o := newService(t)
	ctx := t.Context()
	c, err := s.Create(ctx, ann, connector.New{Name: "n", Type: connector.S3, Config: s3Config("stored")})
	if err != nil {
		t.Fatal(err)
	}
	given := s3Config("given")
	if v, err := s.Validate(ctx, ann, connector.Check{Type: connector.S3, ID: c.ID, Config: &given}); err != nil || !v.Valid {
		t.Errorf("validate: %+v, %v", v, err)
	}
	if o.opened.S3.AccessKeySecret.Reveal() != "given" {
		t.Error("config must win over connector_id")
	}
	if _, err := s.Validate(ctx, ann, connector.Check{Type: connector.S3}); !errors.Is(err, errs.Invalid) {
		t.Errorf("neither id nor config: %v", err)
	}
	if _, err := s.Validate(ctx, ann, connector.Check{Type: connector.OSS, ID: c.ID}); !errors.Is(err, errs.Invalid) {
		t.Errorf("type that differs: %v", err)
	}
	if _, err := s.Validate(ctx, ann, connector.Check{ID: 7}); !errors.Is(err, errs.NotFound) {
		t.Errorf("unknown id: %v", err)
	}
	o.fail = errs.Wrap(errs.Forbidden, errors.New("secret cause"), "access to bucket %q is denied", "bucket")
	v, err := s.Validate(ctx, ann, connector.Check{ID: c.ID})
	if diff := cmp.Diff(connector.Verdict{Reason: `access to bucket "bucket" is denied`}, v); err != nil || diff != "" {
		t.Errorf("verdict (-want +got), err %v:\n%s", err, diff)
	}
}

func TestFilesListsOneLevel(t *testing.T) {
	s, o := newService(t)
	ctx := t.Context()
	c, err := s.Create(ctx, ann, connector.New{Name: "n", Type: connector.S3, Config: s3Config("s")})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a.pdf", "b.txt", "d/e/deep.pdf", "d/x.pdf", "z.PDF", "d/y.docx"} {
		if _, err := o.source.Write(ctx, key, strings.NewReader("12345"), nil); err != nil {
			t.Fatal(err)
		}
	}
	pdf := func(uri, name string) connector.File {
		return connector.File{URI: uri, Name: name, Size: 5, Type: connector.PDF}
	}
	dir := func(uri, name string) connector.File {
		return connector.File{URI: uri, Name: name, Type: connector.Directory}
	}
	tests := map[string]struct {
		q    connector.FilesQuery
		want []connector.File
		next string
	}{
		"directories whatever the type": {connector.FilesQuery{Types: []connector.FileType{connector.PDF}},
			[]connector.File{pdf("a.pdf", "a.pdf"), dir("d", "d"), pdf("z.PDF", "z.PDF")}, ""},
		"below a directory": {connector.FilesQuery{Dir: "d", Types: []connector.FileType{connector.PDF}},
			[]connector.File{dir("d/e", "e"), pdf("d/x.pdf", "x.pdf")}, ""},
		"a finer type": {connector.FilesQuery{Dir: "/d/", Types: []connector.FileType{11}},
			[]connector.File{dir("d/e", "e"), {URI: "d/y.docx", Name: "y.docx", Size: 5, Type: connector.Word}}, ""},
		"first page":  {connector.FilesQuery{Limit: 1}, []connector.File{pdf("a.pdf", "a.pdf")}, "a.pdf"},
		"second page": {connector.FilesQuery{Limit: 2, Cursor: "a.pdf"}, []connector.File{{URI: "b.txt", Name: "b.txt", Size: 5, Type: connector.Text}, dir("d", "d")}, "d/"},
		"last page":   {connector.FilesQuery{Limit: 2, Cursor: "d/"}, []connector.File{pdf("z.PDF", "z.PDF")}, ""},
		"no such dir": {connector.FilesQuery{Dir: "q"}, []connector.File{}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			page, err := s.Files(ctx, ann, c.ID, tt.q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(connector.FilesPage{Files: tt.want, Next: tt.next}, page); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := s.Files(ctx, ann, c.ID, connector.FilesQuery{Types: []connector.FileType{99}}); !errors.Is(err, errs.Invalid) {
		t.Errorf("unknown type: %v", err)
	}
}
