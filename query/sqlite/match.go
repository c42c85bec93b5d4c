package sqlite

import (
	"database/sql/driver"
	"errors"
	"strings"
	"unicode/utf8"

	driverpkg "modernc.org/sqlite"
)

// errStopped ends a function whose statement has to end.
var errStopped = errors.New("the statement was stopped")

// stepsPerLook is after how many steps a match looks whether it must end.
const stepsPerLook = 1 << 16

// matchFunctions replace LIKE and GLOB, of which SQLite's take minutes for a
// long text and a long pattern, and cannot be interrupted. These can.
func matchFunctions(stopped func() bool) map[string]*driverpkg.FunctionImpl {
	function := func(n int32, of func(args []driver.Value) (pattern, bool)) *driverpkg.FunctionImpl {
		return &driverpkg.FunctionImpl{
			NArgs: n, Deterministic: true, VolatileArgs: true,
			Scalar: func(_ *driverpkg.FunctionContext, args []driver.Value) (driver.Value, error) {
				for _, a := range args[:2] {
					if _, blob := a.([]byte); blob {
						return int64(0), nil
					}
				}
				for _, a := range args {
					if a == nil {
						return nil, nil
					}
				}
				p, ok := of(args)
				if !ok {
					return nil, errors.New("ESCAPE expression must be a single character")
				}
				found, ok := match(p, textOf(args[0]), textOf(args[1]), stopped)
				if !ok {
					return nil, errStopped
				}
				if found {
					return int64(1), nil
				}
				return int64(0), nil
			},
		}
	}
	return map[string]*driverpkg.FunctionImpl{
		"like": function(2, func([]driver.Value) (pattern, bool) { return likePattern, true }),
		"LIKE": function(3, func(args []driver.Value) (pattern, bool) { // the driver takes a name once
			p := likePattern
			escape := textOf(args[2])
			p.escape, _ = utf8.DecodeRuneInString(escape)
			return p, utf8.RuneCountInString(escape) == 1
		}),
		"glob": function(2, func([]driver.Value) (pattern, bool) { return globPattern, true }),
	}
}

// pattern is what the characters of a pattern mean.
type pattern struct {
	many, one byte
	escape    rune // before a character that means itself
	fold      bool // the case of ASCII letters does not matter
	classes   bool // [a-z] and [^a-z]
}

var (
	likePattern = pattern{many: '%', one: '_', escape: -1, fold: true}
	globPattern = pattern{many: '*', one: '?', escape: -1, classes: true}
)

// match reports whether the text is as the pattern wants it, and false for ok
// when it was stopped before that was known.
func match(p pattern, want, text string, stopped func() bool) (found, ok bool) {
	i, j := 0, 0
	star, from := -1, 0 // behind the last "many", and the text that it has not taken
	for steps := 1; i < len(text); steps++ {
		if steps%stepsPerLook == 0 && stopped() {
			return false, false
		}
		if j < len(want) && want[j] == p.many && rune(p.many) != p.escape {
			if j++; j == len(want) {
				return true, true
			}
			star, from = j, p.candidate(want, j, text, i)
			i = from
			continue
		}
		if nextJ, nextI, fits := p.character(want, j, text, i); fits {
			i, j = nextI, nextJ
			continue
		}
		if star < 0 {
			return false, true
		}
		from = p.candidate(want, star, text, from+width(text, from))
		i, j = from, star
	}
	for j < len(want) && want[j] == p.many && rune(p.many) != p.escape {
		j++
	}
	return j == len(want), true
}

// candidate returns the first place from i on where the pattern at j may fit.
func (p pattern) candidate(want string, j int, text string, i int) int {
	c := want[j]
	switch {
	case c == p.one || c == p.many || c == '[' && p.classes || p.escape >= 0 || c >= utf8.RuneSelf:
		return i
	case !p.fold || foldASCII(c) == c && (c < 'a' || c > 'z'):
		if n := strings.IndexByte(text[i:], c); n >= 0 {
			return i + n
		}
		return len(text)
	}
	c = foldASCII(c)
	for i < len(text) && foldASCII(text[i]) != c {
		i++
	}
	return i
}

// character matches one character, and returns what comes behind it.
func (p pattern) character(want string, j int, text string, i int) (nextJ, nextI int, ok bool) {
	if j >= len(want) {
		return j, i, false
	}
	switch c := want[j]; {
	case p.escape >= 0 && escaped(want[j:], p.escape):
		if j += utf8.RuneLen(p.escape); j >= len(want) {
			return j, i, false
		}
	case c == p.one:
		return j + 1, i + width(text, i), true
	case c == '[' && p.classes:
		r, n := utf8.DecodeRuneInString(text[i:])
		end, in := class(want[j+1:], r)
		return j + 1 + end, i + n, in && end > 0
	}
	a, b := want[j], text[i]
	if p.fold {
		a, b = foldASCII(a), foldASCII(b)
	}
	return j + 1, i + 1, a == b
}

func escaped(want string, escape rune) bool {
	r, _ := utf8.DecodeRuneInString(want)
	return r == escape
}

// class reads what is behind "[" up to "]", and tells whether r is in it. The
// length is 0 where it is not closed.
func class(s string, r rune) (length int, in bool) {
	i, invert := 0, false
	if i < len(s) && s[i] == '^' {
		invert = true
		i++
	}
	last := rune(-1)
	for first := true; i < len(s); first = false {
		c, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch {
		case c == ']' && !first:
			return i, in != invert
		case c == '-' && last >= 0 && i < len(s) && s[i] != ']':
			c, n = utf8.DecodeRuneInString(s[i:])
			i += n
			in = in || last <= r && r <= c
			last = -1
		default:
			in = in || c == r
			last = c
		}
	}
	return 0, false
}

func width(s string, i int) int {
	if s[i] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	return n
}

func foldASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
