package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlet-go/inlet/connector/archive"
	"github.com/inlet-go/inlet/connector/archive/archivetest"
	"github.com/inlet-go/inlet/store/errs"
)

// entries is a tar of headers, each with as many bytes of content as it says.
func entries(headers ...tar.Header) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			panic(err)
		}
		io.CopyN(w, zeros{}, h.Size)
	}
	w.Close()
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func named(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }

// zipped is a zip of headers without content.
func zipped(headers ...zip.FileHeader) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, h := range headers {
		if _, err := w.CreateHeader(&h); err != nil {
			panic(err)
		}
	}
	w.Close()
	return b.Bytes()
}

func zipNamed(name string, mode fs.FileMode) zip.FileHeader {
	h := zip.FileHeader{Name: name}
	h.SetMode(mode)
	return h
}

// bomb packs that many zeros behind the head.
func bomb(head []byte, size int64) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	w.Write(head)
	io.CopyN(w, zeros{}, size)
	w.Close()
	return b.Bytes()
}

func zipBomb(name string, size int64) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	part, err := w.Create(name)
	if err != nil {
		panic(err)
	}
	io.CopyN(part, zeros{}, size)
	w.Close()
	return b.Bytes()
}

// edited changes bytes found by a marker.
func edited(text []byte, at int, with ...byte) []byte {
	text = bytes.Clone(text)
	if at < 0 {
		at += len(text)
	}
	copy(text[at:], with)
	return text
}

// lying is a tar whose one file says another size.
func lying(size string) []byte {
	text := archivetest.Tar(archivetest.File{"x-1/a", "text"})
	copy(text[124:136], fmt.Sprintf("%011s\x00", size))
	copy(text[148:156], "        ")
	sum := 0
	for _, c := range text[:512] {
		sum += int(c)
	}
	copy(text[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return text
}

// xzWith is an xz whose first block asks for a dictionary by its code.
func xzWith(code byte) []byte {
	text := bytes.Clone(archivetest.XZ(archivetest.Tar(archivetest.File{"x-1/a", "text"})))
	at := bytes.IndexByte(text[12:], 0x21) + 12
	text[at+2] = code
	size := (int(text[12]) + 1) * 4
	binary.LittleEndian.PutUint32(text[12+size-4:], crc32.ChecksumIEEE(text[12:12+size-4]))
	return text
}

// directory is a zip that has nothing but its end.
func directory(records uint16, size, offset uint32) []byte {
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], records)
	binary.LittleEndian.PutUint16(end[10:], records)
	binary.LittleEndian.PutUint32(end[12:], size)
	binary.LittleEndian.PutUint32(end[16:], offset)
	return append([]byte("PK\x03\x04"), end...)
}

// endless has many more files in its list than it says.
func endless() []byte {
	var headers []zip.FileHeader
	for i := range 60_000 {
		headers = append(headers, zip.FileHeader{Name: fmt.Sprintf("x-1/%0100d", i)})
	}
	text := zipped(headers...)
	return edited(edited(text, -14, 1, 0, 1, 0), -10, 50, 0, 0, 0)
}

func repeat(n int, name func(i int) string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range n {
		w.WriteHeader(&tar.Header{Name: name(i), Typeflag: tar.TypeReg})
	}
	w.Close()
	return b.Bytes()
}

