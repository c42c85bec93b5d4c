package trinotest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// run is a statement that the server was given.
type run struct {
	server              *Server
	id, slug, user, sql string
	began               time.Time
	stop                context.CancelFunc
	pages               chan []json.RawMessage
	done                chan struct{}

	serving sync.Mutex
	served  int
	last    []byte // page, for who asks again

	mu        sync.Mutex
	state     string
	cancelled bool
	columns   []column
	now       query.Progress
	failed    *failure
}

// results is the document that all answers are.
type results struct {
	ID       string            `json:"id"`
	InfoURI  string            `json:"infoUri"`
	NextURI  string            `json:"nextUri,omitempty"`
	Columns  []column          `json:"columns,omitempty"`
	Data     []json.RawMessage `json:"data,omitempty"`
	Stats    stats             `json:"stats"`
	Error    *failure          `json:"error,omitempty"`
	Warnings []string          `json:"warnings"`
}

type stats struct {
	State             string `json:"state"`
	Queued            bool   `json:"queued"`
	Scheduled         bool   `json:"scheduled"`
	Nodes             int    `json:"nodes"`
	TotalSplits       int    `json:"totalSplits"`
	QueuedSplits      int    `json:"queuedSplits"`
	RunningSplits     int    `json:"runningSplits"`
	CompletedSplits   int    `json:"completedSplits"`
	CPUTimeMillis     int64  `json:"cpuTimeMillis"`
	WallTimeMillis    int64  `json:"wallTimeMillis"`
	QueuedTimeMillis  int64  `json:"queuedTimeMillis"`
	ElapsedTimeMillis int64  `json:"elapsedTimeMillis"`
	ProcessedRows     int64  `json:"processedRows"`
	ProcessedBytes    int64  `json:"processedBytes"`
	PeakMemoryBytes   int64  `json:"peakMemoryBytes"`
	SpilledBytes      int64  `json:"spilledBytes"`
}

type failure struct {
	Message   string    `json:"message"`
	ErrorCode int       `json:"errorCode"`
	ErrorName string    `json:"errorName"`
	ErrorType string    `json:"errorType"`
	Location  *location `json:"errorLocation,omitempty"`
}

type location struct {
	Line   int `json:"lineNumber"`
	Column int `json:"columnNumber"`
}

// codes are Trino's numbers of some errors.
var codes = map[string]int{
	query.SyntaxError: 1, query.UserCanceled: 3, query.PermissionDenied: 4, query.FunctionNotFound: 6,
	query.DivisionByZero: 8, query.NotSupported: 13, query.TableNotFound: 46, query.ColumnNotFound: 47,
	query.GenericInternal: 65536,
}

// execute runs the statement on the backend.
func (r *run) execute(ctx context.Context, st query.Statement, pageRows int) {
	defer close(r.done)
	out := &pager{run: r, ctx: ctx, rows: pageRows}
	err := func() error {
		p, err := r.server.backend.Prepare(ctx, st)
		if err != nil {
			return err
		}
		defer p.Close()
		return p.Run(ctx, out, func(now query.Progress) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.now = now
		})
	}()
	if err == nil {
		err = out.flush()
	}
	r.mu.Lock()
	if r.state = "FINISHED"; err != nil {
		r.state, r.failed = "FAILED", r.fail(err)
	}
	r.mu.Unlock()
	close(r.pages)
}

func (r *run) fail(err error) *failure {
	var f *query.Failure
	switch {
	case r.cancelled:
		f = &query.Failure{Name: query.UserCanceled, Message: "Query was canceled"}
	case !errors.As(err, &f):
		f = &query.Failure{Name: query.GenericInternal, Type: query.InternalError, Message: err.Error()}
	}
	out := &failure{Message: located(f), ErrorCode: codes[f.Name], ErrorName: f.Name, ErrorType: string(f.Type)}
	if f.Type == "" {
		out.ErrorType = string(query.UserError)
	}
	if f.Line > 0 {
		out.Location = &location{f.Line, f.Column}
	}
	return out
}

// pager is the sink of a run.
type pager struct {
	run  *run
	ctx  context.Context
	rows int
	page []json.RawMessage
}

func (p *pager) Columns(columns []query.Column) error {
	p.run.mu.Lock()
	defer p.run.mu.Unlock()
	p.run.columns = []column{}
	for _, c := range columns {
		p.run.columns = append(p.run.columns, column{c.Name, c.Type, signatureOf(c.Type)})
	}
	return nil
}

func (p *pager) Row(row []tabular.Value) error {
	p.page = append(p.page, encode(p.run.columns, row))
	if len(p.page) < p.rows {
		return nil
	}
	return p.flush()
}

func (p *pager) flush() error {
	if len(p.page) == 0 {
		return nil
	}
	select {
	case p.run.pages <- p.page:
		p.page = nil
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// next makes the page of a token: nothing but the state at first, then what
// there is within the time of a poll, which may be nothing again.
func (r *run) next(ctx context.Context, token int) []byte {
	var data []json.RawMessage
	open := true
	if token == 0 {
		r.set("PLANNING")
	} else {
		r.set("RUNNING")
		timer := time.NewTimer(r.server.opts.Poll)
		defer timer.Stop()
		select {
		case data, open = <-r.pages:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	answer := results{Data: data}
	if open {
		answer.NextURI = r.server.link(r, "executing", token+1)
	}
	return r.document(answer, open)
}

// set moves the state on while the statement runs.
func (r *run) set(state string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == nil && r.state != "FINISHED" {
		r.state = state
	}
}

func (r *run) answer(w http.ResponseWriter, doc results) { write(w, r.document(doc, true)) }

// document completes an answer. Until the last page is given, the statement
// has not finished for the client.
func (r *run) document(doc results, open bool) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	elapsed := time.Since(r.began).Milliseconds()
	doc.ID, doc.InfoURI, doc.Columns, doc.Warnings = r.id, r.server.URL+"/ui/query.html?"+r.id, r.columns, []string{}
	doc.Stats = stats{
		State: r.state, Nodes: r.now.Nodes, TotalSplits: r.now.TotalSplits, QueuedSplits: r.now.QueuedSplits,
		RunningSplits: r.now.RunningSplits, CompletedSplits: r.now.CompletedSplits, CPUTimeMillis: r.now.CPU.Milliseconds(),
		WallTimeMillis: elapsed, ElapsedTimeMillis: elapsed, ProcessedRows: r.now.ProcessedRows,
		ProcessedBytes: r.now.ProcessedBytes, PeakMemoryBytes: r.now.PeakMemory, SpilledBytes: r.now.Spilled,
	}
	if open && (r.state == "FINISHED" || r.state == "FAILED") {
		doc.Stats.State = "RUNNING"
	}
	doc.Stats.Queued, doc.Stats.Scheduled = doc.Stats.State == "QUEUED", doc.Stats.State != "QUEUED"
	if !open {
		doc.Error = r.failed
	}
	body, err := json.Marshal(doc)
	if err != nil {
		panic(err) // the rows are made here
	}
	return body
}
