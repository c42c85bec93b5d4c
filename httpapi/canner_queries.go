package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/scope"
)

// The pages of queries.
const (
	cannerQueriesDefault = 100
	cannerQueriesMax     = 1000
)

// cannerQueries are the operations on queries.
type cannerQueries struct {
	service *query.Service
	now     func() time.Time
	maxWait time.Duration
}

func (c *cannerQueries) routes() []route {
	return []route{
		call(http.MethodPost, "/query", c.readNew, c.execute),
		call(http.MethodGet, "/query/{id}", readCannerID, c.get),
		call(http.MethodPut, "/query/{id}/cancel", readCannerID, c.cancel),
		call(http.MethodGet, "/queries", readCannerList, c.list),
	}
}

// cannerQuery is a query.
type cannerQuery struct {
	ID          string         `json:"id"`
	StatementID *string        `json:"statementId"`
	AccountID   *string        `json:"accountId"`
	Status      query.Status   `json:"status"`
	StartedAt   string         `json:"startedAt"`
	SQL         string         `json:"sql"`
	Duration    int64          `json:"duration"` // milliseconds
	Workspace   string         `json:"workspaceId"`
	Location    string         `json:"location,omitempty"`
	Error       *cannerFailure `json:"error,omitempty"`
	UserID      string         `json:"userId,omitempty"`
	UserType    string         `json:"userType"`
	RowCount    int64          `json:"rowCount"`
	FromCache   bool           `json:"fromCache"`
	Source      string         `json:"source"`
	Columns     []cannerColumn `json:"columns,omitempty"`
	QueryStats  cannerStats    `json:"queryStats"`
	OutputStage *cannerStage   `json:"outputStage,omitempty"`
	DataFormat  string         `json:"dataFormat,omitempty"`
}

// cannerFailure is a failure as Trino tells it.
type cannerFailure struct {
	Message       string            `json:"message"`
	ErrorCode     int               `json:"errorCode"`
	ErrorName     string            `json:"errorName"`
	ErrorType     query.FailureType `json:"errorType"`
	ErrorLocation *cannerLocation   `json:"errorLocation,omitempty"`
	FailureInfo   cannerFailureInfo `json:"failureInfo"`
}

type cannerLocation struct {
	LineNumber   int `json:"lineNumber"`
	ColumnNumber int `json:"columnNumber"`
}

type cannerFailureInfo struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// cannerStats are the sixteen statistics.
type cannerStats struct {
	State             query.Status `json:"state"`
	Queued            bool         `json:"queued"`
	Scheduled         bool         `json:"scheduled"`
	Nodes             int          `json:"nodes"`
	TotalSplits       int          `json:"totalSplits"`
	QueuedSplits      int          `json:"queuedSplits"`
	RunningSplits     int          `json:"runningSplits"`
	CompletedSplits   int          `json:"completedSplits"`
	CPUTimeMillis     int64        `json:"cpuTimeMillis"`
	WallTimeMillis    int64        `json:"wallTimeMillis"`
	QueuedTimeMillis  int64        `json:"queuedTimeMillis"`
	ElapsedTimeMillis int64        `json:"elapsedTimeMillis"`
	ProcessedRows     int64        `json:"processedRows"`
	ProcessedBytes    int64        `json:"processedBytes"`
	PeakMemoryBytes   int64        `json:"peakMemoryBytes"`
	SpilledBytes      int64        `json:"spilledBytes"`
}

// cannerStage is the part of the work that gives the rows out.
type cannerStage struct {
	StageID         string       `json:"stageId"`
	State           query.Status `json:"state"`
	Done            bool         `json:"done"`
	Nodes           int          `json:"nodes"`
	TotalSplits     int          `json:"totalSplits"`
	QueuedSplits    int          `json:"queuedSplits"`
	RunningSplits   int          `json:"runningSplits"`
	CompletedSplits int          `json:"completedSplits"`
	ProcessedRows   int64        `json:"processedRows"`
	ProcessedBytes  int64        `json:"processedBytes"`
	SubStages       []any        `json:"subStages"`
}

func newCannerStats(q *query.Query, now time.Time) cannerStats {
	s := q.Stats(now)
	return cannerStats{
		State: s.State, Queued: s.Queued, Scheduled: s.Scheduled, Nodes: s.Nodes,
		TotalSplits: s.TotalSplits, QueuedSplits: s.QueuedSplits, RunningSplits: s.RunningSplits, CompletedSplits: s.CompletedSplits,
		CPUTimeMillis: s.CPU.Milliseconds(), WallTimeMillis: s.Wall.Milliseconds(),
		QueuedTimeMillis: s.QueuedTime.Milliseconds(), ElapsedTimeMillis: s.Elapsed.Milliseconds(),
		ProcessedRows: s.ProcessedRows, ProcessedBytes: s.ProcessedBytes,
		PeakMemoryBytes: s.PeakMemoryBytes, SpilledBytes: s.SpilledBytes,
	}
}

