package connector

import (
	"path"
	"strings"
)

// FileType is a file's coarse class; the numbers are the wire's
// (000_9d73e1e795dce592.txt).
type FileType int

// The file types. Numbers above Directory are finer classes that later
// versions of the product use; they are understood in filters only.
const (
	UnknownFile FileType = 0
	Text        FileType = 1
	PDF         FileType = 2
	Picture     FileType = 3
	PPT         FileType = 4
	Word        FileType = 5
	Markdown    FileType = 6
	CSV         FileType = 7
	Parquet     FileType = 8
	SQL         FileType = 9
	Directory   FileType = 10

	lastFileType FileType = 108
)

var extensions = map[string]FileType{
	"txt": Text, "pdf": PDF,
	"png": Picture, "jpg": Picture, "jpeg": Picture, "bmp": Picture, "gif": Picture,
	"webp": Picture, "tif": Picture, "tiff": Picture,
	"ppt": PPT, "pptx": PPT, "doc": Word, "docx": Word,
	"md": Markdown, "markdown": Markdown, "csv": CSV, "parquet": Parquet, "sql": SQL,
}

var fineExtensions = map[FileType]string{
	11: "docx", 12: "pptx", 13: "wav", 14: "mp3", 15: "aac", 16: "flac", 17: "mp4", 18: "mov",
	19: "mkv", 20: "png", 21: "jpg", 22: "jpeg", 23: "bmp", 24: "xls", 25: "xlsx", 27: "htm",
	28: "html", 29: "eml", 30: "msg", 31: "p7s", 32: "dwg", 33: "dxf", 34: "fas", 35: "doc",
	101: "zip", 102: "rar", 103: "7z", 104: "tar", 105: "tar.gz", 106: "tar.bz2", 107: "gz", 108: "bz2",
}

// FileTypeOf returns the type that a name's extension stands for.
func FileTypeOf(name string) FileType {
	return extensions[strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))]
}

// Known reports whether t is a number that a filter may name.
func (t FileType) Known() bool {
	_, fine := fineExtensions[t]
	return fine || t >= UnknownFile && t <= Directory
}

// matches reports whether a file of that name is of type t. A finer class
// matches its extension, and the coarse class that holds it.
func (t FileType) matches(name string) bool {
	if ext, ok := fineExtensions[t]; ok {
		return strings.HasSuffix(strings.ToLower(name), "."+ext)
	}
	return FileTypeOf(name) == t
}
