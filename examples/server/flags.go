package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// config is what the flags say.
type config struct {
	addr, data, db, bucket, token, prefix string
	open                                  bool
	allowNet                              []netip.Prefix
	allowDir                              []string
	saveWithin                            time.Duration
}

// parse reads the flags. Everything that is wrong with them is told at once.
func parse(args []string) (config, error) {
	var c config
	var nets, dirs string
	fs := flag.NewFlagSet("server", flag.ContinueOnError)
	fs.StringVar(&c.addr, "addr", "127.0.0.1:8080", "listen `address`")
	fs.StringVar(&c.data, "data", "./inlet-data", "`folder` for the database, the bucket, the tables of queries and the key file")
	fs.StringVar(&c.db, "db", "", "`database`: sqlite:PATH, postgres://…, or mem: (default: SQLite under -data)")
	fs.StringVar(&c.bucket, "bucket", "", "managed `bucket`: file:PATH, s3://…, oss://…, or mem: (default: a folder under -data)")
	fs.StringVar(&c.token, "token", "", "the `credential` that every dialect takes (default: random, printed)")
	fs.BoolVar(&c.open, "open", false, "no authentication; only on a loopback address")
	fs.StringVar(&nets, "allow-net", "", "network `prefixes` that connectors and URLs may reach besides the public ones, comma-separated")
	fs.StringVar(&dirs, "allow-dir", "", "`folders` that local connectors may read, comma-separated")
	fs.DurationVar(&c.saveWithin, "save-within", 0, "answer queries with wait before they are saved, at most this `time` later; a crash forgets those")
	fs.StringVar(&c.prefix, "prefix", "", "mount all routes under this `path`")
	if err := fs.Parse(args); err != nil {
		return config{}, err
	}
	var problems []error
	if fs.NArg() > 0 {
		problems = append(problems, fmt.Errorf("unexpected argument %q", fs.Arg(0)))
	}
	for _, s := range split(nets) {
		prefix, err := parsePrefix(s)
		if err != nil {
			problems = append(problems, fmt.Errorf("-allow-net: %q is no network prefix", s))
		}
		c.allowNet = append(c.allowNet, prefix)
	}
	for _, s := range split(dirs) {
		dir, err := filepath.Abs(s)
		if err != nil {
			problems = append(problems, fmt.Errorf("-allow-dir: %w", err))
		}
		c.allowDir = append(c.allowDir, dir)
	}
	if c.open && !loopback(c.addr) {
		problems = append(problems, errors.New("-open needs a loopback -addr: anyone who can connect may do anything"))
	}
	if c.open && c.token != "" {
		problems = append(problems, errors.New("-open and -token exclude each other"))
	}
	if c.saveWithin < 0 {
		problems = append(problems, errors.New("-save-within must not be negative"))
	}
	if c.prefix != "" && !strings.HasPrefix(c.prefix, "/") {
		problems = append(problems, errors.New("-prefix must start with a slash"))
	}
	if c.db == "" {
		c.db = "sqlite:" + filepath.Join(c.data, "inlet.db")
	}
	if c.bucket == "" {
		c.bucket = "file:" + filepath.Join(c.data, "bucket")
	}
	return c, errors.Join(problems...)
}

// parsePrefix reads a prefix, or an address as a prefix of one.
func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
