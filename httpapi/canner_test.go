package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/query/tabular"
)

// counting is an engine that gives the numbers from 1 to the one that a
// statement is, and fails with any other.
type counting struct{}

func (counting) Name() string { return "counting/1" }

func (counting) Close() error { return nil }

func (counting) Prepare(_ context.Context, st query.Statement) (query.Prepared, error) {
	var n int64
	if err := json.Unmarshal([]byte(st.SQL), &n); err != nil {
		return nil, &query.Failure{Name: query.SyntaxError, Message: "mismatched input 'test'. Expecting: a number", Line: 1, Column: 1, Code: 1}
	}
	return count(n), nil
}

type count int64

func (count) Close() error { return nil }

func (count) Dependencies() query.Dependencies { return query.Dependencies{} }

func (n count) Run(ctx context.Context, out query.Sink, report func(query.Progress)) error {
	if err := out.Columns([]query.Column{{Name: "n", Type: "bigint"}, {Name: "d", Type: "decimal(10,2)"}}); err != nil {
		return err
	}
	for i := range n {
		row := []tabular.Value{{Type: tabular.Integer, Int: int64(i + 1)}, {Type: tabular.Decimal, Bytes: []byte("0.10")}}
		if err := out.Row(row); err != nil {
			return err
		}
	}
	report(query.Progress{
		StatementID: "20261124_1", Nodes: 1, TotalSplits: 1, CompletedSplits: 1, CPU: 1500 * time.Microsecond,
		ProcessedRows: int64(n), ProcessedBytes: 8, PeakMemory: 9, Spilled: 10,
	})
	return nil
}

// cannerEnv is the query API.
type cannerEnv struct {
	t   *testing.T
	api *httpapi.API
}

