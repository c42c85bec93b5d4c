package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

const maxDefinitions = 100

// definition is one whose fields are all set.
func definition(id, version string, status connector.DefinitionStatus) *connector.Definition {
	d := &connector.Definition{
		ID: connector.DefinitionID(id, version), Tenant: tenant, ConnectorID: id, Name: "Name of " + id, Type: "source", Category: "Database",
		Version: version, Description: "text", Technology: "python", Runtime: "spark", Licence: "MIT", Owner: "Ann", IconURL: "https://e.example/i.svg",
		Status: status, SourceURL: connector.DefinitionPrefix + id + version, SHA256: [32]byte{1, 2},
		Source: connector.Program{Source: id + "-" + version, MainClass: pointer("Main"), MainProgram: nil},
		UISpec: json.RawMessage(" {\"b\" : 1.0,\n\"a\":\"<&>\"}\n"), CreatedBy: "ann", UpdatedBy: "ben",
		CreatedAt: day, UpdatedAt: day.Add(time.Hour), LiveAt: day.Add(time.Minute),
	}
	return d
}

func (f *fixture) save(defs ...*connector.Definition) {
	f.Helper()
	f.ok(f.SaveDefinitions(f.ctx, tenant, defs, maxDefinitions))
}

// statuses returns the ids and statuses of all definitions, in their order.
func (f *fixture) statuses() []string {
	f.Helper()
	defs, err := f.Definitions(f.ctx, tenant, connector.DefinitionQuery{})
	f.ok(err)
	list := []string{}
	for _, d := range defs {
		list = append(list, d.ID+" "+string(d.Status))
	}
	return list
}

func testDefinitionRoundTrip(t *testing.T, f *fixture) {
	want := definition("pg", "1.0.0", connector.Live)
	f.save(want)
	got, err := f.Definition(f.ctx, tenant, "pg-1.0.0")
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by its id (-want +got):\n%s", diff)
	}
	got, err = f.LiveDefinition(f.ctx, tenant, "pg")
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by its connector (-want +got):\n%s", diff)
	}
	for _, id := range []string{"pg", "pg-2", "", "a\x00b", "\xff"} {
		_, err = f.Definition(f.ctx, tenant, id)
		f.is(err, errs.NotFound)
	}
	_, err = f.Definition(f.ctx, stranger, "pg-1.0.0")
	f.is(err, errs.NotFound)
	_, err = f.LiveDefinition(f.ctx, stranger, "pg")
	f.is(err, errs.NotFound)
	bad := definition("x", "1", connector.Live)
	bad.Name = "a\x00b"
	f.is(f.SaveDefinitions(f.ctx, tenant, []*connector.Definition{bad}, maxDefinitions), errs.Invalid)
}

func testDefinitionList(t *testing.T, f *fixture) {
	files := definition("b", "1", connector.Draft)
	files.Category = "File"
	f.save(definition("c", "1", connector.Live), files, definition("a", "2", connector.InValidation), definition("a", "10", connector.Retired))
	f.ok(f.SaveDefinitions(f.ctx, stranger, []*connector.Definition{definition("a", "1", connector.Live)}, maxDefinitions))
	tests := []struct {
		q    connector.DefinitionQuery
		want []string
	}{
		{connector.DefinitionQuery{}, []string{"a-2", "a-10", "b-1", "c-1"}},
		{connector.DefinitionQuery{Statuses: []connector.DefinitionStatus{connector.Live, connector.Draft}}, []string{"b-1", "c-1"}},
		{connector.DefinitionQuery{Categories: []string{"Database"}}, []string{"a-2", "a-10", "c-1"}},
		{connector.DefinitionQuery{Statuses: []connector.DefinitionStatus{connector.Live}, Categories: []string{"File"}}, []string{}},
	}
	for _, tt := range tests {
		defs, err := f.Definitions(f.ctx, tenant, tt.q)
		f.ok(err)
		got := []string{}
		for _, d := range defs {
			got = append(got, d.ID)
			if d.UISpec != nil || d.Name != "Name of "+d.ConnectorID || d.SHA256 != [32]byte{1, 2} {
				t.Errorf("listed %+v", d)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.q, diff)
		}
	}
}

// A version again is an update; a Live version retires the others.
func testDefinitionVersions(t *testing.T, f *fixture) {
	first := definition("pg", "1", connector.Live)
	f.save(first, definition("pg", "0", connector.Draft), definition("other", "1", connector.Live))
	again := definition("pg", "1", connector.Live)
	again.Name, again.UISpec, again.Source.MainClass, again.SHA256 = "Renamed", json.RawMessage(`{}`), nil, [32]byte{7}
	again.CreatedBy, again.UpdatedBy, again.CreatedAt, again.LiveAt, again.UpdatedAt = "x", "y", day.Add(5*time.Hour), day.Add(6*time.Hour), day.Add(7*time.Hour)
	f.save(again)
	want := *again
	want.CreatedBy, want.UpdatedBy, want.CreatedAt, want.LiveAt = "ann", "ben", first.CreatedAt, first.LiveAt
	got, err := f.Definition(f.ctx, tenant, "pg-1")
	f.ok(err)
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("saved again (-want +got):\n%s", diff)
	}

	f.save(definition("pg", "2", connector.Draft))
	if diff := cmp.Diff([]string{"other-1 Live", "pg-1 Live", "pg-0 Draft", "pg-2 Draft"}, f.statuses()); diff != "" {
		t.Errorf("with a draft (-want +got):\n%s", diff)
	}
	second := definition("pg", "2", connector.Live)
	second.UpdatedAt, second.LiveAt = day.Add(9*time.Hour), day.Add(8*time.Hour)
	f.save(second)
	if diff := cmp.Diff([]string{"other-1 Live", "pg-1 Retired", "pg-0 Draft", "pg-2 Live"}, f.statuses()); diff != "" {
		t.Errorf("when it is live (-want +got):\n%s", diff)
	}
	retired, err := f.Definition(f.ctx, tenant, "pg-1")
	f.ok(err)
	if !retired.UpdatedAt.Equal(second.UpdatedAt) || !retired.LiveAt.Equal(first.LiveAt) {
		t.Errorf("retired at %v, live since %v", retired.UpdatedAt, retired.LiveAt)
	}
	never := definition("new", "1", connector.Draft)
	never.LiveAt = time.Time{}
	f.save(never)
	live := definition("new", "1", connector.Live)
	f.save(live)
	if got, err = f.Definition(f.ctx, tenant, "new-1"); err != nil || !got.LiveAt.Equal(live.LiveAt) {
		t.Errorf("live since %v, %v", got.LiveAt, err)
	}
}

