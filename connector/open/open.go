// Package open connects to everything that a connector can describe: S3, OSS
// and local folders. A host that wants only some of them implements
// [connector.Opener] itself and links only their SDKs.
package open

import (
	"context"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/blob/guard"
	"github.com/inlet-go/inlet/blob/oss"
	"github.com/inlet-go/inlet/blob/s3"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

// Options says what connectors may reach; the zero value allows the public
// internet and no folder.
type Options struct {
	// AllowNet lists prefixes that may be reached although they are private,
	// loopback or otherwise special.
	AllowNet []netip.Prefix
	// AllowDir lists the folders below which local connectors may read.
	AllowDir []string
}

// attempts is how often a source tries a request: twice, for a connection that
// went stale. Loads retry by themselves, and whoever validates wants an answer.
const attempts = 2

// Opener opens connector configs. It is safe for concurrent use; all sources
// share its connections.
type Opener struct {
	transport *http.Transport
	dirs      []string
}

// New returns an opener. A folder that does not exist is an Invalid error.
func New(opts *Options) (*Opener, error) {
	if opts == nil {
		opts = &Options{}
	}
	o := &Opener{transport: guard.Transport(&guard.Options{Allow: opts.AllowNet, AnyPort: true})}
	for _, dir := range opts.AllowDir {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			err = errs.New(errs.Invalid, "not a folder")
		}
		if err != nil {
			return nil, errs.Wrap(errs.Invalid, err, "allowed folder %q cannot be used", dir)
		}
		o.dirs = append(o.dirs, filepath.Clean(dir))
	}
	return o, nil
}

// Open implements [connector.Opener].
func (o *Opener) Open(ctx context.Context, c connector.Config) (blob.Source, error) {
	switch {
	case c.OSS != nil:
		return oss.Open(ctx, oss.Config{
			Endpoint: c.OSS.Endpoint, Bucket: c.OSS.BucketName,
			AccessKeyID: c.OSS.AccessKeyID, AccessKeySecret: c.OSS.AccessKeySecret.Reveal(),
		}, &oss.Options{Transport: o.transport, Attempts: attempts})
	case c.S3 != nil:
		return s3.Open(ctx, s3.Config{
			Endpoint: c.S3.Endpoint, Region: c.S3.Region, Bucket: c.S3.BucketName,
			AccessKeyID: c.S3.AccessKeyID, SecretAccessKey: c.S3.AccessKeySecret.Reveal(),
			PathStyle: c.S3.PathStyle != nil && *c.S3.PathStyle,
		}, &s3.Options{Transport: o.transport, Attempts: attempts})
	case c.Folder != nil:
		return o.folder(c.Folder.Path)
	case c.Definition != nil:
		return nil, errs.New(errs.Unsupported, "connectors of definition %.80q cannot be opened here: no program for it is linked", c.Definition.ID)
	}
	return nil, errs.New(errs.Unsupported, "config names no source that can be opened")
}

// folder opens a path below an allowed folder. It goes there step by step
// from that folder, so that no symbolic link leads out of it.
func (o *Opener) folder(path string) (blob.Source, error) {
	path = filepath.Clean(path)
	for _, dir := range o.dirs {
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			continue
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, errs.Wrap(errs.Unavailable, err, "folder %q cannot be opened", path)
		}
		defer root.Close()
		below, err := root.OpenRoot(rel)
		if err != nil {
			return nil, errs.Wrap(errs.NotFound, err, "folder %q not exists, or cannot be opened", path)
		}
		return folder.NewSource(below, nil), nil
	}
	return nil, errs.New(errs.Forbidden, "folder %q is not below a folder that the host allows", path)
}
