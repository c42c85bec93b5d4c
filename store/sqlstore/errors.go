package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"

	"github.com/inlet-go/inlet/store/errs"
)

// classifyCommon classifies what is the same for all databases.
func classifyCommon(what string, err error) error {
	var classified *errs.Error
	var network net.Error
	switch {
	case err == nil, errors.As(err, &classified), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return errs.New(errs.NotFound, "%s does not exist", what)
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.As(err, &network):
		return errs.Wrap(errs.Unavailable, err, "%s: the database is not available", what)
	}
	return err
}
