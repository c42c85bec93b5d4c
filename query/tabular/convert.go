package tabular

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/inlet-go/inlet/store/errs"
)

// SetText makes v the value of type t that the text b says, as [Seen.Text]
// judges it; an empty text is Null. It reports false when t cannot hold b.
// A value of text keeps b itself.
func (v *Value) SetText(t Type, b []byte) bool {
	if len(b) == 0 {
		v.Type = Null
		return true
	}
	v.Type = t
	switch t {
	case Text:
		v.Bytes = b
		return true
	case Integer:
		var ok bool
		v.Int, ok = parseInteger(b)
		return ok
	case Real:
		return v.setReal(b)
	case Boolean:
		return v.setBoolean(b)
	}
	return false
}

// setNumber makes v the value of type t that the JSON number b says.
func (v *Value) setNumber(t Type, b []byte) bool {
	v.Type = t
	switch t {
	case Text, Decimal:
		v.Bytes = b
		return true
	case Integer:
		var ok bool
		v.Int, ok = parseInteger(b)
		return ok
	case Real:
		return v.setReal(b)
	}
	return false
}

func (v *Value) setReal(b []byte) (ok bool) {
	switch numberSyntax(b) {
	case seenReal, seenInteger:
		var err error
		v.Float, err = strconv.ParseFloat(unsafeString(b), 64)
		return err == nil
	case lookClosely:
		v.Float, ok = survives(b)
	}
	return ok
}

func (v *Value) setBoolean(b []byte) bool {
	switch string(b) {
	case "true":
		v.Int = 1
	case "false":
		v.Int = 0
	default:
		return false
	}
	return true
}

// Misfit is the error for a value that its column's type cannot hold; place
// says where, such as "line 7".
func Misfit(place string, c Column) error {
	return errs.New(errs.Invalid, "%s: %s", place, misfit(c))
}

func misfit(c Column) string {
	return fmt.Sprintf("the value of column %q is not of type %s; the file must be inspected again", c.Name, c.Type)
}

// placed puts in front of an error where it is.
func placed(place string, err error) error {
	return &errs.Error{Kind: errs.KindOf(err), Msg: place + ": " + errs.Message(err), Cause: errors.Unwrap(err)}
}

// bytesText says a limit in the largest unit that keeps it whole.
func bytesText(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
