package sqlstore

import (
	"context"
	"errors"

	"github.com/inlet-go/inlet/store/errs"
)

// The canary is a text that is no secret, sealed as secrets are: whether it
// can be opened tells at Open whether the key is right.
const (
	canaryField = "canary"
	canaryText  = "inlet"
)

// checkKey opens the canary, or makes it in a new database.
func (s *Store) checkKey(ctx context.Context, allowLost bool) error {
	var sealed []string
	err := s.look(ctx, "the settings", func(q session) error {
		return q.all(ctx, &sealed, "SELECT value FROM settings WHERE name = ?", canaryField)
	})
	if err != nil {
		return err
	}
	if len(sealed) == 0 {
		return s.putCanary(ctx, "")
	}
	text, err := s.sealer.Open(ctx, "", 0, canaryField, sealed[0])
	switch {
	case err == nil && text == canaryText:
		return nil
	case err != nil && !errors.Is(err, errs.NotFound) && !errors.Is(err, errs.Invalid):
		return err
	case allowLost:
		return s.putCanary(ctx, sealed[0])
	}
	return errs.Wrap(errs.Invalid, err,
		"the database's secrets were sealed under another key: give the Sealer that key, or set AllowLostKey to go on without these secrets")
}

// putCanary seals the canary in place of old, unless another node did.
func (s *Store) putCanary(ctx context.Context, old string) error {
	sealed, err := s.sealer.Seal(ctx, "", 0, map[string]string{canaryField: canaryText})
	if err != nil {
		return err
	}
	var known []string
	err = s.write(ctx, "the settings", func(q session) error {
		_, err := q.exec(ctx, `INSERT INTO settings (name, value) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE settings.value = ?`,
			canaryField, sealed[canaryField], old)
		if err != nil {
			return err
		}
		known = nil
		return q.all(ctx, &known, "SELECT value FROM settings WHERE name = ?", canaryField)
	})
	if err == nil && len(known) == 1 && known[0] != sealed[canaryField] {
		return s.checkKey(ctx, false) // another node was first: with our key?
	}
	return err
}

func (s *Store) rotateCanary(ctx context.Context) error {
	var sealed string
	err := s.look(ctx, "the settings", func(q session) error {
		return q.get(ctx, &sealed, "SELECT value FROM settings WHERE name = ?", canaryField)
	})
	if err != nil {
		return err
	}
	next, err := s.sealer.Reseal(ctx, "", 0, canaryField, sealed)
	if err != nil || next == sealed {
		return err
	}
	return s.write(ctx, "the settings", func(q session) error {
		_, err := q.exec(ctx, "UPDATE settings SET value = ? WHERE name = ? AND value = ?", next, canaryField, sealed)
		return err
	})
}
