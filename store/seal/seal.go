// Package seal encrypts credentials at rest, as envelopes.
//
// Every connector gets a random 256-bit data key; its secrets are sealed under
// that key with AES-256-GCM, bound to the tenant, connector and field that
// they belong to; and the data key is wrapped by the host's keeper, which may
// be a key in a file or a cloud's key service. What is stored is
//
//	v1.<key id>.<wrapped data key>.<sealed value>
//
// in URL-safe base64. The key id names the keeper, so that several can be in
// use while keys are rotated.
package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"

	"github.com/inlet-go/inlet/store/errs"
)

const version = "v1"

// Options qualifies a Sealer; zero fields have defaults.
type Options struct {
	// KeyID names the keeper's key in what is stored: letters, digits, "-" and
	// "_". "" means "default". Two keys must not share an id.
	KeyID string

	// Old are earlier keepers by their key id. They open, and never seal.
	Old map[string]*secrets.Keeper

	// ReadPlaintext also opens what [Plaintext] stored, so that a database can
	// move on to encryption: RotateSecrets seals it.
	ReadPlaintext bool

	// CacheFor is how long an unwrapped data key is kept in memory; 0 means
	// five minutes.
	CacheFor time.Duration
}

// maxCached bounds the data keys in memory.
const maxCached = 10_000

// Sealer seals under one keeper and opens under several. It is safe for
// concurrent use.
type Sealer struct {
	keyID     string
	keepers   map[string]*secrets.Keeper
	plaintext bool
	cacheFor  time.Duration

	mu    sync.Mutex
	cache map[[sha256.Size]byte]cached // by the hash of key id and wrapped key
}

type cached struct {
	box   cipher.AEAD
	until time.Time
}

// New returns a Sealer that wraps data keys with keeper, which the caller
// closes. It panics when a key id cannot be stored or is used twice, which is
// a mistake in the program.
func New(keeper *secrets.Keeper, opts *Options) *Sealer {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.KeyID == "" {
		o.KeyID = "default"
	}
	if o.CacheFor == 0 {
		o.CacheFor = 5 * time.Minute
	}
	s := &Sealer{
		keyID: o.KeyID, plaintext: o.ReadPlaintext, cacheFor: o.CacheFor,
		keepers: map[string]*secrets.Keeper{}, cache: map[[sha256.Size]byte]cached{},
	}
	for id, old := range o.Old {
		s.keepers[id] = old
	}
	if _, taken := s.keepers[o.KeyID]; taken {
		panic(fmt.Sprintf("seal: key id %q is both current and old", o.KeyID))
	}
	s.keepers[o.KeyID] = keeper
	for id := range s.keepers {
		if !isKeyID(id) {
			panic(fmt.Sprintf("seal: key id %q must be letters, digits, - and _", id))
		}
	}
	return s
}

