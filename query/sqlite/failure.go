package sqlite

import (
	"errors"
	"regexp"
	"strings"
	"syscall"

	driverpkg "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/inlet-go/inlet/query"
)

// texts say what SQLite means by a message of its general error code.
var texts = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`syntax error$|^incomplete input|^unrecognized token|^malformed JSON path|^RIGHT and FULL`), query.SyntaxError},
	{regexp.MustCompile(`^no such column|^no such index|has no column named`), query.ColumnNotFound},
	{regexp.MustCompile(`^no such table|^no such view`), query.TableNotFound},
	{regexp.MustCompile(`^no such function|^wrong number of arguments`), query.FunctionNotFound},
	{regexp.MustCompile(`^ambiguous column name`), query.AmbiguousName},
	{regexp.MustCompile(`integer overflow`), query.NumericOverflow},
	{regexp.MustCompile(`too big|too many|too complex|too large|too deep|at most|maximum depth|stack overflow`), query.ExceededLimit},
	{regexp.MustCompile(`^not authorized|prohibited`), query.PermissionDenied},
}

// codes say what SQLite's other error codes mean.
var codes = map[int32]struct {
	name string
	typ  query.FailureType
}{
	sqlite3.SQLITE_TOOBIG: {query.ExceededLimit, query.UserError},
	sqlite3.SQLITE_NOMEM:  {query.ExceededMemoryLimit, query.InsufficientResources},
	sqlite3.SQLITE_FULL:   {query.StorageFull, query.InsufficientResources},
	sqlite3.SQLITE_AUTH:   {query.PermissionDenied, query.UserError},
}

// failure says what SQLite's error means in terms of the statement. It returns
// other errors as they are.
func (p *prepared) failure(err error, w rewritten, granted *permit) error {
	var e *libraryError
	if !errors.As(err, &e) {
		return err
	}
	f := &query.Failure{Name: query.GenericUserError, Message: p.readable(e.message), Code: int(e.code)}
	code := e.code & 0xff
	if known, ok := codes[code]; ok {
		f.Name, f.Type = known.name, known.typ
	} else if code != sqlite3.SQLITE_ERROR && code != sqlite3.SQLITE_MISMATCH && code != sqlite3.SQLITE_RANGE {
		return err
	}
	if code == sqlite3.SQLITE_ERROR {
		for _, t := range texts {
			if t.pattern.MatchString(e.message) {
				f.Name = t.name
				break
			}
		}
	}
	if code == sqlite3.SQLITE_AUTH && granted != nil && granted.refused != "" {
		f.Message = p.readable(granted.refused)
		if granted.refused == onlyQueries {
			f.Name = query.NotSupported
		}
	}
	switch {
	case e.offset >= 0:
		f.Line, f.Column = place(p.st.SQL, w.original(e.offset))
	case strings.HasPrefix(e.message, "incomplete input"):
		f.Line, f.Column = place(p.st.SQL, w.original(len(w.sql)))
	}
	return f
}

// readable writes the names of the catalog in a message instead of those that
// the engine gave.
func (p *prepared) readable(message string) string {
	if !strings.Contains(message, mark) {
		return message
	}
	for t, where := range p.at {
		message = strings.ReplaceAll(message, where.database+"."+where.table, t.name())
		message = strings.ReplaceAll(message, where.database, t.table.Schema)
	}
	return strings.ReplaceAll(message, mark, "")
}

// damaged reports whether an error means that a file is not what it was.
func damaged(err error) bool {
	var e *libraryError
	if !errors.As(err, &e) {
		return false
	}
	switch e.code & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR:
		return true
	}
	return false
}

// interrupted reports whether a statement was stopped.
func interrupted(err error) bool {
	var e *libraryError
	return errors.As(err, &e) && e.code&0xff == sqlite3.SQLITE_INTERRUPT
}

// full reports whether an error of the driver or the system means that there
// is no room.
func full(err error) bool {
	var e *driverpkg.Error
	if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL {
		return true
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
