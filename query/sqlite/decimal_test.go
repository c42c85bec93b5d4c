package sqlite

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/query/tabular"
)

var decimals = []string{
	"0", "-0", "0.00", "1", "1.0", "1.00", "-1", "10", "9.99", "10.01", "0.1", "0.10", ".1", "-0.001", "0.001", "123456789012345678901234567890.1",
	"123456789012345678901234567890.2", "1e3", "1000", "999.9999", "1.5E-2", "0.015", "-5", "-50", "-49.999", "100", "1e-6", "12e400",
}

func TestDecimalsCompareByValue(t *testing.T) {
	for _, a := range decimals {
		for _, b := range decimals {
			x, _ := new(big.Rat).SetString(a)
			y, _ := new(big.Rat).SetString(b)
			if got, want := sign(compareDecimals(a, b)), x.Cmp(y); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
}

func sign(n int) int { return max(-1, min(1, n)) }

func FuzzCompareDecimals(f *testing.F) {
	for i, a := range decimals {
		f.Add(a, decimals[len(decimals)-1-i])
	}
	f.Add("abc", "1")
	f.Add("1.2.3", "--1")
	f.Fuzz(func(t *testing.T, a, b string) {
		got := sign(compareDecimals(a, b))
		if other := sign(compareDecimals(b, a)); other != -got {
			t.Fatalf("%q against %q: %d and %d", a, b, got, other)
		}
		_, okA := parseDecimal(a)
		_, okB := parseDecimal(b)
		if !okA || !okB || len(a) > 100 || len(b) > 100 || strings.ContainsAny(a+b, "eE") {
			return
		}
		x, ok := new(big.Rat).SetString(strings.TrimSuffix(a, "."))
		y, ok2 := new(big.Rat).SetString(strings.TrimSuffix(b, "."))
		if ok && ok2 && x.Cmp(y) != got {
			t.Fatalf("%q against %q: %d, want %d", a, b, got, x.Cmp(y))
		}
	})
}

func TestDecimalsThatAreNumbers(t *testing.T) {
	for _, c := range []struct {
		f     float64
		scale int
		want  string // "" where f is no such decimal
	}{
		{9.5, 2, "9.50"}, {-0.01, 2, "-0.01"}, {0, 2, "0.00"}, {10, 0, "10"}, {1234567890123.45, 2, "1234567890123.45"},
		{0.30000000000000004, 2, ""}, {1.23456, 2, ""}, {1e300, 2, ""}, {0.000000000000001, 15, "0.000000000000001"}, {-123456, 3, "-123456.000"},
	} {
		got, ok := appendDecimal(nil, c.f, c.scale)
		if ok != (c.want != "") || ok && string(got) != c.want {
			t.Errorf("%v with %d digits: %q, %t, want %q", c.f, c.scale, got, ok, c.want)
		}
	}
}

// FuzzDecimalSurvives checks that what is kept as a number comes back as it was.
func FuzzDecimalSurvives(f *testing.F) {
	for _, d := range decimals {
		f.Add(d)
	}
	f.Add("99999999999999.9")
	f.Add("0.123456789012345")
	f.Fuzz(func(t *testing.T, text string) {
		if d, ok := new(big.Rat).SetString(text); !ok || d == nil || strings.ContainsAny(text, "/_xXpPoObB") || len(text) > 50 {
			return
		}
		whole, fraction, point := strings.Cut(strings.TrimPrefix(text, "-"), ".")
		if strings.HasPrefix(text, "+") || whole == "" || point && fraction == "" || len(whole) > 1 && whole[0] == '0' {
			return // not as decimals are written
		}
		var s columnShape
		s.note(tabular.Value{Type: tabular.Decimal, Bytes: []byte(text)})
		if s.wide {
			return
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := appendDecimal(nil, v, scaleOf(s.declare(tabular.Decimal)))
		if !ok || string(got) != text {
			t.Fatalf("%q became %q, %t", text, got, ok)
		}
	})
}
