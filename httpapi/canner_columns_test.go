package httpapi

import (
	"encoding/json"
	"testing"
)

// The shapes are those that Trino's clients are tested with.
func TestTypeSignature(t *testing.T) {
	tests := []struct{ name, want string }{
		{"bigint", `{"rawType":"bigint","arguments":[]}`},
		{"varchar", `{"rawType":"varchar","arguments":[{"kind":"LONG","value":2147483647}]}`},
		{"varchar(3)", `{"rawType":"varchar","arguments":[{"kind":"LONG","value":3}]}`},
		{"decimal(10,2)", `{"rawType":"decimal","arguments":[{"kind":"LONG","value":10},{"kind":"LONG","value":2}]}`},
		{"decimal(10, 2)", `{"rawType":"decimal","arguments":[{"kind":"LONG","value":10},{"kind":"LONG","value":2}]}`},
		{"timestamp(3)", `{"rawType":"timestamp","arguments":[{"kind":"LONG","value":3}]}`},
		{"timestamp(3) with time zone", `{"rawType":"timestamp with time zone","arguments":[{"kind":"LONG","value":3}]}`},
		{"array(bigint)", `{"rawType":"array","arguments":[{"kind":"TYPE","value":{"rawType":"bigint","arguments":[]}}]}`},
		{"map(bigint,decimal(4,1))", `{"rawType":"map","arguments":[{"kind":"TYPE","value":{"rawType":"bigint","arguments":[]}},` +
			`{"kind":"TYPE","value":{"rawType":"decimal","arguments":[{"kind":"LONG","value":4},{"kind":"LONG","value":1}]}}]}`},
		{"row(x bigint, y varchar(2))", `{"rawType":"row","arguments":[{"kind":"TYPE","value":{"rawType":"bigint","arguments":[]}},` +
			`{"kind":"TYPE","value":{"rawType":"varchar","arguments":[{"kind":"LONG","value":2}]}}]}`},
		{"", `{"rawType":"","arguments":[]}`},
		{"strange)(", `{"rawType":"strange)(","arguments":[]}`},
	}
	for _, test := range tests {
		got, err := json.Marshal(cannerTypeSignature(test.name))
		if err != nil || string(got) != test.want {
			t.Errorf("%s: got %s, %v\nwant %s", test.name, got, err, test.want)
		}
	}
}

func FuzzTypeSignature(f *testing.F) {
	f.Add("map(bigint,row(x decimal(4,1)))")
	f.Add("a((((,)))")
	f.Fuzz(func(t *testing.T, name string) {
		if len(name) < 1000 {
			cannerTypeSignature(name)
		}
	})
}
