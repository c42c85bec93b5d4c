package xlsx

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// maxDirectory bounds the list of parts at the file's end.
const maxDirectory = 4 << 20

// book is an open workbook.
type book struct {
	ctx    context.Context
	format Format
	limits tabular.Limits

	src      *boundedAt
	parts    map[string]*zip.File // by name in lower case
	size     int64                // of the file
	unpacked int64                // bytes so far
	sheets   []sheetRef
	strings  stringTable
	styles   []style // of cells, by the index that they have
	date1904 bool
}

// sheetRef is a sheet of which nothing is read yet.
type sheetRef struct{ name, part string }

func openBook(ctx context.Context, f Format, file tabular.File, limits tabular.Limits) (*book, error) {
	if file.Size > f.FileBytes {
		return nil, errs.New(errs.TooLarge, "the workbook has %d bytes, more than %s", file.Size, bytesText(f.FileBytes))
	}
	src := &boundedAt{src: tabular.NewReaderAt(ctx, file, 1<<20, 4), left: maxDirectory}
	archive, err := zip.NewReader(src, file.Size)
	if err != nil {
		return nil, notXLSX(src, err)
	}
	src.left = -1
	b := &book{ctx: ctx, format: f, limits: limits, src: src, parts: map[string]*zip.File{}, size: file.Size}
	for _, part := range archive.File {
		name := strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(part.Name, "\\", "/"), "/"))
		if _, ok := b.parts[name]; !ok {
			b.parts[name] = part
		}
	}
	return b, b.readWorkbook()
}

// notXLSX says what a file is that is no zip archive.
func notXLSX(src *boundedAt, err error) error {
	if src.err != nil {
		return src.err
	}
	head := make([]byte, 8)
	if n, _ := src.src.ReadAt(head, 0); bytes.Equal(head[:n], []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) {
		return errs.New(errs.Unsupported, "an old or encrypted workbook; save it as .xlsx without a password")
	}
	return errs.Wrap(errs.Invalid, err, "not a workbook, or a damaged one: it is no zip archive")
}

// boundedAt bounds how much is read until left is set to -1: archive/zip reads
// as many entries as there are, whatever the archive says. It keeps the error
// of the storage, which decoders may hide.
type boundedAt struct {
	src  io.ReaderAt
	left int64
	err  error
}

func (b *boundedAt) ReadAt(p []byte, off int64) (int, error) {
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			b.err = errs.New(errs.TooLarge, "the workbook has too many parts")
			return 0, b.err
		}
	}
	n, err := b.src.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// The ends of relationship types, which are alike in both variants of the
// standard.
const (
	documentType  = "/officeDocument"
	worksheetType = "/worksheet"
	stringsType   = "/sharedStrings"
	stylesType    = "/styles"
)

// readWorkbook reads everything but the sheets.
func (b *book) readWorkbook() error {
	main := "xl/workbook.xml"
	root, err := b.relations("")
	if err != nil {
		return err
	}
	for _, r := range root {
		if strings.HasSuffix(r.kind, documentType) {
			main = r.target
		}
	}
	if b.parts[strings.ToLower(main)] == nil {
		return errs.New(errs.Invalid, "not a workbook: the zip archive has no %s", main)
	}
	related, err := b.relations(main)
	if err != nil {
		return err
	}
	if err := b.readSheets(main, related); err != nil {
		return err
	}
	for _, r := range related {
		if b.parts[strings.ToLower(r.target)] == nil {
			continue
		}
		switch {
		case strings.HasSuffix(r.kind, stringsType):
			err = b.readStrings(r.target)
		case strings.HasSuffix(r.kind, stylesType):
			err = b.readStyles(r.target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type relation struct{ kind, target string }

// relations reads what a part refers to, by id; of "" for the package. A part
// without relations has no such file.
func (b *book) relations(part string) (map[string]relation, error) {
	dir, name := path.Split(part)
	file := dir + "_rels/" + name + ".rels"
	all := map[string]relation{}
	if b.parts[strings.ToLower(file)] == nil {
		return all, nil
	}
	err := b.each(file, func(e element) error {
		if e.name != "Relationship" || e.attr("TargetMode") == "External" {
			return nil
		}
		target := e.attr("Target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(dir, target)
		}
		all[e.attr("Id")] = relation{e.attr("Type"), strings.TrimPrefix(target, "/")}
		return nil
	})
	return all, err
}

// readSheets reads the list of sheets. Those that are charts or macros have no
// cells and are left out.
func (b *book) readSheets(main string, related map[string]relation) error {
	return b.each(main, func(e element) error {
		switch e.name {
		case "workbookPr":
			v := e.attr("date1904")
			b.date1904 = v == "1" || v == "true"
		case "sheet":
			r := related[e.attr("id")]
			if !strings.HasSuffix(r.kind, worksheetType) {
				return nil
			}
			if b.parts[strings.ToLower(r.target)] == nil {
				return errs.New(errs.Invalid, "the workbook is damaged: the sheet %q is missing", e.attr("name"))
			}
			b.sheets = append(b.sheets, sheetRef{e.attr("name"), r.target})
		}
		return nil
	})
}

// each calls visit for every start of an element of a part.
func (b *book) each(part string, visit func(e element) error) error {
	r, err := b.open(part)
	if err != nil {
		return err
	}
	defer r.close()
	for {
		kind, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind == startOf {
			if err := visit(r.element); err != nil {
				return err
			}
		}
	}
}
