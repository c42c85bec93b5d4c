package sqlite

import (
	"math/big"
	"strings"
	"testing"
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
