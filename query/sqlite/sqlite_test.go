package sqlite_test

import (
	"testing"

	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqlite"
)

func open(t testing.TB, o *sqlite.Options) *sqlite.Engine {
	t.Helper()
	if o == nil {
		o = &sqlite.Options{Dir: t.TempDir()}
	}
	e, err := sqlite.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestEngine(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) *enginetest.Harness {
		return &enginetest.Harness{
			Engine: open(t, nil),
			Traits: enginetest.Traits{NoNaN: true, InexactSums: true},
		}
	})
}
