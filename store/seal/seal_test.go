package seal_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/seal"
)

const secret = "c4nary-s3cret"

func keeper(t *testing.T) *secrets.Keeper {
	t.Helper()
	key, err := localsecrets.NewRandomKey()
	if err != nil {
		t.Fatal(err)
	}
	k := localsecrets.NewKeeper(key)
	t.Cleanup(func() { k.Close() })
	return k
}

func sealed(t *testing.T, s *seal.Sealer) string {
	t.Helper()
	values, err := s.Seal(t.Context(), "t", 7, map[string]string{"f": secret, "other": secret})
	if err != nil {
		t.Fatal(err)
	}
	if values["f"] == values["other"] || len(values) != 2 {
		t.Fatalf("two fields were sealed as %v", values)
	}
	return values["f"]
}

func TestSealOpensWhereItBelongs(t *testing.T) {
	s := seal.New(keeper(t), &seal.Options{KeyID: "k1"})
	value := sealed(t, s)
	if !strings.HasPrefix(value, "v1.k1.") || strings.Contains(value, secret) || strings.Count(value, ".") != 3 {
		t.Errorf("stored as %q", value)
	}
	parts := strings.Split(value, ".")
	swapped := strings.Split(sealed(t, s), ".")
	tests := []struct {
		name, tenant string
		id           int64
		field, value string
		want         error
	}{
		{"its place", "t", 7, "f", value, nil},
		{"another tenant", "u", 7, "f", value, errs.Invalid},
		{"another connector", "t", 8, "f", value, errs.Invalid},
		{"another field", "t", 7, "g", value, errs.Invalid},
		{"a changed value", "t", 7, "f", value[:len(value)-2] + "AA", errs.Invalid},
		{"a value under another data key", "t", 7, "f", strings.Join([]string{"v1", "k1", swapped[2], parts[3]}, "."), errs.Invalid},
		{"a changed data key", "t", 7, "f", strings.Join([]string{"v1", "k1", "AA" + parts[2][2:], parts[3]}, "."), errs.Invalid},
		{"an unknown key", "t", 7, "f", strings.Replace(value, ".k1.", ".k2.", 1), errs.NotFound},
		{"another version", "t", 7, "f", "v2" + value[2:], errs.Invalid},
		{"no base64", "t", 7, "f", value + "!", errs.Invalid},
		{"nothing", "t", 7, "f", "", errs.Invalid},
		{"plain text", "t", 7, "f", "plain." + secret, errs.NotFound},
	}
	for _, tt := range tests {
		got, err := s.Open(t.Context(), tt.tenant, tt.id, tt.field, tt.value)
		if !errors.Is(err, tt.want) || tt.want == nil && got != secret || tt.want != nil && got != "" {
			t.Errorf("%s: %q, %v, want %v", tt.name, got, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), parts[3])) {
			t.Errorf("%s: the error shows the value: %v", tt.name, err)
		}
	}
}

func TestAWrongKeyOpensNothing(t *testing.T) {
	value := sealed(t, seal.New(keeper(t), nil))
	if _, err := seal.New(keeper(t), nil).Open(t.Context(), "t", 7, "f", value); !errors.Is(err, errs.Invalid) {
		t.Errorf("opened under another key of the same id: %v", err)
	}
}

