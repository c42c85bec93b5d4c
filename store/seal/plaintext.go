package seal

import (
	"context"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
)

// plainPrefix marks what is stored without encryption.
const plainPrefix = "plain."

// Plaintext returns a sealer that does not encrypt: whoever reads the database
// or a copy of it reads the credentials. It is for tests, and for databases
// that are encrypted by other means.
func Plaintext() Unsealed { return Unsealed{} }

// Unsealed is what [Plaintext] returns.
type Unsealed struct{}

// Seal marks the values as not encrypted.
func (Unsealed) Seal(_ context.Context, _ string, _ int64, values map[string]string) (map[string]string, error) {
	marked := make(map[string]string, len(values))
	for field, value := range values {
		marked[field] = plainPrefix + value
	}
	return marked, nil
}

// Open returns the value; one that is encrypted is a NotFound error.
func (Unsealed) Open(_ context.Context, _ string, _ int64, _, sealed string) (string, error) {
	text, ok := strings.CutPrefix(sealed, plainPrefix)
	if !ok {
		return "", errs.New(errs.NotFound, "the value is encrypted, and no key is given")
	}
	return text, nil
}

// Reseal returns the value as it is; one that is encrypted is NotFound.
func (u Unsealed) Reseal(ctx context.Context, tenant string, connector int64, field, sealed string) (string, error) {
	_, err := u.Open(ctx, tenant, connector, field, sealed)
	return sealed, err
}
