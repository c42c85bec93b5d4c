package sqlstore

import (
	"context"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

// dialect is what differs between the databases. Statements are written once,
// with these words in braces:
//
//	?              an argument
//	{now}          the database's clock, milliseconds since 1970
//	{visible}      FROM f, the visible files for three arguments: an array of
//	               URIs, a volume and a connector
//	{replaced}     the condition on lake files that they are those of three
//	               arguments: an array of names, a generation and a directory
//	{in}           the values of one argument made by array, as in "id {in}"
//	{greatest}     the function that returns its greatest argument
//	{lock}         lock the rows until the transaction ends
//	{lockExisting} keep the rows from being deleted until it ends
//	{skipLocked}   lock them, leaving out those that others hold
type dialect interface {
	// sql completes a statement.
	sql(text string) string

	// array makes an argument for {in} of []int64 or []string.
	array(values any) any

	// idsInTransaction tells whether ids are issued inside of the transaction
	// that uses them rather than in one of their own before it.
	idsInTransaction() bool

	// classify gives a database error its kind, as an error about what. Other
	// errors, and nil, are returned as they are.
	classify(what string, err error) error

	// transient tells whether the transaction may be tried again.
	transient(err error) bool

	// insertFiles adds the rows of a chunk.
	insertFiles(ctx context.Context, q session, files []*task.File) error

	// updateFiles writes results of one status to rows that exist. Those that
	// succeeded get the fence and become visible where published says so.
	updateFiles(ctx context.Context, q session, fence, now int64, published bool, results []task.FileResult) error

	// insertRows adds n rows to a table.
	insertRows(ctx context.Context, q session, table string, n int, r rows) error
}

// never is a time that no clock reaches.
const never = math.MaxInt64

// lastText bounds texts that only explain: they are cut, not refused.
const lastText = 4096

// checkTexts returns an Invalid error for what PostgreSQL cannot store; SQLite
// refuses it too, so that a database can be moved. Names and texts alternate.
func checkTexts(pairs ...string) error {
	var p errs.Problems
	for i := 0; i < len(pairs); i += 2 {
		p.Check(storable(pairs[i+1]), "%s holds a NUL byte or is not UTF-8", pairs[i])
	}
	return p.Err()
}

func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// clean makes a text that others wrote storable, and not too long.
func clean(s string) string {
	if len(s) > lastText {
		s = s[:lastText]
	}
	if storable(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
