package tabular

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// Seen collects what the values of a column are, one bit for each class, and
// so the narrowest type that holds all of them. The zero Seen has seen none.
type Seen uint8

const (
	seenNull    Seen = 1 << iota
	seenText         // stays as it is
	seenInteger      // int64, and float64 holds it
	seenWide         // int64, and float64 does not hold it
	seenReal         // float64 holds its digits
	seenBoolean      // true or false
	seenDecimal      // a number that neither holds; text formats have none, they say seenText
)

// exactInteger is up to where float64 holds every integer.
const exactInteger = 1 << 53

// Type returns the narrowest type without loss for all values seen.
func (s Seen) Type() Type {
	const numbers = seenInteger | seenWide | seenReal | seenDecimal
	switch s &^= seenNull; {
	case s == seenBoolean:
		return Boolean
	case s == 0 || s&^numbers != 0:
		return Text
	case s&seenDecimal != 0:
		return Decimal
	case s&seenReal == 0:
		return Integer
	case s&seenWide == 0:
		return Real
	}
	return Text
}

// Nullable reports whether a value was missing.
func (s Seen) Nullable() bool { return s&seenNull != 0 }

// Null notes a missing value.
func (s *Seen) Null() { *s |= seenNull }

// Text notes a value of text; an empty one is missing.
func (s *Seen) Text(b []byte) {
	if len(b) == 0 {
		*s |= seenNull
	} else if *s&seenText == 0 {
		*s |= classify(b)
	}
}

// number notes a JSON number, which never becomes text.
func (s *Seen) number(b []byte) {
	if class := numberClass(b); class == seenText {
		*s |= seenDecimal
	} else {
		*s |= class
	}
	if *s&(seenReal|seenWide) == seenReal|seenWide {
		*s |= seenDecimal
	}
}

// classify tells what a text that is not empty can become without loss.
func classify(b []byte) Seen {
	switch c := b[0]; {
	case c-'0' <= 9, c == '-', c == '.':
		class := numberClass(b)
		if class == seenReal && bytes.IndexByte(b, '.') < 0 && looksLikeID(b) {
			return seenText
		}
		return class
	case c == 't' && string(b) == "true", c == 'f' && string(b) == "false":
		return seenBoolean
	}
	return seenText
}

// looksLikeID reports whether a number without a point, such as 12e4, more
// likely is an identifier: its exponent has no sign.
func looksLikeID(b []byte) bool {
	i := bytes.IndexAny(b, "eE")
	return i >= 0 && b[i+1]-'0' <= 9
}

// numberClass tells whether b is a number, by JSON's grammar and also without
// a 0 before the point, and which type holds it; seenText means none.
func numberClass(b []byte) Seen {
	i := 0
	if b[0] == '-' {
		i++
	}
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	whole := i - start
	if whole > 1 && b[start] == '0' {
		return seenText
	}
	if i == len(b) {
		return integerClass(b, whole)
	}
	return realClass(b, start, whole)
}

func integerClass(b []byte, digits int) Seen {
	switch {
	case digits == 0:
		return seenText
	case digits < 16:
		if b[0] == '-' && b[1] == '0' {
			return seenReal // an integer has no -0
		}
		return seenInteger
	}
	v, ok := parseInteger(b)
	switch {
	case !ok:
		return seenText
	case -exactInteger <= v && v <= exactInteger:
		return seenInteger
	}
	return seenWide
}

// realClass judges a number with digits up to start+whole and something behind.
func realClass(b []byte, start, whole int) Seen {
	i := start + whole
	digits := whole
	if whole == 1 && b[start] == '0' {
		digits = 0
	}
	if b[i] == '.' {
		i++
		first := i
		for i < len(b) && b[i]-'0' <= 9 {
			if digits > 0 || b[i] != '0' {
				digits++
			}
			i++
		}
		if i == first {
			return seenText
		}
	} else if whole == 0 {
		return seenText
	}
	if i < len(b) {
		if b[i]|0x20 != 'e' {
			return seenText
		}
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		first := i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		if i == first || i < len(b) {
			return seenText
		}
		digits = 16 // the exponent may be out of range: look closely
	}
	// 15 digits survive float64 wherever its precision is full.
	if digits > 15 || len(b) > 256 {
		if !survives(b) {
			return seenText
		}
	}
	return seenReal
}

// survives reports whether float64 holds the digits of the number b: whether
// the shortest decimal that means the same float64 is the same number.
func survives(b []byte) bool {
	want, wantExp, ok := significant(b)
	if !ok || len(want) > 17 {
		return false
	}
	f, err := strconv.ParseFloat(unsafeString(b), 64)
	if err != nil {
		return false
	}
	var buf [32]byte
	got, gotExp, _ := significant(strconv.AppendFloat(buf[:0], f, 'e', -1, 64))
	return bytes.Equal(want, got) && (wantExp == gotExp || len(want) == 0)
}

// significant returns the digits of a number without zeros at either end, at
// most 18 of them, and the power of ten of the first one. It is not ok when
// the exponent is absurd.
func significant(b []byte) (digits []byte, exp int, ok bool) {
	mantissa, power := b, 0
	if i := bytes.IndexAny(b, "eE"); i >= 0 {
		p, err := strconv.Atoi(unsafeString(b[i+1:]))
		if err != nil {
			return nil, 0, false
		}
		mantissa, power = b[:i], p
	}
	digits = make([]byte, 0, 18)
	zeros, point, before := 0, false, 0
	for _, c := range mantissa {
		switch c {
		case '.':
			point = true
			continue
		case '-':
			continue
		}
		if len(digits) == 0 && c == '0' {
			if point {
				before--
			}
			continue
		}
		if !point {
			before++
		}
		if c == '0' {
			zeros++
			continue
		}
		for ; zeros > 0 && len(digits) < cap(digits); zeros-- {
			digits = append(digits, '0')
		}
		zeros = 0
		if len(digits) < cap(digits) {
			digits = append(digits, c)
		}
	}
	return digits, power + before, true
}

// parseInteger reads an int64 as strconv.Itoa writes it, and nothing else.
func parseInteger(b []byte) (int64, bool) {
	i, negative := 0, false
	if len(b) > 0 && b[0] == '-' {
		i, negative = 1, true
	}
	n := len(b) - i
	if n == 0 || n > 19 || b[i] == '0' && (n > 1 || negative) {
		return 0, false
	}
	var u uint64 // 19 digits cannot overflow it
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c > 9 {
			return 0, false
		}
		u = u*10 + uint64(c)
	}
	switch {
	case negative && u <= 1<<63:
		return -int64(u), true
	case !negative && u <= math.MaxInt64:
		return int64(u), true
	}
	return 0, false
}

// unsafeString is for calls that neither keep nor change the text.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