func TestReseal(t *testing.T) {
	ctx := t.Context()
	oldKeeper, newKeeper := keeper(t), keeper(t)
	old := seal.New(oldKeeper, &seal.Options{KeyID: "old"})
	both := seal.New(newKeeper, &seal.Options{KeyID: "new", Old: map[string]*secrets.Keeper{"old": oldKeeper}, ReadPlaintext: true})
	only := seal.New(newKeeper, &seal.Options{KeyID: "new"})
	value := sealed(t, old)
	if got, err := both.Open(ctx, "t", 7, "f", value); err != nil || got != secret {
		t.Fatalf("with the old key at hand: %q, %v", got, err)
	}
	for _, from := range []string{value, "plain." + secret} {
		moved, err := both.Reseal(ctx, "t", 7, "f", from)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := only.Open(ctx, "t", 7, "f", moved); err != nil || got != secret {
			t.Errorf("without the old key: %q, %v", got, err)
		}
		if again, err := both.Reseal(ctx, "t", 7, "f", moved); err != nil || again != moved {
			t.Errorf("resealed again: %v, %v", again, err)
		}
	}
	if _, err := only.Reseal(ctx, "t", 7, "f", value); !errors.Is(err, errs.NotFound) {
		t.Errorf("resealed without the old key: %v", err)
	}
	if _, err := both.Reseal(ctx, "t", 8, "f", value); !errors.Is(err, errs.Invalid) {
		t.Errorf("resealed in another place: %v", err)
	}
}

// service is a key service that can be counted and made to fail.
type service struct {
	calls int
	err   error
	code  gcerrors.ErrorCode
}

func (s *service) Decrypt(_ context.Context, b []byte) ([]byte, error) {
	s.calls++
	return b, s.err
}
func (s *service) Encrypt(_ context.Context, b []byte) ([]byte, error) { return b, s.err }
func (s *service) Close() error                                        { return nil }
func (s *service) ErrorAs(error, any) bool                             { return false }
func (s *service) ErrorCode(error) gcerrors.ErrorCode                  { return s.code }

func TestDataKeysAreCachedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		remote := &service{}
		value := sealed(t, seal.New(secrets.NewKeeper(remote), nil))
		s := seal.New(secrets.NewKeeper(remote), &seal.Options{CacheFor: time.Minute})
		open := func() {
			if got, err := s.Open(t.Context(), "t", 7, "f", value); err != nil || got != secret {
				t.Fatalf("opened %q, %v", got, err)
			}
		}
		open()
		open()
		if remote.calls != 1 {
			t.Errorf("the service was asked %d times for one data key", remote.calls)
		}
		time.Sleep(61 * time.Second)
		open()
		if remote.calls != 2 {
			t.Errorf("the service was asked %d times, want again after a minute", remote.calls)
		}
	})
}

func TestAKeyServiceThatDoesNotAnswer(t *testing.T) {
	remote := &service{}
	s := seal.New(secrets.NewKeeper(remote), nil)
	value := sealed(t, s)
	s = seal.New(secrets.NewKeeper(remote), nil)
	remote.err, remote.code = errors.New("slow down"), gcerrors.ResourceExhausted
	if _, err := s.Open(t.Context(), "t", 7, "f", value); !errors.Is(err, errs.Unavailable) {
		t.Errorf("open: %v, want unavailable: the key is not lost", err)
	}
	if _, err := s.Seal(t.Context(), "t", 7, map[string]string{"f": secret}); !errors.Is(err, errs.Unavailable) {
		t.Errorf("seal: %v, want unavailable", err)
	}
}

func TestPlaintext(t *testing.T) {
	p := seal.Plaintext()
	values, err := p.Seal(t.Context(), "t", 7, map[string]string{"f": secret})
	if err != nil || values["f"] != "plain."+secret {
		t.Fatalf("%v, %v", values, err)
	}
	if got, err := p.Open(t.Context(), "t", 7, "f", values["f"]); err != nil || got != secret {
		t.Errorf("opened %q, %v", got, err)
	}
	if _, err := p.Open(t.Context(), "t", 7, "f", sealed(t, seal.New(keeper(t), nil))); !errors.Is(err, errs.NotFound) {
		t.Errorf("opened an encrypted value: %v", err)
	}
}

func TestKeyIDs(t *testing.T) {
	k := keeper(t)
	for name, opts := range map[string]*seal.Options{
		"a dot":    {KeyID: "a.b"},
		"twice":    {KeyID: "a", Old: map[string]*secrets.Keeper{"a": k}},
		"old dot":  {Old: map[string]*secrets.Keeper{"a.b": k}},
		"old none": {Old: map[string]*secrets.Keeper{"": k}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			seal.New(k, opts)
		}()
	}
}
