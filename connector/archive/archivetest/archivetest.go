// Package archivetest builds distribution archives for tests and examples.
package archivetest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"

	"github.com/ulikunitz/xz"
)

// File is the name and the text of a file of an archive. A name with a slash at its end is a folder.
type File [2]string

// Tar returns a tar of the files, plain.
func Tar(files ...File) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f[0], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f[1]))}
		if f[0][len(f[0])-1] == '/' {
			h.Typeflag, h.Mode, h.Size = tar.TypeDir, 0o755, 0
		}
		must(w.WriteHeader(h))
		if h.Size > 0 {
			_, err := w.Write([]byte(f[1]))
			must(err)
		}
	}
	must(w.Close())
	return b.Bytes()
}

// Gzip compresses.
func Gzip(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	must(err)
	must(w.Close())
	return b.Bytes()
}

// XZ compresses.
func XZ(text []byte) []byte {
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	must(err)
	_, err = w.Write(text)
	must(err)
	must(w.Close())
	return b.Bytes()
}

// Zip returns a zip of the files.
func Zip(files ...File) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		part, err := w.Create(f[0])
		must(err)
		_, err = part.Write([]byte(f[1]))
		must(err)
	}
	must(w.Close())
	return b.Bytes()
}

// must panics: what is built here cannot fail.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("archivetest: %v", err))
	}
}
