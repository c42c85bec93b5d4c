package database_test

import (
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector/database"
	"github.com/inlet-go/inlet/store/errs"
)

// relay is a way to a server on which its answers can get lost, while the
// connections stay.
type relay struct {
	left atomic.Int64 // bytes of answers that come through; negative for all
}

// through returns the server as it is reached by a relay.
func (s *server) through(t *testing.T, r *relay) *server {
	t.Helper()
	r.left.Store(-1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	target := net.JoinHostPort(s.info["host"].(string), strconv.Itoa(s.info["port"].(int)))
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go r.serve(client, target)
		}
	}()
	as := &server{s.kind, s.db, map[string]any{}}
	for key, value := range s.info {
		as.info[key] = value
	}
	as.info["host"], as.info["port"] = "127.0.0.1", listener.Addr().(*net.TCPAddr).Port
	return as
}

func (r *relay) serve(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := server.Read(buf)
			if err != nil {
				client.Close()
				return
			}
			if left := r.left.Load(); left >= 0 {
				n = int(min(int64(n), left))
				r.left.Add(-int64(n))
			}
			if _, err := client.Write(buf[:n]); err != nil {
				server.Close()
				return
			}
		}
	}()
	io.Copy(server, client)
}

// wide is a table whose pages are longer than what buffers hold.
func wide(t *testing.T, s *server, rows int) (table string, want []string) {
	table = s.table(t, "wide", "id int PRIMARY KEY, text varchar(2000)")
	var values []string
	for i := range rows {
		values = append(values, "("+strconv.Itoa(i)+", '"+strings.Repeat("x", 1500)+"')")
		want = append(want, strconv.Itoa(i))
	}
	s.exec(t, "INSERT INTO "+table+" VALUES "+strings.Join(values, ", "))
	return table, want
}

// A server that says no more in the middle of a page costs an attempt.
func TestServerFallsSilentInAPage(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e, r := newEnv(t, nil), &relay{}
		table, want := wide(t, s, 1000)
		src := e.source(s.through(t, r), table, "", 1000, 1)
		keys, _ := e.list(src, "")
		r.left.Store(300_000)
		dst, began := cloud.Memory(), time.Now()
		items := func(yield func(blob.Item) bool) { yield(blob.Item{Source: blob.Object{Key: keys[0]}, Key: "page"}) }
		attempts := func(n int) error {
			return blob.NewTransfer(&blob.TransferOptions{Attempts: n, Backoff: time.Millisecond, Idle: 300 * time.Millisecond}).
				Copy(t.Context(), dst, src, items, nil)
		}
		if err := attempts(2); errs.KindOf(err) != errs.Unavailable || !strings.Contains(errs.Message(err), "sent nothing for 300ms") {
			t.Errorf("of a silent server: %v", err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		r.left.Store(300_000)
		time.AfterFunc(100*time.Millisecond, func() { r.left.Store(-1) }) // new connections are answered
		if err := attempts(5); err != nil {
			t.Fatal(err)
		}
		got := idsOf(e.pages(dst, []string{"page"}))
		if len(got) != len(want) {
			t.Errorf("the page has %d rows, want %d", len(got), len(want))
		}
	})
}

func TestServerFallsSilentInAListing(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e, r := newEnvWith(t, nil, database.Options{Idle: 300 * time.Millisecond}), &relay{}
		table, _ := wide(t, s, 10)
		src := e.source(s.through(t, r), table, "", 5, 10)
		want, _ := e.list(src, "")
		r.left.Store(10)
		objects, next := src.ListSince(t.Context(), "", false)
		began := time.Now()
		for obj, err := range objects {
			if errs.KindOf(err) != errs.Unavailable || errs.Message(err) != "the database sent nothing for 300ms" {
				t.Errorf("of a silent server: %v, %v", obj, err)
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		r.left.Store(-1)
		got, _ := e.list(src, next())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the next listing (-want +got):\n%s", diff)
		}
	})
}
