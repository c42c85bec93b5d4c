package blob

import (
	"context"
	"errors"
	"io"
)

// generated copies an object of a [Generator]. One that fails on its way is
// made anew from the start.
func (c *copying) generated(ctx context.Context, item Item, s *slot) (Written, error) {
	retry := c.newRetry(s)
	for {
		w, received, err := c.generate(ctx, item)
		if err == nil {
			return w, nil
		}
		c.progress(-received)
		if err := retry.wait(ctx, err); err != nil {
			return Written{}, err
		}
	}
}

func (c *copying) generate(ctx context.Context, item Item) (w Written, received int64, err error) {
	watch := c.newWatch(ctx, item.Source.Key)
	defer watch.end()
	r, err := c.src.Open(watch.ctx, item.Source.Key, nil)
	if err = watch.came(err); err != nil {
		return Written{}, 0, err
	}
	defer r.Close()
	counted := &counter{r: r, watch: watch, progress: c.progress}
	w, err = c.dst.Write(ctx, item.Key, counted, &WriteOptions{ContentType: item.Source.ContentType, Deferred: c.t.opts.Deferred})
	if counted.err != nil { // why the bucket got no more; it may call that otherwise
		err = counted.err
	}
	return w, counted.n, err
}

// counter counts what is read.
type counter struct {
	r        io.Reader
	watch    *watch
	progress func(int64)
	n        int64
	err      error
}

// Read implements [io.Reader].
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.read(p)
	c.n += int64(n)
	c.progress(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// read waits for bytes, as long as the source shows that it makes some.
func (c *counter) read(p []byte) (n int, err error) {
	for n == 0 && err == nil {
		c.watch.wait()
		n, err = c.r.Read(p)
		err = c.watch.came(err)
	}
	return n, err
}
