package sqlite

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	driverpkg "modernc.org/sqlite"
)

// errTooBig is SQLite's own message.
var errTooBig = errors.New("string or blob too big")

// boundedFunctions replace functions of SQLite whose time grows with the
// product of the lengths of their arguments: one call on long texts could not
// be interrupted for hours. They give what SQLite's give, in linear time.
func boundedFunctions(limit int64) map[string]*driverpkg.FunctionImpl {
	bounded := map[string]*driverpkg.FunctionImpl{}
	add := func(name string, n int32, call func(args []driver.Value) (driver.Value, error)) {
		bounded[name] = &driverpkg.FunctionImpl{
			NArgs: n, Deterministic: true, VolatileArgs: true,
			Scalar: func(_ *driverpkg.FunctionContext, args []driver.Value) (driver.Value, error) {
				if args[0] == nil || args[1] == nil {
					return nil, nil
				}
				return call(args)
			},
		}
	}
	add("instr", 2, instr)
	add("replace", 3, func(args []driver.Value) (driver.Value, error) {
		if textOf(args[1]) == "" {
			return textOf(args[0]), nil
		}
		if args[2] == nil {
			return nil, nil
		}
		x, y, z := textOf(args[0]), textOf(args[1]), textOf(args[2])
		if size := int64(len(x)) + int64(strings.Count(x, y))*int64(len(z)-len(y)); size > limit {
			return nil, errTooBig
		}
		return strings.ReplaceAll(x, y, z), nil
	})
	for name, trim := range map[string]func(string, func(rune) bool) string{
		"trim": strings.TrimFunc, "ltrim": strings.TrimLeftFunc, "rtrim": strings.TrimRightFunc,
	} {
		add(name, 2, func(args []driver.Value) (driver.Value, error) {
			return trim(textOf(args[0]), setOf(textOf(args[1])).has), nil
		})
	}
	return bounded
}

// instr counts characters, or bytes where both are blobs.
func instr(args []driver.Value) (driver.Value, error) {
	x, okX := args[0].([]byte)
	y, okY := args[1].([]byte)
	if okX && okY {
		return int64(bytes.Index(x, y) + 1), nil
	}
	text := textOf(args[0])
	at := strings.Index(text, textOf(args[1]))
	if at < 0 {
		return int64(0), nil
	}
	return int64(utf8.RuneCountInString(text[:at]) + 1), nil
}

// runeSet is which characters a text has, a bit for each up to the last. It is
// no map since a call looks at ten million characters and more before it can be
// interrupted.
type runeSet []uint64

func setOf(text string) runeSet {
	var s runeSet
	for _, r := range text {
		if more := int(r>>6) + 1 - len(s); more > 0 {
			s = append(s, make(runeSet, more)...)
		}
		s[r>>6] |= 1 << (r & 63)
	}
	return s
}

func (s runeSet) has(r rune) bool {
	return int(r>>6) < len(s) && s[r>>6]>>(r&63)&1 == 1
}

// textOf is a value that is not null as text.
func textOf(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		text := strconv.FormatFloat(v, 'g', 15, 64)
		if f, err := strconv.ParseFloat(text, 64); err != nil || f != v {
			text = strconv.FormatFloat(v, 'g', 17, 64)
		}
		if digits, exponent, ok := strings.Cut(text, "e"); !strings.ContainsAny(text, ".IN") {
			text = digits + ".0"
			if ok {
				text += "e" + exponent
			}
		}
		return strings.TrimPrefix(text, "+")
	}
	return ""
}
