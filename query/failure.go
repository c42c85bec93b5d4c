package query

import (
	"fmt"

	"github.com/inlet-go/inlet/store/errs"
)

// FailureType says whose fault a failed query is, as Trino tells it.
type FailureType string

// The types of failures.
const (
	UserError             FailureType = "USER_ERROR"
	InsufficientResources FailureType = "INSUFFICIENT_RESOURCES"
	InternalError         FailureType = "INTERNAL_ERROR"
	External              FailureType = "EXTERNAL"
)

// The names of failures that several engines have; the names are Trino's.
const (
	SyntaxError         = "SYNTAX_ERROR"
	TableNotFound       = "TABLE_NOT_FOUND"
	AmbiguousName       = "AMBIGUOUS_NAME"
	ColumnNotFound      = "COLUMN_NOT_FOUND"
	FunctionNotFound    = "FUNCTION_NOT_FOUND"
	NotSupported        = "NOT_SUPPORTED"     // not a read-only statement, or more than one
	PermissionDenied    = "PERMISSION_DENIED" // it reaches for what it may not touch
	InvalidData         = "INVALID_DATA"      // a file cannot be read as a table
	DivisionByZero      = "DIVISION_BY_ZERO"
	NumericOverflow     = "NUMERIC_VALUE_OUT_OF_RANGE"
	UserCanceled        = "USER_CANCELED"
	ExceededTimeLimit   = "EXCEEDED_TIME_LIMIT"
	ExceededMemoryLimit = "EXCEEDED_MEMORY_LIMIT"
	ExceededLimit       = "EXCEEDED_LIMIT" // of rows or bytes of a result
	StorageFull         = "STORAGE_FULL"
	GenericUserError    = "GENERIC_USER_ERROR"
	GenericInternal     = "GENERIC_INTERNAL_ERROR"
	ServerStopped       = "SERVER_SHUTTING_DOWN"
)

// Failure is why a statement failed, in terms of the statement. It is an error
// of kind Invalid. All of it is shown to users.
type Failure struct {
	Name    string      // one of the names above, or the engine's
	Type    FailureType // "" means UserError
	Message string
	Line    int // from 1; 0 when the place is not known
	Column  int // from 1, in characters
	Code    int // the engine's own number, 0 when it has none
}

// Error returns the message, after the place as in "line 1:8: ".
func (f *Failure) Error() string {
	if f.Line == 0 {
		return f.Message
	}
	return fmt.Sprintf("line %d:%d: %s", f.Line, f.Column, f.Message)
}

// Unwrap returns the kind, [errs.Invalid].
func (f *Failure) Unwrap() error { return errs.Invalid }
