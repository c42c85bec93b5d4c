// Command server is a complete Inlet server: connectors, volumes, load tasks,
// data sources, file sync, queries and the registry of connectors over REST, kept
// in SQLite and a folder, or in PostgreSQL and a bucket.
//
//	go run ./examples/server -allow-dir /srv/files
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// grace is how long requests and transfers may take to end on SIGTERM. What
// they had not finished goes on at the next start.
const grace = 10 * time.Second

func main() {
	c, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := serve(ctx, c, logger); err != nil {
		logger.Error("server failed", "err", err)
		os.Exit(1)
	}
}

// serve runs the server until ctx ends.
func serve(ctx context.Context, c config, logger *slog.Logger) error {
	app, err := wire(ctx, c, logger)
	if err != nil {
		return err
	}
	defer app.close()
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           app.handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return app.dispatcher.Run(ctx) })
	group.Go(func() error { return app.runner.Run(ctx) })
	group.Go(func() error { return app.sources.Run(ctx) })
	group.Go(func() error { return app.syncs.Run(ctx) })
	group.Go(func() error { return app.queries.Run(ctx) })
	group.Go(func() error { return app.collector.Run(ctx) })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return server.Close()
		}
		return nil
	})
	if app.token != "" {
		fmt.Println("token", app.token)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	return group.Wait()
}
