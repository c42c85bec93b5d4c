package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/inlet-go/inlet/store/errs"
)

// instrumentation is the name under which spans and metrics are recorded.
const instrumentation = "github.com/inlet-go/inlet/httpapi"

// telemetry records requests by OpenTelemetry's conventions for HTTP servers.
type telemetry struct {
	tracer   trace.Tracer
	duration metric.Float64Histogram
}

func newTelemetry(tp trace.TracerProvider, mp metric.MeterProvider) (telemetry, error) {
	if tp == nil {
		tp = tracenoop.NewTracerProvider()
	}
	if mp == nil {
		mp = metricnoop.NewMeterProvider()
	}
	duration, err := mp.Meter(instrumentation).Float64Histogram("http.server.request.duration",
		metric.WithUnit("s"), metric.WithDescription("Duration of HTTP server requests."),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10))
	if err != nil {
		return telemetry{}, errs.Wrap(errs.Invalid, err, "Config.MeterProvider is invalid")
	}
	return telemetry{tracer: tp.Tracer(instrumentation), duration: duration}, nil
}

// start begins a request's span. It continues the caller's trace unless the
// host's own middleware has already begun a span. The result ends it.
func (t telemetry) start(r *http.Request, pattern string) (context.Context, func(*exchange)) {
	ctx := r.Context()
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	method := knownMethod(r.Method)
	ctx, span := t.tracer.Start(ctx, method+" "+pattern, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", pattern)))
	return ctx, func(x *exchange) {
		status := attribute.Int("http.response.status_code", x.status)
		span.SetAttributes(status, attribute.String("inlet.dialect", x.dialect.name), attribute.String("inlet.request_id", x.id))
		if id := x.traceID(); id != "" {
			span.SetAttributes(attribute.String("inlet.external_trace_id", id))
		}
		if x.status >= 500 || x.status == 0 {
			span.SetStatus(codes.Error, "")
		}
		span.End()
		t.duration.Record(ctx, time.Since(x.start).Seconds(), metric.WithAttributes(
			status, attribute.String("http.request.method", method), attribute.String("http.route", pattern)))
	}
}

// knownMethod keeps what callers invent out of the names of spans and metrics.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "_OTHER"
}

// log writes the request's one line. It names the route, not the path, and no
// header or query, which may hold secrets. Causes are written for the errors
// that are not the caller's.
func (x *exchange) log() {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("dialect", x.dialect.name), slog.String("method", knownMethod(x.r.Method)),
		slog.String("route", x.pattern), slog.Int("status", x.status), slog.Int64("bytes", x.bytes),
		slog.Duration("duration", time.Since(x.start)), slog.String("request_id", x.id),
		slog.String("tenant", x.scope.Tenant), slog.String("user", x.scope.User),
	}
	if id := x.traceID(); id != "" {
		attrs = append(attrs, slog.String("external_trace_id", id))
	}
	if x.err != nil {
		kind := errs.KindOf(x.err)
		attrs = append(attrs, slog.String("kind", kind.Error()))
		switch kind {
		case errs.Internal:
			level = slog.LevelError
			attrs = append(attrs, slog.Any("err", x.err))
		case errs.Unavailable, errs.RateLimited:
			level = slog.LevelWarn
			attrs = append(attrs, slog.Any("err", x.err))
		}
	}
	x.api.cfg.Logger.LogAttrs(x.r.Context(), level, "request", attrs...)
}
