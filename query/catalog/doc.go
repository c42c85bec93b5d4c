// Package catalog makes tables of everything that came in: each synched data
// source, each file of a volume that is of a tabular format, and each lake
// path, whose files are one table together.
//
// A table's schema is the name or the id of its dataset or volume, or "lake".
// Its name is the file's base name without the extension, or with it, or the
// last part of the lake path. A workbook of one sheet is a table; one of
// several is a table for each, named as in book_sheet.
package catalog
