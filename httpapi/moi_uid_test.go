package httpapi

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestUIDUser(t *testing.T) {
	for uid, want := range map[string]string{
		"91a2234e-0a06-4d84-815e-840e379d9e1c-0194dfaa-3eda-7ea5-b47c-b4f4f594xxxx:admin:accountadmin": "admin",
		"ids:李雷:role":   "李雷",
		"ids:a:b:role":  "a:b",
		"ids::role":     "",
		"ids:name":      "",
		"ids":           "",
		"":              "",
		"::":            "",
		"ids:a\nb:role": "",
		"ids:\xff:role": "",
		"ids:" + strings.Repeat("x", 256) + ":role": "",
	} {
		if got := uidUser(uid); got != want {
			t.Errorf("uidUser(%q) = %q, want %q", uid, got, want)
		}
	}
}

func FuzzUIDUser(f *testing.F) {
	f.Add("91a2234e:admin:accountadmin")
	f.Add("a:b:c:d")
	f.Add("::\x00")
	f.Fuzz(func(t *testing.T, uid string) {
		name := uidUser(uid)
		if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
			t.Errorf("%q has the name %q", uid, name)
		}
		if name != "" && (!strings.Contains(uid, ":"+name+":") || strings.Count(uid, ":") < 2) {
			t.Errorf("%q has the name %q", uid, name)
		}
	})
}
