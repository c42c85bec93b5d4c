package uispec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/connector/uispec"
)

func BenchmarkCompile(b *testing.B) {
	many := make([]string, 9000)
	for i := range many {
		many[i] = fmt.Sprintf(`"f%d":{"type":"string"}`, i)
	}
	specs := map[string][]byte{
		"documented":             postgres(b),
		"as costly as it may be": []byte(`{"properties":{` + strings.Join(many, ",") + `}}`),
	}
	for name, spec := range specs {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := uispec.New(nil).Compile(spec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	s := compile(b, string(postgres(b)))
	c := config(b, postgresConfig)
	b.ReportAllocs()
	for b.Loop() {
		if problems := s.Check(c); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

// BenchmarkCostlyCheck is the longest that a config can take: a pattern of as
// many steps as there may be, over as much text.
func BenchmarkCostlyCheck(b *testing.B) {
	s := compile(b, `{"properties":{"a":{"pattern":"(?:`+strings.Repeat("[ab]x?", 600)+`){3}$"}}}`)
	c := map[string]any{"a": strings.Repeat("ab", 30_000) + "!"}
	for b.Loop() {
		if problems := s.Check(c); len(problems) != 1 {
			b.Fatal(problems)
		}
	}
}
