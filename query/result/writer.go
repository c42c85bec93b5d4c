package result

import (
	"context"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// writer is a [query.ResultWriter]. Rows gather in a buffer; from when they are
// more than stay with the query on, full buffers go to a goroutine that
// compresses them into the bucket, while the next one fills.
type writer struct {
	store *Store
	ctx   context.Context
	key   string

	rows   []byte // that wait
	count  uint32 // of them
	total  int64  // rows
	size   int64  // bytes of all rows
	object *object
}

// filled is a buffer of rows.
type filled struct {
	rows  []byte
	count uint32
}

// object is the bucket's end of a writer: the io.Reader that it writes.
type object struct {
	full chan filled
	free chan []byte
	done chan struct{} // closed when the bucket has returned
	err  error         // of the bucket, once done
	end  context.CancelFunc

	encoder *zstd.Encoder
	packed  []byte // not read yet
	buffer  []byte
	blocks  []block
	offset  int64
	total   int64
	footer  bool // it is in packed
	whole   bool // all rows came
}

// Write see [query.Results].
func (s *Store) Write(ctx context.Context, key string, _ []query.Column) (query.ResultWriter, error) {
	return &writer{store: s, ctx: ctx, key: key}, nil
}

// Row see [query.ResultWriter].
func (w *writer) Row(row []tabular.Value) error {
	before := len(w.rows)
	w.rows = appendRow(w.rows, row)
	n := len(w.rows) - before
	if n > w.store.opts.MaxRow {
		return errs.New(errs.TooLarge, "row %d of the result has more than %d bytes", w.total+1, w.store.opts.MaxRow)
	}
	w.count++
	w.total++
	w.size += int64(n)
	if len(w.rows) >= w.store.opts.Block {
		return w.send()
	}
	return nil
}

// Size see [query.ResultWriter].
func (w *writer) Size() int64 { return w.size }

// send hands the rows that wait to the bucket.
func (w *writer) send() error {
	if w.object == nil {
		w.begin()
	}
	select {
	case w.object.full <- filled{w.rows, w.count}:
	case <-w.object.done:
		return w.failed()
	}
	w.count = 0
	select {
	case w.rows = <-w.object.free:
	case <-w.object.done:
		w.rows = nil
		return w.failed()
	}
	return nil
}

// failed is why the bucket returned before the end.
func (w *writer) failed() error {
	if w.object.err == nil {
		return errs.New(errs.Internal, "the bucket stopped reading before the end")
	}
	return w.object.err
}

func (w *writer) begin() {
	ctx, cancel := context.WithCancel(w.ctx)
	o := &object{
		full: make(chan filled, 1), free: make(chan []byte, 3), done: make(chan struct{}), end: cancel,
		encoder: w.store.coders.Get().(*zstd.Encoder),
	}
	for range 2 {
		o.free <- make([]byte, 0, w.store.opts.Block+w.store.opts.Block/8)
	}
	w.object = o
	go func() {
		defer close(o.done)
		_, o.err = w.store.bucket.Write(ctx, w.key, o, nil)
		w.store.coders.Put(o.encoder)
	}()
}

// Read implements [io.Reader] for the bucket.
func (o *object) Read(p []byte) (int, error) {
	for len(o.packed) == 0 {
		if o.footer {
			return 0, io.EOF
		}
		f, ok := <-o.full
		switch {
		case ok:
			o.pack(f)
		case !o.whole:
			return 0, errs.New(errs.Canceled, "the result was given up")
		default:
			o.packed, o.footer = appendIndex(nil, o.blocks, o.total), true
		}
	}
	n := copy(p, o.packed)
	o.packed = o.packed[n:]
	return n, nil
}

// pack compresses rows and gives their buffer back.
func (o *object) pack(f filled) {
	o.buffer = o.encoder.EncodeAll(f.rows, o.buffer[:0])
	o.packed = o.buffer
	n := len(o.packed)
	o.blocks = append(o.blocks, block{offset: o.offset, length: uint32(n), rows: f.count, sum: crc32.Checksum(o.packed, castagnoli)})
	o.offset += int64(n)
	o.total += int64(f.count)
	o.free <- f.rows[:0] // it has room for every buffer that there is
}

// Finish see [query.ResultWriter].
func (w *writer) Finish(ctx context.Context) (query.Result, error) {
	if w.object == nil && len(w.rows) <= w.store.opts.Inline {
		return query.Result{Rows: w.total, Size: w.size, Inline: w.rows}, nil
	}
	if w.count > 0 {
		if err := w.send(); err != nil {
			return query.Result{}, err
		}
	}
	o := w.object
	o.whole = true
	close(o.full)
	w.object = nil
	defer o.end()
	select {
	case <-o.done:
	case <-ctx.Done():
		o.end()
		<-o.done
	}
	if o.err != nil {
		return query.Result{}, o.err
	}
	size := o.offset + int64(len(o.blocks))*entrySize + footerSize
	w.store.indexes.put(w.key, o.blocks)
	return query.Result{Rows: w.total, Size: size, Key: w.key}, nil
}

// Abort see [query.ResultWriter].
func (w *writer) Abort() {
	if w.object == nil {
		return
	}
	w.object.end()
	close(w.object.full)
	<-w.object.done
	w.object = nil
}
