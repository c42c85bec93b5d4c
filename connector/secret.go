package connector

import (
	"fmt"
	"log/slog"
)

// Mask is what a Secret shows of itself. Sent back in an update it means "keep
// the stored value".
const Mask = "******"

// Secret is a credential. However it is printed, logged or marshaled it shows
// [Mask]; [Secret.Reveal] is the one way to its value.
type Secret string

// Reveal returns the value. Use it only to open a connection or to seal it.
func (s Secret) Reveal() string { return string(s) }

// String returns the mask, or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Mask
}

// GoString returns the mask, for %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// Format writes the mask, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText returns the mask; it serves JSON as well.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText sets the value, for decoding input.
func (s *Secret) UnmarshalText(b []byte) error {
	*s = Secret(b)
	return nil
}

// LogValue returns the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
