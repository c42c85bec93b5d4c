package httpapi

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/inlet-go/inlet/store/scope"
)

// spans is a tracer that notes the names of spans and the start of the trace
// that each continues.
type spans struct {
	noop.TracerProvider
	names []string
}

func (s *spans) Tracer(string, ...trace.TracerOption) trace.Tracer { return spanTracer{spans: s} }

type spanTracer struct {
	noop.Tracer
	spans *spans
}

func (t spanTracer) Start(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	t.spans.names = append(t.spans.names, name+" "+trace.SpanContextFromContext(ctx).TraceID().String()[:4])
	return t.Tracer.Start(ctx, name, opts...)
}

func TestSpansNameTheRouteAndContinueTheTrace(t *testing.T) {
	s := &spans{}
	api := toyAPI(t, func(c *Config) { c.TracerProvider = s }, call("GET", "/a/{id}", nothingIn, echoScope))
	ask(api, "GET", "/a/secret", "", "X-Toy", "t", "traceparent", "00-abcd0000000000000000000000000001-0000000000000001-01")
	ask(api, "BREW", "/a/1", "", "X-Toy", "t")
	want := []string{"GET /a/{id} abcd", "_OTHER /a/{id} 0000"}
	if diff := cmp.Diff(want, s.names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func BenchmarkPipeline(b *testing.B) {
	api := toyAPI(b, nil, call("POST", "/a", func(in *input) int64 { return in.body.id("id") },
		func(_ context.Context, _ scope.Scope, id int64) (any, error) { return id, nil }))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/a", strings.NewReader(`{"id":"1889223922712281088","ids":[1,2,3]}`))
		r.Header.Set("X-Toy", "t")
		api.ServeHTTP(httptest.NewRecorder(), r)
	}
}
