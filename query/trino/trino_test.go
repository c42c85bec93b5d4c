package trino_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	driver "github.com/trinodb/trino-go-client/trino"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/trino"
	"github.com/inlet-go/inlet/query/trino/trinotest"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// script is a backend that answers as a test says.
type script struct {
	columns []query.Column
	run     func(ctx context.Context, out query.Sink, report func(query.Progress)) error
}

func (s script) Name() string { return "script" }
func (s script) Close() error { return nil }
func (s script) Prepare(context.Context, query.Statement) (query.Prepared, error) {
	return scripted{s}, nil
}

type scripted struct{ script }

func (scripted) Dependencies() query.Dependencies { return query.Dependencies{} }
func (s scripted) Run(ctx context.Context, out query.Sink, report func(query.Progress)) error {
	if s.columns != nil {
		if err := out.Columns(s.columns); err != nil {
			return err
		}
	}
	return s.run(ctx, out, report)
}

// start returns an engine on a server with the backend.
func start(t *testing.T, backend query.Engine, opts *trino.Options) (*trino.Engine, *trinotest.Server) {
	t.Helper()
	server := trinotest.New(backend, nil)
	t.Cleanup(server.Close)
	return open(t, &driver.Config{ServerURI: strings.Replace(server.URL, "://", "://host@", 1)}, opts), server
}

