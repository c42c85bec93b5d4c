package archive

import (
	"crypto/sha256"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

// scan is what is known of an archive while it is gone through.
type scan struct {
	opts    *Options
	names   []string
	limit   int64 // bytes of a file that is asked for
	entries int
	total   int64

	seen    map[[16]byte]bool // by the hash of the path: whether it is a folder
	folders map[string]bool
	best    map[string]match
}

// match is the file that a name stands for, so far.
type match struct {
	path    string
	content []byte
}

func newScan(opts *Options, names []string, limit int64) *scan {
	return &scan{
		opts: opts, names: names, limit: limit,
		seen: map[[16]byte]bool{}, folders: map[string]bool{}, best: map[string]match{},
	}
}

func (s *scan) found() (*connector.Found, error) {
	if s.entries == 0 {
		return nil, errs.New(errs.Invalid, "archive is invalid: there is nothing in it")
	}
	f := &connector.Found{Files: map[string][]byte{}, Folders: s.folders}
	for name, m := range s.best {
		f.Files[name] = m.content
	}
	return f, nil
}

// shown bounds a path in a message.
func shown(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), 80)], "?")
}

// add counts an entry and checks its path, which it returns in its plain form;
// "" for the top itself.
func (s *scan) add(name string, dir bool, size int64) (string, error) {
	if s.entries++; s.entries > s.opts.MaxEntries {
		return "", errs.New(errs.TooLarge, "archive has more than %d entries", s.opts.MaxEntries)
	}
	if size < 0 || size > s.opts.MaxTotal-s.total {
		return "", errs.New(errs.TooLarge, "archive unpacks to more than %d bytes", s.opts.MaxTotal)
	}
	s.total += size
	plain, err := s.plain(name)
	if err != nil || plain == "." {
		return "", err
	}
	hash := sha256.Sum256([]byte(plain))
	key := [16]byte(hash[:16])
	if was, ok := s.seen[key]; ok && (!was || !dir) {
		return "", errs.New(errs.Invalid, "archive is refused: %q is there twice", shown(plain))
	}
	s.seen[key] = dir
	if top, _, below := strings.Cut(plain, "/"); below || dir {
		s.folders[top] = true
	}
	return plain, nil
}

func (s *scan) plain(name string) (string, error) {
	switch {
	case name == "":
		return "", errs.New(errs.Invalid, "archive is refused: an entry has no name")
	case len(name) > s.opts.MaxPath:
		return "", errs.New(errs.TooLarge, "archive is refused: the path %q… is longer than %d bytes", shown(name), s.opts.MaxPath)
	case strings.ContainsAny(name, "\\\x00"):
		return "", errs.New(errs.Invalid, "archive is refused: the path %q has a backslash or a NUL", shown(name))
	case name[0] == '/' || len(name) > 1 && name[1] == ':':
		return "", errs.New(errs.Invalid, "archive is refused: the path %q is absolute", shown(name))
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", errs.New(errs.Invalid, "archive is refused: the path %q leads out of it", shown(name))
		}
	}
	return path.Clean(name), nil
}

// wanted returns the names that are asked for and that the file would be the
// best match of.
func (s *scan) wanted(plain string) []string {
	var list []string
	for _, name := range s.names {
		if plain != name && !strings.HasSuffix(plain, "/"+name) {
			continue
		}
		if m, ok := s.best[name]; !ok || before(plain, m.path) {
			list = append(list, name)
		}
	}
	return list
}

// before reports whether a stands before b: in fewer folders, or first by the
// order of bytes.
func before(a, b string) bool {
	if x, y := strings.Count(a, "/"), strings.Count(b, "/"); x != y {
		return x < y
	}
	return a < b
}

// keep reads a file that is asked for.
func (s *scan) keep(plain string, names []string, r io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(r, s.limit+1))
	if err != nil {
		return reason(err)
	}
	if int64(len(content)) > s.limit {
		return errs.New(errs.TooLarge, "archive is refused: %q is larger than %d bytes", shown(plain), s.limit)
	}
	for _, name := range names {
		s.best[name] = match{plain, content}
	}
	return nil
}

// reason gives an error of a decoder its kind; those of the bucket, and the
// limits, have one.
func reason(err error) error {
	var known *errs.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errs.Wrap(errs.Invalid, err, "archive is invalid: it ends early")
	}
	return errs.Wrap(errs.Invalid, err, "archive is invalid: it is damaged, or of another format")
}