func newCannerQuery(q *query.Query, now time.Time) cannerQuery {
	v := cannerQuery{
		ID: q.ID, Status: q.Status, StartedAt: cannerTime(q.StartedAt), SQL: q.SQL, Workspace: q.Workspace,
		UserID: q.User, UserType: "USER", Source: "REST", RowCount: q.Result.Rows, FromCache: q.FromCache,
		QueryStats: newCannerStats(q, now), Columns: newCannerColumns(q.Columns), Location: q.Result.Key,
	}
	v.Duration = v.QueryStats.ElapsedTimeMillis
	if q.StatementID != "" {
		v.StatementID = &q.StatementID
	}
	if q.User != "" {
		v.AccountID = &q.User
	}
	if s := v.QueryStats; s.Scheduled {
		v.OutputStage = &cannerStage{
			StageID: q.ID + ".0", State: q.Status, Done: q.Status.Done(), Nodes: s.Nodes, TotalSplits: s.TotalSplits,
			QueuedSplits: s.QueuedSplits, RunningSplits: s.RunningSplits, CompletedSplits: s.CompletedSplits,
			ProcessedRows: s.ProcessedRows, ProcessedBytes: s.ProcessedBytes, SubStages: []any{},
		}
	}
	switch q.Status {
	case query.Finished:
		v.DataFormat = "JSON"
		if v.Columns == nil {
			v.Columns = []cannerColumn{}
		}
	case query.Failed:
		v.RowCount = -1
		v.Error = newCannerFailure(q.Failure)
	default:
		v.RowCount = -1 // clients take it for not known yet
	}
	return v
}

func newCannerFailure(f *query.Failure) *cannerFailure {
	if f == nil {
		f = &query.Failure{Name: query.GenericInternal, Type: query.InternalError, Message: "the query failed"}
	}
	e := &cannerFailure{
		Message: f.Error(), ErrorCode: f.Code, ErrorName: f.Name, ErrorType: f.Type,
		FailureInfo: cannerFailureInfo{Type: f.Name, Message: f.Message},
	}
	if f.Type == "" {
		e.ErrorType = query.UserError
	}
	if f.Line > 0 {
		e.ErrorLocation = &cannerLocation{f.Line, f.Column}
	}
	return e
}

// readNew reads a query to execute. The cache is used only where both of its
// fields are given.
func (c *cannerQueries) readNew(in *input) query.New {
	n := query.New{Workspace: cannerWorkspace(in), SQL: in.body.text("sql")}
	if n.Workspace == "" {
		in.body.required("workspaceId")
	}
	if !in.body.has("sql") {
		in.body.required("sql")
	}
	refresh := cannerFlag(in.body, "cacheRefresh")
	if ttl, ok := cannerNumber(in.body, "cacheTTL", maxTTL); ok && refresh != nil {
		n.Cache = &query.CachePolicy{TTL: time.Duration(ttl * float64(time.Second)), Refresh: *refresh}
	}
	if wait, ok := cannerNumber(in.body, "wait", 1<<31); ok {
		n.Wait = min(time.Duration(wait)*time.Millisecond, c.maxWait)
	}
	return n
}

// maxTTL is the greatest age of an answer, in seconds: a hundred years.
const maxTTL = 100 * 365 * 24 * 3600

// cannerFlag reads a boolean that may be a text, or nil.
func cannerFlag(body object, key string) *bool {
	switch v := body.fields[key].(type) {
	case nil:
		return nil
	case bool:
		return &v
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return &b
		}
	}
	body.problem(key, "it must be true or false")
	return nil
}

// cannerNumber reads a number from 0 to max, and whether there is one.
func cannerNumber(body object, key string, max float64) (float64, bool) {
	v := body.fields[key]
	if v == nil {
		return 0, false
	}
	text, ok := v.(interface{ Float64() (float64, error) })
	if ok {
		if f, err := text.Float64(); err == nil && f >= 0 && f <= max {
			return f, true
		}
	}
	body.problem(key, "it must be a number of at least 0 and not too large")
	return 0, false
}

// execute answers with the query, and, where that finished within its wait,
// with its first page as well: the fields of both.
func (c *cannerQueries) execute(ctx context.Context, sc scope.Scope, n query.New) (any, error) {
	q, err := c.service.Execute(ctx, sc, n)
	if err != nil {
		return nil, err
	}
	v := newCannerQuery(q, c.now())
	if n.Wait == 0 || q.Status != query.Finished {
		return v, nil
	}
	page, err := c.service.Page(q, 0, cannerRowsDefault)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return newCannerRows(ctx, append(head[:len(head)-1], `,"result":[`...), page, []byte("]}"))
}

// cannerID is which thing of which workspace.
type cannerID struct{ workspace, id string }

func readCannerID(in *input) cannerID {
	v := cannerID{cannerWorkspace(in), in.r.PathValue("id")}
	if v.workspace == "" {
		in.note("workspaceId is required")
	}
	return v
}

func (c *cannerQueries) get(ctx context.Context, sc scope.Scope, v cannerID) (any, error) {
	q, err := c.service.Get(ctx, sc, v.workspace, v.id)
	if err != nil {
		return nil, err
	}
	return newCannerQuery(q, c.now()), nil
}

func (c *cannerQueries) cancel(ctx context.Context, sc scope.Scope, v cannerID) (any, error) {
	q, err := c.service.Cancel(ctx, sc, v.workspace, v.id)
	if err != nil {
		return nil, err
	}
	return newCannerQuery(q, c.now()), nil
}

// cannerListing is which queries of which workspace.
type cannerListing struct {
	page
	workspace string
}

func readCannerList(in *input) cannerListing {
	return cannerListing{cannerPart(in, cannerQueriesDefault, cannerQueriesMax), readCannerID(in).workspace}
}

func (c *cannerQueries) list(ctx context.Context, sc scope.Scope, v cannerListing) (any, error) {
	queries, total, err := c.service.List(ctx, sc, v.workspace, v.offset, v.limit)
	if err != nil {
		return nil, err
	}
	answer := struct {
		TotalCount int           `json:"totalCount"`
		Result     []cannerQuery `json:"result"`
	}{total, make([]cannerQuery, len(queries))}
	for i, q := range queries {
		answer.Result[i] = newCannerQuery(q, c.now())
	}
	return answer, nil
}
