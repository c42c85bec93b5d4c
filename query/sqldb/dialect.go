package sqldb

import (
	"context"
	"database/sql"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// Dialect is what differs between kinds of servers. [PostgreSQL] and [MySQL]
// are given; an own one checks statements with [Rules]. Implementations are
// safe for concurrent use.
type Dialect interface {
	// Name is the first part of the engine's, such as "postgresql".
	Name() string

	// Check refuses what is not one statement that only reads, or reaches for
	// what it may not. It tells whether the statement's answer differs from
	// call to call.
	Check(text string) (volatile bool, refused *query.Failure)

	// Begin prepares a transaction that has just been started READ ONLY, and
	// returns the server's id of the session. A timeout that is not 0 is when
	// the server should give up by itself.
	Begin(ctx context.Context, tx *sql.Tx, timeout time.Duration) (id string, err error)

	// Column tells the type of a column of a result.
	Column(c *sql.ColumnType) Type

	// Failure translates an error of the driver that is about the statement
	// with this text, or about what it does. It returns nil for others, such
	// as of the connection.
	Failure(err error, text string) *query.Failure

	// Kill stops what the session runs. It is called through another
	// connection after the context of a statement ended, and does nothing
	// where the driver tells the server by itself.
	Kill(ctx context.Context, db *sql.DB, id string) error
}

// Type is what the values of a column are.
type Type struct {
	Name string // as [query.Column] has it
	Kind tabular.Type
	Zone bool // of a Timestamp: it is a point in time, and UTC

	// Single is set for a Real of single precision.
	Single bool

	// ZeroNull makes the zero time null, and dates of which the month or the
	// day is zero.
	ZeroNull bool

	// Rewrite appends to dst what the driver's text means, where it is not
	// the text itself.
	Rewrite func(dst, text []byte) ([]byte, error)
}

// property returns a field of a driver's error, or nil. Drivers tell where a
// statement is wrong in fields only, and their types would link them.
func property(err error, name string) any {
	for err != nil {
		v := reflect.ValueOf(err)
		if v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		if v.Kind() == reflect.Struct {
			if f := v.FieldByName(name); f.IsValid() && f.CanInterface() {
				return f.Interface()
			}
		}
		unwrap, ok := err.(interface{ Unwrap() error })
		if !ok {
			return nil
		}
		err = unwrap.Unwrap()
	}
	return nil
}

// place returns line and column, from 1, of the nth byte of a text.
func place(text string, n int) (line, column int) {
	before := text[:min(max(n, 0), len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}
