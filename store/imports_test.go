package store_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/inlet-go/inlet/"

// rules says what each package may import besides the standard library: own
// packages without the module's prefix, others by their module's prefix. A
// package that is not here fails the test: whoever adds one decides.
var rules = map[string][]string{
	"store":                         {},
	"store/errs":                    {"github.com/hashicorp/go-multierror"},
	"store/scope":                   {"store/errs"},
	"store/work":                    {"store/errs"},
	"store/seal":                    {"store/errs", "gocloud.dev/secrets", "gocloud.dev/gcerrors"},
	"blob":                          {"store/errs", "golang.org/x/sync"},
	"blob/folder":                   {"blob", "store/errs", "golang.org/x/sys", "golang.org/x/sync"},
	"blob/cloud":                    {"blob", "store/errs", "gocloud.dev"},
	"blob/guard":                    {"blob/internal/remote", "store/errs", "code.dny.dev/ssrf"},
	"connector":                     {"blob", "store/errs", "store/scope"},
	"task":                          {"blob", "connector", "store/errs", "store/scope", "store/work", "golang.org/x/sync"},
	"dataset":                       {"blob", "store/errs", "store/scope", "store/work"},
	"dataset/fetch":                 {"blob/guard", "dataset", "store/errs"},
	"dataset/inspect":               {"dataset", "query/tabular", "store/errs", "github.com/gabriel-vasile/mimetype"},
	"httpapi":                       {"blob", "connector", "dataset", "filesync", "query", "task", "store/errs", "store/scope", "go.opentelemetry.io/otel", "github.com/google/uuid"},
	"blob/s3":                       {"blob", "blob/internal/remote", "store/errs", "github.com/aws"},
	"blob/oss":                      {"blob", "blob/internal/remote", "store/errs", "github.com/aliyun"},
	"blob/oss/ossblob":              {"blob", "blob/internal/remote", "blob/oss", "store/errs", "github.com/aliyun", "gocloud.dev"},
	"blob/internal/remote":          {"blob", "store/errs", "golang.org/x/sync"},
	"connector/archive":             {"blob", "connector", "store/errs", "github.com/ulikunitz/xz"},
	"connector/archive/archivetest": {"github.com/ulikunitz/xz"},
	"connector/uispec":              {"connector", "store/errs", "github.com/santhosh-tekuri/jsonschema"},
	"filesync":                      {"blob", "store/errs", "store/scope"},
	"connector/open": {
		"blob", "blob/folder", "blob/guard", "blob/oss", "blob/s3", "connector", "store/errs",
	},
	"connector/database": {
		"blob", "blob/guard", "connector", "query/tabular/parquet", "store/errs", "github.com/parquet-go",
	},
	"connector/database/postgres": {"connector/database", "store/errs", "github.com/jackc/pgx", "github.com/parquet-go"},
	"connector/database/mysql":    {"connector/database", "store/errs", "github.com/go-sql-driver/mysql", "github.com/parquet-go"},
	"store/sqlstore": {
		"blob", "connector", "dataset", "filesync", "query", "query/catalog", "task", "store/errs", "store/work", "store/seal",
		"github.com/jmoiron/sqlx", "github.com/jackc/pgx", "github.com/pressly/goose", "modernc.org/sqlite", "golang.org/x/sync",
	},
	"blob/folder/folderblob":     {"blob", "blob/folder", "store/errs", "gocloud.dev"},
	"blob/blobtest":              {"blob", "store/errs", "github.com/google/go-cmp"},
	"blob/blobtest/fakeserver":   {},
	"store/storetest":            {"blob", "connector", "dataset", "filesync", "query", "query/catalog", "task", "store/errs", "store/work", "github.com/google/go-cmp"},
	"query":                      {"blob", "query/tabular", "store/errs", "store/scope", "github.com/google/uuid"},
	"query/catalog":              {"blob", "dataset", "filesync", "query", "query/tabular", "store/errs", "store/scope"},
	"query/enginetest/logictest": {"query", "query/enginetest", "query/tabular"},
	"query/export":               {"query", "query/tabular/parquet", "store/errs", "github.com/parquet-go"},
	"query/result":               {"blob", "query", "query/tabular", "store/errs", "github.com/klauspost/compress"},
	"query/enginetest":           {"query", "query/tabular", "store/scope", "github.com/google/go-cmp"},
	"query/sqlite":               {"query", "query/tabular", "store/errs", "github.com/gofrs/flock", "modernc.org/sqlite", "modernc.org/libc"},
	"query/tabular":              {"store/errs", "golang.org/x/text"},
	"query/sqldb":                {"query", "query/tabular", "store/errs", "store/scope"},
	"query/tabular/parquet": {
		"query/tabular", "store/errs", "github.com/parquet-go", "github.com/klauspost/compress", "github.com/pierrec/lz4",
		"github.com/andybalholm/brotli",
	},
	"query/tabular/tabulartest": {"query/tabular", "store/errs"},
	"query/tabular/xlsx":        {"query/tabular", "store/errs"},
	"store/work/worktest":       {"store/errs", "store/work", "github.com/google/go-cmp"},
}

// examples and what is only run by tests may import everything.
func free(pkg string) bool { return strings.HasPrefix(pkg, "examples") }

func TestImportsFollowTheRules(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	cmd.Dir = filepath.Join("..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(pkg.ImportPath, module)
		if free(name) {
			continue
		}
		allowed, ok := rules[name]
		if !ok {
			t.Errorf("package %s has no import rule", name)
			continue
		}
		for _, path := range pkg.Imports {
			if !permitted(path, allowed) {
				t.Errorf("%s must not import %s", name, path)
			}
		}
	}
}

// permitted reports whether path is of the standard library, or allowed.
func permitted(path string, allowed []string) bool {
	first, _, _ := strings.Cut(path, "/")
	if !strings.Contains(first, ".") {
		return true
	}
	own, isOwn := strings.CutPrefix(path, module)
	for _, rule := range allowed {
		if isOwn && own == rule || !isOwn && (path == rule || strings.HasPrefix(path, rule+"/")) {
			return true
		}
	}
	return false
}
