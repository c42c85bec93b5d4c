// The race detector has memory of its own.
//go:build linux && !race

package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query/enginetest"
)

// resident returns the peak of the process's memory in bytes.
func resident(t *testing.T) (bytes int64) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &bytes); err != nil {
		t.Fatal(err)
	}
	return bytes << 10
}

// TestMemoryOfOneStatement has as many large values as the text can hold.
func TestMemoryOfOneStatement(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(table("s", "t", 1000))
	const constant, byRow = "length(printf('%.*c', %d, 'a'))", "length(printf('%.*c', %d + n, 'a'))"
	before := resident(t)
	for _, size := range []int{16_000_000, 1_000_000, 500_000, 16_000} {
		for _, term := range []string{constant, byRow} {
			term = strings.Replace(term, "%d", fmt.Sprint(size), 1)
			for _, n := range []int{30, 500, 900} {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				_, err := enginetest.Ask(ctx, e, statement(c, "SELECT "+strings.Repeat(term+" + ", n)+"1 FROM t LIMIT 1"))
				cancel()
				_ = err // it is answered or not, within its memory
			}
		}
	}
	if grown := resident(t) - before; grown > 700<<20 {
		t.Errorf("the process grew by %d MiB", grown>>20)
	}
}
