package database

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parquet-go/parquet-go"
)

// Rows that come slowly show that they come, long before they are a group.
func TestSlowRowsGiveSignsOfWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, out := io.Pipe()
		go func() {
			w := newWriter(out, "t", []Column{{Name: "id", Type: Int}})
			var err error
			for i := 0; err == nil && i < 200; i++ {
				time.Sleep(time.Second)
				w.Put(0, parquet.Int64Value(int64(i)))
				err = w.EndRow()
			}
			if err == nil {
				err = w.close()
			}
			out.CloseWithError(err)
		}()
		buf := make([]byte, 64<<10)
		signs, last, gap := 0, time.Now(), time.Duration(0)
		for {
			n, err := r.Read(buf)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				signs++
			}
			gap, last = max(gap, time.Since(last)), time.Now()
		}
		if gap > signRows*time.Second || signs != 200/signRows {
			t.Errorf("%d signs in 200 rows, at most %v between two", signs, gap)
		}
	})
}
