package dataset_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

func TestDatasets(t *testing.T) {
	e := newEnv(t, nil)
	d, err := e.svc.Create(t.Context(), e.me, dataset.New{Name: strings.Repeat("名", 200), Description: strings.Repeat("d", 200)})
	e.ok(err)
	want := &dataset.Dataset{
		ID: d.ID, Tenant: "acme", Owner: "ann", Name: strings.Repeat("名", 128), Description: strings.Repeat("d", 128),
		CreatedAt: e.now, UpdatedAt: e.now,
	}
	got, err := e.svc.Get(t.Context(), e.me, d.ID)
	e.ok(err)
	if diff := cmp.Diff(want, got); diff != "" || !strings.HasPrefix(d.ID, "dataset-") || len(d.ID) != len("dataset-")+24 {
		t.Errorf("dataset %s (-want +got):\n%s", d.ID, diff)
	}
	e.advance(time.Hour)
	name, long := "Sales 2026", strings.Repeat("x", 50_000)
	e.ok(e.svc.Modify(t.Context(), e.me, d.ID, dataset.Change{Name: &name, Description: &long}))
	got, err = e.svc.Get(t.Context(), e.me, d.ID)
	e.ok(err)
	if got.Name != name || got.Description != long || !got.UpdatedAt.Equal(e.now) || !got.CreatedAt.Equal(want.CreatedAt) {
		t.Errorf("modified: %.60q %d %v %v", got.Name, len(got.Description), got.CreatedAt, got.UpdatedAt)
	}
	blank := " "
	e.ok(e.svc.Modify(t.Context(), e.me, d.ID, dataset.Change{Name: &blank, Description: &name}))
	if got, err = e.svc.Get(t.Context(), e.me, d.ID); err != nil || got.Name != name || got.Description != name {
		t.Errorf("a blank name stays: %+v, %v", got, err)
	}
	e.ok(e.svc.Delete(t.Context(), e.me, d.ID))
	_, err = e.svc.Get(t.Context(), e.me, d.ID)
	e.is(err, errs.NotFound, d.ID)
	e.is(e.svc.Delete(t.Context(), e.me, d.ID), errs.NotFound, d.ID)
}

