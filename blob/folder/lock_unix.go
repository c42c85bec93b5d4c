//go:build unix && !solaris && !aix

package folder

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock locks f until it is closed, unless another open file holds a lock.
// The lock of a process that dies is free at once.
func tryLock(f *os.File) (bool, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var lockErr error
	if err := raw.Control(func(fd uintptr) { lockErr = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		return false, err
	}
	if errors.Is(lockErr, unix.EWOULDBLOCK) {
		return false, nil
	}
	if errors.Is(lockErr, unix.ENOLCK) { // a network file system without locks
		return false, errors.ErrUnsupported
	}
	return lockErr == nil, lockErr
}