func newCannerEnv(t *testing.T) *cannerEnv {
	t.Helper()
	now := time.Date(2026, 11, 24, 12, 0, 0, 5_000_000, time.UTC)
	e := newEnv(t, nil)
	queries := query.NewService(e.store, counting{}, nil, result.New(cloud.Memory(), nil), &query.Options{Now: func() time.Time { return now }})
	t.Cleanup(func() { queries.Close(context.Background()) })
	api, err := httpapi.New(httpapi.Config{Queries: queries, Authenticator: authenticate, MaxQueryWait: time.Minute, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return &cannerEnv{t, api}
}

// call sends a request and decodes the answer.
func (e *cannerEnv) call(want int, method, target, body string) map[string]any {
	e.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Token xxxx")
	w := httptest.NewRecorder()
	e.api.ServeHTTP(w, r)
	if w.Code != want {
		e.t.Errorf("%s %s %s: %d %s, want %d", method, target, body, w.Code, w.Body, want)
	}
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		e.t.Fatalf("%s %s: %v in %s", method, target, err, w.Body)
	}
	return answer
}

// ask runs a statement to its end.
func (e *cannerEnv) ask(sql string) map[string]any {
	e.t.Helper()
	return e.call(200, http.MethodPost, "/api/v1/query", `{"workspaceId":"w","sql":"`+sql+`","wait":60000}`)
}

func TestCannerQuery(t *testing.T) {
	e := newCannerEnv(t)
	got := e.ask("2")
	want := map[string]any{
		"id": got["id"], "statementId": "20261124_1", "accountId": nil, "status": "FINISHED", "startedAt": "2026-11-24T12:00:00.005Z", "sql": "2",
		"duration": 0.0, "workspaceId": "w", "userType": "USER", "rowCount": 2.0, "fromCache": false, "source": "REST", "dataFormat": "JSON",
		"columns": []any{
			map[string]any{"name": "n", "type": "bigint", "typeSignature": map[string]any{"rawType": "bigint", "arguments": []any{}}},
			map[string]any{"name": "d", "type": "decimal(10,2)", "typeSignature": map[string]any{"rawType": "decimal", "arguments": []any{
				map[string]any{"kind": "LONG", "value": 10.0}, map[string]any{"kind": "LONG", "value": 2.0},
			}}},
		},
		"queryStats": map[string]any{
			"state": "FINISHED", "queued": false, "scheduled": true, "nodes": 1.0, "totalSplits": 1.0, "queuedSplits": 0.0, "runningSplits": 0.0,
			"completedSplits": 1.0, "cpuTimeMillis": 1.0, "wallTimeMillis": 0.0, "queuedTimeMillis": 0.0, "elapsedTimeMillis": 0.0,
			"processedRows": 2.0, "processedBytes": 8.0, "peakMemoryBytes": 9.0, "spilledBytes": 10.0,
		},
		"outputStage": map[string]any{
			"stageId": got["id"].(string) + ".0", "state": "FINISHED", "done": true, "nodes": 1.0, "totalSplits": 1.0, "queuedSplits": 0.0,
			"runningSplits": 0.0, "completedSplits": 1.0, "processedRows": 2.0, "processedBytes": 8.0, "subStages": []any{},
		},
		"result": []any{[]any{1.0, "0.10"}, []any{2.0, "0.10"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	delete(want, "result")
	if diff := cmp.Diff(want, e.call(200, "GET", "/web/api/v1/query/"+got["id"].(string)+"?workspaceId=w", "")); diff != "" {
		t.Errorf("at the other prefix: -want +got\n%s", diff)
	}
}

func TestCannerFailure(t *testing.T) {
	e := newCannerEnv(t)
	q := e.ask("test")
	want := map[string]any{
		"message": "line 1:1: mismatched input 'test'. Expecting: a number", "errorCode": 1.0, "errorName": "SYNTAX_ERROR", "errorType": "USER_ERROR",
		"errorLocation": map[string]any{"lineNumber": 1.0, "columnNumber": 1.0},
		"failureInfo":   map[string]any{"type": "SYNTAX_ERROR", "message": "mismatched input 'test'. Expecting: a number"},
	}
	if diff := cmp.Diff(want, q["error"]); diff != "" || q["status"] != "FAILED" || q["rowCount"] != -1.0 || q["statementId"] != nil {
		t.Errorf("got %v; -want +got\n%s", q, diff)
	}
	got := e.call(400, "GET", "/api/v1/query/"+q["id"].(string)+"/result?workspaceId=w", "")
	if diff := cmp.Diff(map[string]any{"code": "QUERY_FAILED", "message": want["message"]}, got); diff != "" {
		t.Errorf("result: -want +got\n%s", diff)
	}
}

func TestCannerResultPages(t *testing.T) {
	e := newCannerEnv(t)
	id := e.ask("120000")["id"].(string)
	for part, want := range map[string]int{
		"": 5000, "&limit=10000&offset=0": 10_000, "&limit=0": 0, "&limit=500000": 100_000, "&offset=119999": 1, "&offset=120000": 0, "&limit=7&offset=3": 7,
	} {
		got := e.call(200, "GET", "/api/v1/query/"+id+"/result?workspaceId=w"+part, "")
		rows := got["result"].([]any)
		if len(rows) != want || got["rowCount"] != 120_000.0 || len(got["columns"].([]any)) != 2 {
			t.Errorf("%q: %d rows of %v, want %d", part, len(rows), got["rowCount"], want)
		}
		if part == "&limit=7&offset=3" && rows[0].([]any)[0] != 4.0 {
			t.Errorf("%q begins with %v", part, rows[0])
		}
	}
}

func TestCannerCacheNeedsBothFields(t *testing.T) {
	e := newCannerEnv(t)
	e.ask("3")
	for fields, hit := range map[string]bool{
		``: false, `,"cacheTTL":60`: false, `,"cacheRefresh":false`: false, `,"cacheTTL":60,"cacheRefresh":true`: false,
		`,"cacheTTL":60,"cacheRefresh":false`: true, `,"cacheTTL":60,"cacheRefresh":"false"`: true, `,"cacheTTL":60,"cacheRefresh":"true"`: false,
	} {
		got := e.call(200, "POST", "/api/v1/query", `{"workspaceId":"w","sql":"3","wait":60000`+fields+`}`)
		if got["fromCache"] != hit {
			t.Errorf("%s: from the cache: %v, want %t", fields, got["fromCache"], hit)
		}
	}
}

func TestCannerBadRequests(t *testing.T) {
	e := newCannerEnv(t)
	tests := []struct {
		status                     int
		method, target, body, code string
		message                    string
	}{
		{400, "POST", "/api/v1/query", `{}`, "BAD_REQUEST", "workspaceId is required"},
		{400, "POST", "/api/v1/query", `{"workspaceId":"w"}`, "BAD_REQUEST", "sql is required"},
		{400, "POST", "/api/v1/query", `{"workspaceId":"w","sql":" "}`, "BAD_REQUEST", "sql is required"},
		{400, "POST", "/api/v1/query", `{"workspaceId":"w","sql":"1","cacheTTL":-1}`, "BAD_REQUEST", "cacheTTL is invalid"},
		{400, "POST", "/api/v1/query", `{"workspaceId":"w","sql":"1","cacheRefresh":"maybe"}`, "BAD_REQUEST", "cacheRefresh is invalid"},
		{400, "GET", "/api/v1/queries?workspaceId=w&limit=some-string", "", "BAD_REQUEST", "limit is invalid"},
		{400, "GET", "/api/v1/query/x", "", "BAD_REQUEST", "workspaceId is required"},
		{404, "GET", "/api/v1/query/x?workspaceId=w", "", "NOT_FOUND", "does not exist"},
		{404, "PUT", "/api/v1/query/x/cancel", `{"workspaceId":"w"}`, "NOT_FOUND", "does not exist"},
		{404, "GET", "/api/v1/sql/x?workspaceId=w", "", "NOT_FOUND", "does not exist"},
		{404, "GET", "/api/v1/service/OTHER", "", "NOT_FOUND", "SQL_ENGINE"},
		{404, "GET", "/api/v1/nothing", "", "NOT_FOUND", "path"},
		{405, "DELETE", "/web/api/v1/queries", "", "METHOD_NOT_ALLOWED", "method"},
	}
	for _, test := range tests {
		got := e.call(test.status, test.method, test.target, test.body)
		if message, _ := got["message"].(string); got["code"] != test.code || !strings.Contains(message, test.message) {
			t.Errorf("%s %s %s: got %v", test.method, test.target, test.body, got)
		}
	}
	for _, header := range []string{"", "Token", "Token wrong", "Bearer xxxx"} {
		r := httptest.NewRequest("GET", "/api/v1/queries?workspaceId=w", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		e.api.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `"code":"UNAUTHENTICATED"`) {
			t.Errorf("with %q: %d %s", header, w.Code, w.Body)
		}
	}
}
