package sqlite

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// statement is a compiled statement.
type statement struct {
	c       *connection
	handle  uintptr
	permit  *permit
	columns []query.Column // Type is "" where only values can tell it
	kinds   []tabular.Type // Null where only values can tell it
	scales  []int          // of decimals that are kept as numbers, else -1
	digits  [][]byte       // room for them
}

// mostStatements bounds the compiled statements that a connection keeps.
const mostStatements = 16

// prepare compiles a statement that may do what the permit says, or finds that
// it has been compiled.
func (c *connection) prepare(sql string, p *permit) (*statement, error) {
	if st := c.statements[sql]; st != nil {
		return st, nil
	}
	c.permit = p
	st, err := c.compile(sql)
	if err != nil {
		return nil, err
	}
	st.permit = p
	if sqlite3.Xsqlite3_stmt_readonly(c.tls, st.handle) == 0 {
		st.finalize()
		return nil, &query.Failure{Name: query.NotSupported, Message: onlyQueries}
	}
	st.describe()
	if len(c.statements) >= mostStatements {
		c.forget()
	}
	c.statements[sql] = st
	return st, nil
}

func (c *connection) compile(sql string) (*statement, error) {
	text, err := libc.CString(sql)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	rc := sqlite3.Xsqlite3_prepare_v2(c.tls, c.db, text, int32(len(sql)+1), c.out, c.out+8)
	if rc != sqlite3.SQLITE_OK {
		return nil, c.failed(rc)
	}
	st := &statement{c: c, handle: pointer(c.out)}
	if rest := sql[min(int(pointer(c.out+8)-text), len(sql)):]; st.handle == 0 || strings.TrimSpace(rest) != "" {
		st.finalize()
		return nil, &query.Failure{Name: query.NotSupported, Message: "only one statement can be run at a time"}
	}
	return st, nil
}

// pointer reads a pointer that the library wrote.
func pointer(at uintptr) uintptr {
	b := libc.GoBytes(at, int(unsafe.Sizeof(at)))
	if len(b) == 4 {
		return uintptr(binary.NativeEndian.Uint32(b))
	}
	return uintptr(binary.NativeEndian.Uint64(b))
}

func (st *statement) finalize() {
	if st.handle != 0 {
		sqlite3.Xsqlite3_finalize(st.c.tls, st.handle)
		st.handle = 0
	}
}

// describe notes the names and declared types of the columns.
func (st *statement) describe() {
	n := sqlite3.Xsqlite3_column_count(st.c.tls, st.handle)
	for i := range n {
		name := libc.GoString(sqlite3.Xsqlite3_column_name(st.c.tls, st.handle, i))
		decl := libc.GoString(sqlite3.Xsqlite3_column_decltype(st.c.tls, st.handle, i))
		kind, typ := declared(decl)
		st.scales = append(st.scales, scaleOf(decl))
		st.digits = append(st.digits, nil)
		st.kinds = append(st.kinds, kind)
		st.columns = append(st.columns, query.Column{Name: name, Type: typ})
	}
}

// step reads the next row. It reports false behind the last one.
func (st *statement) step(row []tabular.Value) (bool, error) {
	c := st.c
	switch rc := sqlite3.Xsqlite3_step(c.tls, st.handle); rc {
	case sqlite3.SQLITE_ROW:
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, c.failed(rc)
	}
	for i := range row {
		st.value(int32(i), &row[i])
	}
	return true, nil
}

// value reads a value. Its bytes are SQLite's, until the next step. It asks the
// value, not the column, which would be looked up for each question.
func (st *statement) value(i int32, v *tabular.Value) {
	c := st.c
	kind := st.kinds[i]
	of := sqlite3.Xsqlite3_column_value(c.tls, st.handle, i)
	switch sqlite3.Xsqlite3_value_type(c.tls, of) {
	case sqlite3.SQLITE_NULL:
		*v = tabular.Value{}
	case sqlite3.SQLITE_INTEGER:
		n := sqlite3.Xsqlite3_value_int64(c.tls, of)
		switch {
		case kind == tabular.Boolean && (n == 0 || n == 1):
			*v = tabular.Value{Type: tabular.Boolean, Int: n}
		case kind == tabular.Real && -1<<53 <= n && n <= 1<<53:
			*v = tabular.Value{Type: tabular.Real, Float: float64(n)}
		default:
			*v = tabular.Value{Type: tabular.Integer, Int: n}
		}
	case sqlite3.SQLITE_FLOAT:
		*v = tabular.Value{Type: tabular.Real, Float: sqlite3.Xsqlite3_value_double(c.tls, of)}
		if scale := st.scales[i]; scale >= 0 {
			if digits, ok := appendDecimal(st.digits[i][:0], v.Float, scale); ok {
				st.digits[i] = digits
				*v = tabular.Value{Type: tabular.Decimal, Bytes: digits}
			}
		}
	case sqlite3.SQLITE_TEXT:
		p := sqlite3.Xsqlite3_value_text(c.tls, of)
		*v = tabular.Value{Type: textKind(kind), Bytes: libc.GoBytes(p, int(sqlite3.Xsqlite3_value_bytes(c.tls, of)))}
	default:
		p := sqlite3.Xsqlite3_value_blob(c.tls, of)
		*v = tabular.Value{Type: tabular.Bytes}
		if n := sqlite3.Xsqlite3_value_bytes(c.tls, of); n > 0 {
			v.Bytes = libc.GoBytes(p, int(n))
		}
	}
}

// textKind is what a text is in a column of a kind.
func textKind(kind tabular.Type) tabular.Type {
	switch kind {
	case tabular.Decimal, tabular.Date, tabular.Timestamp, tabular.JSON:
		return kind
	}
	return tabular.Text
}

// reset makes the statement ready to run again, and returns how many rows it
// passed in scans of whole tables.
func (st *statement) reset() int64 {
	scanned := sqlite3.Xsqlite3_stmt_status(st.c.tls, st.handle, sqlite3.SQLITE_STMTSTATUS_FULLSCAN_STEP, 1)
	sqlite3.Xsqlite3_reset(st.c.tls, st.handle)
	return int64(scanned)
}

// scanned returns how many rows it has passed so far.
func (st *statement) scanned() int64 {
	return int64(sqlite3.Xsqlite3_stmt_status(st.c.tls, st.handle, sqlite3.SQLITE_STMTSTATUS_FULLSCAN_STEP, 0))
}

// libraryError is what SQLite said.
type libraryError struct {
	code    int32
	message string
	offset  int // in the text that was compiled, or -1
}

func (e *libraryError) Error() string { return fmt.Sprintf("%s (SQLite %d)", e.message, e.code) }

func (c *connection) failed(rc int32) error {
	return &libraryError{
		code:    rc,
		message: libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db)),
		offset:  int(sqlite3.Xsqlite3_error_offset(c.tls, c.db)),
	}
}

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
