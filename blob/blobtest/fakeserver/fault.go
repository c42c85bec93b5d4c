package fakeserver

import (
	"net"
	"net/http"
	"time"
)

// Fault is what goes wrong with one request. The zero Fault changes nothing.
type Fault struct {
	Delay  time.Duration // wait before anything else
	Status int           // answer with this status instead of serving the request
	Code   string        // the provider's error code of that answer
	Done   bool          // do what was asked first, so that only the answer is lost

	Location string // of an answer that redirects

	Reset bool // close the connection without an answer (after the request was served, with Done)

	Cut   bool  // close the connection after After bytes of the body
	Stall bool  // send nothing more after After bytes of the body, until the client goes away
	After int64 // see Cut and Stall

	ETag  string // answer with another ETag
	Grow  int64  // announce and send that many more bytes than the object has; negative for fewer
	Raw   string // answer 200 with this body instead
	Range bool   // ignore the Range header, as some servers do
	CRC   string // OSS: answer with this CRC-64 instead

	RepeatPage bool // list: give the page before again, claiming that there is more
	EndlessOff bool // list: claim that there is more, without a token
	EmptyPage  bool // list: an empty page that claims that there is more, with a token
}

// Hook looks at a request before it is served and returns what shall go wrong,
// or nil. It runs concurrently; it must not read the body.
type Hook func(*http.Request) *Fault

// Nth returns a hook that gives f to the requests for which match is true,
// from the first such request to the n-th.
func Nth(n int, f Fault, match func(*http.Request) bool) Hook {
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	return func(r *http.Request) *Fault {
		if !match(r) {
			return nil
		}
		select {
		case <-left:
			return &f
		default:
			return nil
		}
	}
}

// reset closes the connection of w in a way that the client sees as a reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// bodyWriter cuts or stalls an answer's body.
type bodyWriter struct {
	http.ResponseWriter
	fault *Fault
	left  int64
	done  <-chan struct{}
}

func (b *bodyWriter) Write(p []byte) (int, error) {
	if int64(len(p)) <= b.left {
		b.left -= int64(len(p))
		return b.ResponseWriter.Write(p)
	}
	b.ResponseWriter.Write(p[:b.left])
	b.left = 0
	http.NewResponseController(b.ResponseWriter).Flush()
	if b.fault.Stall {
		<-b.done
	}
	panic(http.ErrAbortHandler)
}
