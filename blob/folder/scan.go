package folder

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
)

// entry is a name in a directory with its place in the order of keys.
type entry struct {
	sort string // orders the entries of a directory
	dir  bool   // a directory comes behind a file with the same sort
	name string
	typ  fs.FileMode
}

func compare(a, b entry) int {
	if c := cmp.Compare(a.sort, b.sort); c != 0 || a.dir == b.dir {
		return c
	}
	if a.dir {
		return 1
	}
	return -1
}

// scan yields the entries of a directory that keep lets through, in order,
// holding at most twice limit of them: where there are more, it reads the
// directory again for those behind the last one that it yielded.
func scan(root *os.Root, limit int, keep func(fs.DirEntry) (entry, bool)) iter.Seq2[entry, error] {
	if limit <= 0 {
		limit = defaultSortLimit
	}
	return func(yield func(entry, error) bool) {
		var last *entry
		for {
			batch, more, err := smallest(root, limit, func(d fs.DirEntry) (entry, bool) {
				e, ok := keep(d)
				return e, ok && (last == nil || compare(e, *last) > 0)
			})
			if err != nil {
				yield(entry{}, err)
				return
			}
			for _, e := range batch {
				if !yield(e, nil) {
					return
				}
			}
			if !more {
				return
			}
			last = &batch[len(batch)-1]
		}
	}
}

// smallest returns the first limit entries in order, and whether there are more.
func smallest(root *os.Root, limit int, keep func(fs.DirEntry) (entry, bool)) (batch []entry, more bool, err error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, false, err
	}
	defer dir.Close()
	cut := func() {
		slices.SortFunc(batch, compare)
		if len(batch) > limit {
			batch, more = batch[:limit], true
		}
	}
	for {
		names, err := dir.ReadDir(1024)
		for _, d := range names {
			e, ok := keep(d)
			if !ok {
				continue
			}
			// Once cut, the batch is sorted up to limit: what is behind can go.
			if more && compare(e, batch[limit-1]) > 0 {
				continue
			}
			if batch = append(batch, e); len(batch) >= 2*limit {
				cut()
			}
		}
		if errors.Is(err, io.EOF) {
			cut()
			return batch, more, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
}