func isKeyID(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// Seal encrypts the secrets of one connector under a new data key.
func (s *Sealer) Seal(ctx context.Context, tenant string, connector int64, values map[string]string) (map[string]string, error) {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	box, err := newBox(key)
	if err != nil {
		return nil, err
	}
	wrapped, err := s.keepers[s.keyID].Encrypt(ctx, key)
	if err != nil {
		return nil, keeperError(err, s.keyID)
	}
	sealed := make(map[string]string, len(values))
	for field, value := range values {
		e := envelope{keyID: s.keyID, wrapped: wrapped, box: box.Seal(nil, nil, []byte(value), bound(tenant, connector, field))}
		sealed[field] = e.String()
	}
	s.remember(s.keyID, wrapped, box)
	return sealed, nil
}

// Open decrypts one value. Errors: NotFound (the key that sealed it is not
// known), Invalid (it was tampered with, or moved from another place, or the
// keeper holds another key under that id), Unavailable (the keeper does not
// answer).
func (s *Sealer) Open(ctx context.Context, tenant string, connector int64, field, sealed string) (string, error) {
	if text, ok := strings.CutPrefix(sealed, plainPrefix); ok {
		if !s.plaintext {
			return "", errs.New(errs.NotFound, "the value is not encrypted, and ReadPlaintext is not set")
		}
		return text, nil
	}
	e, err := parse(sealed)
	if err != nil {
		return "", err
	}
	box, err := s.open(ctx, e)
	if err != nil {
		return "", err
	}
	text, err := box.Open(nil, nil, e.box, bound(tenant, connector, field))
	if err != nil {
		return "", errs.New(errs.Invalid, "the value does not belong here, or was changed")
	}
	return string(text), nil
}

// Reseal returns the value sealed under the current key: itself when it is
// so already. Otherwise its data key is wrapped anew; the value stays as it is.
func (s *Sealer) Reseal(ctx context.Context, tenant string, connector int64, field, sealed string) (string, error) {
	if strings.HasPrefix(sealed, plainPrefix) {
		text, err := s.Open(ctx, tenant, connector, field, sealed)
		if err != nil {
			return "", err
		}
		fresh, err := s.Seal(ctx, tenant, connector, map[string]string{field: text})
		return fresh[field], err
	}
	e, err := parse(sealed)
	if err != nil || e.keyID == s.keyID {
		return sealed, err
	}
	// Whoever opens it later must be able to: what is broken stays under the
	// key that it names.
	if _, err := s.Open(ctx, tenant, connector, field, sealed); err != nil {
		return "", err
	}
	key, err := s.unwrap(ctx, e)
	if err != nil {
		return "", err
	}
	if e.wrapped, err = s.keepers[s.keyID].Encrypt(ctx, key); err != nil {
		return "", keeperError(err, s.keyID)
	}
	e.keyID = s.keyID
	return e.String(), nil
}

// open returns the cipher of an envelope's data key.
func (s *Sealer) open(ctx context.Context, e envelope) (cipher.AEAD, error) {
	s.mu.Lock()
	c, ok := s.cache[cacheKey(e.keyID, e.wrapped)]
	s.mu.Unlock()
	if ok && time.Now().Before(c.until) {
		return c.box, nil
	}
	key, err := s.unwrap(ctx, e)
	if err != nil {
		return nil, err
	}
	box, err := newBox(key)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the data key is not one of ours")
	}
	s.remember(e.keyID, e.wrapped, box)
	return box, nil
}

func (s *Sealer) unwrap(ctx context.Context, e envelope) ([]byte, error) {
	keeper := s.keepers[e.keyID]
	if keeper == nil {
		return nil, errs.New(errs.NotFound, "the key %q is not known", e.keyID)
	}
	key, err := keeper.Decrypt(ctx, e.wrapped)
	return key, keeperError(err, e.keyID)
}

func (s *Sealer) remember(keyID string, wrapped []byte, box cipher.AEAD) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if len(s.cache) >= maxCached {
		for k, c := range s.cache {
			if now.After(c.until) || len(s.cache) >= maxCached {
				delete(s.cache, k)
			}
		}
	}
	s.cache[cacheKey(keyID, wrapped)] = cached{box, now.Add(s.cacheFor)}
}

func cacheKey(keyID string, wrapped []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(keyID+"."), wrapped...))
}

func newBox(key []byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, errors.New("a data key has 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// bound is the place that a value is bound to. The field stands before the
// tenant, which may hold any character.
func bound(tenant string, connector int64, field string) []byte {
	return fmt.Appendf(nil, "%s|%d|%s|%s", version, connector, field, tenant)
}

// keeperError tells an unreachable key service from a wrong key. Keepers do
// not classify what a wrong key or changed bytes cause.
func keeperError(err error, keyID string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var network net.Error
	code := gcerrors.Code(err)
	if code == gcerrors.Canceled || code == gcerrors.DeadlineExceeded || code == gcerrors.ResourceExhausted || errors.As(err, &network) {
		return errs.Wrap(errs.Unavailable, err, "the key %q is not available", keyID)
	}
	return errs.Wrap(errs.Invalid, err, "the key %q did not open the value", keyID)
}

// envelope is a sealed value in parts.
type envelope struct {
	keyID        string
	wrapped, box []byte
}

var encoding = base64.RawURLEncoding

func (e envelope) String() string {
	return strings.Join([]string{version, e.keyID, encoding.EncodeToString(e.wrapped), encoding.EncodeToString(e.box)}, ".")
}

func parse(sealed string) (envelope, error) {
	parts := strings.Split(sealed, ".")
	if len(parts) != 4 || parts[0] != version {
		return envelope{}, errs.New(errs.Invalid, "the value is not a sealed one")
	}
	wrapped, err := encoding.DecodeString(parts[2])
	if err != nil {
		return envelope{}, errs.New(errs.Invalid, "the value's data key is not base64")
	}
	box, err := encoding.DecodeString(parts[3])
	if err != nil {
		return envelope{}, errs.New(errs.Invalid, "the value is not base64")
	}
	return envelope{keyID: parts[1], wrapped: wrapped, box: box}, nil
}
