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

	lookClosely // a number that float64 may hold; only between functions
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
	class := numberSyntax(b)
	if class != lookClosely {
		return class
	}
	if _, ok := survives(b); ok {
		return seenReal
	}
	return seenText
}

// numberSyntax is numberClass as far as it can be told without conversion.
func numberSyntax(b []byte) Seen {
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
	return realSyntax(b, start, whole)
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

// realSyntax judges a number with digits up to start+whole and something behind.
func realSyntax(b []byte, start, whole int) Seen {
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
		return lookClosely
	}
	return seenReal
}

// survives reports whether float64 holds the digits of the number b, and as
// what: the shortest decimal that means this float64 is the same number.
func survives(b []byte) (float64, bool) {
	f, err := strconv.ParseFloat(unsafeString(b), 64)
	if err != nil {
		return 0, false
	}
	var buf [400]byte // 'f' of the smallest number has 326
	if bytes.Equal(b, strconv.AppendFloat(buf[:0], f, 'f', -1, 64)) {
		return f, true // as most programs write it
	}
	var digits [2][18]byte
	want, wantExp, ok := significant(digits[0][:0], b)
	if !ok || len(want) > 17 {
		return 0, false
	}
	got, gotExp, _ := significant(digits[1][:0], strconv.AppendFloat(buf[:0], f, 'e', -1, 64))
	return f, bytes.Equal(want, got) && (wantExp == gotExp || len(want) == 0)
}

// significant appends to digits those of a number without zeros at either end,
// as many as there is room for, and returns the power of ten of the first one.
// It is not ok when the exponent is absurd.
func significant(digits, b []byte) (_ []byte, exp int, ok bool) {
	mantissa, power := b, 0
	if i := bytes.IndexAny(b, "eE"); i >= 0 {
		p, err := strconv.Atoi(unsafeString(b[i+1:]))
		if err != nil {
			return nil, 0, false
		}
		mantissa, power = b[:i], p
	}
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
