package folder

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPathOf(t *testing.T) {
	for key, want := range map[string]string{
		"files/000019a3b4c5d600-1": "files+/000019a3b~/4c5d600-1=",
		"a":                        "a=",
		"a/b":                      "a+/b=",
		"a/":                       "a%2f=",
		"123456789":                "123456789=",
		"1234567890":               "123456789~/0=",
		"123456789/x":              "123456789~/+/x=",
		"../..":                    "..+/..=",
		"/":                        "%2f=",
		"//":                       "+/%2f=",
		"A\x00é":                   "%41%00%c3%a9=",
	} {
		if diff := cmp.Diff(want, pathOf(key)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", key, diff)
		}
	}
}

// keyOf undoes pathOf as the walk does.
func keyOf(t interface{ Fatalf(string, ...any) }, path string) string {
	var key strings.Builder
	names := strings.Split(path, "/")
	for i, name := range names {
		piece, k, ok := pieceOf(name)
		if !ok || (k == object) != (i == len(names)-1) {
			t.Fatalf("%q in %q is no name of ours", name, path)
		}
		if len(name) > 255 {
			t.Fatalf("the name %q has %d bytes", name, len(name))
		}
		key.WriteString(piece)
	}
	return key.String()
}

// walkOrder compares paths as the walk orders them: by the entries of the
// first directory in which they differ.
func walkOrder(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range min(len(as), len(bs)) {
		if as[i] == bs[i] {
			continue
		}
		pa, ka, _ := pieceOf(as[i])
		pb, kb, _ := pieceOf(bs[i])
		return compare(entry{sort: pa, dir: ka != object}, entry{sort: pb, dir: kb != object})
	}
	return len(as) - len(bs)
}

// TestPathKeepsOrder holds for any two keys, above all for those that share
// pieces: paths are distinct, can be read back, and sort like the keys.
func TestPathKeepsOrder(t *testing.T) {
	letters := rapid.SampledFrom([]string{"a", "/", "b", "0", ".", "123456789", strings.Repeat("x", 70), "\xff", "\x00", "A", "~", "+", "="})
	keys := rapid.Custom(func(t *rapid.T) string {
		key := strings.Join(rapid.SliceOfN(letters, 1, 12).Draw(t, "letters"), "")
		return key[:min(len(key), maxKey)]
	})
	rapid.Check(t, func(t *rapid.T) {
		a := keys.Draw(t, "a")
		b := a[:rapid.IntRange(0, len(a)).Draw(t, "shared")] + keys.Draw(t, "b")
		b = b[:min(len(b), maxKey)]
		pa, pb := pathOf(a), pathOf(b)
		if keyOf(t, pa) != a || keyOf(t, pb) != b {
			t.Fatalf("%q is read back as %q, %q as %q", a, keyOf(t, pa), b, keyOf(t, pb))
		}
		if (a == b) != (pa == pb) || (a < b) != (walkOrder(pa, pb) < 0) {
			t.Fatalf("%q and %q sort otherwise as %q and %q", a, b, pa, pb)
		}
	})
}

func FuzzPath(f *testing.F) {
	f.Add("files/000019a3b4c5d600-1")
	f.Add("../\x00//é")
	f.Fuzz(func(t *testing.T, key string) {
		if len(key) == 0 || len(key) > maxKey {
			return
		}
		path := pathOf(key)
		if got := keyOf(t, path); got != key {
			t.Fatalf("%q is read back as %q", key, got)
		}
		if lower := strings.ToLower(path); lower != path || len(path) > 4000 {
			t.Fatalf("%q is no path for every system", path)
		}
	})
}

// FuzzPieceOf gives names that pathOf may not have made.
func FuzzPieceOf(f *testing.F) {
	for _, name := range []string{"a=", "%2f=", "%61=", "%2F=", "%", "", "=", "+", "~", "a%2=", "tmp"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		piece, k, ok := pieceOf(name)
		if !ok {
			return
		}
		var p strings.Builder
		if k == slashDir {
			escape(&p, strings.TrimSuffix(piece, "/"))
		} else {
			escape(&p, piece)
		}
		if got := p.String() + string(rune(k)); got != name {
			t.Fatalf("%q and %q stand for the same piece %q", name, got, piece)
		}
	})
}

func TestTrailer(t *testing.T) {
	data := []byte("a,b\n1,2\n")
	attrs := &Attributes{ContentType: "text/csv", Metadata: map[string][]byte{"k": {0xff}}}
	file, err := appendTrailer(slices.Clone(data), int64(len(data)), attrs)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := readTrailer(bytes.NewReader(file), int64(len(file)))
	if err != nil || tr.size != int64(len(data)) {
		t.Fatalf("%+v, %v", tr, err)
	}
	got, err := tr.readAttributes(bytes.NewReader(file))
	if diff := cmp.Diff(*attrs, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for i := len(data); i < len(file); i++ { // any wrong byte behind the data
		bad := slices.Clone(file)
		bad[i] ^= 0x20
		tr, err := readTrailer(bytes.NewReader(bad), int64(len(bad)))
		if err == nil {
			_, err = tr.readAttributes(bytes.NewReader(bad))
		}
		if err == nil {
			t.Errorf("byte %d is wrong and nobody noticed", i)
		}
	}
	for n := range file {
		if _, err := readTrailer(bytes.NewReader(file[:n]), int64(n)); err == nil {
			t.Errorf("cut to %d bytes and nobody noticed", n)
		}
	}
	if tr, err := readTrailer(bytes.NewReader(append(file, file...)), int64(2*len(file))); err == nil {
		t.Errorf("twice the file is accepted: %+v", tr)
	}
}

func FuzzTrailer(f *testing.F) {
	file, _ := appendTrailer([]byte("data"), 4, &Attributes{ContentType: "x"})
	f.Add(file)
	f.Fuzz(func(t *testing.T, file []byte) {
		tr, err := readTrailer(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		if tr.size < 0 || tr.size > int64(len(file)) {
			t.Fatalf("%+v of a file of %d bytes", tr, len(file))
		}
		tr.readAttributes(bytes.NewReader(file)) // must not panic
	})
}