func TestListsAreSearchedAndPaged(t *testing.T) {
	e := newEnv(t, nil)
	for i := range 5 {
		_, err := e.svc.Create(t.Context(), e.me, dataset.New{Name: fmt.Sprintf("d%d", i), Description: []string{"", "50% off"}[i%2]})
		e.ok(err)
	}
	_, err := e.svc.Create(t.Context(), scope.Scope{Tenant: "acme", User: "bob"}, dataset.New{Name: "d9"})
	e.ok(err)
	tests := map[string]struct {
		q     dataset.Query
		want  []string
		total int
	}{
		"all, newest first": {dataset.Query{}, []string{"d4", "d3", "d2", "d1", "d0"}, 5},
		"a page":            {dataset.Query{Offset: 1, Limit: 2}, []string{"d3", "d2"}, 5},
		"behind the end":    {dataset.Query{Offset: 9, Limit: 2}, []string{}, 5},
		"by name":           {dataset.Query{Search: "D1"}, []string{"d1"}, 1},
		"by description":    {dataset.Query{Search: "% OFF"}, []string{"d3", "d1"}, 2},
		"nothing":           {dataset.Query{Search: "_"}, []string{}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list, total, err := e.svc.List(t.Context(), e.me, tt.q)
			e.ok(err)
			got := []string{}
			for _, d := range list {
				got = append(got, d.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || total != tt.total {
				t.Errorf("%d, want %d (-want +got):\n%s", total, tt.total, diff)
			}
		})
	}
}

func TestBadDatasetsAreRefused(t *testing.T) {
	e := newEnv(t, nil)
	d := e.dataset("d")
	text := func(s string) *string { return &s }
	tests := map[string]struct {
		call func() error
		want string
	}{
		"no name":   {func() error { _, err := e.svc.Create(t.Context(), e.me, dataset.New{}); return err }, "name is required"},
		"blank":     {func() error { _, err := e.svc.Create(t.Context(), e.me, dataset.New{Name: " \t"}); return err }, "name is required"},
		"control":   {func() error { _, err := e.svc.Create(t.Context(), e.me, dataset.New{Name: "a\x00"}); return err }, "name is invalid"},
		"not UTF-8": {func() error { _, err := e.svc.Create(t.Context(), e.me, dataset.New{Name: "a\xff"}); return err }, "name is invalid"},
		"no user": {func() error {
			_, err := e.svc.Create(t.Context(), scope.Scope{Tenant: "acme"}, dataset.New{Name: "a"})
			return err
		}, "user_id is required"},
		"long user": {func() error {
			_, err := e.svc.Get(t.Context(), scope.Scope{Tenant: "acme", User: strings.Repeat("x", 129)}, d.ID)
			return err
		}, "user_id is invalid"},
		"nothing to do": {func() error { return e.svc.Modify(t.Context(), e.me, d.ID, dataset.Change{}) }, "name or description is required"},
		"too long": {func() error {
			return e.svc.Modify(t.Context(), e.me, d.ID, dataset.Change{Description: text(strings.Repeat("x", 50_001))})
		}, "description is invalid"},
		"search": {func() error {
			_, _, err := e.svc.List(t.Context(), e.me, dataset.Query{Search: strings.Repeat("x", 129)})
			return err
		}, "search is invalid"},
		"unknown status": {func() error {
			_, _, err := e.svc.Sources(t.Context(), e.me, d.ID, dataset.SourceQuery{Statuses: []dataset.Status{"done"}})
			return err
		}, `status is invalid: "done"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { e.is(tt.call(), errs.Invalid, tt.want) })
	}
}

// TestOthersCannotTouchAnything tries every call as another user of the tenant,
// and as another tenant.
func TestOthersCannotTouchAnything(t *testing.T) {
	e := newEnv(t, nil)
	ctx := t.Context()
	d := e.dataset("mine")
	key := e.upload("a.csv", "a\n1\n")
	s := e.source(d.ID, dataset.NewSource{Name: "a.csv", ObjectKey: key})
	e.drain()
	u, _, err := e.svc.InitUpload(ctx, e.me, "b.csv", 5)
	e.ok(err)
	name := "x"
	calls := map[string]func(sc scope.Scope, of string) error{
		"get":      func(sc scope.Scope, of string) error { _, err := e.svc.Get(ctx, sc, of); return err },
		"modify":   func(sc scope.Scope, of string) error { return e.svc.Modify(ctx, sc, of, dataset.Change{Name: &name}) },
		"delete":   func(sc scope.Scope, of string) error { return e.svc.Delete(ctx, sc, of) },
		"counts":   func(sc scope.Scope, of string) error { _, err := e.svc.Counts(ctx, sc, of); return err },
		"overview": func(sc scope.Scope, of string) error { _, err := e.svc.Overview(ctx, sc, of); return err },
		"sources": func(sc scope.Scope, of string) error {
			_, _, err := e.svc.Sources(ctx, sc, of, dataset.SourceQuery{})
			return err
		},
		"source": func(sc scope.Scope, of string) error { _, err := e.svc.Source(ctx, sc, of, s.ID); return err },
		"create source": func(sc scope.Scope, of string) error {
			_, err := e.svc.CreateSource(ctx, sc, of, dataset.NewSource{Name: "x.csv", URL: "https://h/x.csv"})
			return err
		},
		"delete source": func(sc scope.Scope, of string) error { return e.svc.DeleteSource(ctx, sc, of, s.ID) },
	}
	bob, stranger := scope.Scope{Tenant: "acme", User: "bob"}, scope.Scope{Tenant: "globex", User: "ann"}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			e.is(call(bob, d.ID), errs.Forbidden, "belongs to another user")
			e.is(call(stranger, d.ID), errs.NotFound, "does not exist")
			e.is(call(e.me, "dataset-unknown"), errs.NotFound, "does not exist")
			e.is(call(scope.Scope{User: "ann"}, d.ID), errs.Unauthorized, "")
		})
	}
	for who, sc := range map[string]scope.Scope{"another user": bob, "another tenant": stranger} {
		t.Run(who, func(t *testing.T) {
			_, err := e.svc.CreateSource(ctx, sc, "", dataset.NewSource{Name: "x.csv", ObjectKey: key})
			e.is(err, errs.NotFound, "file_object_key")
			_, err = e.svc.CompleteUpload(ctx, sc, u.ObjectKey, u.ID, nil)
			e.is(err, errs.NotFound, "file_object_key")
			other, err := e.svc.Create(ctx, sc, dataset.New{Name: "theirs"})
			e.ok(err)
			_, err = e.svc.Source(ctx, sc, other.ID, s.ID)
			e.is(err, errs.NotFound, s.ID) // it is in another dataset
			e.is(e.svc.DeleteSource(ctx, sc, other.ID, s.ID), errs.NotFound, s.ID)
			list, total, err := e.svc.List(ctx, sc, dataset.Query{})
			if err != nil || total != 1 || list[0].Name != "theirs" {
				t.Errorf("lists %d datasets, %v", total, err)
			}
		})
	}
	if _, err := e.svc.PutPart(ctx, "globex", u.ID, 1, strings.NewReader("12345")); errs.KindOf(err) != errs.NotFound {
		t.Errorf("another tenant's part: %v", err)
	}
	_, err = e.svc.SourceByID(ctx, stranger, s.ID)
	e.is(err, errs.NotFound, s.ID)
	if got := e.state(s); got.Status != dataset.Synched || e.content(got) != "a\n1\n" {
		t.Errorf("after all that it is %+v", got)
	}
}