// hostile are archives that would do harm, and what is told of each.
var hostile = []struct {
	name, file string
	build      func() []byte
	kind       errs.Kind
	reason     string
}{
	{"an upward path", "x.tar", func() []byte { return entries(named("../etc/passwd")) }, errs.Invalid, "leads out of it"},
	{"an upward path within", "x.tar", func() []byte { return entries(named("x-1/a/../../../b")) }, errs.Invalid, "leads out of it"},
	{"an upward path that stays", "x.tar", func() []byte { return entries(named("x-1/../x-1/a")) }, errs.Invalid, "leads out of it"},
	{"an upward folder", "x.tgz", func() []byte { return archivetest.Gzip(entries(tar.Header{Name: "../", Typeflag: tar.TypeDir})) }, errs.Invalid, "leads out of it"},
	{"an absolute path", "x.tar", func() []byte { return entries(named("/etc/passwd")) }, errs.Invalid, "is absolute"},
	{"a drive", "x.tar", func() []byte { return entries(named("C:/windows/a")) }, errs.Invalid, "is absolute"},
	{"a backslash", "x.tar", func() []byte { return entries(named(`..\..\a`)) }, errs.Invalid, "has a backslash"},
	{"no name", "x.tar", func() []byte { return edited(noName(), 0) }, errs.Invalid, "has no name"},
	{"a long path", "x.tar", func() []byte { return entries(named(strings.Repeat("long/", 1000) + "a")) }, errs.TooLarge, "longer than 1024 bytes"},
	{"a symbolic link", "x.tar", func() []byte { return entries(tar.Header{Name: "x-1/a", Typeflag: tar.TypeSymlink, Linkname: "/etc"}) }, errs.Invalid, "is a link"},
	{"a symbolic link within", "x.txz", func() []byte {
		return archivetest.XZ(entries(tar.Header{Name: "x-1/a", Typeflag: tar.TypeSymlink, Linkname: "b"}))
	}, errs.Invalid, "is a link"},
	{"a hard link", "x.tar", func() []byte { return entries(tar.Header{Name: "x-1/a", Typeflag: tar.TypeLink, Linkname: "x-1/b"}) }, errs.Invalid, "is a link"},
	{"a character device", "x.tar", func() []byte {
		return entries(tar.Header{Name: "x-1/a", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5})
	}, errs.Invalid, "is a device"},
	{"a block device", "x.tar", func() []byte { return entries(tar.Header{Name: "x-1/a", Typeflag: tar.TypeBlock}) }, errs.Invalid, "is a device"},
	{"a pipe", "x.tar", func() []byte { return entries(tar.Header{Name: "x-1/a", Typeflag: tar.TypeFifo}) }, errs.Invalid, "is a device"},
	{"an unknown type", "x.tar", func() []byte { return entries(tar.Header{Name: "x-1/a", Typeflag: 'Z'}) }, errs.Invalid, "neither a file nor a folder"},
	{"a contiguous file", "x.tar", func() []byte { return entries(tar.Header{Name: "x-1/a", Typeflag: tar.TypeCont}) }, errs.Invalid, "neither a file nor a folder"},
	{"a file with holes", "x.tar", sparse, errs.Invalid, ""},
	{"a file twice", "x.tar", func() []byte { return entries(named("x-1/metadata.json"), named("x-1/metadata.json")) }, errs.Invalid, "is there twice"},
	{"a file twice, spelled differently", "x.tar", func() []byte { return entries(named("x-1/a"), named("./x-1//./a")) }, errs.Invalid, "is there twice"},
	{"a file and a folder", "x.tar", func() []byte { return entries(named("x-1/a"), tar.Header{Name: "x-1/a/", Typeflag: tar.TypeDir}) }, errs.Invalid, "is there twice"},
	{"many entries", "x.tgz", func() []byte {
		return archivetest.Gzip(repeat(10_001, func(i int) string { return fmt.Sprint("x-1/", i) }))
	}, errs.TooLarge, ""},
	{"many entries, packed badly", "x.tar", func() []byte { return repeat(10_001, func(i int) string { return fmt.Sprint("x-1/", i) }) }, errs.TooLarge, "more than 10000 entries"},
	{"a size beyond the end", "x.tar", func() []byte { return lying("7777777") }, errs.Invalid, "ends early"},
	{"a size of gigabytes", "x.tar", func() []byte { return lying("77777777777") }, errs.TooLarge, "unpacks to more than"},
	{"a gzip bomb", "x.tgz", func() []byte { return bomb(entries(named("x-1/a"))[:512], 1<<27) }, errs.TooLarge, "times its size"},
	{"a gzip bomb behind the end", "x.tgz", func() []byte { return bomb(archivetest.Tar(archivetest.File{"x-1/a", "x"}), 1<<25) }, errs.TooLarge, "times its size"},
	{"a gzip bomb in metadata", "x.tgz", func() []byte {
		return archivetest.Gzip(entries(tar.Header{Name: "x-1/metadata.json", Typeflag: tar.TypeReg, Size: 16 << 20}))
	}, errs.TooLarge, ""},
	{"large metadata", "x.tar", func() []byte {
		return entries(tar.Header{Name: "x-1/metadata.json", Typeflag: tar.TypeReg, Size: 2 << 20})
	}, errs.TooLarge, "is larger than 1048576 bytes"},
	{"large metadata in a zip", "x.zip", func() []byte {
		return archivetest.Zip(archivetest.File{"x-1/metadata.json", strings.Repeat("0123456789abcdef", 1<<17)})
	}, errs.TooLarge, ""},
	{"a gzip in a gzip", "x.tgz", func() []byte {
		return archivetest.Gzip(archivetest.Gzip(archivetest.Tar(archivetest.File{"x-1/a", "x"})))
	}, errs.Invalid, "archive is invalid"},
	{"gzip, cut", "x.tgz", func() []byte { b := archivetest.Gzip(archivetest.Tar(distribution...)); return b[:len(b)/2] }, errs.Invalid, "ends early"},
	{"gzip, damaged", "x.tgz", func() []byte { b := archivetest.Gzip(archivetest.Tar(distribution...)); return edited(b, -6, 1, 2) }, errs.Invalid, "damaged"},
	{"gzip, with more behind it", "x.tgz", func() []byte { return append(archivetest.Gzip(archivetest.Tar(distribution...)), "more"...) }, errs.Invalid, ""},
	{"gzip without content", "x.tgz", func() []byte { return []byte{0x1f, 0x8b} }, errs.Invalid, "ends early"},
	{"a bzip2 bomb", "x.tbz", func() []byte { b, _ := os.ReadFile("testdata/bomb.bz2"); return b }, errs.TooLarge, "times its size"},
	{"bzip2, damaged", "x.tbz", func() []byte { return []byte("BZh91AY&SY\x00\x00\x00\x00garbage") }, errs.Invalid, ""},
	{"xz, cut", "x.txz", func() []byte { b := archivetest.XZ(archivetest.Tar(distribution...)); return b[:len(b)/2] }, errs.Invalid, ""},
	{"xz, damaged", "x.txz", func() []byte { b := archivetest.XZ(archivetest.Tar(distribution...)); return edited(b, 12, 0xff) }, errs.Invalid, ""},
	{"xz with a dictionary of 4 GiB", "x.txz", func() []byte { return xzWith(40) }, errs.TooLarge, "wants a dictionary of 4294967295 bytes"},
	{"xz with a dictionary of 64 MiB", "x.txz", func() []byte { return xzWith(28) }, errs.TooLarge, "wants a dictionary of 67108864 bytes"},
	{"xz with another filter", "x.txz", func() []byte {
		b := archivetest.XZ(archivetest.Tar(distribution...))
		b[bytes.IndexByte(b[12:], 0x21)+12] = 4
		return b
	}, errs.Invalid, "filter besides LZMA2"},
	{"xz with many blocks", "x.txz", func() []byte {
		one := archivetest.XZ([]byte("x"))
		return append(bytes.Repeat(one, 200), archivetest.XZ(archivetest.Tar(distribution...))...)
	}, errs.TooLarge, "too many blocks"},
	{"xz bomb", "x.txz", func() []byte { return archivetest.XZ(append(entries(named("x-1/a"))[:512], make([]byte, 16<<20)...)) }, errs.TooLarge, "times its size"},
	{"no archive", "x.tar", func() []byte { return []byte(strings.Repeat("This is a letter. ", 100)) }, errs.Invalid, "neither a tar nor a zip"},
	{"a program", "x.tar.gz", func() []byte { return append([]byte("\x7fELF"), make([]byte, 2000)...) }, errs.Invalid, "neither a tar nor a zip"},
	{"nothing but zeros", "x.tar", func() []byte { return make([]byte, 4096) }, errs.Invalid, "nothing in it"},
	{"a zip with an upward path", "x.zip", func() []byte { return zipped(zipNamed("../a", 0o644)) }, errs.Invalid, "leads out of it"},
	{"a zip with an absolute path", "x.zip", func() []byte { return zipped(zipNamed("/a", 0o644)) }, errs.Invalid, "is absolute"},
	{"a zip with a backslash", "x.zip", func() []byte { return zipped(zipNamed(`a\b`, 0o644)) }, errs.Invalid, "has a backslash"},
	{"a zip with a link", "x.zip", func() []byte { return zipped(zipNamed("x-1/a", fs.ModeSymlink|0o777)) }, errs.Invalid, "is a link or a device"},
	{"a zip with a device", "x.zip", func() []byte { return zipped(zipNamed("x-1/a", fs.ModeDevice|0o777)) }, errs.Invalid, "is a link or a device"},
	{"a zip with a file twice", "x.zip", func() []byte { return zipped(zipNamed("x-1/a", 0o644), zipNamed("x-1/a", 0o644)) }, errs.Invalid, "is there twice"},
	{"a zip bomb", "x.zip", func() []byte { return zipBomb("x-1/a", 64<<20) }, errs.TooLarge, "times its size"},
	{"a zip bomb in metadata", "x.zip", func() []byte { return zipBomb("x-1/metadata.json", 16<<20) }, errs.TooLarge, ""},
	{"a zip that hides its size", "x.zip", func() []byte { return hiding(zipBomb("x-1/metadata.json", 8<<20)) }, errs.Invalid, ""},
	{"a zip with many files", "x.zip", func() []byte {
		var headers []zip.FileHeader
		for i := range 10_001 {
			headers = append(headers, zip.FileHeader{Name: fmt.Sprint("x-1/", i)})
		}
		return zipped(headers...)
	}, errs.TooLarge, "more than 10000 entries"},
	{"a zip with more files than it says", "x.zip", endless, errs.TooLarge, "list of files that is too long"},
	{"a zip that says it has many files", "x.zip", func() []byte { return directory(60_000, 100, 0) }, errs.TooLarge, "more than 10000 entries"},
	{"a zip with a long list", "x.zip", func() []byte { return directory(1, 1<<30, 0) }, errs.TooLarge, "list of files"},
	{"a zip64", "x.zip", func() []byte { return directory(1, 100, 1<<32-1) }, errs.Invalid, "zip64"},
	{"a zip, cut", "x.zip", func() []byte { b := archivetest.Zip(distribution...); return b[:len(b)/2] }, errs.Invalid, "is no zip"},
	{"a tar that is called zip", "x.zip", func() []byte { return archivetest.Tar(distribution...) }, errs.Invalid, "is no zip"},
	{"a zip with nothing in it", "x.zip", func() []byte { return archivetest.Zip() }, errs.Invalid, "nothing in it"},
	{"a zip that is encrypted", "x.zip", func() []byte { return encrypted(archivetest.Zip(archivetest.File{"x-1/metadata.json", "{}"})) }, errs.Invalid, "is encrypted"},
	{"a zip with another method", "x.zip", func() []byte { return method(archivetest.Zip(archivetest.File{"x-1/metadata.json", "{}"})) }, errs.Invalid, ""},
	{"a zip with damaged content", "x.zip", func() []byte {
		return edited(archivetest.Zip(archivetest.File{"x-1/metadata.json", "{}"}), 48, 1, 2, 3)
	}, errs.Invalid, ""},
}