func open(t *testing.T, config *driver.Config, opts *trino.Options) *trino.Engine {
	t.Helper()
	e, err := trino.New("test", config, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func ask(t *testing.T, e query.Engine, text string) (*enginetest.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return enginetest.Ask(ctx, e, query.Statement{Scope: scope.Scope{Tenant: "acme", User: "ann"}, SQL: text})
}

func TestProgressIsTheClusters(t *testing.T) {
	told := query.Progress{
		Nodes: 3, TotalSplits: 40, CompletedSplits: 40, CPU: 1500 * time.Millisecond,
		ProcessedRows: 1_000_000, ProcessedBytes: 1 << 30, PeakMemory: 5 << 20, Spilled: 7 << 20,
	}
	half := told
	half.CompletedSplits, half.RunningSplits, half.QueuedSplits = 10, 20, 10
	release := make(chan struct{})
	e, server := start(t, script{[]query.Column{{Name: "x", Type: "bigint"}}, func(_ context.Context, _ query.Sink, report func(query.Progress)) error {
		report(half)
		<-release
		report(told)
		return nil
	}}, &trino.Options{Progress: time.Millisecond})
	p, err := e.Prepare(t.Context(), query.Statement{SQL: "SELECT x"})
	if err != nil {
		t.Fatal(err)
	}
	var once bool
	var last query.Progress
	out := sink{}
	err = p.Run(t.Context(), out, func(now query.Progress) {
		if last = now; now.RunningSplits == 20 && !once {
			once = true
			close(release)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	told.StatementID = server.Queries()[0].ID
	if d := cmp.Diff(told, last); d != "" {
		t.Errorf("at the end (-want +got)\n%s", d)
	}
}

type sink struct{ row func() error }

func (sink) Columns([]query.Column) error { return nil }
func (s sink) Row([]tabular.Value) error {
	if s.row != nil {
		return s.row()
	}
	return nil
}

func TestFailuresAreTheClusters(t *testing.T) {
	e, _ := start(t, script{nil, func(context.Context, query.Sink, func(query.Progress)) error {
		return &query.Failure{Name: query.ColumnNotFound, Message: "Column 'm' cannot be resolved", Line: 2, Column: 8}
	}}, nil)
	_, err := ask(t, e, "SELECT 1,\nm")
	want := &query.Failure{
		Name: query.ColumnNotFound, Type: query.UserError, Message: "Column 'm' cannot be resolved", Line: 2, Column: 8, Code: 47,
	}
	var f *query.Failure
	if !errors.As(err, &f) {
		t.Fatalf("error = %v", err)
	}
	if d := cmp.Diff(want, f); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	e, _ = start(t, script{nil, func(context.Context, query.Sink, func(query.Progress)) error {
		return &query.Failure{Name: "EXCEEDED_LOCAL_MEMORY_LIMIT", Type: query.InsufficientResources, Message: "too much"}
	}}, nil)
	if _, err = ask(t, e, "SELECT 1"); !errors.As(err, &f) || f.Type != query.InsufficientResources || f.Name != "EXCEEDED_LOCAL_MEMORY_LIMIT" {
		t.Errorf("error = %v", err)
	}
}

// endless gives no row until it is stopped.
var endless = script{[]query.Column{{Name: "x", Type: "bigint"}}, func(ctx context.Context, _ query.Sink, _ func(query.Progress)) error {
	<-ctx.Done()
	return ctx.Err()
}}

func await(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestCancelReachesTheCluster(t *testing.T) {
	e, server := start(t, endless, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := enginetest.Ask(ctx, e, query.Statement{SQL: "SELECT x"})
		done <- err
	}()
	await(t, "the statement runs", func() bool {
		all := server.Queries()
		return len(all) == 1 && all[0].State == "RUNNING"
	})
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || errs.KindOf(err) != errs.Canceled {
		t.Errorf("error = %v", err)
	}
	await(t, "the cluster has stopped", func() bool { q := server.Queries()[0]; return q.Ended && q.Cancelled })
}

func TestASinkCanEndTheRun(t *testing.T) {
	e, server := start(t, script{[]query.Column{{Name: "x", Type: "bigint"}}, func(_ context.Context, out query.Sink, _ func(query.Progress)) error {
		for i := int64(0); ; i++ {
			if err := out.Row([]tabular.Value{{Type: tabular.Integer, Int: i}}); err != nil {
				return err
			}
		}
	}}, nil)
	p, err := e.Prepare(t.Context(), query.Statement{SQL: "SELECT x"})
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	rows := 0
	err = p.Run(t.Context(), sink{func() error {
		if rows++; rows == 2500 {
			return full
		}
		return nil
	}}, func(query.Progress) {})
	if !errors.Is(err, full) {
		t.Errorf("error = %v", err)
	}
	await(t, "the cluster has stopped", func() bool { return server.Queries()[0].Ended })
}

// A cluster that does not answer the cancel must not hold the caller.
func TestAClusterThatHangs(t *testing.T) {
	hang := make(chan struct{})
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if asked++; asked == 1 {
			fmt.Fprintf(w, `{"id":"q1","nextUri":"http://%s/v1/statement/queued/q1/x/1","stats":{"state":"QUEUED"}}`, req.Host)
			return
		}
		select {
		case <-hang:
		case <-req.Context().Done():
		}
	}))
	defer server.Close()
	defer close(hang)
	e := open(t, &driver.Config{ServerURI: strings.Replace(server.URL, "://", "://host@", 1)}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := enginetest.Ask(ctx, e, query.Statement{SQL: "SELECT 1"})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestRetriesOfAGateway(t *testing.T) {
	e, server := start(t, script{[]query.Column{{Name: "x", Type: "bigint"}}, func(_ context.Context, out query.Sink, _ func(query.Progress)) error {
		return out.Row([]tabular.Value{{Type: tabular.Integer, Int: 7}})
	}}, nil)
	server.Fail(http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout)
	a, err := ask(t, e, "SELECT x")
	if err != nil || len(a.Rows) != 1 {
		t.Errorf("%v, %v", a.Rows, err)
	}
	server.Fail(http.StatusNotFound)
	if _, err := ask(t, e, "SELECT x"); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("a page that is gone: %v", err)
	}
}

func TestStatementsRunForTheirUser(t *testing.T) {
	answer := script{[]query.Column{{Name: "x", Type: "bigint"}}, func(context.Context, query.Sink, func(query.Progress)) error { return nil }}
	e, server := start(t, answer, &trino.Options{User: func(sc scope.Scope) string { return sc.Tenant + "/" + sc.User }})
	if _, err := ask(t, e, "SELECT x ; -- done"); err != nil {
		t.Fatal(err)
	}
	if q := server.Queries()[0]; q.User != "acme/ann" || q.SQL != "SELECT x" {
		t.Errorf("%q asked %q", q.User, q.SQL)
	}
	e, server = start(t, answer, nil)
	if _, err := ask(t, e, "SELECT x"); err != nil {
		t.Fatal(err)
	}
	if q := server.Queries()[0]; q.User != "host" {
		t.Errorf("%q asked", q.User)
	}
}

func TestDependencies(t *testing.T) {
	version := func(context.Context) (string, error) { return "7", nil }
	for name, c := range map[string]struct {
		opts     *trino.Options
		text     string
		volatile bool
		version  string
	}{
		"by default":           {nil, "SELECT 1", true, ""},
		"cacheable":            {&trino.Options{Cacheable: true}, "SELECT 1", false, ""},
		"cacheable but random": {&trino.Options{Cacheable: true}, "SELECT random()", true, ""},
		"versioned":            {&trino.Options{Version: version}, "SELECT 1", false, "7"},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := start(t, endless, c.opts)
			p, err := e.Prepare(t.Context(), query.Statement{SQL: c.text})
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Dependencies(); got.Volatile != c.volatile || got.Versions[""] != c.version {
				t.Errorf("dependencies = %+v", got)
			}
		})
	}
}

func TestAClusterThatIsGone(t *testing.T) {
	e := open(t, &driver.Config{ServerURI: "http://ann@127.0.0.1:1", RequestRetryMaxAttempts: new(int)}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := enginetest.Ask(ctx, e, query.Statement{SQL: "SELECT 1"})
	if err == nil || strings.Contains(errs.Message(err), "127.0.0.1") {
		t.Errorf("error = %v", err)
	}
	if _, err := trino.New("test", &driver.Config{ServerURI: "http://ann:hunter2@x"}, nil); errs.KindOf(err) != errs.Invalid || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a password without TLS: %v", err)
	}
}

// A real cluster is asked where TRINO_DSN names one, such as
// http://ann@localhost:8080; it needs no catalog.
func TestARealCluster(t *testing.T) {
	dsn := os.Getenv("TRINO_DSN")
	if dsn == "" {
		t.Skip("SKIPPED: TRINO_DSN names no Trino cluster")
	}
	config, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal("TRINO_DSN is invalid") // it may have a password
	}
	e := open(t, config, nil)
	a, err := ask(t, e, `SELECT 1 AS i, 9007199254740993 AS b, DECIMAL '1.50' AS d, DATE '2024-02-29' AS day,
		TIMESTAMP '2024-03-10 02:30:00.120' AS at, ARRAY[1, NULL] AS a, X'00ff' AS bin, CAST(ROW(1, 'x') AS ROW(n integer, s varchar)) AS r`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1", "9007199254740993", "1.50", "2024-02-29", "2024-03-10 02:30:00.12", "[1,null]", "\x00\xff", `{"n":1,"s":"x"}`}
	if d := cmp.Diff(want, a.Rows[0]); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	var f *query.Failure
	if _, err := ask(t, e, "SELECT\nnothing"); !errors.As(err, &f) || f.Name != query.ColumnNotFound || f.Line != 2 {
		t.Errorf("error = %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	_, err = enginetest.Ask(ctx, e, query.Statement{SQL: "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x), UNNEST(sequence(1, 10000)) b(y), UNNEST(sequence(1, 10000)) c(z)"})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
