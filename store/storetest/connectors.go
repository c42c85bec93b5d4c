package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

func pointer[T any](v T) *T { return &v }

// A zero value would come back also from a store that drops the field.
func fullConnectors() []*connector.Connector {
	return []*connector.Connector{
		{
			Tenant: tenant, Name: "Bucket", Type: connector.S3, Status: connector.Active, CreatedBy: "ann",
			CreatedAt: day, UpdatedAt: day.Add(time.Hour),
			Config: connector.Config{S3: &connector.S3Config{
				Endpoint: "https://s3.example", AccessKeyID: "AK", AccessKeySecret: "s3cret <&>", BucketName: "b", Region: "eu",
				PathStyle: pointer(true),
			}},
		},
		{
			Tenant: tenant, Name: "oss", Type: connector.OSS, Status: connector.Active, CreatedBy: "ben",
			CreatedAt: day.Add(time.Minute), UpdatedAt: day.Add(time.Minute),
			Config: connector.Config{OSS: &connector.OSSConfig{
				Endpoint: "oss.example", AccessKeyID: "AK2", AccessKeySecret: "other", BucketName: "c",
			}},
		},
		{
			Tenant: tenant, Name: "Ärger_100%", Type: connector.Folder, Status: connector.Active, CreatedBy: "cem",
			CreatedAt: day.Add(time.Second), UpdatedAt: day.Add(2 * time.Hour),
			Config: connector.Config{Folder: &connector.FolderConfig{Path: "/data"}},
		},
	}
}

func testConnectorRoundTrip(t *testing.T, f *fixture) {
	for _, want := range fullConnectors() {
		f.ok(f.CreateConnector(f.ctx, want))
		if want.ID < 100001 {
			t.Errorf("id %d, want one from 100001", want.ID)
		}
		got, err := f.Connector(f.ctx, tenant, want.ID)
		f.ok(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("connector (-want +got):\n%s", diff)
		}
	}
	_, err := f.Connector(f.ctx, tenant, 1)
	f.is(err, errs.NotFound)
}

