package query

import (
	"context"
	"sync"
	"time"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// EngineService is the name of the service that runs SQL.
const EngineService = "SQL_ENGINE"

// The states of the engine.
const (
	EngineRunning  = "RUNNING"
	EngineStopping = "STOPPING" // was told to stop, and queries still run
	EngineStopped  = "STOPPED"  // wakes with the next query
)

// EngineStatus tells of the engine on this node.
type EngineStatus struct {
	ID       string // the node's
	Status   string
	LastUsed time.Time
	MaxIdle  time.Duration // after which it sleeps; 0 for never
}

// power knows whether the engine is awake.
type power struct {
	mu       sync.Mutex
	asleep   bool
	stopping bool
	active   int
	lastUsed time.Time
}

// busy notes that a query runs, which wakes the engine.
func (s *Service) busy() {
	p := &s.power
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active++
	p.lastUsed, p.asleep = s.opts.Now(), false
}

// idle notes that one runs no more.
func (s *Service) idle() {
	p := &s.power
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	p.lastUsed = s.opts.Now()
	if p.stopping && p.active == 0 {
		s.sleep(context.Background())
	}
}

// sleep gives the memory back that the engine and queries that ended have. The
// caller holds the mu of power.
func (s *Service) sleep(ctx context.Context) {
	s.power.stopping, s.power.asleep = false, true
	s.recent.clear()
	sleeper, ok := s.engine.(Sleeper)
	if !ok {
		return
	}
	if err := sleeper.Sleep(ctx); err != nil {
		s.opts.Logger.ErrorContext(ctx, "engine does not sleep", "err", err)
		return
	}
	s.opts.Logger.InfoContext(ctx, "engine sleeps", "last_used", s.power.lastUsed)
}

// Engine tells the state of a service by its name. Only EngineService exists.
func (s *Service) Engine(_ context.Context, sc scope.Scope, name string) (EngineStatus, error) {
	if err := checkService(sc, name); err != nil {
		return EngineStatus{}, err
	}
	s.power.mu.Lock()
	defer s.power.mu.Unlock()
	st := EngineStatus{ID: s.owner.Process, Status: EngineRunning, LastUsed: s.power.lastUsed, MaxIdle: max(s.opts.MaxIdle, 0)}
	switch {
	case s.power.stopping:
		st.Status = EngineStopping
	case s.power.asleep:
		st.Status = EngineStopped
	}
	return st, nil
}

func checkService(sc scope.Scope, name string) error {
	if err := sc.Check(); err != nil {
		return err
	}
	if name != EngineService {
		return errs.New(errs.NotFound, "service %q does not exist; there is %s", name, EngineService)
	}
	return nil
}

// SetEngine wakes the engine or puts it to sleep. Queries that run are let
// finish; the next one wakes it again.
func (s *Service) SetEngine(ctx context.Context, sc scope.Scope, name string, awake bool) (EngineStatus, error) {
	if err := checkService(sc, name); err != nil {
		return EngineStatus{}, err
	}
	s.power.mu.Lock()
	switch {
	case awake:
		s.power.asleep, s.power.stopping = false, false
		s.power.lastUsed = s.opts.Now()
	case s.power.active > 0:
		s.power.stopping = true
	case !s.power.asleep:
		s.sleep(ctx)
	}
	s.power.mu.Unlock()
	return s.Engine(ctx, sc, name)
}
