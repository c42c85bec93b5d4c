package blob_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/store/errs"
)

// generator makes "whole" in as many steps as it has bytes; each read of none
// shows that it is at work.
type generator struct {
	blob.Source
	step  time.Duration // between two bytes
	every time.Duration // between two signs of work; 0 for none
	stuck int           // attempts that make nothing after their second byte
	opens int
}

func (g *generator) Generates() {}

func (g *generator) Open(ctx context.Context, _ string, _ *blob.OpenOptions) (io.ReadCloser, error) {
	g.opens++
	return &generated{generator: g, ctx: ctx, left: "whole", stuck: g.opens <= g.stuck}, nil
}

type generated struct {
	*generator
	ctx   context.Context
	left  string
	stuck bool
	spent time.Duration
}

func (g *generated) Close() error { return nil }

func (g *generated) Read(p []byte) (int, error) {
	if g.left == "" {
		return 0, io.EOF
	}
	wait := g.step - g.spent
	if g.every > 0 {
		wait = min(wait, g.every)
	}
	if g.stuck && len(g.left) == 3 {
		wait = time.Hour
	}
	select {
	case <-time.After(wait):
	case <-g.ctx.Done():
		return 0, g.ctx.Err()
	}
	if g.spent += wait; g.spent < g.step {
		return 0, nil
	}
	g.spent = 0
	n := copy(p[:1], g.left)
	g.left = g.left[n:]
	return n, nil
}

func TestGeneratedObjectsMayNotStandStill(t *testing.T) {
	for name, tt := range map[string]struct {
		src   generator
		opens int
		took  time.Duration // of the time in the bubble, about
		kind  errs.Kind
	}{
		"within the limit":   {generator{step: 50 * time.Second}, 1, 250 * time.Second, 0},
		"slow, but at work":  {generator{step: time.Hour, every: time.Second}, 1, 5 * time.Hour, 0},
		"stuck once":         {generator{step: time.Second, stuck: 1}, 2, 62*time.Second + 5*time.Second, 0},
		"too slow":           {generator{step: 90 * time.Second}, 3, 3 * time.Minute, errs.Unavailable},
		"stuck in all tries": {generator{step: time.Second, stuck: 9}, 3, 3 * 62 * time.Second, errs.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dst, began := cloud.Memory(), time.Now()
				items := func(yield func(blob.Item) bool) {
					yield(blob.Item{Source: blob.Object{Key: "k"}, Key: "k"})
				}
				src, moved := tt.src, int64(0)
				err := blob.NewTransfer(&blob.TransferOptions{Attempts: 3, Backoff: time.Millisecond}).Copy(t.Context(), dst, &src, items,
					&blob.CopyOptions{Progress: func(n int64) { moved += n }})
				if errs.KindOf(err) != tt.kind || src.opens != tt.opens {
					t.Errorf("after %d attempts: %v, want %d and the kind %v", src.opens, err, tt.opens, tt.kind)
				}
				if took := time.Since(began); took < tt.took || took > tt.took+time.Second {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				want := int64(0)
				if err == nil {
					want = 5
				}
				if moved != want {
					t.Errorf("progress is %d bytes, want %d", moved, want)
				}
			})
		})
	}
}
