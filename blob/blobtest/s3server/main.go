// Command s3server is a real S3 server for tests: versitygw over a folder,
// with one account, to be started as a child process. It prints
// "listening on http://HOST:PORT" once it accepts requests, and ends on
// SIGTERM, on SIGINT or, with -stdin, when its standard input closes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
)

// parallel bounds the requests, the connections and the file operations under
// way; a client that wants more is throttled as by any S3 server.
const parallel = 4096

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "listen address")
	dir := flag.String("dir", "", "folder whose sub-folders are the buckets (required)")
	access := flag.String("access", "test", "access key id")
	secret := flag.String("secret", "testsecret", "secret access key")
	region := flag.String("region", "us-east-1", "region of the signatures")
	virtual := flag.String("virtual-domain", "", "accept BUCKET.DOMAIN as host; DOMAIN may carry a port")
	sidecar := flag.String("sidecar", "", "folder for metadata where the file system has no extended attributes")
	stdin := flag.Bool("stdin", false, "end when standard input closes")
	flag.Parse()
	if err := run(*addr, *dir, *access, *secret, *region, *virtual, *sidecar, *stdin); err != nil {
		log.Fatal("s3server: ", err)
	}
}

func run(addr, dir, access, secret, region, virtual, sidecar string, stdin bool) error {
	if dir == "" {
		return errors.New("-dir is required")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// posix copies nothing when the threshold is zero.
	opts := posix.PosixOpts{Concurrency: parallel, CopyObjectThreshold: 5 << 30, SideCarDir: sidecar}
	store, err := openMeta(dir, sidecar)
	if err != nil {
		return err
	}
	addr, err = freeAddr(addr)
	if err != nil {
		return err
	}
	be, err := posix.New(dir, store, opts) // changes the working directory
	if err != nil {
		return err
	}
	defer be.Shutdown()

	options := []s3api.Option{
		s3api.WithQuiet(), s3api.WithKeepAlive(), s3api.WithConcurrencyLimiter(parallel, parallel),
		s3api.WithMpMaxParts(10000),
		s3api.WithOnListen(func() { fmt.Printf("listening on http://%s\n", addr) }),
	}
	if virtual != "" {
		options = append(options, s3api.WithHostStyle(virtual))
	}
	root := auth.Account{Access: access, Secret: secret, Role: auth.RoleAdmin}
	srv, err := s3api.New(be, middlewares.RootUserConfig{Access: access, Secret: secret}, region,
		auth.NewIAMServiceSingle(root), nil, nil, nil, nil, options...)
	if err != nil {
		return err
	}
	stopped := make(chan struct{})
	go func() {
		stop(srv, stdin)
		close(stopped)
	}()
	err = srv.ServeMultiPort([]string{addr})
	select {
	case <-stopped:
		return nil // the listener's end was asked for
	case <-time.After(time.Second):
		return err
	}
}

func openMeta(dir, sidecar string) (meta.MetadataStorer, error) {
	if sidecar == "" {
		if err := (meta.XattrMeta{}).Test(dir); err != nil {
			return nil, fmt.Errorf("extended attributes: %w (use -sidecar)", err)
		}
		return meta.XattrMeta{}, nil
	}
	if err := os.MkdirAll(sidecar, 0o755); err != nil {
		return nil, err
	}
	return meta.NewSideCar(sidecar)
}

// freeAddr replaces port 0 by a free one: the server does not tell which port
// it bound.
func freeAddr(addr string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// stop ends the server when it is told to.
func stop(srv *s3api.S3ApiServer, stdin bool) {
	ctrl := make(chan os.Signal, 1)
	signal.Notify(ctrl, syscall.SIGTERM, syscall.SIGINT)
	if stdin {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			ctrl <- syscall.SIGTERM
		}()
	}
	<-ctrl
	srv.ShutDown()
}
