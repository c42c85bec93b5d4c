package open_test

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/open"
	"github.com/inlet-go/inlet/store/errs"
)

func folderConfig(path string) connector.Config {
	return connector.Config{Folder: &connector.FolderConfig{Path: path}}
}

func TestFoldersOutsideOfTheAllowedOnesAreRefused(t *testing.T) {
	base := t.TempDir()
	allowed, secret := filepath.Join(base, "allowed"), filepath.Join(base, "allowed-not")
	for _, dir := range []string{filepath.Join(allowed, "in"), secret} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"abs": secret, "rel": "../allowed-not", "deep/link": "../../allowed-not"} {
		path := filepath.Join(allowed, link)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	o, err := open.New(&open.Options{AllowDir: []string{allowed}})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		path string
		want error
	}{
		"the folder itself":   {allowed, nil},
		"below it":            {filepath.Join(allowed, "in"), nil},
		"dots that stay":      {allowed + "/in/../in", nil},
		"dots that leave":     {allowed + "/../allowed-not", errs.Forbidden},
		"beside it":           {secret, errs.Forbidden},
		"above it":            {base, errs.Forbidden},
		"the root":            {"/", errs.Forbidden},
		"an absolute link":    {filepath.Join(allowed, "abs"), errs.NotFound},
		"a relative link":     {filepath.Join(allowed, "rel"), errs.NotFound},
		"below a link":        {filepath.Join(allowed, "deep", "link"), errs.NotFound},
		"what does not exist": {filepath.Join(allowed, "none"), errs.NotFound},
		"a file":              {filepath.Join(allowed, "in", "file"), errs.NotFound},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			src, err := o.Open(t.Context(), folderConfig(tt.path))
			if tt.want != nil {
				if !errors.Is(err, tt.want) {
					t.Fatalf("err = %v, want %v", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			for obj, err := range src.List(t.Context(), "", nil) {
				if err != nil || obj.Size != 1 {
					t.Errorf("%+v, %v", obj, err)
				}
			}
		})
	}
	if _, err := open.New(&open.Options{AllowDir: []string{filepath.Join(base, "none")}}); !errors.Is(err, errs.Invalid) {
		t.Errorf("allowed folder that does not exist: %v", err)
	}
	if _, err := o.Open(t.Context(), connector.Config{}); !errors.Is(err, errs.Unsupported) {
		t.Errorf("empty config: %v", err)
	}
}

func TestPrivateEndpointsNeedPermission(t *testing.T) {
	s3 := fakeserver.Start(t, nil, "bucket")
	oss := fakeserver.Start(t, &fakeserver.Options{Dialect: fakeserver.OSS}, "bucket")
	for _, server := range []*fakeserver.Server{s3, oss} {
		server.Put("bucket", "key", fakeserver.Bytes([]byte("hello")))
	}
	access, secret, _ := s3.Keys()
	configs := map[string]connector.Config{
		"s3": {S3: &connector.S3Config{
			Endpoint: s3.URL, AccessKeyID: access, AccessKeySecret: connector.Secret(secret), BucketName: "bucket", Region: s3.Region(),
		}},
		"oss": {OSS: &connector.OSSConfig{
			Endpoint: oss.URL, AccessKeyID: access, AccessKeySecret: connector.Secret(secret), BucketName: "bucket",
		}},
	}
	refusing, err := open.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	allowing, err := open.New(&open.Options{AllowNet: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range configs {
		t.Run(name, func(t *testing.T) {
			if _, err := read(t, refusing, config); !errors.Is(err, errs.Forbidden) {
				t.Errorf("without permission: %v, want Forbidden", err)
			}
			got, err := read(t, allowing, config)
			if err != nil || got != "hello" {
				t.Errorf("with permission: %q, %v", got, err)
			}
		})
	}
}

func read(t *testing.T, o *open.Opener, c connector.Config) (string, error) {
	t.Helper()
	src, err := o.Open(t.Context(), c)
	if err != nil {
		return "", err
	}
	defer src.Close()
	r, err := src.Open(t.Context(), "key", &blob.OpenOptions{})
	if err != nil {
		return "", err
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	return string(body), err
}
