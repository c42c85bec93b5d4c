package filesync_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
)

func TestPush(t *testing.T) {
	e := newEnv(t, nil)
	ctx := context.Background()
	folder := fstest.MapFS{"large.bin": {Data: []byte(strings.Repeat("x", 200_000))}, "link": {Mode: fs.ModeSymlink}}
	var want []string
	for i := range 50 {
		folder[fmt.Sprintf("2026/%02d/f%d.csv", i%3, i)] = &fstest.MapFile{Data: []byte(fmt.Sprint(i))}
	}
	var last filesync.Progress
	calls := 0
	n := filesync.New{Name: "push", Path: path, Type: filesync.Full}
	y, err := e.svc.Push(ctx, e.me, n, folder, &filesync.PushOptions{Every: 1, Progress: func(p filesync.Progress) {
		if p.Files < last.Files || p.Bytes < last.Bytes {
			t.Errorf("progress went back from %+v to %+v", last, p)
		}
		last = p
		calls++
	}})
	e.ok(err)
	if y.Status != filesync.Finished || y.TotalFiles != 51 || last != (filesync.Progress{Files: 51, Bytes: 200_090}) || calls < 51 {
		t.Errorf("%+v, %+v in %d calls", y, last, calls)
	}
	for name, f := range folder {
		if f.Mode == 0 {
			want = append(want, name)
			got, err := e.svc.File(ctx, e.me, path+"/"+name, 0)
			e.ok(err)
			if content, err := e.read(got); err != nil || content != string(f.Data) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if got := e.shown(path); len(got) != len(want) {
		t.Errorf("%d files are there, want %d", len(got), len(want))
	}

	folder["bad\nname"] = &fstest.MapFile{Data: []byte("x")}
	_, err = e.svc.Push(ctx, e.me, n, folder, nil)
	e.is(err, errs.Invalid)
	if y := e.get(2); y.Status != filesync.Failed {
		t.Errorf("a push that failed: %+v", y)
	}
	_, err = e.svc.Push(ctx, e.me, n, unreadable{folder}, nil)
	e.is(err, fs.ErrPermission)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err = e.svc.Push(canceled, e.me, n, folder, nil); !errors.Is(err, context.Canceled) && !errors.Is(err, errs.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if got := e.shown(path); len(got) != len(want) {
		t.Errorf("%d files are there after pushes that failed, want %d", len(got), len(want))
	}
}

// unreadable is a folder whose directories cannot be read.
type unreadable struct{ fs.FS }

func (b unreadable) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		return nil, fs.ErrPermission
	}
	return fs.ReadDir(b.FS, name)
}
