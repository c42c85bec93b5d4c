package examples_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// quotaStore is a store of one's own: it embeds the one that ships, and
// changes what a tenant may create.
type quotaStore struct {
	*sqlstore.Store
	most int
}

// CreateConnector refuses when the tenant has enough connectors.
func (s quotaStore) CreateConnector(ctx context.Context, c *connector.Connector) error {
	_, total, err := s.Connectors(ctx, c.Tenant, connector.Query{Limit: 1})
	if err != nil {
		return err
	}
	if total >= s.most {
		return errs.New(errs.Forbidden, "tenant %s has %d connectors, the most it may have", c.Tenant, total)
	}
	return s.Store.CreateConnector(ctx, c)
}

// A store of one's own, by embedding the one that ships.
func Example_customStore() {
	ctx := context.Background()
	inner, err := sqlstore.Open(ctx, "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		log.Fatal(err)
	}
	defer inner.Close()
	connectors := connector.NewService(quotaStore{inner, 2}, noSources{}, uispec.New(nil), nil)
	for i := range 3 {
		c, err := connectors.Create(ctx, scope.Scope{Tenant: "acme"}, connector.New{
			Name: strings.Repeat("x", i+1), Type: connector.Folder,
			Config: connector.Config{Folder: &connector.FolderConfig{Path: "/srv"}},
		})
		if err != nil {
			fmt.Println(errs.KindOf(err), "-", errs.Message(err))
			continue
		}
		fmt.Println("connector", c.ID)
	}
	// Output:
	// connector 100001
	// connector 100002
	// forbidden - tenant acme has 2 connectors, the most it may have
}
