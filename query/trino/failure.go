package trino

import (
	"errors"
	"fmt"
	"strings"

	driver "github.com/trinodb/trino-go-client/trino"

	"github.com/inlet-go/inlet/query"
)

// failure translates what the cluster says of a statement. Names and numbers
// are the cluster's own. It returns nil for other errors.
func failure(err error) *query.Failure {
	if errors.Is(err, driver.ErrQueryCancelled) {
		return &query.Failure{Name: query.UserCanceled, Message: "the statement was cancelled on the cluster"}
	}
	var e *driver.ErrTrino
	if !errors.As(err, &e) {
		return nil
	}
	f := &query.Failure{
		Name: e.ErrorName, Code: e.ErrorCode, Message: e.Message,
		Line: e.ErrorLocation.LineNumber, Column: e.ErrorLocation.ColumnNumber,
	}
	switch f.Type = query.FailureType(e.ErrorType); f.Type {
	case query.UserError, query.InsufficientResources, query.InternalError, query.External:
	default:
		f.Type = query.External
	}
	if f.Line > 0 { // the place is in front of the message, too
		f.Message = strings.TrimPrefix(f.Message, fmt.Sprintf("line %d:%d: ", f.Line, f.Column))
	}
	return f
}
