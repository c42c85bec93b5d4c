package folderblob

import (
	"context"
	"io"

	"gocloud.dev/blob/driver"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/store/errs"
)

func (b *bucket) NewTypedWriter(ctx context.Context, key, contentType string, opts *driver.WriterOptions) (driver.Writer, error) {
	stage, err := b.b.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	if opts.BeforeWrite != nil {
		if err := opts.BeforeWrite(nothing); err != nil {
			stage.Abort()
			return nil, err
		}
	}
	attrs := &folder.Attributes{
		ContentType: contentType, CacheControl: opts.CacheControl, ContentDisposition: opts.ContentDisposition,
		ContentEncoding: opts.ContentEncoding, ContentLanguage: opts.ContentLanguage, MD5: opts.ContentMD5,
		Metadata: make(map[string][]byte, len(opts.Metadata)),
	}
	for k, v := range opts.Metadata {
		attrs.Metadata[k] = []byte(v)
	}
	return &writer{ctx: ctx, stage: stage, attrs: attrs, opts: &blob.WriteOptions{IfNotExist: opts.IfNotExist}}, nil
}

type writer struct {
	ctx   context.Context
	stage *folder.Stage
	attrs *folder.Attributes
	opts  *blob.WriteOptions
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.stage.Write(p)
}

// Close publishes the object, or removes every trace when the context ended.
func (w *writer) Close() error {
	defer w.stage.Abort()
	if err := w.ctx.Err(); err != nil {
		return err
	}
	return w.stage.CommitAttributes(w.ctx, w.attrs, w.opts)
}

// Copy copies bytes and attributes.
func (b *bucket) Copy(ctx context.Context, dstKey, srcKey string, opts *driver.CopyOptions) error {
	if opts.BeforeCopy != nil {
		if err := opts.BeforeCopy(nothing); err != nil {
			return err
		}
	}
	o, attrs, err := b.b.Attributes(ctx, srcKey)
	if err != nil {
		return err
	}
	r, err := b.b.OpenReader(ctx, srcKey, &blob.OpenOptions{IfMatch: o.ETag})
	if err != nil {
		return err
	}
	defer r.Close()
	stage, err := b.b.Create(ctx, dstKey)
	if err != nil {
		return err
	}
	defer stage.Abort()
	n, err := io.Copy(stage, r)
	if err != nil {
		return err
	}
	if n != o.Size {
		return errs.New(errs.Conflict, "blob %q changed while it was copied", srcKey)
	}
	return stage.CommitAttributes(ctx, &attrs, &blob.WriteOptions{})
}
