package httpapi

import (
	"context"
	"net/http"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/scope"
)

// cannerServices are the operations on the service that runs SQL.
type cannerServices struct{ service *query.Service }

func (c *cannerServices) routes() []route {
	return []route{
		call(http.MethodGet, "/service/{service}", func(in *input) string { return in.r.PathValue("service") }, c.get),
		call(http.MethodPut, "/service/{service}", readServiceState, c.set),
	}
}

// cannerService tells of a service. MaxIdleTime is in seconds, 0 for one that
// never sleeps.
type cannerService struct {
	Status      string `json:"status"`
	LastUsed    string `json:"lastUsed"`
	ID          string `json:"id"`
	Service     string `json:"service"`
	MaxIdleTime int64  `json:"maxIdleTime"`
}

func newCannerService(name string, st query.EngineStatus) cannerService {
	return cannerService{
		Status: st.Status, LastUsed: cannerTime(st.LastUsed), ID: st.ID, Service: name,
		MaxIdleTime: int64(st.MaxIdle.Seconds()),
	}
}

func (c *cannerServices) get(ctx context.Context, sc scope.Scope, name string) (any, error) {
	st, err := c.service.Engine(ctx, sc, name)
	if err != nil {
		return nil, err
	}
	return newCannerService(name, st), nil
}

// serviceState is what a service is to be.
type serviceState struct {
	name string
	on   bool
}

func readServiceState(in *input) serviceState {
	on := cannerFlag(in.body, "state")
	if on == nil {
		if in.body.fields["state"] == nil {
			in.body.required("state")
		}
		return serviceState{}
	}
	return serviceState{in.r.PathValue("service"), *on}
}

func (c *cannerServices) set(ctx context.Context, sc scope.Scope, v serviceState) (any, error) {
	st, err := c.service.SetEngine(ctx, sc, v.name, v.on)
	if err != nil {
		return nil, err
	}
	return newCannerService(v.name, st), nil
}
