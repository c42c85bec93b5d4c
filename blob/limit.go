package blob

import (
	"io"

	"github.com/inlet-go/inlet/store/errs"
)

// LimitReader returns r with an error of kind TooLarge behind its first max
// bytes, where [io.LimitReader] would end. what names r in the message, such
// as "file".
func LimitReader(r io.Reader, max int64, what string) io.Reader {
	return &limited{r: r, max: max, left: max, what: what}
}

type limited struct {
	r         io.Reader
	max, left int64
	what      string
}

// Read implements [io.Reader]. It reads one byte too many to tell exactly max
// bytes from more.
func (l *limited) Read(p []byte) (int, error) {
	if l.left < int64(len(p)) {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errs.New(errs.TooLarge, "%s is larger than %d bytes", l.what, l.max)
	}
	return n, err
}