// All definitions of an archive are there, or none.
func testDefinitionsTogether(t *testing.T, f *fixture) {
	f.save(definition("a-1", "2", connector.Live))
	err := f.SaveDefinitions(f.ctx, tenant, []*connector.Definition{definition("b", "1", connector.Live), definition("a", "1-2", connector.Live)}, maxDefinitions)
	f.is(err, errs.Exists)
	err = f.SaveDefinitions(f.ctx, tenant, []*connector.Definition{definition("b", "1", connector.Live), definition("c", "1", connector.Live)}, 2)
	f.is(err, errs.TooLarge)
	if diff := cmp.Diff([]string{"a-1-2 Live"}, f.statuses()); diff != "" {
		t.Errorf("after refusals (-want +got):\n%s", diff)
	}
	f.ok(f.SaveDefinitions(f.ctx, tenant, []*connector.Definition{definition("b", "1", connector.Live)}, 2))
	f.ok(f.SaveDefinitions(f.ctx, tenant, []*connector.Definition{definition("b", "1", connector.Live)}, 2)) // it is there already
}

func testDefinitionArchives(t *testing.T, f *fixture) {
	key := func(name string) string { return connector.DefinitionPrefix + name }
	of := func(id, version, archive string) *connector.Definition {
		d := definition(id, version, connector.Live)
		d.SourceURL = key(archive)
		return d
	}
	f.save(of("a", "1", "first"), of("b", "1", "first"))
	keys := []string{key("first"), key("second"), key("unknown"), key("third")}
	check := func(when string, want []bool, garbage []string) {
		t.Helper()
		live, err := f.Live(f.ctx, keys)
		f.ok(err)
		if diff := cmp.Diff(want, live); diff != "" {
			t.Errorf("live %s (-want +got):\n%s", when, diff)
		}
		got, err := f.Garbage(f.ctx, time.Now().Add(time.Hour), 10)
		f.ok(err)
		if diff := cmp.Diff(garbage, got); diff != "" {
			t.Errorf("garbage %s (-want +got):\n%s", when, diff)
		}
	}
	check("at first", []bool{true, false, false, false}, nil)
	f.save(of("a", "1", "second"))
	check("while another definition has it", []bool{true, true, false, false}, nil)
	f.save(of("a", "2", "third"))
	check("while a retired one has it", []bool{true, true, false, true}, nil)
	f.save(of("b", "1", "second"))
	check("when none has it", []bool{true, true, false, true}, []string{key("first")}) // it waits to be collected
	f.ok(f.Collected(f.ctx, []string{key("first")}))
	check("after it was collected", []bool{false, true, false, true}, nil)
}

// A config of a definition is kept with its sealed parts.
func testDefinedConnectors(t *testing.T, f *fixture) {
	want := &connector.Connector{
		Tenant: tenant, Name: "pg", Type: connector.Defined, Status: connector.Active, CreatedBy: "me", CreatedAt: day, UpdatedAt: day,
		Config: connector.Config{Definition: &connector.DefinedConfig{
			ID: "pg-1", Values: json.RawMessage(`{"batch_size":100}`), Masked: []string{"/conn/password", "/token"},
			Sealed: []connector.SealedPart{{Pointer: "/conn", JSON: `{"password":"s3cret","port":5432}`}, {Pointer: "/token", JSON: `"t0ken"`}},
		}},
	}
	f.ok(f.CreateConnector(f.ctx, want))
	f.ok(f.UpdateConnector(f.ctx, tenant, want.ID, func(c *connector.Connector) error {
		c.Config.Definition.Sealed[1].JSON = `"other"`
		return nil
	}))
	want.Config.Definition.Sealed[1].JSON = `"other"`
	got, err := f.Connector(f.ctx, tenant, want.ID)
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("connector (-want +got):\n%s", diff)
	}
	for i, text := range []string{`{"password":"s3cret","port":5432}`, `"other"`} {
		if got := got.Config.Definition.Sealed[i].JSON.Reveal(); got != text {
			t.Errorf("sealed part %d is %q, want %q", i, got, text)
		}
	}
}

func testConcurrentVersions(t *testing.T, f *fixture) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			err := f.SaveDefinitions(f.ctx, tenant, []*connector.Definition{definition("pg", fmt.Sprint(i), connector.Live)}, maxDefinitions)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	live, err := f.Definitions(f.ctx, tenant, connector.DefinitionQuery{Statuses: []connector.DefinitionStatus{connector.Live}})
	f.ok(err)
	if len(live) != 1 || len(f.statuses()) != 8 {
		t.Errorf("%d versions are live of %d", len(live), len(f.statuses()))
	}
}
