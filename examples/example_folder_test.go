package examples_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/open"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// A connector to a local folder, below one that the host allows and nowhere
// else.
func Example_localConnector() {
	ctx := context.Background()
	allowed, err := os.MkdirTemp("", "allowed")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(allowed)
	os.MkdirAll(filepath.Join(allowed, "inbox", "2026"), 0o755)
	os.WriteFile(filepath.Join(allowed, "inbox", "a.csv"), []byte("1,2\n"), 0o644)
	os.WriteFile(filepath.Join(allowed, "inbox", "notes.txt"), []byte("hello"), 0o644)
	os.WriteFile(filepath.Join(allowed, "inbox", "2026", "b.csv"), []byte("3,4\n"), 0o644)
	os.Symlink("/etc", filepath.Join(allowed, "way-out"))

	store, err := sqlstore.Open(ctx, "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	opener, err := open.New(&open.Options{AllowDir: []string{allowed}})
	if err != nil {
		log.Fatal(err)
	}
	connectors := connector.NewService(store, opener, uispec.New(nil), nil)
	me := scope.Scope{Tenant: "acme", User: "ann"}

	for _, dir := range []string{"inbox", "way-out", "../.."} {
		conn, err := connectors.Create(ctx, me, connector.New{
			Name: dir, Type: connector.Folder,
			Config: connector.Config{Folder: &connector.FolderConfig{Path: filepath.Join(allowed, dir)}},
		})
		if err != nil {
			log.Fatal(err)
		}
		page, err := connectors.Files(ctx, me, conn.ID, connector.FilesQuery{Types: []connector.FileType{connector.CSV}})
		if err != nil {
			fmt.Println(dir, "-", errs.KindOf(err))
			continue
		}
		for _, f := range page.Files {
			fmt.Println(dir, "-", f.Name, f.Size, f.Type)
		}
	}
	// Output:
	// inbox - 2026 0 10
	// inbox - a.csv 4 7
	// way-out - not found
	// ../.. - forbidden
}
