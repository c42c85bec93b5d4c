package query

import (
	"context"
	"log/slog"
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

func (p *power) start(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active++
	p.lastUsed, p.asleep = now, false
}

func (p *power) stop(now time.Time, e Engine, logger *slog.Logger) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	p.lastUsed = now
	if p.stopping && p.active == 0 {
		p.sleep(context.Background(), e, logger)
	}
}

// sleep gives the engine's memory back. The caller holds mu.
func (p *power) sleep(ctx context.Context, e Engine, logger *slog.Logger) {
	p.stopping, p.asleep = false, true
	sleeper, ok := e.(Sleeper)
	if !ok {
		return
	}
	if err := sleeper.Sleep(ctx); err != nil {
		logger.ErrorContext(ctx, "engine does not sleep", "err", err)
		return
	}
	logger.InfoContext(ctx, "engine sleeps", "last_used", p.lastUsed)
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
		s.power.sleep(ctx, s.engine, s.opts.Logger)
		s.recent.clear()
	}
	s.power.mu.Unlock()
	return s.Engine(ctx, sc, name)
}