// noName is a tar with a file that has no name.
func noName() []byte {
	text := archivetest.Tar(archivetest.File{"a", "text"})
	text[0] = 0
	copy(text[148:156], "        ")
	sum := 0
	for _, c := range text[:512] {
		sum += int(c)
	}
	copy(text[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return text
}

// sparse is a tar with a file of 8 GiB that has no content.
func sparse() []byte {
	text := archivetest.Tar(archivetest.File{"x-1/a", "text"})
	text[156] = tar.TypeGNUSparse
	copy(text[257:265], "ustar  \x00")
	copy(text[386:], "00000000000\x0000000000004\x00")
	copy(text[483:], "77777777777\x00")
	copy(text[148:156], "        ")
	sum := 0
	for _, c := range text[:512] {
		sum += int(c)
	}
	copy(text[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return text
}

// listed changes the entry in the list of a zip with one file.
func listed(text []byte, change func(entry []byte)) []byte {
	text = bytes.Clone(text)
	change(text[bytes.LastIndex(text, []byte("PK\x01\x02")):])
	return text
}

func hiding(text []byte) []byte {
	return listed(text, func(entry []byte) { binary.LittleEndian.PutUint32(entry[24:], 100) })
}

func encrypted(text []byte) []byte { return listed(text, func(entry []byte) { entry[8] |= 1 }) }
func method(text []byte) []byte    { return listed(text, func(entry []byte) { entry[10] = 99 }) }

// maxHeap is how much of the heap a refusal may take, besides the archive.
const maxHeap = 64 << 20

// TestHostileArchives holds what is refused, and why, and that it costs little.
func TestHostileArchives(t *testing.T) {
	if len(hostile) < 40 {
		t.Fatalf("only %d archives", len(hostile))
	}
	r := archive.New(nil)
	most := uint64(0)
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			a := stored(t, tt.file, tt.build())
			peak := watchHeap(func() {
				_, err := r.Find(t.Context(), a, []string{"metadata.json", "ui-config.json"}, 1<<20)
				switch {
				case err == nil:
					t.Error("it is taken")
				case errs.KindOf(err) != tt.kind || !strings.Contains(errs.Message(err), tt.reason):
					t.Errorf("err = %v (%v), want %v with %q", err, errs.KindOf(err), tt.kind, tt.reason)
				case !strings.HasPrefix(errs.Message(err), "archive"):
					t.Errorf("message %q", errs.Message(err))
				}
			})
			if peak > maxHeap {
				t.Errorf("the heap grew by %d MiB", peak>>20)
			}
			most = max(most, peak)
		})
	}
	t.Logf("%d archives, at most %d MiB of heap", len(hostile), most>>20)
}

// watchHeap returns by how much the heap grows at most while f runs.
func watchHeap(f func()) uint64 {
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	done, ended := make(chan struct{}), make(chan struct{})
	look := func() {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		if now.HeapAlloc > before.HeapAlloc {
			peak.Store(max(peak.Load(), now.HeapAlloc-before.HeapAlloc))
		}
	}
	go func() {
		defer close(ended)
		for {
			look()
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	f()
	look()
	close(done)
	<-ended
	return peak.Load()
}
