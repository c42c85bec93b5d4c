package sqlite

import (
	"database/sql"
	"errors"

	driverpkg "modernc.org/sqlite"
	"modernc.org/sqlite/vtab"
)

// slot is a driver with the functions of one connection, which the functions
// ask whether to go on. Drivers are never freed, so slots are used again.
type slot struct {
	driver *driverpkg.Driver
	conn   *connection
}

func newSlot(s settings) (*slot, error) {
	l := &slot{driver: &driverpkg.Driver{}}
	err := registerRows(l.driver)
	for name, f := range boundedFunctions(s.valueBytes) {
		err = errors.Join(err, l.driver.RegisterFunction(name, f))
	}
	for name, f := range matchFunctions(l.stopped) {
		err = errors.Join(err, l.driver.RegisterFunction(name, f))
	}
	return l, err
}

// stopped reports whether the statement of the connection must end.
func (l *slot) stopped() bool { return l.conn != nil && l.conn.stopped.Load() }

// registerRows gives a driver what all connections need.
func registerRows(d *driverpkg.Driver) error {
	db := sql.OpenDB(connector{d})
	defer db.Close()
	return errors.Join(d.RegisterCollationUtf8(decimalCollation, compareDecimals), vtab.RegisterModule(db, rowsModule, module{}))
}