func testConnectorList(t *testing.T, f *fixture) {
	for _, c := range fullConnectors() {
		f.ok(f.CreateConnector(f.ctx, c))
	}
	other := fullConnectors()[0]
	other.Tenant = stranger
	f.ok(f.CreateConnector(f.ctx, other))
	tests := []struct {
		name  string
		q     connector.Query
		want  []string
		total int
	}{
		{"all", connector.Query{}, []string{"Bucket", "Ärger_100%", "oss"}, 3},
		{"newest first", connector.Query{Desc: true}, []string{"oss", "Ärger_100%", "Bucket"}, 3},
		{"by name", connector.Query{OrderBy: connector.ByName}, []string{"Bucket", "oss", "Ärger_100%"}, 3},
		{"by update", connector.Query{OrderBy: connector.ByUpdated}, []string{"oss", "Bucket", "Ärger_100%"}, 3},
		{"page", connector.Query{Offset: 1, Limit: 1}, []string{"Ärger_100%"}, 3},
		{"behind the end", connector.Query{Offset: 5, Limit: 1}, nil, 3},
		{"offset alone", connector.Query{Offset: 2}, []string{"oss"}, 3},
		{"keyword in any case", connector.Query{Keyword: "UCK"}, []string{"Bucket"}, 1},
		{"keyword in any case of any script", connector.Query{Keyword: "äRG"}, []string{"Ärger_100%"}, 1},
		{"keyword is no pattern", connector.Query{Keyword: "r_1"}, []string{"Ärger_100%"}, 1},
		{"keyword with a joker", connector.Query{Keyword: "%"}, []string{"Ärger_100%"}, 1},
		{"keyword with an escape", connector.Query{Keyword: `\`}, nil, 0},
		{"types", connector.Query{Types: []connector.SourceType{connector.OSS, connector.S3}}, []string{"Bucket", "oss"}, 2},
		{"usable", connector.Query{Statuses: []connector.Status{connector.Active}, Offset: 1, Limit: 1}, []string{"Ärger_100%"}, 3},
		{"unreadable", connector.Query{Statuses: []connector.Status{connector.Unreadable}}, nil, 0},
	}
	for _, tt := range tests {
		got, total, err := f.Connectors(f.ctx, tenant, tt.q)
		f.ok(err)
		var names []string
		for _, c := range got {
			names = append(names, c.Name)
		}
		if diff := cmp.Diff(tt.want, names); diff != "" || total != tt.total {
			t.Errorf("%s: total %d, want %d (-want +got):\n%s", tt.name, total, tt.total, diff)
		}
	}
	one, _, err := f.Connectors(f.ctx, tenant, connector.Query{Types: []connector.SourceType{connector.OSS}})
	f.ok(err)
	got, total, err := f.Connectors(f.ctx, tenant, connector.Query{IDs: []int64{one[0].ID, other.ID, 1}})
	f.ok(err)
	if total != 1 || len(got) != 1 || got[0].Name != "oss" || got[0].Config.OSS.AccessKeySecret.Reveal() != "other" {
		t.Errorf("by ids: %d of %d: %+v", len(got), total, got)
	}
}

func testConnectorUpdate(t *testing.T, f *fixture) {
	c := fullConnectors()[0]
	f.ok(f.CreateConnector(f.ctx, c))
	f.connector("taken")
	change := func(secret connector.Secret, name string) {
		f.ok(f.UpdateConnector(f.ctx, tenant, c.ID, func(got *connector.Connector) error {
			got.Name, got.UpdatedAt = name, day.Add(2*time.Hour)
			got.Config.S3.AccessKeySecret = secret
			got.Config.S3.PathStyle = nil
			return nil
		}))
		c.Name, c.UpdatedAt = name, day.Add(2*time.Hour)
		c.Config.S3.AccessKeySecret, c.Config.S3.PathStyle = secret, nil
		got, err := f.Connector(f.ctx, tenant, c.ID)
		f.ok(err)
		if diff := cmp.Diff(c, got); diff != "" || got.Config.S3.AccessKeySecret.Reveal() != secret.Reveal() {
			t.Errorf("after the update (-want +got):\n%s", diff)
		}
	}
	change("s3cret <&>", "renamed") // the secret as it was
	change("changed", "renamed again")
	change("", "without a secret")

	no := errors.New("no")
	err := f.UpdateConnector(f.ctx, tenant, c.ID, func(got *connector.Connector) error {
		got.Name = "never stored"
		return no
	})
	if !errors.Is(err, no) {
		t.Errorf("the closure's error came back as %v", err)
	}
	err = f.UpdateConnector(f.ctx, tenant, c.ID, func(got *connector.Connector) error {
		got.Name = "taken"
		return nil
	})
	f.is(err, errs.Exists)
	got, err := f.Connector(f.ctx, tenant, c.ID)
	f.ok(err)
	if got.Name != "without a secret" {
		t.Errorf("a refused update left the name %q", got.Name)
	}
	f.is(f.UpdateConnector(f.ctx, tenant, 1, func(*connector.Connector) error { return nil }), errs.NotFound)
}

func testConnectorDelete(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	f.is(f.DeleteConnector(f.ctx, tenant, l.task.ConnectorID), errs.Conflict)
	if _, err := f.Connector(f.ctx, tenant, l.task.ConnectorID); err != nil {
		t.Errorf("a refused delete removed it: %v", err)
	}
	l.load("dir/a")
	f.ok(f.DeleteConnector(f.ctx, tenant, l.task.ConnectorID))
	f.is(f.DeleteConnector(f.ctx, tenant, l.task.ConnectorID), errs.NotFound)
	if diff := cmp.Diff([]string{"dir/a"}, l.shown()); diff != "" {
		t.Errorf("what was loaded (-want +got):\n%s", diff)
	}
	err := f.UpdateTask(f.ctx, tenant, l.task.ID, func(t *task.Task) error {
		t.Status = task.Executable
		return nil
	})
	f.is(err, errs.NotFound) // it has no connector to work with
}

func testRelatedTasks(t *testing.T, f *fixture) {
	a := f.begin(once, nil)
	b := f.begin(once, a)
	c := f.begin(once, nil)
	unused := f.connector("unused")
	got, err := f.RelatedTasks(f.ctx, tenant, []int64{a.task.ConnectorID, c.task.ConnectorID, unused.ID})
	f.ok(err)
	want := map[int64][]int64{a.task.ConnectorID: {a.task.ID, b.task.ID}, c.task.ConnectorID: {c.task.ID}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("related tasks (-want +got):\n%s", diff)
	}
	if !slices.IsSorted(got[a.task.ConnectorID]) {
		t.Error("ids are not in order")
	}
	got, err = f.RelatedTasks(f.ctx, stranger, []int64{a.task.ConnectorID})
	f.ok(err)
	if len(got) != 0 {
		t.Errorf("another tenant sees %v", got)
	}
}
