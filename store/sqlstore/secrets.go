package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"maps"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

// Sealer encrypts secrets at rest. Package seal has two.
//
// An error is NotFound when the key that sealed a value is not known, Invalid
// when the value or its place was tampered with, and Unavailable when the
// service that holds the key does not answer; its text never holds a secret.
type Sealer interface {
	// Seal encrypts the secrets of one connector by field, such that each can
	// be opened only as that field of that connector. connector is 0 for
	// secrets of other things, whose fields name them.
	Seal(ctx context.Context, tenant string, connector int64, secrets map[string]string) (map[string]string, error)

	// Open decrypts one value that Seal returned.
	Open(ctx context.Context, tenant string, connector int64, field, sealed string) (string, error)

	// Reseal returns what Seal would store now: the same value when it is
	// sealed under the current key, else one under that key.
	Reseal(ctx context.Context, tenant string, connector int64, field, sealed string) (string, error)
}

// seal sets what the row stores of a config. Secrets that are the same as in
// before keep their sealed text: also those that could not be read.
func (s *Store) seal(ctx context.Context, row *connectorRow, config connector.Config, before *connector.Config, stored map[string]string) error {
	known := map[string]connector.Secret{}
	if before != nil {
		for field, secret := range before.Secrets() {
			known[field] = *secret
		}
	}
	config = config.Clone()
	keep, fresh := map[string]string{}, map[string]string{}
	for field, secret := range config.Secrets() {
		if old, ok := known[field]; ok && old == *secret && stored[field] != "" {
			keep[field] = stored[field]
		} else if *secret != "" {
			fresh[field] = secret.Reveal()
		}
		*secret = ""
	}
	if len(fresh) > 0 {
		sealed, err := s.sealer.Seal(ctx, row.Tenant, row.ID, fresh)
		if err != nil {
			return errs.Wrap(errs.KindOf(err), err, "%s: its secrets cannot be sealed", connectorName(row.ID))
		}
		maps.Copy(keep, sealed)
	}
	public, err := json.Marshal(config)
	if err != nil {
		return errs.Wrap(errs.Internal, err, "%s: its config", connectorName(row.ID))
	}
	hidden, err := json.Marshal(keep)
	row.Config, row.Secrets = string(public), string(hidden)
	return err
}

// openConnector returns the connector of a row. When a secret cannot be read,
// it is empty and the connector Unreadable.
func (s *Store) openConnector(ctx context.Context, row connectorRow) (*connector.Connector, error) {
	c := &connector.Connector{
		ID: row.ID, Tenant: row.Tenant, Name: row.Name, Type: connector.SourceType(row.Type), Status: connector.Active,
		CreatedBy: row.CreatedBy, CreatedAt: fromMilli(row.CreatedAt), UpdatedAt: fromMilli(row.UpdatedAt),
	}
	var sealed map[string]string
	err := json.Unmarshal([]byte(row.Config), &c.Config)
	if err == nil {
		err = json.Unmarshal([]byte(row.Secrets), &sealed)
	}
	if err != nil {
		return nil, errs.Wrap(errs.Internal, err, "%s: stored config", connectorName(row.ID))
	}
	for field, secret := range c.Config.Secrets() {
		*secret = ""
		if sealed[field] == "" {
			continue
		}
		text, err := s.sealer.Open(ctx, row.Tenant, row.ID, field, sealed[field])
		switch {
		case errors.Is(err, errs.NotFound), errors.Is(err, errs.Invalid):
			c.Status = connector.Unreadable
			s.logger.WarnContext(ctx, "connector's secret cannot be read", "connector", row.ID, "field", field, "error", err)
		case err != nil:
			return nil, errs.Wrap(errs.KindOf(err), err, "%s: its secrets cannot be read now", connectorName(row.ID))
		default:
			*secret = connector.Secret(text)
		}
	}
	return c, nil
}

// rotateBatch is how many connectors are read at a time.
const rotateBatch = 100

// RotateSecrets seals everything that is not sealed under the current key
// under that key, a small transaction for each connector and each data source
// that is being fetched, and returns how many it changed. It can be stopped
// and called again at any time. Those that cannot be read stay as they are.
func (s *Store) RotateSecrets(ctx context.Context) (n int, err error) {
	if err := s.rotateCanary(ctx); err != nil {
		return 0, err
	}
	for last := int64(0); ; {
		var rows []connectorRow
		err := s.look(ctx, "connectors", func(q session) error {
			return q.all(ctx, &rows, "SELECT "+connectorColumns+" FROM connectors WHERE id > ? ORDER BY id LIMIT ?", last, rotateBatch)
		})
		if err != nil {
			return n, err
		}
		if len(rows) == 0 {
			return s.rotateURLs(ctx, n)
		}
		for _, row := range rows {
			last = row.ID
			changed, err := s.reseal(ctx, row)
			if err != nil {
				return n, err
			}
			if changed {
				n++
			}
		}
	}
}

func (s *Store) reseal(ctx context.Context, row connectorRow) (bool, error) {
	sealed := map[string]string{}
	if err := json.Unmarshal([]byte(row.Secrets), &sealed); err != nil {
		return false, errs.Wrap(errs.Internal, err, "%s: stored secrets", connectorName(row.ID))
	}
	changed := false
	for field, value := range sealed {
		next, err := s.sealer.Reseal(ctx, row.Tenant, row.ID, field, value)
		if errors.Is(err, errs.NotFound) || errors.Is(err, errs.Invalid) {
			continue
		}
		if err != nil {
			return false, errs.Wrap(errs.KindOf(err), err, "%s: its secrets cannot be sealed again", connectorName(row.ID))
		}
		changed = changed || next != value
		sealed[field] = next
	}
	if !changed {
		return false, nil
	}
	text, err := json.Marshal(sealed)
	if err != nil {
		return false, err
	}
	var rows int64
	err = s.write(ctx, connectorName(row.ID), func(q session) (err error) {
		// A connector that was changed meanwhile got the current key by that.
		rows, err = q.exec(ctx, "UPDATE connectors SET secrets = ?, revision = revision + 1 WHERE id = ? AND revision = ?",
			string(text), row.ID, row.Revision)
		return err
	})
	return rows == 1, err
}

// rotateURLs seals the URLs of data sources anew, and adds how many to n.
func (s *Store) rotateURLs(ctx context.Context, n int) (int, error) {
	for last := int64(0); ; {
		var rows []sourceRow
		err := s.look(ctx, "data sources", func(q session) error {
			return q.all(ctx, &rows, "SELECT "+sourceColumns+" FROM data_sources WHERE url <> '' AND num > ? ORDER BY num LIMIT ?", last, rotateBatch)
		})
		if err != nil || len(rows) == 0 {
			return n, err
		}
		for _, row := range rows {
			last = row.Num
			next, err := s.sealer.Reseal(ctx, row.Tenant, 0, sealedURL(row.ID), row.URL)
			if errors.Is(err, errs.NotFound) || errors.Is(err, errs.Invalid) || err == nil && next == row.URL {
				continue
			}
			if err != nil {
				return n, errs.Wrap(errs.KindOf(err), err, "%s: its url cannot be sealed again", sourceName(row.ID))
			}
			err = s.write(ctx, sourceName(row.ID), func(q session) error {
				changed, err := q.exec(ctx, "UPDATE data_sources SET url = ? WHERE num = ? AND url = ?", next, row.Num, row.URL)
				n += int(changed)
				return err
			})
			if err != nil {
				return n, err
			}
		}
	}
}
