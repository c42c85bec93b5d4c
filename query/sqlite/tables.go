package sqlite

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// files returns the files to attach, and those that stay pinned until the run
// is over, with all tables that the statement reads: those that are not in the
// cache are loaded.
func (r *run) files(ctx context.Context) (attach, pinned []*file, err error) {
	p := r.p
	of := map[*target]*file{}
	for _, t := range p.resolved.tables {
		f, err := r.load(ctx, keyOf("table", t.table.Version), func(ctx context.Context, path string, l *load) (fileMeta, error) {
			return p.engine.loadTable(ctx, path, t.table, l)
		})
		if err != nil {
			return nil, pinned, tableFailure(t.table, err)
		}
		pinned = append(pinned, f)
		of[t] = f
		p.at[t] = location{f.database(), tableName}
		if !slices.Contains(attach, f) {
			attach = append(attach, f)
		}
	}
	if len(attach) <= attachLimit {
		return attach, pinned, nil
	}
	slices.SortFunc(attach, func(a, b *file) int { return cmp.Or(cmp.Compare(b.size, a.size), strings.Compare(a.key, b.key)) })
	small := attach[attachLimit-1:]
	pack, err := r.pack(ctx, small)
	if err != nil {
		return nil, pinned, err
	}
	pinned = append(pinned, pack)
	for t, f := range of {
		if i := slices.Index(small, f); i >= 0 {
			p.at[t] = location{pack.database(), packName(i)}
		}
	}
	return append(attach[:attachLimit-1:attachLimit-1], pack), pinned, nil
}

// pack returns a file that has the tables of several.
func (r *run) pack(ctx context.Context, files []*file) (*file, error) {
	var keys []string
	for _, f := range files {
		keys = append(keys, f.key)
	}
	return r.load(ctx, keyOf("pack", strings.Join(keys, ",")), func(_ context.Context, path string, l *load) (fileMeta, error) {
		return r.p.engine.loadPack(path, files, l)
	})
}

// load returns a file of the cache, pinned, which is made if it is not there.
func (r *run) load(ctx context.Context, key string, build func(context.Context, string, *load) (fileMeta, error)) (*file, error) {
	before := r.loaded
	asked, mine := false, false
	return r.p.engine.cache.get(ctx, key, build, func(l *load) {
		if !asked { // of several that wait, one counts it
			asked, mine = true, l.claimed.CompareAndSwap(false, true)
		}
		if !mine {
			r.tellSometimes()
			return
		}
		r.loaded = before
		r.loaded.ProcessedRows += l.rows.Load()
		r.loaded.ProcessedBytes += l.bytes.Load()
		r.loaded.CPU += time.Duration(l.cpu.Load())
		r.now.ProcessedRows, r.now.ProcessedBytes = r.loaded.ProcessedRows, r.loaded.ProcessedBytes
		r.tellSometimes()
	})
}

// tellSometimes reports how far the run is, if it is time.
func (r *run) tellSometimes() {
	if time.Now().After(r.next) {
		r.tell()
	}
}
