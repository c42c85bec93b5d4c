package inspect

import "testing"

func FuzzVeto(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "MZ\x90\x00", "\x7fELF", "%PDF-1.7", "PK\x03\x04", "PAR1", "\xff\xfea\x00", "<html>", "\xd0\xcf\x11\xe0"} {
		for ext := range expected {
			f.Add(ext, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, ext string, head []byte) {
		if len(head) > headSize {
			head = head[:headSize]
		}
		_ = veto(ext, head) // takes any bytes
	})
}
