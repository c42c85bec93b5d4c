package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// swallow is a streamed route that answers how many bytes came.
func swallow() route {
	return streamed(call("POST", "/up", func(in *input) io.Reader { return in.stream }, func(_ context.Context, _ scope.Scope, r io.Reader) (any, error) {
		n, err := io.Copy(io.Discard, r)
		if err != nil {
			return nil, fmt.Errorf("uploading: %w", err)
		}
		return n, nil
	}))
}

func TestStreamedBodies(t *testing.T) {
	tests := map[string]struct {
		token, length, body string // length is announced, body is sent
		stall               bool
		status              int
		want                string
	}{
		"whole":                   {"t", "5", "12345", false, 200, `{"toy":5}`},
		"larger than a JSON body": {"t", "5000", strings.Repeat("x", 5000), false, 200, `{"toy":5000}`},
		"nothing":                 {"t", "0", "", false, 200, `{"toy":0}`},
		"ends early":              {"t", "9", "12345", false, 400, `{"toy":"body is invalid: it ended early"}`},
		"stalls":                  {"t", "9", "12345", true, 400, `{"toy":"body is invalid: nothing came for 100ms"}`},
		"before the body":         {"x", "9", "", true, 401, `{"toy":"credentials are invalid"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			api := toyAPI(t, func(c *Config) { c.MaxBody, c.BodyTimeout = 100, 100*time.Millisecond }, swallow())
			ts := httptest.NewServer(api)
			defer ts.Close()
			conn, err := net.Dial("tcp", ts.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST /up HTTP/1.1\r\nHost: x\r\nX-Toy: %s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s", tt.token, tt.length, tt.body)
			if !tt.stall {
				conn.(*net.TCPConn).CloseWrite()
			}
			answer, err := io.ReadAll(conn)
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if got := string(answer); !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", tt.status)) || !strings.Contains(got, tt.want) {
				t.Errorf("answer %q, want %d %s", got, tt.status, tt.want)
			}
		})
	}
}

func TestFormErrorsBlameTheClient(t *testing.T) {
	if err := formError(errors.New("multipart: NextPart: EOF")); errs.KindOf(err) != errs.Invalid {
		t.Errorf("%v is %v", err, errs.KindOf(err))
	}
	own := errs.New(errs.Unavailable, "storage is full")
	if err := formError(own); !errors.Is(err, errs.Unavailable) {
		t.Errorf("%v lost its kind", err)
	}
}
