// Package trinotest is a server for tests that speaks the protocol of Trino's
// clients, as its documentation describes it: a statement is posted, and its
// answer is polled page by page, through the states of a query, until there is
// no next page. Behind it stands a [query.Engine] instead of a cluster, so it
// proves how a client speaks, and nothing about Trino's SQL.
package trinotest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/scope"
)

// Options are settings of a [Server]; nil is the defaults.
type Options struct {
	PageRows int           // of a page; 0 means 1000
	Queued   int           // pages that say QUEUED before the statement runs; 0 means 1
	Poll     time.Duration // that a request for a page waits; 0 means 50 ms
}

// Server is a running server.
type Server struct {
	URL string

	backend query.Engine
	opts    Options
	http    *httptest.Server

	mu       sync.Mutex
	catalog  query.Catalog
	runs     map[string]*run
	order    []*run
	faults   []int // statuses of the next requests for pages
	requests map[string]int
}

// New starts a server. Close it.
func New(backend query.Engine, opts *Options) *Server {
	s := &Server{backend: backend, runs: map[string]*run{}, requests: map[string]int{}}
	if opts != nil {
		s.opts = *opts
	}
	s.opts.PageRows = cmp.Or(s.opts.PageRows, 1000)
	s.opts.Queued = cmp.Or(s.opts.Queued, 1)
	s.opts.Poll = cmp.Or(s.opts.Poll, 50*time.Millisecond)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/statement", s.submit)
	mux.HandleFunc("GET /v1/statement/{phase}/{id}/{slug}/{token}", s.page)
	mux.HandleFunc("DELETE /v1/statement/{phase}/{id}/{slug}/{token}", s.cancel)
	mux.HandleFunc("DELETE /v1/query/{id}", s.cancel)
	s.http = httptest.NewServer(mux)
	s.URL = s.http.URL
	return s
}

// Close ends all statements and the server. It leaves the backend open.
func (s *Server) Close() {
	s.mu.Lock()
	for _, r := range s.order {
		r.stop()
	}
	runs := s.order
	s.mu.Unlock()
	for _, r := range runs {
		<-r.done
	}
	s.http.Close()
}

// SetCatalog gives the backend the tables of the statements that follow.
func (s *Server) SetCatalog(c query.Catalog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catalog = c
}

// Fail answers the next requests for pages with these statuses instead.
func (s *Server) Fail(statuses ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, statuses...)
}

// Query is what the server knows of a statement.
type Query struct {
	ID, User, SQL, State string
	Ended                bool // nothing of it runs
	Cancelled            bool // by a request
}

// Queries returns all statements, oldest first.
func (s *Server) Queries() []Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Query
	for _, r := range s.order {
		r.mu.Lock()
		q := Query{ID: r.id, User: r.user, SQL: r.sql, State: r.state, Cancelled: r.cancelled}
		r.mu.Unlock()
		select {
		case <-r.done:
			q.Ended = true
		default:
		}
		all = append(all, q)
	}
	return all
}

func (s *Server) submit(w http.ResponseWriter, req *http.Request) {
	user := req.Header.Get("X-Trino-User")
	if name, _, ok := req.BasicAuth(); ok && user == "" {
		user = name
	}
	text, err := io.ReadAll(req.Body)
	if user == "" || err != nil {
		http.Error(w, "User must be set", http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	n := len(s.order) + 1
	ctx, stop := context.WithCancel(context.Background())
	r := &run{
		server: s, id: fmt.Sprintf("20240229_120000_%05d_inlet", n), slug: fmt.Sprintf("x%08x", n*2654435761), user: user,
		sql: string(text), state: "QUEUED", began: time.Now(), stop: stop,
		pages: make(chan []json.RawMessage), done: make(chan struct{}),
	}
	s.runs[r.id], s.order = r, append(s.order, r)
	st := query.Statement{Scope: scope.Scope{Tenant: user, User: user}, SQL: r.sql, Catalog: s.catalog}
	s.mu.Unlock()
	go r.execute(ctx, st, s.opts.PageRows)
	r.answer(w, results{NextURI: s.link(r, "queued", 1)})
}

func (s *Server) link(r *run, phase string, token int) string {
	return s.URL + "/v1/statement/" + phase + "/" + r.id + "/" + r.slug + "/" + strconv.Itoa(token)
}

func (s *Server) find(req *http.Request) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[req.PathValue("id")]
}

func (s *Server) page(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	status := 0
	if len(s.faults) > 0 {
		status, s.faults = s.faults[0], s.faults[1:]
	}
	s.mu.Unlock()
	if status != 0 {
		http.Error(w, "try again", status)
		return
	}
	r := s.find(req)
	token, err := strconv.Atoi(req.PathValue("token"))
	if r == nil || err != nil || req.PathValue("slug") != r.slug {
		http.Error(w, "Query not found", http.StatusNotFound)
		return
	}
	r.serving.Lock() // a client asks for one page at a time
	defer r.serving.Unlock()
	if req.PathValue("phase") == "queued" {
		if token < s.opts.Queued {
			r.answer(w, results{NextURI: s.link(r, "queued", token+1)})
		} else {
			r.answer(w, results{NextURI: s.link(r, "executing", 0)})
		}
		return
	}
	switch {
	case token == r.served && r.last != nil: // asked again
		write(w, r.last)
	case token != r.served+1 && (token != 0 || r.last != nil):
		http.Error(w, "the page is gone", http.StatusGone)
	default:
		r.served = token
		r.last = r.next(req.Context(), token)
		write(w, r.last)
	}
}

func (s *Server) cancel(w http.ResponseWriter, req *http.Request) {
	if r := s.find(req); r != nil {
		r.mu.Lock()
		r.cancelled = true
		r.mu.Unlock()
		r.stop()
	}
	w.WriteHeader(http.StatusNoContent)
}

func write(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the client is gone
}

// located puts the place of a failure in front of its message, as Trino does.
func located(f *query.Failure) string {
	if f.Line == 0 || strings.HasPrefix(f.Message, "line ") {
		return f.Message
	}
	return fmt.Sprintf("line %d:%d: %s", f.Line, f.Column, f.Message)
}
