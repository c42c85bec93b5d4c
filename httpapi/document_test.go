package httpapi

import (
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/task"
)

// misprints are the routes that the document mentions in its text only, besides
// those of Canner's other prefix.
var misprints = map[string]bool{"post /conectors": true}

func TestDocumentHasExactlyTheRoutes(t *testing.T) {
	cfg := Config{
		Connectors: connector.NewService(nil, nil, nil, nil), Tasks: task.NewService(nil, nil, nil, nil),
		Datasets: dataset.NewService(nil, nil, nil), FileSync: filesync.NewService(nil, nil, nil), Definitions: connector.NewDefinitions(nil, nil, nil, nil, nil),
		Queries: query.NewService(nil, nil, nil, nil, nil), Authenticator: Open("a"),
	}
	var routes []string
	for _, d := range dialects(&cfg) {
		for _, r := range d.routes {
			if name := strings.ToLower(r.method) + " " + r.path; !misprints[name] && !strings.HasPrefix(r.path, cannerPrefixes[1]) {
				routes = append(routes, name)
			}
		}
	}
	var doc struct {
		Paths map[string]map[string]yaml.Node
	}
	if err := yaml.Unmarshal(OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	var documented []string
	for path, operations := range doc.Paths {
		for method := range operations {
			if method != "head" { // comes with get
				documented = append(documented, method+" "+path)
			}
		}
	}
	sort.Strings(routes)
	sort.Strings(documented)
	if diff := cmp.Diff(routes, documented); diff != "" {
		t.Errorf("(-routes +document):\n%s", diff)
	}
}
