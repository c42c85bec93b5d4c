package folder_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/store/errs"
)

// watched is a reader of random bytes that notes when it is read. After a
// number of bytes it does what end says.
type watched struct {
	r        *rand.ChaCha8
	left     int
	end      func() error
	returned atomic.Bool // from Write
	late     atomic.Bool // a Read ran after that
}

func (w *watched) Read(p []byte) (int, error) {
	if w.returned.Load() {
		w.late.Store(true)
	}
	if w.left == 0 {
		return 0, w.end()
	}
	n := min(len(p), w.left, 50_000)
	w.left -= n
	return w.r.Read(p[:n])
}

// A large object is read by another goroutine: however the write ends, the
// reader is left alone afterwards.
func TestLargeWrites(t *testing.T) {
	b, err := folder.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	broken := errs.New(errs.Forbidden, "the source is broken")
	ctx, cancel := context.WithCancel(t.Context())
	tests := map[string]struct {
		ctx  context.Context
		size int64 // that is announced
		end  func() error
		want error
	}{
		"whole":         {t.Context(), 0, func() error { return io.EOF }, nil},
		"as announced":  {t.Context(), 3_000_000, func() error { return io.EOF }, nil},
		"too much":      {t.Context(), 1_000_000, func() error { return io.EOF }, errs.Conflict},
		"too little":    {t.Context(), 3_000_001, func() error { return io.EOF }, errs.Conflict},
		"reader breaks": {t.Context(), 0, func() error { return broken }, errs.Forbidden},
		"canceled":      {ctx, 0, func() error { cancel(); return ctx.Err() }, errs.Canceled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			seed := [32]byte{1}
			w := &watched{r: rand.NewChaCha8(seed), left: 3_000_000, end: tt.end}
			got, err := b.Write(tt.ctx, "k/"+name, w, &blob.WriteOptions{Size: tt.size})
			w.returned.Store(true)
			if tt.want != nil {
				if !errors.Is(err, tt.want) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				if _, err := b.Stat(t.Context(), "k/"+name); !errors.Is(err, errs.NotFound) {
					t.Errorf("a failed write left something: %v", err)
				}
			} else {
				want := make([]byte, 3_000_000)
				rand.NewChaCha8(seed).Read(want)
				r, openErr := b.Open(t.Context(), "k/"+name, nil)
				if err != nil || openErr != nil {
					t.Fatal(err, openErr)
				}
				defer r.Close()
				data, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(data, want) || got.Size != 3_000_000 || got.SHA256 != sha256.Sum256(want) {
					t.Errorf("%d bytes came back, %v; written %d", len(data), err, got.Size)
				}
			}
			if w.late.Load() {
				t.Error("the reader was read after the write had returned")
			}
		})
	}
}
