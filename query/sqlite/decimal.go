package sqlite

import (
	"math"
	"strconv"
	"strings"
)

// appendDecimal appends f with scale digits behind the point. It reports false
// where f is not such a decimal of at most 15 digits.
func appendDecimal(dst []byte, f float64, scale int) ([]byte, bool) {
	if scale > exactDigits {
		return dst, false
	}
	power := math.Pow10(scale)
	n := math.Round(f * power)
	if math.Abs(n) >= 1e15 || n/power != f {
		return dst, false
	}
	start := len(dst)
	if n < 0 {
		dst = append(dst, '-')
		start++
	}
	dst = strconv.AppendInt(dst, int64(math.Abs(n)), 10)
	if scale == 0 {
		return dst, true
	}
	for len(dst)-start <= scale {
		dst = append(dst, 0)
		copy(dst[start+1:], dst[start:])
		dst[start] = '0'
	}
	dst = append(dst, 0)
	at := len(dst) - 1 - scale
	copy(dst[at+1:], dst[at:])
	dst[at] = '.'
	return dst, true
}

// decimalCollation orders decimals that are kept as texts with all their
// digits, because float64 does not hold them, by their value: comparisons, ORDER BY, GROUP BY, DISTINCT, joins, min
// and max of decimal columns are exact. A number that is compared with one
// becomes a text first, as SQLite does for columns of texts. Arithmetic and
// sums are SQLite's, in float64, and what a function gives is a text.
const decimalCollation = "inlet_decimal"

// compareDecimals orders numbers by value, and before all other texts.
func compareDecimals(a, b string) int {
	x, okX := parseDecimal(a)
	y, okY := parseDecimal(b)
	switch {
	case okX && okY:
		return x.compare(y)
	case okX:
		return -1
	case okY:
		return 1
	}
	return strings.Compare(a, b)
}

// decimal is 0.digits × 10^exponent. Digits neither start nor end with 0; they
// are in two parts, as they are written.
type decimal struct {
	negative     bool
	first, last  string
	exponent     int
	significance int // how many digits there are
}

// parseDecimal reads digits with a sign, a point and an exponent. It does not
// allocate.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	if e := strings.IndexAny(s, "eE"); e >= 0 {
		shift, ok := parseExponent(s[e+1:])
		if !ok {
			return d, false
		}
		d.exponent, s = shift, s[:e]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" && fraction == "" || !digits(whole) || !digits(fraction) {
		return d, false
	}
	whole = strings.TrimLeft(whole, "0")
	d.exponent += len(whole)
	if whole == "" {
		trimmed := strings.TrimLeft(fraction, "0")
		d.exponent -= len(fraction) - len(trimmed)
		fraction = trimmed
	}
	fraction = strings.TrimRight(fraction, "0")
	if fraction == "" {
		whole = strings.TrimRight(whole, "0")
	}
	d.first, d.last = whole, fraction
	if d.significance = len(whole) + len(fraction); d.significance == 0 {
		return decimal{}, true
	}
	return d, true
}

func parseExponent(s string) (int, bool) {
	sign := 1
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if s == "" || len(s) > 6 || !digits(s) {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		n = 10*n + int(s[i]-'0')
	}
	return sign * n, true
}

func digits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

func (d decimal) compare(e decimal) int {
	switch {
	case d.significance == 0 || e.significance == 0 || d.negative != e.negative:
		return d.sign() - e.sign()
	case d.negative:
		return -d.magnitude(e)
	}
	return d.magnitude(e)
}

func (d decimal) sign() int {
	switch {
	case d.significance == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func (d decimal) magnitude(e decimal) int {
	if d.exponent != e.exponent {
		return d.exponent - e.exponent
	}
	if len(d.first) == len(e.first) {
		if c := strings.Compare(d.first, e.first); c != 0 {
			return c
		}
		return strings.Compare(d.last, e.last)
	}
	for i := range min(d.significance, e.significance) {
		if c := int(d.digit(i)) - int(e.digit(i)); c != 0 {
			return c
		}
	}
	return d.significance - e.significance
}

func (d decimal) digit(i int) byte {
	if i < len(d.first) {
		return d.first[i]
	}
	return d.last[i-len(d.first)]
}
