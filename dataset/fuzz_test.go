package dataset

import "testing"

func FuzzParseSourceKey(f *testing.F) {
	f.Add("sources/26112409-datasource-0d3k0000000000000000000-11")
	f.Add("sources/00000000-x-1")
	f.Add("")
	f.Fuzz(func(t *testing.T, key string) {
		id, fence, err := ParseSourceKey(key)
		if err == nil && SourceKey(id, fence) != key {
			t.Errorf("%q is parsed as the key of %q, %d", key, id, fence)
		}
	})
}
