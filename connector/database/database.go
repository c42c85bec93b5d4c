// Package database makes tables of databases a source of files: each page of a
// table's rows is a Parquet file, and what is new is told by a column of
// timestamps, or by the key. The databases themselves are the drivers in the
// sub-packages, so that a host links only those that it wants.
package database

import (
	"context"
	"net"
	"time"

	"github.com/parquet-go/parquet-go"
)

// Driver connects to databases of one kind. It is safe for concurrent use.
type Driver interface {
	// Name is what configs call the kind in their field databaseType.
	Name() string

	// Connect need not touch the network. The caller closes the Conn.
	Connect(ctx context.Context, a Address) (Conn, error)
}

// Address is a database and how to come to it.
type Address struct {
	Host     string
	Port     int // 0 means the one that is usual for the kind
	Database string
	User     string
	Password string

	// Dial makes the connections; it checks what may be reached.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Conn is a pool of connections to a database. It is safe for concurrent use.
//
// Errors: NotFound (the table), Invalid (a column), Forbidden (credentials
// are wrong or lack a right), Unavailable (unreachable, gone, busy).
type Conn interface {
	// Columns describes a table, in the order of its definition.
	Columns(ctx context.Context, table string) ([]Column, error)

	// Bounds calls f with the texts of the columns q.Columns of each row, in
	// q.Order, and ends with f's error. The texts are valid only during the call.
	Bounds(ctx context.Context, q Query, f func(texts [][]byte) error) error

	// Settled returns the text of a value of a column of times, the latest that
	// is earlier, by the database's clock, than now and than the beginning of each
	// open transaction: none can still commit a row with the time at which it
	// began and be up to it. Where the database does not show its open
	// transactions to the user, the value is lag behind its clock. Of a column of
	// another type it returns "".
	Settled(ctx context.Context, c Column, lag time.Duration) (string, error)

	// Rows gives every row to sink, with a value of each of q.Columns, and ends
	// with sink's error.
	Rows(ctx context.Context, q Query, sink Sink) error

	Close() error
}

// Sink takes the rows of a table, value by value in the order of the columns.
type Sink interface {
	Put(column int, v parquet.Value)
	// EndRow ends a row. The bytes of its values may change after it.
	EndRow() error
}

// Query selects the rows of a table that are in all ranges.
type Query struct {
	Table   string
	Columns []Column // to read
	Ranges  []Range
	Order   []Column // none for any order
	Desc    bool     // the other way round
	Limit   int64    // rows; 0 means no limit
}

// Range is the rows behind After, up to To and with it. A row in which one of
// the columns is NULL is in none but that of NULL.
type Range struct {
	By    []Column
	After []string // texts of the columns' values; nil means from the first row
	To    []string // nil means no end
	Null  bool     // the rows in which the first of the columns is NULL, instead
}

// Column is a column of a table.
type Column struct {
	Name     string
	Type     Type
	Nullable bool
	Key      int  // its place in the primary key, from 1; 0 when it is not in it
	Cast     bool // a driver's mark: the value is converted in the database

	// Unordered values cannot bound a page: their texts do not stand for them
	// exactly, or do not compare as they do.
	Unordered bool
}

// Type says how values are kept in files.
type Type int

// The types. What has no type of its own here, such as decimals, is Text, so
// that no digit is lost.
const (
	Text        Type = iota // UTF-8
	Bool                    // BOOLEAN
	Int                     // INT64
	Float                   // DOUBLE
	Bytes                   // BYTE_ARRAY
	Timestamp               // INT64, microseconds since 1970 in UTC
	Local                   // INT64, microseconds of a clock of no time zone
	Date                    // INT32, days since 1970
	UnsignedInt             // INT64 that is read without a sign
)
