package folder

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hasSyncfs is a variable so that tests can try the way of other systems.
var hasSyncfs = true

// errQuota is what a write gets when the user's quota is used up.
const errQuota = syscall.EDQUOT

// syncfs writes out the whole file system that f is on.
func syncfs(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var syncErr error
	if err := raw.Control(func(fd uintptr) { syncErr = unix.Syncfs(int(fd)) }); err != nil {
		return err
	}
	return syncErr
}

// startWriteback makes the kernel write a part of f to disk, without waiting.
// It is advice: what does not happen now happens when f is synced.
func startWriteback(f *os.File, offset, length int64) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SyncFileRange(int(fd), offset, length, unix.SYNC_FILE_RANGE_WRITE) })
}

// reserve gives f its size and takes the space for it now, so that a full
// disk is known before anything is copied. It looks at the free space first,
// for taking too much would leave none to others until it fails.
func reserve(f *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var allocErr error
	err = raw.Control(func(fd uintptr) {
		var st unix.Statfs_t
		if err := unix.Fstatfs(int(fd), &st); err == nil && st.Blocks > 0 && size/int64(st.Bsize) >= int64(st.Bavail) {
			allocErr = unix.ENOSPC
			return
		}
		for {
			if allocErr = unix.Fallocate(int(fd), 0, 0, size); allocErr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if allocErr == unix.EOPNOTSUPP || allocErr == unix.ENOSYS {
		return f.Truncate(size)
	}
	return allocErr
}
